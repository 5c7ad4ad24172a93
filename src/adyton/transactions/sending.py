"""Handing bytes to a node, and reading what it says."""

from __future__ import annotations

import msgspec

from adyton.domain.chain import Hex
from adyton.domain.send_errors import Meaning, classify
from adyton.ethereum.errors import MalformedAnswer, RpcError, RpcTimeout
from adyton.ports import Entropy
from adyton.transactions.parts import ChainCalls

_LONGEST = 300
"""Characters of a node's words that are kept."""


class Reply(msgspec.Struct, frozen=True):
    """What became of the bytes, and the node's words (empty when it simply took them)."""

    meaning: Meaning
    words: str = ""


async def send(chain: ChainCalls, raw: Hex) -> Reply:
    """Send signed bytes. No answer, or one that cannot be read, is ``UNKNOWN``: they may have been taken. Raises
    Disconnected, after which the same holds."""
    try:
        await chain.send_raw(raw)
    except RpcError as error:
        return Reply(classify(error.message), _on_one_line(error.message))
    except (RpcTimeout, MalformedAnswer) as error:
        return Reply(Meaning.UNKNOWN, _on_one_line(str(error)))
    return Reply(Meaning.KNOWN)


def _on_one_line(said: str) -> str:
    return " ".join(said.split())[:_LONGEST]


class BackOff:
    """Seconds between tries: 1, 2, 4, 8, then 15, each up to a tenth longer so that loops do not march in step."""

    def __init__(self, entropy: Entropy, *, first: float = 1.0, last: float = 15.0) -> None:
        self._entropy = entropy
        self._first = self._next = first
        self._last = last

    def reset(self) -> None:
        """The next try is the first again."""
        self._next = self._first

    def next(self) -> float:
        """Seconds to wait now."""
        seconds, self._next = self._next, min(self._next * 2, self._last)
        return seconds * (1 + 0.1 * self._entropy.jitter())
