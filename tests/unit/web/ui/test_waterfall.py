"""Bars from times: inside the drawing, wide enough to be seen, and none where nothing is known."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from adyton.web.ui.formats import instant
from adyton.web.ui.waterfall import WIDTH, Bar, waterfall

START = "2023-11-14T22:13:20Z"


def at(seconds: float) -> str:
    return f"{instant(START) + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S.%f}Z"


def task(began: float | None, ended: float | None, status: str = "completed", **more: Any) -> dict[str, Any]:
    return {
        "startedAt": None if began is None else at(began),
        "finishedAt": None if ended is None else at(ended),
        "status": status,
        "minimumConfirmations": None,
        "exchanges": [],
        **more,
    }


def trace(*tasks: dict[str, Any], ended: float | None = 10.0, **more: Any) -> dict[str, Any]:
    finished = None if ended is None else at(ended)
    return {"createdAt": START, "finishedAt": finished, "wakeHeight": None, "tasks": tasks, **more}


NOW = instant(at(10))


def test_bars_stand_where_the_time_was() -> None:
    found = waterfall(trace(task(0, 2.5), task(2.5, 10, "errored")), NOW)
    assert [row.bars for row in found.rows] == [(Bar(0, 250, "good"),), (Bar(250, 750, "bad"),)]
    assert [(row.began, row.waited, row.took) for row in found.rows] == [(0, None, 2.5), (2.5, None, 7.5)]
    assert found.ticks == ("0", "2.5 s", "5.0 s", "7.5 s", "10 s")


def test_what_took_no_time_is_seen_all_the_same_and_nothing_leaves_the_drawing() -> None:
    for began in (0, 5, 10, 20):
        [bar] = waterfall(trace(task(began, began)), NOW).rows[0].bars
        assert bar.width > 0
        assert 0 <= bar.x <= bar.x + bar.width <= WIDTH


def test_a_run_of_no_length_has_bars() -> None:
    found = waterfall(trace(task(0, 0), ended=0), NOW)
    assert found.rows[0].bars
    assert found.seconds == 0


def test_what_goes_on_reaches_to_now() -> None:
    found = waterfall(trace(task(0, 1), task(1, None, "pending_bridge"), task(None, None, ""), ended=None), NOW)
    assert found.rows[1].bars == (Bar(100, 900, "busy"),)
    assert found.rows[1].took == 9
    assert found.rows[2].bars == ()


def test_waiting_for_confirmations_is_told_apart_from_the_task() -> None:
    done = waterfall(trace(task(4, 10, minimumConfirmations=3)), NOW)
    assert done.rows[0].bars == (Bar(0, 400, "wait"), Bar(400, 600, "good"))
    assert done.rows[0].waited == 4
    waits = waterfall(trace(task(0, 1), task(None, None, ""), task(None, None, ""), ended=None, wakeHeight=7), NOW)
    assert [row.bars for row in waits.rows[1:]] == [(Bar(100, 900, "wait"),), ()]


def test_exchanges_are_marked() -> None:
    exchange = {"startedAt": at(1), "ms": 500.0}
    bars = waterfall(trace(task(0, 2, exchanges=[exchange])), NOW).rows[0].bars
    assert bars[1] == Bar(100, 50, "call")


def test_a_run_from_before_times_were_noted_has_no_drawing() -> None:
    found = waterfall(trace(task(None, None), task(None, None)), NOW)
    assert (found.ticks, [row.bars for row in found.rows]) == ((), [(), ()])
