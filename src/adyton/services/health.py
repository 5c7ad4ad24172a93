"""How the node is, in checks that say what is wrong in words."""

from __future__ import annotations

import asyncio
from enum import StrEnum

import msgspec

from adyton.domain.errors import StorageUnavailable
from adyton.services.parts import Parts
from adyton.storage import facts

_DATABASE_ANSWERS_WITHIN = 2.0
_PROBE = 32768
"""Characters of what is written. The last bytes of a disk still take a small row when they take no run any more."""
_NEEDED_TO_SERVE = frozenset({"database", "keys"})


class Status(StrEnum):
    """The words of later Chainlink versions."""

    PASSING = "passing"
    FAILING = "failing"


class Check(msgspec.Struct, frozen=True):
    """One thing looked at; ``output`` says for people what was found."""

    name: str
    status: Status
    output: str = ""

    @property
    def passing(self) -> bool:
        """Nothing is wrong here."""
        return self.status is Status.PASSING


async def report(parts: Parts) -> list[Check]:
    """Every check, made now. The node is healthy when all of them pass."""
    return [await _database(parts), _chain(parts), _head(parts), _keys(parts), _queue(parts)]


def ready(checks: list[Check]) -> bool:
    """Whether the API can serve: a chain that is away does not stop it."""
    return all(check.passing for check in checks if check.name in _NEEDED_TO_SERVE)


async def _database(parts: Parts) -> Check:
    """Writes a row, because a full disk can still be read."""
    try:
        async with asyncio.timeout(_DATABASE_ANSWERS_WITHIN):
            await parts.db.write(facts.put("health checked at", f"{parts.clock.now():>{_PROBE}}"))
    except StorageUnavailable as fault:
        return _failing("database", f"nothing can be stored: {fault}")
    except TimeoutError:
        return _failing("database", f"a write was not durable within {_DATABASE_ANSWERS_WITHIN:g} s")
    return _passing("database", f"{parts.db.dialect}, writable")


def _chain(parts: Parts) -> Check:
    state = parts.chain.state
    if state.connected:
        return _passing("chain", "connected")
    return _failing("chain", state.problem or "not connected to the Ethereum node")


def _head(parts: Parts) -> Check:
    head = parts.chain.state.head
    if head is None:
        return _failing("head", "no block seen yet")
    age = max(0, parts.clock.now() // 1_000_000 - head.timestamp)
    shown = f"block {head.number} is {age} s old"
    if parts.head_age_limit and age > parts.head_age_limit:
        return _failing(
            "head", f"{shown}; more than {parts.head_age_limit:g} s means that the Ethereum node lags or stands still"
        )
    return _passing("head", shown)


def _keys(parts: Parts) -> Check:
    count = len(parts.keys.addresses())
    if count == 0:
        return _failing("keys", "there is no key to sign answers with")
    return _passing("keys", f"{count} unlocked")


def _queue(parts: Parts) -> Check:
    return _passing("queue", f"{parts.engine.queue.depth} runs queued or under way")


def _passing(name: str, output: str) -> Check:
    return Check(name, Status.PASSING, output)


def _failing(name: str, output: str) -> Check:
    return Check(name, Status.FAILING, output)
