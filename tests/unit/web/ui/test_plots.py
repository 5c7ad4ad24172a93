"""Small plots without scripts."""

from __future__ import annotations

from typing import Any

from adyton.web.ui.plots import HEIGHT, WIDTH, bars, lines


def rows(*values: float | None, name: str = "p50") -> list[dict[str, Any]]:
    return [{name: value} for value in values]


def test_a_line_goes_from_step_to_step_and_the_highest_value_is_its_upper_edge() -> None:
    drawn = lines(rows(1.0, 2.0, 0.0), ("p50",))
    assert drawn.most == 2.0
    assert drawn.paths == (("p50", f"M100.0 {HEIGHT - (HEIGHT - 4) / 2:.1f}L300.0 4.0L500.0 {HEIGHT}.0"),)


def test_a_line_is_broken_where_nothing_was_and_what_stands_alone_is_a_stroke() -> None:
    ((_, path),) = lines(rows(1.0, None, 1.0, 1.0), ("p50",)).paths
    assert path == "M75.0 4.0h37.5M375.0 4.0L525.0 4.0"


def test_bars_stand_on_one_another() -> None:
    found = [{"completed": 3, "errored": 1}, {"completed": 0, "errored": 0}]
    drawn = bars(found, ("completed", "errored"))
    assert drawn.most == 4
    (_, completed), (_, errored) = drawn.paths
    assert completed == f"M37.5 {HEIGHT}.0h225.0V33.0h-225.0z"
    assert errored == "M37.5 33.0h225.0V4.0h-225.0z"
    assert WIDTH == 600


def test_nothing_is_drawn_of_nothing() -> None:
    assert lines([], ("p50", "p95")).paths == (("p50", ""), ("p95", ""))
    assert bars(rows(0, 0, name="completed"), ("completed",)) == ((("completed", ""),), 0)
