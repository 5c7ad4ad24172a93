"""``adyton dev demo`` as a person runs it."""

from __future__ import annotations

import os
import re
import signal
import sys
from pathlib import Path

import pytest

from adyton.dev import processes
from adyton.dev.waiting import until
from adyton.dev.world import Real

pytestmark = pytest.mark.stories
DEMO = [sys.executable, "-m", "adyton", "dev", "demo"]


def alive(pid: int) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_the_demo_ends_in_the_value_that_the_contract_holds(tmp_path: Path) -> None:
    demo = await processes.start("demo", DEMO, log=tmp_path / "demo.log")
    status = await demo.wait()
    lines = demo.output().splitlines()
    assert status == 0, demo.output()
    assert re.match(r"Consumer 0x[0-9a-fA-F]{40} holds currentPrice = 0x2ef59 \(192345 US cents\): right, in ", lines[-1])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
async def test_a_demo_that_is_interrupted_leaves_no_process_behind(real: Real, tmp_path: Path, number: signal.Signals) -> None:
    environment = dict(os.environ) | {"TMPDIR": str(tmp_path)}  # SIGKILL leaves the demo's files behind
    demo = await processes.start("demo", DEMO, log=tmp_path / "demo.log", environment=environment)

    async def node() -> int | None:
        found = re.search(r"node +process (\d+)", demo.output())
        return int(found[1]) if found else None

    async def gone() -> bool | None:
        return not alive(pid) or None

    pid = await until("the demo's node is up", node, clock=real.clock)
    os.kill(demo.pid, number)
    assert await demo.wait() == {signal.SIGKILL: -signal.SIGKILL}.get(number, 130)
    await until("the node is gone", gone, clock=real.clock)
