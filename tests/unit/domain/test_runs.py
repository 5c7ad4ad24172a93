"""The table of a run's statuses, pair by pair, and what each outcome does."""

from __future__ import annotations

import itertools

import msgspec
import pytest

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
    called_off,
    given_up,
    moved,
    strayed,
    task_run_id,
    waits_as_before,
    woken,
)
from adyton.domain.transactions import TransactionRequest
from support.builders import JOB_ID, NOW, ORACLE

R = RunStatus
LEGAL = {
    R.UNSTARTED: {R.IN_PROGRESS, R.PENDING_CONFIRMATIONS, R.ERRORED},
    R.IN_PROGRESS: {
        R.IN_PROGRESS,
        R.PENDING_CONFIRMATIONS,
        R.PENDING_CONNECTION,
        R.PENDING_BRIDGE,
        R.PENDING_SLEEP,
        R.COMPLETED,
        R.ERRORED,
        R.CANCELLED,
    },
    R.PENDING_CONFIRMATIONS: {R.IN_PROGRESS, R.PENDING_CONFIRMATIONS, R.ERRORED, R.CANCELLED},
    R.PENDING_CONNECTION: {R.IN_PROGRESS, R.ERRORED, R.CANCELLED},
    R.PENDING_BRIDGE: {R.IN_PROGRESS, R.ERRORED, R.CANCELLED},
    R.PENDING_SLEEP: {R.IN_PROGRESS, R.ERRORED, R.CANCELLED},
    R.ERRORED: set(),
    R.COMPLETED: set(),
    R.CANCELLED: set(),
}


def run(status: RunStatus = R.IN_PROGRESS, tasks: int = 2) -> Run:
    return Run(
        id="0" * 32,
        job_id=JOB_ID,
        initiator_id=1,
        status=status,
        tasks=tuple(TaskRun(position=n, spec=TaskSpec(type="noop")) for n in range(tasks)),
        created_at=NOW,
        updated_at=NOW,
        input={},
        wake_height=7,
    )


def test_a_cancelled_run_goes_on_only_if_its_request_had_left_the_chain() -> None:
    cancelled = strayed(run(R.PENDING_CONFIRMATIONS), 9, NOW + 1)
    assert (cancelled.status, cancelled.left_chain, cancelled.finished_at, cancelled.wake_height) == (
        R.CANCELLED,
        9,
        NOW + 1,
        None,
    )

    back = moved(cancelled, R.PENDING_CONFIRMATIONS, NOW + 2, wake_height=11)
    assert (back.left_chain, back.finished_at, back.error, back.wake_height) == (None, None, None, 11)

    for status in set(R) - {R.PENDING_CONFIRMATIONS, R.CANCELLED}:
        with pytest.raises(IllegalMove):
            moved(cancelled, status, NOW + 2)
    with pytest.raises(IllegalMove):
        moved(moved(run(R.IN_PROGRESS), R.CANCELLED, NOW), R.PENDING_CONFIRMATIONS, NOW)


def test_the_table_speaks_of_every_status() -> None:
    assert set(MOVES) == set(RunStatus) == set(LEGAL)


@pytest.mark.parametrize(("before", "wanted"), list(itertools.product(RunStatus, RunStatus)))
def test_a_run_moves_exactly_as_the_table_says(before: RunStatus, wanted: RunStatus) -> None:
    if wanted not in LEGAL[before]:
        with pytest.raises(IllegalMove):
            moved(run(before), wanted, NOW + 1)
        return
    there = moved(run(before), wanted, NOW + 1)
    assert (there.status, there.updated_at) == (wanted, NOW + 1)


@pytest.mark.parametrize("status", sorted(FINISHED))
def test_every_final_status_has_its_time(status: RunStatus) -> None:
    assert moved(run(), status, NOW + 1).finished_at == NOW + 1


@pytest.mark.parametrize("status", sorted(PENDING))
def test_a_waiting_run_is_not_finished_and_forgets_the_head_it_waited_for(status: RunStatus) -> None:
    waiting = moved(run(), status, NOW + 1)
    assert (waiting.finished_at, waiting.wake_height) == (None, None)


REQUEST = TransactionRequest(to=ORACLE, data="0x")
OUTCOMES: list[tuple[Outcome, int, RunStatus, RunStatus]] = [
    (Completed({"result": 1}), 0, R.COMPLETED, R.IN_PROGRESS),
    (Completed({"result": 1}), 1, R.COMPLETED, R.COMPLETED),
    (Errored("boom", {"result": 1}), 0, R.ERRORED, R.ERRORED),
    (Errored("", {"result": 1}), 1, R.ERRORED, R.ERRORED),
    (Sends(REQUEST, {"result": 1}), 0, R.PENDING_CONFIRMATIONS, R.PENDING_CONFIRMATIONS),
    (Waits(R.PENDING_CONNECTION, {"result": 1}), 0, R.PENDING_CONNECTION, R.PENDING_CONNECTION),
    (Waits(R.PENDING_SLEEP, {"result": 1}, NOW + 5), 0, R.PENDING_SLEEP, R.PENDING_SLEEP),
]


@pytest.mark.parametrize(("outcome", "position", "task_status", "run_status"), OUTCOMES)
def test_an_outcome_sets_the_task_run_and_moves_the_run(
    outcome: Outcome, position: int, task_status: RunStatus, run_status: RunStatus
) -> None:
    done = after(run(), position, outcome, NOW + 1)
    assert (done.tasks[position].status, done.status) == (task_status, run_status)
    assert done.tasks[position].data == {"result": 1}
    assert done.tasks[1 - position] == run().tasks[1 - position]
    assert done.tasks[position].error == (outcome.error if isinstance(outcome, Errored) else None)
    assert (done.error is not None) == isinstance(outcome, Errored)


