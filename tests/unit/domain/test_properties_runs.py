"""The tables of what may follow what, for runs and transactions: walked in every way, and looked at as graphs."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.domain import runs, transactions
from adyton.domain.jobs import TaskSpec
from adyton.domain.runs import (
    FINISHED,
    MOVES,
    PENDING,
    Completed,
    Errored,
    IllegalMove,
    Outcome,
    Run,
    RunStatus,
    Sends,
    TaskRun,
    Waits,
    after,
    moved,
    strayed,
)
from adyton.domain.transactions import TransactionRequest, TransactionState

S = TypeVar("S", bound=StrEnum)
R = RunStatus
REQUEST = TransactionRequest(to="0x" + "ab" * 20, data="0x")


# --- the tables as graphs --------------------------------------------------------------------------------------------


def reachable(table: Mapping[S, frozenset[S]], start: S) -> set[S]:
    found, todo = {start}, [start]
    while todo:
        todo += (new := table[todo.pop()] - found)
        found |= new
    return found


def test_every_status_of_a_run_can_be_reached_and_none_is_a_trap() -> None:
    assert set(MOVES) == set(RunStatus) == reachable(MOVES, R.UNSTARTED)
    for status in RunStatus:
        assert reachable(MOVES, status) & FINISHED, f"a run cannot leave {status}"
    assert all(R.IN_PROGRESS in MOVES[status] for status in PENDING)
    assert not MOVES[R.COMPLETED]
    assert not MOVES[R.ERRORED]
    assert all(R.CANCELLED in MOVES[status] for status in (*PENDING, R.IN_PROGRESS))


def test_every_state_of_a_transaction_can_be_reached_and_none_is_a_trap() -> None:
    states, table = TransactionState, transactions.MOVES
    ends = {states.SAFE, states.FATAL_ERROR}
    assert set(table) == set(states) == reachable(table, states.UNSTARTED)
    for state in states:
        assert reachable(table, state) & ends, f"a transaction cannot leave {state}"
    assert not table[states.FATAL_ERROR]
    # What is in a block holds its nonce: only a reorganisation takes it back, and nothing forgets it.
    assert states.UNSTARTED not in table[states.CONFIRMED] | table[states.SAFE] | table[states.IN_PROGRESS]
    assert states.FATAL_ERROR not in table[states.CONFIRMED] | table[states.SAFE]


# --- runs that live through anything ---------------------------------------------------------------------------------

objects = st.dictionaries(st.text(max_size=3), st.integers(), max_size=2)
outcomes = st.one_of(
    st.builds(Completed, objects),
    st.builds(Errored, st.text(max_size=5), st.none() | objects),
    st.builds(lambda data: Sends(REQUEST, data), objects),
    st.builds(Waits, st.sampled_from(sorted(PENDING)), objects, st.none() | st.integers(1, 100)),
)
events = st.one_of(
    outcomes,
    st.sampled_from(["begin", "stray", "return"]),
    st.sampled_from(sorted(RunStatus)).map(lambda status: ("move", status)),
)


def fresh(tasks: int) -> Run:
    steps = tuple(TaskRun(position=place, spec=TaskSpec(type="noop", params={})) for place in range(tasks))
    return Run(
        id="1" * 32, job_id="2" * 32, initiator_id=1, status=R.UNSTARTED, tasks=steps, created_at=0, updated_at=0, input={}
    )


def live(run: Run, event: Any, now: int) -> Run:
    """What the engine does about an event; the run itself where it can't happen."""
    task = run.next_task()
    match event:
        case "begin" if run.status.can_start:
            return moved(run, R.IN_PROGRESS, now)
        case "stray" if run.status in PENDING:
            return strayed(run, 7, now)
        case "return" if run.left_chain is not None:
            return moved(run, R.PENDING_CONFIRMATIONS, now, wake_height=9)
        case Completed() | Errored() | Sends() | Waits() if run.status is R.IN_PROGRESS and task is not None:
            outcome: Outcome = event
            return after(run, task.position, outcome, now)
        case ("move", status):
            return anyhow(run, status, now)
        case _:
            return run


def anyhow(run: Run, status: RunStatus, now: int) -> Run:
    """A move that somebody tries: it is refused, and changes nothing, unless the table has it."""
    allowed = status in MOVES[run.status] and (run.status is not R.CANCELLED or run.left_chain is not None)
    if allowed:
        return run
    with pytest.raises(IllegalMove, match=run.id):
        moved(run, status, now)
    return run


@given(st.integers(1, 4), st.lists(events, max_size=30))
def test_whatever_a_run_lives_through_it_keeps_its_word(tasks: int, history: list[Any]) -> None:
    run = fresh(tasks)
    for now, event in enumerate(history, 1):
        before, run = run, live(run, event, now)
        assert run.status is before.status or run.status in MOVES[before.status]
        assert (run.finished_at is None) == (run.status not in FINISHED)
        assert run.left_chain is None or run.status is R.CANCELLED
        if before.status in {R.COMPLETED, R.ERRORED}:
            assert run is before, "what is finished does not change"
        done = [task.status for task in run.tasks]
        assert done == sorted(done, key=lambda status: status is not R.COMPLETED), "a task is executed after those before it"
        assert sum(status not in {R.COMPLETED, R.UNSTARTED} for status in done) <= 1, "one task at a time"
        assert run.status is not R.COMPLETED or set(done) == {R.COMPLETED}


@given(st.lists(outcomes, min_size=1, max_size=12))
def test_a_run_that_is_always_begun_again_ends_or_waits(history: list[Outcome]) -> None:
    run = fresh(2)
    for now, outcome in enumerate(history, 1):
        if run.status.finished:
            break
        task = run.next_task()
        assert task is not None, "an unfinished run has a task left"
        run = after(moved(run, R.IN_PROGRESS, now) if run.status.can_start else run, task.position, outcome, now)
    assert run.status.finished or run.status in {*PENDING, R.IN_PROGRESS}
    assert (run.next_task() is None) <= run.status.finished


def test_an_error_is_kept_short() -> None:
    run = after(moved(fresh(1), R.IN_PROGRESS, 1), 0, Errored("x" * 10_000), 2)
    assert len(run.error or "") == runs.LONGEST_ERROR + 1
