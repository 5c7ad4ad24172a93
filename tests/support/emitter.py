"""A contract that emits whatever it is told: events of versions that no package has any more, and imitations.

It is written in opcodes, because no compiler is at hand. Calldata whose first byte is 0 to 4 is a log to emit: so many topics
of 32 bytes, then the data. Any other calldata, such as an answer, is emitted as it is, in a log without topics.
"""

from __future__ import annotations

from typing import Any

from adyton.dev.chain import LocalChain

STOP, EQ, SUB, BYTE, CALLDATALOAD, CALLDATASIZE, CALLDATACOPY = 0x00, 0x14, 0x03, 0x1A, 0x35, 0x36, 0x37
CODECOPY, JUMPI, JUMPDEST, PUSH1, DUP1, LOG0, RETURN = 0x39, 0x57, 0x5B, 0x60, 0x80, 0xA0, 0xF3
MOST_TOPICS = 4
ONE_CASE = 7
"""Bytes of the code that compares the number of topics with one and jumps."""


def runtime() -> bytes:
    """The contract's code."""
    echo = bytes([CALLDATASIZE, PUSH1, 0, PUSH1, 0, CALLDATACOPY, CALLDATASIZE, PUSH1, 0, LOG0, STOP])
    head = bytes([PUSH1, 0, CALLDATALOAD, PUSH1, 0, BYTE])
    bodies = [_emit(topics) for topics in range(MOST_TOPICS + 1)]
    place = len(head) + ONE_CASE * len(bodies) + len(echo)
    cases = bytearray()
    for topics, body in enumerate(bodies):
        cases += bytes([DUP1, PUSH1, topics, EQ, PUSH1, place, JUMPI])
        place += len(body)
    return head + bytes(cases) + echo + b"".join(bodies)


def _emit(topics: int) -> bytes:
    """Emit a log with so many topics, whose data begin behind them."""
    begin = 1 + 32 * topics
    code = [JUMPDEST]
    for number in reversed(range(topics)):  # the first topic is to lie on top
        code += [PUSH1, 1 + 32 * number, CALLDATALOAD]
    code += [PUSH1, begin, CALLDATASIZE, SUB, DUP1, PUSH1, begin, PUSH1, 0, CALLDATACOPY, PUSH1, 0, LOG0 + topics, STOP]
    return bytes(code)


def deployment() -> bytes:
    """What to send to make the contract."""
    code = runtime()
    head = bytes([PUSH1, len(code), DUP1, PUSH1, 11, PUSH1, 0, CODECOPY, PUSH1, 0, RETURN])
    return head + code


async def deploy(chain: LocalChain, owner: str) -> str:
    """Put it on the chain; returns its address."""
    receipt = await chain.send(owner, data="0x" + deployment().hex())
    address: str = receipt["contractAddress"]
    return address.lower()


async def emit(chain: LocalChain, sender: str, emitter: str, topics: list[str], data: bytes) -> dict[str, Any]:
    """Let it emit a log; returns the receipt."""
    call = bytes([len(topics)]) + b"".join(bytes.fromhex(topic[2:]) for topic in topics) + data
    return await chain.send(sender, to=emitter, data="0x" + call.hex())


async def received(chain: LocalChain, emitter: str) -> list[str]:
    """The calldata that others sent it, as ``0x`` hex, oldest first."""
    logs = await chain.rpc("eth_getLogs", {"address": emitter, "fromBlock": "0x0"})
    return [log["data"] for log in logs if not log["topics"]]
