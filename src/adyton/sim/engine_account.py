"""The account of everything that started runs and that runs waited for: nothing twice, nothing lost, nothing for ever.

What is expected is computed from the story alone, never by the code that is judged.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from adyton.domain.jobs import Job
from adyton.sim.account import Rules
from adyton.sim.bridges import DEADLINE, GOOD, SAID, Manner, SimulatedBridge
from adyton.sim.rlp import hexed, unhex
from adyton.sim.world import World

SECOND = 1_000_000
TICKS, ONE_BY_ONE, MINUTES = 15, 20, 60
"""Seconds between two times of the three schedules."""


@dataclass
class Works:
    """What was made and started. ``clients``: the number of each run that a client asked for, and whether he had an answer;
    ``wake``: when those of them wake that sleep; ``once``: the jobs that run once whose maker had an answer."""

    jobs: dict[str, Job] = field(default_factory=dict)
    clients: dict[int, bool] = field(default_factory=dict)
    wake: dict[int, int] = field(default_factory=dict)
    once: set[str] = field(default_factory=set)
    _bridge: SimulatedBridge | None = None
    _numbers: int = 0

    @property
    def bridge(self) -> SimulatedBridge:
        """The bridge of these works."""
        assert self._bridge is not None, "there is none yet"
        return self._bridge

    @bridge.setter
    def bridge(self, bridge: SimulatedBridge) -> None:
        self._bridge = bridge

    def next_number(self) -> int:
        """A number that no client has used."""
        self._numbers += 1
        return self._numbers


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """A run as it is in the end. Times in microseconds; ``data`` are those of its last task."""

    id: str
    status: str
    created_at: int
    finished_at: int | None
    given: dict[str, Any]
    data: dict[str, Any]
    error: str | None
    request_tx: str | None

    @property
    def done(self) -> bool:
        """Completed."""
        return self.status == "completed"


# --- while it goes on ------------------------------------------------------------------------------------------------


async def waiting(world: World) -> list[tuple[str, str, object, bool]]:
    """Runs that wait: id, status, ``due_at``, and whether they asked for a transaction."""
    rows = await world.rows(
        "SELECT id, status, due_at, (SELECT COUNT(*) FROM transactions WHERE run_id = runs.id) FROM runs "
        "WHERE status LIKE 'pending%' ORDER BY id"
    )
    return [(str(row[0]), str(row[1]), row[2], row[3] != 0) for row in rows]


def check_waits(found: Sequence[tuple[str, str, object, bool]], world: World) -> None:
    """Every wait has an end: a time, or a transaction that the transaction manager brings to its own (and whose request may be
    off the chain until finality)."""
    for run_id, status, due_at, sent in found:
        if due_at is None and not (status == "pending_confirmations" and sent):
            world.fail(f"stuck: run {run_id} is {status}, and nothing ends that")


# --- in the end ------------------------------------------------------------------------------------------------------


async def check(world: World, works: Works, requests: Sequence[str], rules: Rules) -> None:
    """Fails with the first thing that is wrong."""
    await _nothing_half_done(world)
    await _schedules(world, works)
    await _once(world, works)
    await _watched(world, works, requests, rules)
    await _clients(world, works)
    await _bridged(world, works)


async def _nothing_half_done(world: World) -> None:
    """Every run is at an end that its tasks bear out."""
    for row in await world.rows("SELECT id, status FROM runs WHERE finished_at IS NULL OR due_at IS NOT NULL"):
        world.fail(f"stuck: run {row[0]!r} is {row[1]!r}")
    rows = await world.rows(
        "SELECT runs.id, runs.status, COUNT(task_runs.position), "
        "SUM(CASE WHEN task_runs.status = 'completed' THEN 1 ELSE 0 END), "
        "SUM(CASE WHEN task_runs.status LIKE 'pending%' THEN 1 ELSE 0 END), "
        "(SELECT COUNT(*) FROM task_specs WHERE task_specs.job_id = runs.job_id AND task_specs.version = runs.job_version) "
        "FROM runs LEFT JOIN task_runs ON run_id = runs.id WHERE superseded_by IS NULL "
        "GROUP BY runs.id, runs.status, runs.job_id, runs.job_version ORDER BY runs.id"
    )
    for run_id, status, _, completed, pending, tasks in rows:
        if status == "completed" and completed != tasks:
            world.fail(f"half done: run {run_id!r} is completed with {completed!r} of {tasks!r} tasks")
        if status == "errored" and pending:
            world.fail(f"half done: run {run_id!r} is errored, and a task of it waits")


async def _schedules(world: World, works: Works) -> None:
    """Each time of a schedule once, by the policy of its job."""
    for name, every in (("ticker", TICKS), ("one by one", ONE_BY_ONE), ("teller", MINUTES)):
        job = works.jobs[name]
        [(created, fired)] = await world.rows("SELECT created_at, fired_at FROM initiators WHERE job_id = ?", job.id)
        runs = await _runs(world, job)
        last = created if fired is None else fired
        assert isinstance(last, int)
        assert isinstance(created, int)
        times = last // (every * SECOND) - created // (every * SECOND)
        # Only the ticker's policy starts a run for each time that was missed.
        if len(runs) > times or (name == "ticker" and len(runs) != times):
            world.fail(f"schedule: {name} has {len(runs)} runs for the {times} times since it was made")
        if name == "one by one":
            _one_by_one(world, runs)


def _one_by_one(world: World, runs: Sequence[Ended]) -> None:
    for earlier, later in itertools.pairwise(runs):
        assert earlier.finished_at is not None
        if later.created_at < earlier.finished_at:
            world.fail(f"overlap: run {later.id} began before run {earlier.id} was finished")


async def _once(world: World, works: Works) -> None:
    """A job whose maker had no answer may be there, and starts with the next life of the node."""
    rows = await world.rows(
        "SELECT job_id, ran, (SELECT COUNT(*) FROM runs WHERE initiator_id = initiators.id) "
        "FROM initiators WHERE type = 'runat'"
    )
    found = {str(job): (ran, count) for job, ran, count in rows}
    for job, (ran, count) in found.items():
        if ran != count or (ran != 1 and job in works.once):
            world.fail(f"once: job {job} has {count!r} runs, ran is {ran!r}")
    if not works.once <= found.keys():
        world.fail(f"lost: jobs that run once are not there: {sorted(works.once - found.keys())}")


async def _watched(world: World, works: Works, requests: Sequence[str], rules: Rules) -> None:
    """One run for each log that is on the chain. One that was there before in another block may have said something else (when
    it can be cancelled), and have had its run if the chain was replaced below what was confirmed."""
    found = Counter((run.request_tx, run.given["data"]) for run in await _runs(world, works.jobs["watcher"]) if run.done)
    for request in requests:
        transaction = world.chain.transaction_of(request)
        block = world.chain.block_of(transaction)
        assert block is not None
        said = next(hexed(log.emitted.data) for log in block.logs if log.emitted.data[32:64] == unhex(request))
        count, all_of_it = found[transaction, said], sum(n for (hash_, _), n in found.items() if hash_ == transaction)
        if count != 1 or (all_of_it > 1 and not rules.reverts):
            world.fail(f"log: {count} runs are completed for the log of transaction {transaction}, {all_of_it} in all")


async def _clients(world: World, works: Works) -> None:
    runs = [*await _runs(world, works.jobs["asked"]), *await _runs(world, works.jobs["nap"])]
    found = Counter(run.given["number"] for run in runs)
    for number, acknowledged in works.clients.items():
        if found[number] > 1 or (acknowledged and not found[number]):
            world.fail(
                f"client: there are {found[number]} runs of number {number}, for which there was an answer: {acknowledged}"
            )
    for run in runs:
        wake = works.wake.get(run.given["number"])
        if wake is not None and (run.status != "completed" or run.finished_at is None or run.finished_at < wake):
            world.fail(f"sleep: run {run.id} is {run.status}: {run.error}; finished {run.finished_at}, to wake at {wake}")


async def _bridged(world: World, works: Works) -> None:
    for name in ("asked", "bridged", "one by one"):
        for run in await _runs(world, works.jobs[name]):
            _answered(world, works.bridge, run, name)


def _answered(world: World, bridge: SimulatedBridge, run: Ended, name: str) -> None:
    """A run's end is what its bridge's manner makes of it, and of several late answers one was taken."""
    manner = bridge.manners.get(run.id)
    if manner is None:
        if run.status == "completed":
            world.fail(f"bridge: run {run.id} is completed, and its bridge was never asked")
        return
    taken = bridge.taken[run.id]
    sure = [each.number for each in taken if each.sure]
    if len(sure) > 1:
        world.fail(f"doubled: of the late answers to run {run.id} these were taken: {sure}")
    # A run that asks again after a crash has its deadline anew, and the answer to its first question comes within it.
    in_time = manner is Manner.TOO_LATE and bridge.questions[run.id] > 1
    if run.status == "completed" and manner not in GOOD and not in_time:
        world.fail(f"bridge: run {run.id} is completed, and its bridge answered: {manner}")
    if run.status != "completed" and manner in GOOD and name != "bridged" and run.error is not None and not _excused(run):
        world.fail(f"bridge: run {run.id} is {run.status} ({run.error}), and its bridge answered: {manner}")
    numbers = [each.number for each in taken]
    late = manner in {Manner.LATER, Manner.TWICE, Manner.QUICKLY}
    if late and run.status == "completed" and (run.data.get(SAID) not in numbers or (sure and run.data[SAID] != sure[0])):
        world.fail(f"bridge: run {run.id} has answer {run.data.get(SAID)}, taken were {taken}")


def _excused(run: Ended) -> bool:
    """A fault of sources strikes bridges as well; and while the node was down nobody could give it an answer."""
    assert run.finished_at is not None
    error, lasted = run.error or "", run.finished_at - run.created_at
    return "ExternalBridge" in error or ("no answer from bridge" in error and lasted >= DEADLINE * SECOND)


async def _runs(world: World, job: Job) -> list[Ended]:
    """A job's runs, oldest first."""
    rows = await world.rows(
        "SELECT id, status, created_at, finished_at, input, error, request_tx, "
        "(SELECT data FROM task_runs WHERE run_id = runs.id ORDER BY position DESC LIMIT 1) "
        "FROM runs WHERE job_id = ? AND superseded_by IS NULL ORDER BY created_at, id",
        job.id,
    )
    return [
        Ended(
            id=str(row[0]),
            status=str(row[1]),
            created_at=int(str(row[2])),
            finished_at=None if row[3] is None else int(str(row[3])),
            given=json.loads(str(row[4])),
            error=None if row[5] is None else str(row[5]),
            request_tx=None if row[6] is None else str(row[6]),
            data=json.loads(str(row[7] or "{}")),
        )
        for row in rows
    ]