@pytest.mark.parametrize("silence", ["", " \n"])
def test_a_run_whose_task_fails_without_a_word_says_at_least_which_task_it_was(silence: str) -> None:
    done = after(run(), 0, Errored(silence), NOW + 1)
    assert (done.tasks[0].error, done.error) == (silence, "noop failed and did not say why")
    assert after(run(), 0, Errored("boom"), NOW + 1).error == "boom"


@pytest.mark.parametrize("before", sorted(RunStatus))
@pytest.mark.parametrize(("outcome", "position", "task_status", "run_status"), OUTCOMES)
def test_only_a_run_in_progress_takes_an_outcome(
    before: RunStatus, outcome: Outcome, position: int, task_status: RunStatus, run_status: RunStatus
) -> None:
    """A waiting run is put in progress first, by whoever has what it waited for; what is finished takes none."""
    if run_status in LEGAL[before]:
        done = after(run(before), position, outcome, NOW + 1)
        assert (done.status, done.tasks[position].status) == (run_status, task_status)
        assert (done.finished_at is None) == (run_status not in FINISHED)
        return
    with pytest.raises(IllegalMove):
        after(run(before), position, outcome, NOW + 1)


WAITING: list[tuple[RunStatus, bool]] = [
    (R.PENDING_CONFIRMATIONS, False),
    (R.PENDING_CONFIRMATIONS, True),
    (R.PENDING_CONNECTION, True),
    (R.PENDING_BRIDGE, True),
    (R.PENDING_SLEEP, True),
]
"""Each way of waiting, and whether the task has begun."""


def waiting(status: RunStatus, begun: bool) -> Run:
    if begun:
        return after(run(), 0, Waits(status, {"result": 1}, NOW + 5), NOW)
    return moved(run(), status, NOW, wake_height=9, due_at=NOW + 5)


@pytest.mark.parametrize(("status", "begun"), WAITING)
def test_a_wait_that_took_too_long_ends_the_run_and_the_task_that_had_begun(status: RunStatus, begun: bool) -> None:
    done = given_up(waiting(status, begun), "too long", NOW + 5)
    assert (done.status, done.error, done.finished_at) == (R.ERRORED, "too long", NOW + 5)
    assert (done.due_at, done.wake_height) == (None, None)
    assert done.tasks[0].status is (R.ERRORED if begun else R.UNSTARTED)
    assert done.tasks[0].data == ({"result": 1} if begun else None)


@pytest.mark.parametrize(("status", "begun"), [*WAITING, (R.IN_PROGRESS, False)])
def test_an_operator_ends_the_run_and_the_task_that_had_begun(status: RunStatus, begun: bool) -> None:
    done = called_off(waiting(status, begun), "not wanted", NOW + 5)
    assert (done.status, done.error, done.finished_at, done.due_at) == (R.CANCELLED, "not wanted", NOW + 5, None)
    assert done.tasks[0].status is (R.CANCELLED if begun else R.UNSTARTED)


@pytest.mark.parametrize("status", sorted(FINISHED))
def test_what_is_finished_is_neither_woken_nor_given_up_nor_called_off(status: RunStatus) -> None:
    with pytest.raises(IllegalMove):
        woken(run(status), NOW)
    with pytest.raises(IllegalMove):
        given_up(run(status), "x", NOW)
    with pytest.raises(IllegalMove):
        called_off(run(status), "x", NOW)


@pytest.mark.parametrize(("tasks", "then"), [(2, R.IN_PROGRESS), (1, R.COMPLETED)])
def test_a_sleeping_run_wakes_with_what_it_had(tasks: int, then: RunStatus) -> None:
    sleeping = after(run(tasks=tasks), 0, Waits(R.PENDING_SLEEP, {"result": 1}, NOW + 5), NOW)
    awake = woken(sleeping, NOW + 5)
    assert (awake.status, awake.due_at) == (then, None)
    assert (awake.tasks[0].status, awake.tasks[0].data) == (R.COMPLETED, {"result": 1})
    assert (awake.finished_at is None) == (then is R.IN_PROGRESS)


def test_a_wait_goes_on_only_in_the_same_status_of_the_same_task() -> None:
    waits = [waiting(status, begun) for status, begun in WAITING]
    waits.append(after(after(run(), 0, Completed({}), NOW), 1, Waits(R.PENDING_BRIDGE, {}, None), NOW))
    for one, other in itertools.product(waits, waits):
        assert waits_as_before(one, other) == (one is other)
    assert not waits_as_before(run(), run())


def test_the_next_task_is_the_first_that_can_start_or_be_continued() -> None:
    first = after(run(tasks=3), 0, Completed({}), NOW)
    assert first.next_task() == first.tasks[1]
    waiting = after(first, 1, Waits(R.PENDING_CONNECTION, {}), NOW)
    assert waiting.next_task() == waiting.tasks[1]
    finished = msgspec.structs.replace(first, tasks=first.tasks[:1])
    assert finished.next_task() is None


def test_task_run_ids_are_32_hex_digits_and_different_for_each_place() -> None:
    ids = [task_run_id("f" * 32, position) for position in range(5)]
    assert len(set(ids)) == 5
    assert all(len(each) == 32 and int(each, 16) >= 0 for each in ids)
