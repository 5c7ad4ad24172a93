"""Waiting for something outside to become true."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from adyton.domain.errors import TryAgain
from adyton.ports import Clock

T = TypeVar("T")
INTERVAL = 0.03


class TooLate(TryAgain):
    """It did not become true in time."""

    usual = "ADY-1265"


async def until(
    what: str, probe: Callable[[], Awaitable[T | None]], *, clock: Clock, seconds: float = 20.0, interval: float = INTERVAL
) -> T:
    """The first answer of ``probe`` that is not None. Raises TooLate naming ``what`` after ``seconds``."""
    deadline = clock.monotonic() + seconds
    while (answer := await probe()) is None:
        if clock.monotonic() > deadline:
            raise TooLate(f"{what}: not within {seconds:g} s")
        await clock.sleep(interval)
    return answer
