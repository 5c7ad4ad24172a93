"""Blocks that are read again: for an operator, for a job that begins in the past, and now and then by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
import pytest

from adyton.domain.errors import Conflict
from adyton.domain.jobs import Job
from adyton.ethereum.errors import RpcError
from adyton.storage import requests as stored_requests
from adyton.storage import rereads as stored
from adyton.storage.connect import open_memory
from adyton.storage.database import Statement
from support.builders import NOW, ORACLE, Bench, job, number_hash, run_log
from support.intake import Rig, listening, request

LATE = "ab" * 16


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    db = open_memory()
    made = Rig(Bench(db))
    yield made
    await db.close()


async def again(rig: Rig, first: int, last: int, *, every_job: bool = True) -> None:
    await rig.bench.db.write(stored.insert(stored.asked("a test asked", first, last, every_job=every_job, now=NOW)))


def late_job(first: int | None = None) -> Job:
    """A job of which requests were emitted before the node had it."""
    spec = job("noop", job_id=LATE)
    return msgspec.structs.replace(
        spec, initiators=tuple(msgspec.structs.replace(each, from_block=first) for each in spec.initiators)
    )


async def test_blocks_that_are_read_again_start_what_was_missed_and_nothing_twice(rig: Rig) -> None:
    await listening(rig)
    rig.blocks.emit(run_log(block=91, request=1))
    await rig.at(110)
    rig.blocks.emit(run_log(block=92, request=2))
    await again(rig, 85, 110)

    assert await rig.work_off() > 1
    assert [number for _, number, _ in await rig.runs()] == [request(1), request(2)]
    assert await stored.open_ones(rig.bench.db) == []

    await again(rig, 0, 110)
    await rig.work_off()
    assert len(await rig.runs()) == len(await rig.decisions()) == 2


async def test_ranges_grow_far_beyond_the_usual_when_the_node_answers(rig: Rig) -> None:
    await listening(rig)
    await rig.at(5000)
    rig.blocks.ranges.clear()
    await again(rig, 0, 5000)
    await rig.work_off()
    sizes = [last - first + 1 for first, last in rig.blocks.ranges]
    assert sizes[:4] == [8, 16, 32, 64]
    assert max(sizes) > 1000
    assert sum(sizes) == 5001


async def test_a_reread_goes_on_after_a_crash_where_it_was(rig: Rig) -> None:
    await listening(rig)
    await rig.at(110)
    await again(rig, 80, 110)
    await rig.intake.rereads.step()
    rig.intake = rig.fresh()
    await rig.at(110)
    rig.blocks.ranges.clear()

    await rig.work_off()

    assert rig.blocks.ranges[0][0] == 88


async def test_a_crash_before_a_chunk_is_written_leaves_the_reread_where_it_was(rig: Rig) -> None:
    await listening(rig)
    await rig.at(110)
    rig.blocks.emit(run_log(block=92, request=2))
    await again(rig, 90, 110)
    write = rig.bench.db.write

    async def refuse(*statements: Statement) -> list[list[tuple[str | int | bytes | None, ...]]]:
        raise Conflict("the power is gone")

    rig.bench.db.write = refuse  # type: ignore[method-assign] # the crash
    with pytest.raises(Conflict):
        await rig.intake.rereads.step()
    rig.bench.db.write = write  # type: ignore[method-assign] # and the restart

    assert [each.next_block for each in await stored.open_ones(rig.bench.db)] == [90]
    await rig.work_off()
    assert [number for _, number, _ in await rig.runs()] == [request(2)]


async def test_a_job_takes_requests_from_the_block_where_it_begins(rig: Rig) -> None:
    await listening(rig, job("noop"))
    for block in (60, 61, 91):
        rig.blocks.emit(run_log(block=block, request=block, job_id=LATE))
    await rig.at(110)
    await rig.bench.add(late_job(61))
    await again(rig, 50, 110, every_job=False)

    await rig.work_off()

    assert [height for _, _, height in await rig.runs()] == [61, 91]
    refused = await stored_requests.get(rig.bench.db, ORACLE, request(60))
    assert refused is not None
    assert refused.reason == "emitted in block 60, before the job begins (block 61)"


async def test_an_operators_replay_starts_what_was_refused_because_the_job_began_later(rig: Rig) -> None:
    await test_a_job_takes_requests_from_the_block_where_it_begins(rig)

    await again(rig, 50, 110, every_job=True)
    await rig.work_off()

    assert sorted(height or 0 for _, _, height in await rig.runs()) == [60, 61, 91]
    assert sorted(decision for decision, _ in await rig.decisions()) == ["run started"] * 3
    await again(rig, 50, 110, every_job=True)
    await rig.work_off()
    assert len(await rig.runs()) == 3


async def test_an_old_request_that_the_chain_does_not_wait_for_is_not_run(rig: Rig) -> None:
    await listening(rig)
    for block in (20, 21, 109):
        rig.blocks.emit(run_log(block=block, request=block, job_id=LATE))
    await rig.at(110)
    await rig.bench.add(late_job(0))
    rig.doubts.dead = {(ORACLE, request(20)), (ORACLE, request(109))}
    await again(rig, 0, 110, every_job=False)

    await rig.work_off()

    # What is in the safety window is left to the trial before the answer is sent.
    assert rig.doubts.asked == [(ORACLE, request(20)), (ORACLE, request(21))]
    assert [height for _, _, height in await rig.runs()] == [21, 109]
    refused = await stored_requests.get(rig.bench.db, ORACLE, request(20))
    assert refused is not None
    assert refused.reason == "already answered or cancelled when it was read"


async def test_nothing_is_read_again_beyond_what_has_been_read(rig: Rig) -> None:
    await again(rig, 0, 200)
    assert not await rig.intake.rereads.step()
    await listening(rig)
    await rig.work_off()
    assert [each.next_block for each in await stored.open_ones(rig.bench.db)] == [91]
    await rig.at(200)
    await rig.work_off()
    assert await stored.open_ones(rig.bench.db) == []


async def test_a_node_that_never_read_the_chain_reads_what_its_jobs_want_from_before_it_begins(rig: Rig) -> None:
    spec = msgspec.structs.replace(late_job(3), created_at=NOW + 80_000_000)
    await rig.bench.add(spec)
    rig.blocks.emit(*(run_log(block=block, request=block, job_id=LATE) for block in (2, 3, 39)))

    await rig.at(100)
    assert [height for _, _, height in await rig.runs()] == [39]
    await rig.work_off()

    assert sorted(height or 0 for _, _, height in await rig.runs()) == [3, 39]


# --- by itself -------------------------------------------------------------------------------------------------------


async def test_logs_that_a_node_left_out_are_found_when_log_intake_looks_back(rig: Rig) -> None:
    rig.look_back = 600.0
    rig.intake = rig.fresh()
    await listening(rig)
    await rig.at(100)
    rig.blocks.emit(run_log(block=95, request=1))
    await rig.at(101)
    assert await rig.runs() == []

    await rig.bench.clock.sleep(600)
    await rig.at(102)

    assert [height for _, _, height in await rig.runs()] == [95]


async def test_looking_back_writes_only_what_is_new(rig: Rig) -> None:
    rig.look_back = 600.0
    rig.intake = rig.fresh()
    await listening(rig)
    rig.blocks.emit(run_log(block=95, request=1))
    await rig.at(100)
    await rig.bench.clock.sleep(600)
    await rig.at(101)
    rig.blocks.ranges.clear()
    await rig.bench.clock.sleep(600)
    before = rig.bench.db.commits
    await rig.at(101)
    assert rig.blocks.ranges != []
    assert rig.bench.db.commits == before


async def test_a_connection_looks_back_too(rig: Rig) -> None:
    await listening(rig)
    await rig.at(100)
    rig.blocks.emit(run_log(block=85, request=1))
    await rig.at(101, connection=2)
    assert [height for _, _, height in await rig.runs()] == [85]


async def test_connections_that_break_again_and_again_do_not_lead_back_for_ever(rig: Rig) -> None:
    await listening(rig)
    await rig.at(100)
    rig.blocks.refuses = [RpcError(-32000, "no")] * 5
    rig.blocks.ranges.clear()
    await rig.at(101, connection=2)
    assert min(first for first, _ in rig.blocks.ranges) == 81


# --- what a node has, and how much it gives ---------------------------------------------------------------------------


async def test_a_node_that_does_not_have_the_last_block_yet_is_not_believed_that_there_are_no_logs(rig: Rig) -> None:
    await listening(rig)
    rig.blocks.lacks = {94}
    pauses = 0

    async def arrives(seconds: float) -> None:
        nonlocal pauses
        pauses += 1
        rig.blocks.lacks = set()
        rig.blocks.emit(run_log(block=93, request=1))

    rig.bench.clock.sleep = arrives  # type: ignore[method-assign] # the node catches up while log intake waits
    await rig.at(94)

    assert pauses == 1
    assert [height for _, _, height in await rig.runs()] == [93]


async def test_a_branch_that_is_left_between_two_passes_is_read_again(rig: Rig) -> None:
    await listening(rig)
    rig.blocks.emit(run_log(block=91, request=1))
    switched = False
    logs = rig.blocks.logs

    async def switch(*asked: object) -> object:
        nonlocal switched
        if asked[1] == 99 and not switched:
            switched = True
            rig.bench.chain.hashes = {number: number_hash(number, 5) for number in range(91, 107)}
            rig.blocks.logs_of = {92: [run_log(block=92, request=2, kind=5)]}
        return await logs(*asked)  # type: ignore[arg-type] # handed on

    rig.blocks.logs = switch  # type: ignore[method-assign, assignment] # the reorganisation
    await rig.at(106)

    assert switched
    assert request(2) in [number for _, number, _ in await rig.runs()]


async def test_a_range_of_one_block_that_is_refused_does_not_stop_log_intake(rig: Rig) -> None:
    await listening(rig)
    rig.blocks.emit(run_log(block=95, request=1))
    rig.blocks.refuses = [RpcError(-32005, "query returned more than 10000 results")] * 3
    rig.blocks.ranges.clear()

    await rig.at(98)

    assert [last - first + 1 for first, last in rig.blocks.ranges][:4] == [8, 4, 2, 1]
    assert [height for _, _, height in await rig.runs()] == [95]
