"""Log intake, with a chain that the test writes and a real database in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from adyton.domain.chain import Head, Log
from adyton.domain.jobs import Initiator, Job
from adyton.domain.runs import Run, RunStatus
from adyton.engine.create import RunSource
from adyton.ethereum.errors import RpcError, RpcTimeout
from adyton.ethereum.head_tracker import ChainState
from adyton.storage import logs as stored
from adyton.storage import runs as stored_runs
from adyton.storage.connect import open_memory
from support.builders import ORACLE, Bench, job, number_hash, run_log
from support.intake import Rig, listening, request


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    db = open_memory()
    made = Rig(Bench(db))
    yield made
    await db.close()


async def test_each_request_starts_one_run_and_moves_the_cursor(rig: Rig) -> None:
    await listening(rig)
    rig.blocks.emit(run_log(block=91, request=1), run_log(block=93, request=2), run_log(block=93, request=3, index=1))

    await rig.at(93)

    assert await rig.runs() == [
        ("in_progress", request(1), 91),
        ("pending_confirmations", request(2), 93),
        ("pending_confirmations", request(3), 93),
    ]
    assert await stored.cursor(rig.bench.db) == stored.Cursor(93, number_hash(93))
    assert [decision for decision, _ in await rig.decisions()] == ["run started"] * 3


async def test_reading_blocks_again_starts_nothing_twice(rig: Rig) -> None:
    await listening(rig)
    rig.blocks.emit(run_log(block=91, request=1))
    await rig.at(91)

    rig.intake = rig.fresh()
    await rig.at(92, connection=2)

    assert len(await rig.runs()) == 1
    assert len(await rig.decisions()) == 1


async def test_the_same_request_twice_in_one_batch_starts_one_run(rig: Rig) -> None:
    await listening(rig)
    rig.blocks.emit(run_log(block=92, request=1), run_log(block=92, request=1, index=1))

    await rig.at(92)

    assert len(await rig.runs()) == 1
    assert [decision for decision, _ in await rig.decisions()] == ["run started", "already seen"]


async def test_a_node_that_answers_logs_twice_and_out_of_order_changes_nothing(rig: Rig) -> None:
    await listening(rig)
    logs = [run_log(block=93, request=2), run_log(block=91, request=1), run_log(block=93, request=2)]
    rig.blocks.logs_of[93] = logs

    await rig.at(93)

    assert [(number, height) for _, number, height in await rig.runs()] == [(request(1), 91), (request(2), 93)]


async def test_a_request_id_that_is_used_again_leaves_its_waiting_run_at_the_newest_log_however_often_it_is_read(
    rig: Rig,
) -> None:
    await listening(rig)
    rig.blocks.emit(run_log(block=92, request=1), run_log(block=93, request=1))
    await rig.at(93)
    assert await rig.runs() == [("pending_confirmations", request(1), 93)]

    rig.intake = rig.fresh()
    await rig.at(93, connection=2)

    assert await rig.runs() == [("pending_confirmations", request(1), 93)]


async def test_a_defect_in_deciding_one_log_costs_that_log_only(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    await listening(rig)
    rig.blocks.emit(run_log(block=91, request=1), run_log(block=91, request=2, index=1))
    make = rig.bench.maker.new_run

    def broken(spec: Job, initiator: Initiator, source: RunSource) -> Run:
        if source.request is not None and source.request.request_id == request(1):
            raise ZeroDivisionError
        return make(spec, initiator, source)

    monkeypatch.setattr(rig.bench.maker, "new_run", broken)
    await rig.at(91)

    assert [number for _, number, _ in await rig.runs()] == [request(2)]
    assert await rig.decisions() == [("refused", "internal error"), ("run started", None)]


async def test_a_defect_in_a_pass_is_not_the_end_of_log_intake(rig: Rig) -> None:
    await listening(rig)
    rig.blocks.emit(run_log(block=95, request=1))
    rig.blocks.refuses = [ZeroDivisionError()]

    await rig.at(96)

    assert [number for _, number, _ in await rig.runs()] == [request(1)]


async def test_a_run_that_is_under_way_follows_its_request_into_another_block(rig: Rig) -> None:
    await listening(rig)
    rig.blocks.emit(run_log(block=91, request=1))
    await rig.at(93)
    assert await rig.runs() == [("in_progress", request(1), 91)]

    rig.blocks.logs_of = {92: [run_log(block=92, request=1, kind=5)]}
    rig.bench.chain.hashes = {number: number_hash(number, 5) for number in range(91, 99)}
    rig.bench.chain.state = ChainState(
        connected=True, connection=1, head=Head(94, number_hash(94, 5), number_hash(93, 5), 1), problem=None
    )
    await rig.intake.follow()

    assert await rig.runs() == [("in_progress", request(1), 92)]
    assert await rig.bench.db.read("SELECT request_block, version FROM runs") == [(number_hash(92, 5), 2)]


async def test_a_reorganised_request_takes_its_waiting_run_along(rig: Rig) -> None:
    await listening(rig)
    rig.blocks.emit(run_log(block=91, request=1))
    await rig.at(92)

    rig.blocks.logs_of = {93: [run_log(block=93, request=1, kind=5)]}
    rig.bench.chain.hashes = {number: number_hash(number, 5) for number in range(91, 99)}
    rig.bench.chain.state = ChainState(
        connected=True,
        connection=1,
        head=Head(94, number_hash(94, 5), number_hash(93, 5), 1),
        problem=None,
    )
    await rig.intake.follow()

    assert await rig.runs() == [("pending_confirmations", request(1), 93)]
    rows = await rig.bench.db.read("SELECT request_block, wake_height FROM runs")
    assert rows == [(number_hash(93, 5), 95)]
    assert [decision for decision, _ in await rig.decisions()] == ["run started", "already seen"]


async def test_what_is_new_begins_where_it_did_while_the_last_blocks_are_read_again(rig: Rig) -> None:
    seen: list[tuple[int | None, int | None]] = []

    class Watched(type(rig.blocks)):  # type: ignore[misc]
        async def logs(self, *asked: object) -> object:
            seen.append((rig.intake.height, rig.intake.reached))
            return await super().logs(*asked)

    await listening(rig)
    await rig.at(94)
    rig.blocks.__class__ = Watched
    await rig.branch(96, 5, first=93)
    assert seen[0] == (74, 94)
    assert (rig.intake.height, rig.intake.reached) == (96, 96)
    await rig.branch(95, 6, first=95)
    assert rig.intake.reached == 95, "the chain has become shorter"


async def test_a_run_that_follows_its_request_to_where_it_is_deep_enough_goes_on_at_once(rig: Rig) -> None:
    await listening(rig)
    rig.blocks.emit(run_log(block=91, request=1))
    await rig.at(92)

    await rig.branch(96, 5, run_log(block=93, request=1, kind=5), first=91)

    assert await rig.runs() == [("pending_confirmations", request(1), 93)]
    assert rig.bench.engine.queue.depth == 1, "no further head is waited for"


async def test_a_request_that_comes_back_to_its_first_block_is_followed_too(rig: Rig) -> None:
    await test_a_reorganised_request_takes_its_waiting_run_along(rig)

    rig.blocks.logs_of = {91: [run_log(block=91, request=1)]}
    rig.bench.chain.hashes = {}
    await rig.at(95)

    assert await rig.runs() == [("pending_confirmations", request(1), 91)]


async def test_a_truncated_log_is_refused_with_the_reason_and_the_next_one_served(rig: Rig) -> None:
    await listening(rig)
    short = run_log(block=91, request=1)
    cut = Log(**{name: getattr(short, name) for name in short.__struct_fields__} | {"data": short.data[:202]})
    rig.blocks.emit(cut, run_log(block=91, request=2, index=1))

    await rig.at(91)

    assert [(status, number) for status, number, _ in await rig.runs()] == [("pending_confirmations", request(2))]
    assert await rig.decisions() == [
        ("refused", "the event has 100 bytes of data, its version needs 288"),
        ("run started", None),
    ]


async def test_broken_cbor_makes_an_errored_run(rig: Rig) -> None:
    await listening(rig)
    rig.blocks.emit(run_log(block=91, request=1, cbor=b"\xa1\x61"))

    await rig.at(91)

    assert [status for status, _, _ in await rig.runs()] == ["errored"]
    decision, reason = (await rig.decisions())[0]
    assert decision == "refused"
    assert reason is not None
    assert reason.startswith("Error parsing CBOR: ")


async def test_a_log_for_another_contract_or_job_is_not_ours(rig: Rig) -> None:
    await listening(rig, job("noop", address=ORACLE))
    rig.blocks.emit(
        run_log(block=91, request=1, address="0x" + "11" * 20), run_log(block=91, request=2, job_id="ab" * 16, index=1)
    )

    await rig.at(91)

    assert await rig.runs() == []
    assert await rig.decisions() == []


async def test_a_range_that_is_refused_is_asked_for_in_smaller_parts(rig: Rig) -> None:
    await listening(rig)
    rig.blocks.emit(run_log(block=95, request=1))
    rig.blocks.refuses = [RpcError(-32005, "query returned more than 10000 results"), RpcTimeout("slow")]
    rig.blocks.ranges.clear()

    await rig.at(106)

    # What was refused is not tried again for a while; what was slow is.
    assert [last - first + 1 for first, last in rig.blocks.ranges] == [8, 4, 2, 4, 4, 4, 2]
    assert rig.bench.metrics.log_range_refusals._value.get() == 1
    assert len(await rig.runs()) == 1


async def test_logs_of_another_branch_than_the_known_headers_are_not_taken_in(rig: Rig) -> None:
    await listening(rig)
    rig.blocks.emit(run_log(block=95, request=1, kind=7))
    passes = 0

    async def settle(seconds: float) -> None:
        nonlocal passes
        passes += 1
        rig.blocks.logs_of = {95: [run_log(block=95, request=1)]}

    rig.bench.clock.sleep = settle  # type: ignore[method-assign] # the chain settles while log intake pauses
    await rig.at(96)

    assert passes == 1
    rows = await rig.bench.db.read("SELECT request_block FROM runs")
    assert rows == [(number_hash(95),)]


async def test_a_node_that_never_read_the_chain_begins_at_the_age_of_its_oldest_job(rig: Rig) -> None:
    # head(n) has the time 1,700,000,000 + n; the job is as old as block 0.
    await rig.bench.add(job("noop"))
    rig.blocks.emit(run_log(block=3, request=1))

    await rig.at(40)

    assert len(await rig.runs()) == 1


async def test_without_confirmations_needed_a_run_is_queued_at_once(rig: Rig) -> None:
    await listening(rig)
    rig.blocks.emit(run_log(block=91, request=1))

    await rig.at(93)

    assert rig.bench.engine.queue.depth == 1
    assert (await stored_runs.unfinished(rig.bench.db, RunStatus.IN_PROGRESS, limit=9)) != []


async def test_a_chain_that_is_lower_than_what_was_read_is_followed_from_where_it_is(rig: Rig) -> None:
    await listening(rig)
    await rig.at(200)

    # Restarted under the same id: at a new connection, below even what is read again there.
    rig.blocks.logs_of = {3: [run_log(block=3, request=1, kind=7)], 6: [run_log(block=6, request=2, kind=7)]}
    rig.bench.chain.hashes = {number: number_hash(number, 7) for number in range(10)}
    for number in (5, 6):
        tip = Head(number, number_hash(number, 7), number_hash(number - 1, 7), 1)
        rig.bench.chain.state = ChainState(connected=True, connection=2, head=tip, problem=None)
        await rig.intake.follow()

    assert [asked for _, asked, _ in await rig.runs()] == [request(1), request(2)]
