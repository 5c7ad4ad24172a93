"""What log intake makes of requests: their rows, their ends, reorganisations under them, and whose they are."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
import pytest

from adyton.domain.chain import Hash, Log
from adyton.domain.requests import CANCELLED_TOPIC, RESPONSE_TOPIC, End, Request
from adyton.storage import fates
from adyton.storage import jobs as stored_jobs
from adyton.storage import requests as stored
from adyton.storage.connect import open_memory
from adyton.storage.lists import Lists
from adyton.storage.logs import Cursor
from support.builders import JOB_ID, NOW, ORACLE, REQUESTER, Bench, job, number_hash, run_log
from support.intake import Rig, listening, request

STRANGER = "ab" * 16


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    db = open_memory()
    made = Rig(Bench(db))
    yield made
    await db.close()


def ended(number: int, *, topic: Hash = CANCELLED_TOPIC, block: int, kind: int = 0) -> Log:
    """The log that says that ``run_log(request=number)`` has ended."""
    log = run_log(block=block, kind=kind, request=number, index=number + 90)
    return msgspec.structs.replace(log, topics=(topic, request(number)), data="0x", transaction_hash=number_hash(block, 88))


async def row(rig: Rig, number: int = 1) -> Request:
    found = await stored.get(rig.bench.db, ORACLE, request(number))
    assert found is not None
    return found


async def refusals(rig: Rig) -> list[tuple[str, str | None]]:
    """(request id, reason) of every refused request."""
    found = await fates.page(Lists(rig.bench.db), offset=0, limit=99, descending=False)
    return [(each.request_id, each.reason) for each in await found.whole() if each.decision == "refused"]


# --- rows ------------------------------------------------------------------------------------------------------------


async def test_each_request_has_a_row_with_its_place_and_what_came_of_it(rig: Rig) -> None:
    await listening(rig)
    rig.blocks.emit(run_log(block=91, request=1), run_log(block=91, request=2, index=1, cbor=b"\xa1\x61"))
    await rig.at(92)

    ((started,), (errored,)) = await rig.bench.db.read("SELECT id FROM runs ORDER BY request_id")
    assert await row(rig) == Request(
        contract=ORACLE,
        request_id=request(1),
        job_id=JOB_ID,
        block_number=91,
        block_hash=number_hash(91),
        transaction_hash=number_hash(1, 77),
        log_index=0,
        requester=REQUESTER,
        payment=10**18,
        expiration=1_561_000_300,
        decision="run started",
        run_id=str(started),
        seen_at=NOW,
    )
    refused = await row(rig, 2)
    assert (refused.decision, refused.run_id) == ("refused", errored)
    assert (refused.reason or "").startswith("Error parsing CBOR: ")


async def test_a_job_outside_its_time_refuses_a_request_with_the_reason(rig: Rig) -> None:
    await listening(rig, msgspec.structs.replace(job("noop"), end_at=NOW - 1))
    rig.blocks.emit(run_log(block=91))
    await rig.at(92)

    refused = await row(rig)
    assert (refused.decision, refused.run_id) == ("refused", None)
    assert "past job's end time" in (refused.reason or "")


async def test_requests_of_a_contract_of_ours_that_no_job_answers_are_refused_with_the_reason(rig: Rig) -> None:
    await listening(rig, job("noop", address=ORACLE))
    gone = await rig.bench.add(job("noop", job_id="cd" * 16, address=ORACLE))
    await stored_jobs.archive(rig.bench.db, gone.id, NOW)
    rig.bench.jobs.remove(gone.id)
    elsewhere = await rig.bench.add(job("noop", job_id="ef" * 16, address="0x" + "11" * 20))
    for index, job_id in enumerate((STRANGER, gone.id, elsewhere.id)):
        rig.blocks.emit(run_log(block=91, request=index + 1, index=index, job_id=job_id))
    await rig.at(91)

    assert await refusals(rig) == [
        (request(1), f"no job {STRANGER} on this node"),
        (request(2), f"job {gone.id} is archived"),
        (request(3), f"job {elsewhere.id} does not listen to contract {ORACLE}"),
    ]
    assert await rig.runs() == []
    assert await rig.decisions() == []


async def test_the_configured_oracle_contract_is_accounted_for_without_any_job(rig: Rig) -> None:
    rig.own = (ORACLE,)
    rig.intake = rig.fresh()
    await rig.at(90)
    rig.blocks.emit(run_log(block=91, job_id=STRANGER))
    await rig.at(91)
    assert await refusals(rig) == [(request(1), f"no job {STRANGER} on this node")]


async def test_a_job_that_listens_everywhere_does_not_answer_for_strangers(rig: Rig) -> None:
    await listening(rig)
    rig.blocks.emit(run_log(block=91, job_id=STRANGER), ended(1, block=91))
    await rig.at(91)
    assert await refusals(rig) == []


async def test_the_waiting_run_of_an_archived_job_follows_its_request(rig: Rig) -> None:
    await listening(rig, job("noop", address=ORACLE))
    await rig.bench.add(job("noop", job_id=STRANGER, address=ORACLE))
    rig.blocks.emit(run_log(block=91))
    await rig.at(92)
    await stored_jobs.archive(rig.bench.db, JOB_ID, NOW)
    rig.bench.jobs.remove(JOB_ID)

    await rig.branch(94, 5, run_log(block=93, kind=5), first=91)

    assert await rig.runs() == [("pending_confirmations", request(1), 93)]
    moved = await row(rig)
    assert (moved.decision, moved.block_number) == ("run started", 93)


# --- reorganisations -------------------------------------------------------------------------------------------------


async def strayed(rig: Rig) -> str:
    """A run whose request, in block 91, has left the chain for branch 5; returns its id. The head is 94."""
    await listening(rig)
    rig.blocks.emit(run_log(block=91))
    await rig.at(92)
    await rig.branch(94, 5, first=91)
    ((run_id,),) = await rig.bench.db.read("SELECT id FROM runs")
    rig.bench.chain.taken_in = rig.intake.taken_in
    assert rig.intake.taken_in == Cursor(94, number_hash(94, 5))
    await advance(rig, str(run_id))
    assert await rig.runs() == [("cancelled", request(1), 91)]
    return str(run_id)


async def advance(rig: Rig, run_id: str) -> None:
    await rig.bench.engine._advance(run_id, None)


async def test_a_request_that_comes_back_in_another_block_goes_on_with_its_run_once(rig: Rig) -> None:
    run_id = await strayed(rig)

    rig.blocks.emit(run_log(block=95, kind=5))
    rig.bench.chain.hashes |= {95: number_hash(95, 5)}
    await rig.branch(95, 5, run_log(block=95, kind=5), first=91)
    await rig.branch(95, 5, run_log(block=95, kind=5), first=91)

    assert await rig.runs() == [("pending_confirmations", request(1), 95)]
    assert await rig.bench.db.read("SELECT id, left_chain, finished_at, error FROM runs") == [(run_id, None, None, None)]
    back = await row(rig)
    assert (back.block_number, back.block_hash, back.run_id) == (95, number_hash(95, 5), run_id)


async def test_a_request_that_comes_back_in_its_old_block_goes_on_too(rig: Rig) -> None:
    run_id = await strayed(rig)

    rig.blocks.logs_of = {91: [run_log(block=91)]}
    rig.bench.chain.hashes = {}
    await rig.at(95)

    assert await rig.runs() == [("pending_confirmations", request(1), 91)]
    await advance(rig, run_id)
    assert await rig.runs() == [("completed", request(1), 91)]


async def test_a_request_whose_run_is_finished_is_still_followed(rig: Rig) -> None:
    await listening(rig)
    rig.blocks.emit(run_log(block=91, cbor=b"\xa1\x61"))
    await rig.at(92)

    await rig.branch(94, 5, run_log(block=93, kind=5, cbor=b"\xa1\x61"), first=91)

    moved = await row(rig)
    assert (moved.block_number, moved.block_hash) == (93, number_hash(93, 5))
    assert (moved.decision, (moved.reason or "")[:12]) == ("refused", "Error parsin")
    assert await rig.runs() == [("errored", request(1), 91)]


@pytest.mark.parametrize("changes", [{"payment": 5}, {"cbor": b"\x61a\x01"}, {"job_id": STRANGER}])
async def test_an_id_that_a_reorganisation_gave_to_another_request_starts_another_run(
    rig: Rig, changes: dict[str, object]
) -> None:
    await listening(rig)
    await rig.bench.add(job("noop", job_id=STRANGER))
    rig.blocks.emit(run_log(block=91))
    await rig.at(92)
    ((old,),) = await rig.bench.db.read("SELECT id FROM runs")

    other = run_log(block=93, kind=5, **changes)  # type: ignore[arg-type] # the builder's own keywords
    await rig.branch(94, 5, other, first=91)

    ((new, payment, job_id),) = await rig.bench.db.read("SELECT id, payment, job_id FROM runs WHERE superseded_by IS NULL")
    assert await rig.bench.db.read("SELECT status, superseded_by FROM runs WHERE id = ?", (old,)) == [("cancelled", new)]
    assert (payment, job_id) == (str(changes.get("payment", 10**18)), changes.get("job_id", JOB_ID))
    now = await row(rig)
    assert (now.run_id, now.job_id) == (new, job_id)

    # And back again: the first request is asked once more, whatever was written down about its log before.
    rig.blocks.logs_of = {91: [run_log(block=91)]}
    rig.bench.chain.hashes = {}
    await rig.at(95)
    ((newest, height),) = await rig.bench.db.read("SELECT id, creation_height FROM runs WHERE superseded_by IS NULL")
    assert newest not in (old, new)
    assert height == 91


# --- ends ------------------------------------------------------------------------------------------------------------


async def test_a_request_that_its_requester_cancelled_cancels_the_run_that_waits(rig: Rig) -> None:
    await listening(rig)
    rig.blocks.emit(run_log(block=91), ended(1, block=92))
    await rig.at(92)

    assert await rig.bench.db.read("SELECT status, error FROM runs") == [
        ("cancelled", f"the requester cancelled the request in transaction {number_hash(92, 88)}")
    ]
    closed = (await row(rig)).closed
    assert closed is not None
    assert (closed.how, closed.block_number, closed.block_hash) == (End.CANCELLED, 92, number_hash(92))


async def test_a_cancellation_that_leaves_the_chain_is_taken_back(rig: Rig) -> None:
    await test_a_request_that_its_requester_cancelled_cancels_the_run_that_waits(rig)

    await rig.branch(93, 5, first=92)

    assert await rig.runs() == [("pending_confirmations", request(1), 91)]
    assert (await row(rig)).closed is None
    assert rig.bench.engine.queue.depth == 1, "its confirmations are complete: no further head is waited for"


async def test_a_cancellation_that_moves_to_another_block_stays_one(rig: Rig) -> None:
    await test_a_request_that_its_requester_cancelled_cancels_the_run_that_waits(rig)

    await rig.branch(94, 5, ended(1, block=93, kind=5), first=92)

    assert [status for status, _, _ in await rig.runs()] == ["cancelled"]
    closed = (await row(rig)).closed
    assert closed is not None
    assert closed.block_hash == number_hash(93, 5)


async def test_the_answer_of_somebody_else_is_noted(rig: Rig) -> None:
    await listening(rig)
    rig.blocks.emit(run_log(block=91), ended(1, topic=RESPONSE_TOPIC, block=92), ended(2, topic=RESPONSE_TOPIC, block=92))
    await rig.at(92)

    closed = (await row(rig)).closed
    assert closed is not None
    assert closed.how is End.ANSWERED
    # Whether our answer would revert now is the broadcaster's to find out.
    assert await rig.runs() == [("pending_confirmations", request(1), 91)]


async def test_an_end_that_names_no_request_is_passed_over(rig: Rig) -> None:
    await listening(rig)
    bare = ended(1, block=91)
    rig.blocks.emit(msgspec.structs.replace(bare, topics=bare.topics[:1], data=request(1)), run_log(block=91, index=1))
    await rig.at(92)
    assert (await row(rig)).closed is None
