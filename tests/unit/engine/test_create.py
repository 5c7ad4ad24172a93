"""What a new run must pay, when its job takes it, and what is worked out anew."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
import pytest

from adyton.domain.bridges import Bridge
from adyton.domain.jobs import Initiator, Job, TaskSpec
from adyton.domain.requests import read_run_log
from adyton.domain.runs import Run, RunStatus
from adyton.engine.create import OutsideWindow, RunSource
from adyton.storage.connect import open_memory
from adyton.storage.database import Statement
from support.builders import LINK, NOW, Bench, job, run_log

SECOND = 1_000_000


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    db = open_memory()
    yield Bench(db, height=200)
    await db.close()


def bridge(*, minimum_payment: int | None = None, confirmations: int = 0) -> Bridge:
    return Bridge(
        name="oracle",
        url="https://bridge.example/",
        minimum_payment=minimum_payment,
        confirmations=confirmations,
        incoming_token_hash="",
        salt="",
        outgoing_token="t",
    )


def asked(bench: Bench, spec: Job, payment: int) -> Run:
    log = run_log(payment=payment)
    return bench.maker.from_log(spec, spec.initiators[1], log, read_run_log(log), 200)


# --- payment ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tasks", "min_payment", "fee", "cost"),
    [
        (("noop",), None, 5, 0),
        (("ethtx",), None, 5, LINK),
        (("ethtx", "noop", "ethtx"), None, 5, 2 * LINK),
        (("oracle", "ethtx"), None, 5, LINK + 5),
        (("oracle", "oracle"), None, 5, 10),
        (("oracle", "ethtx"), None, None, LINK),
        (("ethtx",), 7, 5, 7),
        (("ethtx", "ethtx"), 7, 5, 7),
        (("ethtx",), 3 * LINK, 5, 3 * LINK),
        (("ethtx",), 0, 5, 0),
        (("noop",), 7, 5, 7),
        (("oracle", "ethtx"), 7, 5, 12),
        (("oracle", "ethtxabiencode"), 7, 5, 12),
    ],
)
async def test_a_request_pays_what_the_job_asks_for_or_the_nodes_minimum_and_what_bridges_ask_for(
    bench: Bench, tasks: tuple[str, ...], min_payment: int | None, fee: int | None, cost: int
) -> None:
    bench.bridges.put(bridge(minimum_payment=fee))
    abi = {"functionABI": {"name": "tell", "inputs": []}}
    specs = [TaskSpec(type=each, params=abi if each == "ethtxabiencode" else {}) for each in tasks]
    spec = await bench.add(msgspec.structs.replace(job(*specs), min_payment=min_payment))

    assert bench.maker.cost(spec) == cost
    assert asked(bench, spec, cost).error is None
    if cost:
        short = asked(bench, spec, cost - 1)
        assert short.status is RunStatus.ERRORED
        assert (short.error or "").endswith(f"below minimum threshold ({cost})")


async def test_only_requests_on_chain_pay(bench: Bench) -> None:
    spec = await bench.add(msgspec.structs.replace(job("ethtx"), min_payment=LINK))
    run = bench.maker.new_run(spec, spec.initiators[0], RunSource(given={}))
    assert (run.status, run.payment) == (RunStatus.IN_PROGRESS, None)


async def test_a_bridge_that_changes_changes_what_new_runs_need(bench: Bench) -> None:
    bench.bridges.put(bridge(minimum_payment=5, confirmations=4))
    spec = await bench.add(job("oracle"))
    assert asked(bench, spec, 5).tasks[0].minimum_confirmations == 4

    bench.bridges.put(bridge(minimum_payment=9, confirmations=12))
    assert asked(bench, spec, 5).error is not None
    assert asked(bench, spec, 9).tasks[0].minimum_confirmations == 12

    bench.bridges.remove("oracle")
    assert asked(bench, spec, 9).error == "oracle is not a supported adapter type"
    bench.bridges.put(bridge())
    assert asked(bench, spec, 0).error is None


@pytest.mark.parametrize(
    ("of_bridge", "of_task", "needed"), [(0, None, 3), (2, None, 3), (9, None, 9), (9, 12, 12), (9, 1, 9), (0, 0, 3)]
)
async def test_a_task_needs_the_most_confirmations_that_anybody_asks_for(
    bench: Bench, of_bridge: int, of_task: int | None, needed: int
) -> None:
    bench.bridges.put(bridge(confirmations=of_bridge))
    spec = await bench.add(job(TaskSpec(type="oracle", confirmations=of_task), "noop"))
    assert [task.minimum_confirmations for task in asked(bench, spec, 0).tasks] == [needed, 3]


# --- the job's window ------------------------------------------------------------------------------------------------

INITIATORS = ("web", "runlog", "ethlog", "cron", "runat", "external", "execagreement")


@pytest.mark.parametrize("kind", INITIATORS)
@pytest.mark.parametrize(("start", "end", "taken"), [(0, 0, True), (-9, 9, True), (1, 9, False), (-9, -1, False)])
async def test_a_job_takes_runs_within_its_window_whatever_starts_them(
    bench: Bench, kind: str, start: int, end: int, taken: bool
) -> None:
    spec = msgspec.structs.replace(
        job("noop"), initiators=(Initiator(type=kind),), start_at=NOW + start * SECOND, end_at=NOW + end * SECOND
    )
    spec = await bench.add(spec)
    if taken:
        assert bench.maker.new_run(spec, spec.initiators[0], RunSource(given={})).status is RunStatus.IN_PROGRESS
        return
    with pytest.raises(OutsideWindow, match=f"Job runner: Job {spec.id} (unstarted|ended)"):
        bench.maker.new_run(spec, spec.initiators[0], RunSource(given={}))


# --- what is written with it -----------------------------------------------------------------------------------------


async def test_the_fact_that_caused_a_run_is_written_with_it(bench: Bench) -> None:
    spec = await bench.add(job("noop"))
    commits = bench.db.commits
    fact = Statement("UPDATE initiators SET fired_at = ? WHERE id = ?", [(NOW, spec.initiators[0].id)])

    run = await bench.engine.start(spec, spec.initiators[0], {}, also=(fact,))

    assert bench.db.commits == commits + 1
    assert await bench.db.read("SELECT r.id, i.fired_at FROM runs r JOIN initiators i ON i.id = r.initiator_id") == [
        (run.id, NOW)
    ]
