"""Log intake with 900 jobs: from the JSON of ``eth_getLogs`` to committed decisions and runs."""

from __future__ import annotations

from typing import Any

import msgspec

from adyton.domain.jobs import Initiator, Job, TaskSpec
from adyton.domain.requests import RUN_LOG_TOPICS, job_topics
from adyton.storage import jobs as stored_jobs
from common import ScriptedChain, figure, main, open_node, running, timed, until

JOBS = 900
LOGS = 30_000
BLOCKS = 100
BEGAN = 1_700_000_000
ORACLE = "0x" + "0a" * 20
CBOR = bytes.fromhex("636765747568747470733a2f2f6578616d706c652e636f6d2f6474696d657318646470617468635553 44".replace(" ", ""))


def block(number: int) -> dict[str, Any]:
    return {
        "number": hex(number),
        "hash": f"0x{number:064x}",
        "parentHash": f"0x{max(0, number - 1):064x}",
        "timestamp": hex(BEGAN + number),
        "baseFeePerGas": "0x1",
    }


def log(number: int, index: int, request: int, job_id: str) -> dict[str, Any]:
    words = (b"\x11" * 20).rjust(32, b"\0"), request.to_bytes(32, "big"), (10**18).to_bytes(32, "big")
    rest = ((b"\x22" * 20).rjust(32, b"\0"), b"\x04\x2f\x2b\x65".ljust(32, b"\0"))
    tail = [value.to_bytes(32, "big") for value in (1_561_000_300, 1, 256, len(CBOR))]
    data = b"".join((*words, *rest, *tail)) + CBOR + bytes(-len(CBOR) % 32)
    return {
        "address": ORACLE,
        "topics": [RUN_LOG_TOPICS[0], job_topics(job_id)[0]],
        "data": "0x" + data.hex(),
        "blockNumber": hex(number),
        "blockHash": f"0x{number:064x}",
        "transactionHash": f"0x{request:064x}",
        "transactionIndex": "0x0",
        "logIndex": hex(index),
        "removed": False,
    }


class Chain:
    """Blocks up to ``height``, with the logs of the blocks that are asked for; the texts are made before the clock starts."""

    def __init__(self, job_ids: list[str]) -> None:
        each = LOGS // BLOCKS
        self.height = 10
        self.texts = {
            number: b",".join(
                msgspec.json.encode(log(number, index, number * each + index, job_ids[(number * each + index) % JOBS]))
                for index in range(each)
            )
            for number in range(11, 11 + BLOCKS)
        }

    def answer(self, method: str, params: list[Any]) -> bytes:
        """The result of a call."""
        match method:
            case "eth_chainId":
                return b'"0x539"'
            case "eth_subscribe":
                return b'"0x1"'
            case "eth_getBlockByNumber":
                return msgspec.json.encode(block(self.height if params[0] == "latest" else int(params[0], 16)))
            case "eth_getBlockByHash":
                return msgspec.json.encode(block(int(params[0], 16)))
            case "eth_getTransactionCount":
                return b'"0x0"'
            case "eth_getLogs" if "blockHash" in params[0]:
                return b"[" + self.texts[int(params[0]["blockHash"], 16)] + b"]"
            case "eth_getLogs":
                first, last = (int(params[0][key], 16) for key in ("fromBlock", "toBlock"))
                return b"[" + b",".join(self.texts[n] for n in range(first, last + 1) if n in self.texts) + b"]"
        return b"null"


async def once() -> float:
    ids = [f"{number:032x}" for number in range(1, JOBS + 1)]
    chain = Chain(ids)
    settings = {"MIN_INCOMING_CONFIRMATIONS": "1000", "ETH_LOG_BACKFILL_BATCH_SIZE": "20"}
    async with open_node(chain=ScriptedChain(chain.answer), settings=settings) as node:
        for job_id in ids:
            spec = Job(
                id=job_id,
                initiators=(Initiator(type="runlog", address=ORACLE),),
                tasks=(TaskSpec(type="noop"),),
                created_at=BEGAN * 1_000_000,
            )
            node.services.jobs.add(await stored_jobs.create(node.db, spec))
        chain.height = 10 + BLOCKS
        elapsed = timed()
        async with running(node):
            await until(lambda: node.intake.height == chain.height)
            seconds = elapsed()
            count = (await node.db.read("SELECT COUNT(*) FROM runs"))[0][0]
            assert count == LOGS
    return LOGS / seconds


async def measure() -> None:
    print(
        f"log intake: {LOGS:,} requests in {BLOCKS} blocks for {JOBS} jobs, from JSON to committed rows (connecting included)"
    )
    rates = sorted([await once() for _ in range(3)])
    figure("median of 3", rates[1], "logs/s", "target: 15,000")
    figure("slowest", rates[0], "logs/s")


if __name__ == "__main__":
    main(measure)
