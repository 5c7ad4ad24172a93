"""What a person sees while a world is built."""

from __future__ import annotations

from typing import Any

import pytest

from adyton.dev.report import Report


class Ticking:
    """A clock on which each look takes a second."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> int:
        return int(self.time * 1_000_000)

    def monotonic(self) -> float:
        self.time += 1.0
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds


def report(written: list[str], **options: Any) -> Report:
    return Report(written.append, clock=Ticking(), **options)


def test_a_step_is_one_plain_line_when_no_terminal_reads_it() -> None:
    written: list[str] = []
    with report(written, colour=False).step("contracts", "deploying") as words:
        words.append("LINK 0x01")
    assert "".join(written) == "  1.00 s  contracts        LINK 0x01\n"


def test_on_a_terminal_the_line_stands_there_before_it_is_done() -> None:
    written: list[str] = []
    with report(written, colour=True).step("contracts", "deploying") as words:
        assert "deploying" in written[0]
        assert not written[0].endswith("\n")
        words.append("LINK 0x01")
    assert written[1].startswith("\r\x1b[2K")
    assert "LINK 0x01\n" in written[1]


def test_a_step_that_fails_says_so_and_the_error_goes_on() -> None:
    written: list[str] = []
    with pytest.raises(ValueError, match="boom"), report(written, colour=False).step("node", "booting"):
        raise ValueError("boom")
    assert "".join(written) == "  1.00 s  node             failed\n"
