from __future__ import annotations

import time

from adyton.system.clock import SystemClock


def test_now_counts_microseconds_since_the_epoch() -> None:
    assert time.time_ns() // 1000 <= SystemClock().now() <= time.time_ns() // 1000 + 1_000_000


async def test_sleep_takes_as_long_as_it_was_told() -> None:
    clock = SystemClock()
    before = clock.monotonic()

    await clock.sleep(0.02)

    assert clock.monotonic() - before >= 0.019
