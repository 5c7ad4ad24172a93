"""Logs that start runs although they ask for nothing: one run for each ethlog initiator and log, whatever happens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from adyton.domain import data
from adyton.domain.chain import Log
from adyton.domain.event_logs import event_id, subscriptions
from adyton.domain.jobs import Initiator, Job
from adyton.domain.runs import Run
from adyton.engine.create import RunSource
from adyton.storage import jobs as stored_jobs
from adyton.storage import requests as stored_requests
from adyton.storage import rereads
from adyton.storage.connect import open_memory
from adyton.storage.database import Statement
from support.builders import JOB_ID, NOW, ORACLE, Bench, number_hash, run_log
from support.intake import TRANSFER, Rig, event, event_job, listening

OTHER = "0x" + "77" * 20
TO_ME = "0x" + "00" * 12 + "11" * 20


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    db = open_memory()
    yield Rig(Bench(db))
    await db.close()


def ethlog(**params: Any) -> Initiator:
    return Initiator(type="ethlog", **params)


async def kept(rig: Rig) -> list[tuple[str, int, str | None]]:
    """(status, creation height, payment) of every run, oldest first."""
    rows = await rig.bench.db.read("SELECT status, creation_height, payment FROM runs ORDER BY id")
    return [(str(status), int(height or 0), None if pays is None else str(pays)) for status, height, pays in rows]


async def test_a_log_starts_a_run_whose_input_is_the_log_as_v062_gave_it(rig: Rig) -> None:
    await listening(rig, event_job())
    rig.blocks.emit(event(TRANSFER, TO_ME, block=92, index=66, data="0x0102"))

    await rig.at(92)

    ((text, contract, requester, payment, height),) = await rig.bench.db.read(
        "SELECT input, contract, requester, payment, creation_height FROM runs"
    )
    assert data.parse(str(text)) == {
        "address": ORACLE,
        "topics": [TRANSFER, TO_ME],
        "data": "0x0102",
        "blockNumber": "0x5c",
        "transactionHash": number_hash(1, 77),
        "transactionIndex": "0x3",
        "blockHash": number_hash(92),
        "logIndex": "0x42",
        "removed": False,
    }
    assert (contract, requester, payment, height) == (ORACLE, None, None, 92)
    assert await kept(rig) == [("pending_confirmations", 92, None)]


async def test_a_log_without_topics_has_null_for_them(rig: Rig) -> None:
    await listening(rig, event_job())
    rig.blocks.emit(msgspec.structs.replace(event(), topics=()))
    await rig.at(92)
    ((text,),) = await rig.bench.db.read("SELECT input FROM runs")
    assert data.parse(str(text))["topics"] is None


async def test_such_a_log_is_nobodys_request(rig: Rig) -> None:
    await listening(rig, event_job())
    rig.blocks.emit(event())
    await rig.at(92)
    assert await stored_requests.unclosed(rig.bench.db, limit=9) == []


@pytest.mark.parametrize(
    ("initiator", "started"),
    [
        (ethlog(), [0, 1, 2, 3]),
        (ethlog(address=ORACLE), [0, 1, 2]),
        (ethlog(topics=((TRANSFER,),)), [0, 1, 3]),
        (ethlog(topics=((), (TO_ME,))), [0, 2]),
        (ethlog(address=ORACLE, topics=((TRANSFER, number_hash(5)), (TO_ME,))), [0, 2]),
        (ethlog(topics=((), (), (), ())), [0, 1, 2, 3]),
        (ethlog(address=OTHER, topics=((number_hash(5),),)), []),
    ],
)
async def test_address_and_topics_choose_the_logs(rig: Rig, initiator: Initiator, started: list[int]) -> None:
    await listening(rig, event_job(initiator))
    rig.blocks.emit(
        event(TRANSFER, TO_ME, transaction=0),
        event(TRANSFER, index=1, transaction=1),
        event(number_hash(5), TO_ME, index=2, transaction=2),
        event(TRANSFER, number_hash(9), index=3, transaction=3, address=OTHER),
    )

    await rig.at(92)

    rows = await rig.bench.db.read("SELECT request_tx FROM runs ORDER BY request_log")
    assert [row[0] for row in rows] == [number_hash(number, 77) for number in started]


async def test_each_initiator_of_a_job_starts_a_run_and_so_does_each_job(rig: Rig) -> None:
    await rig.bench.add(event_job(ethlog(address=ORACLE), job_id="5" * 32))
    await listening(rig, event_job(ethlog(), ethlog(topics=((TRANSFER,),))))
    rig.blocks.emit(event())

    await rig.at(92)
    rig.intake = rig.fresh()
    await rig.at(93, connection=2)

    rows = await rig.bench.db.read("SELECT job_id, initiator_id FROM runs ORDER BY job_id, initiator_id")
    assert [(str(job), number) for job, number in rows] == [(JOB_ID, 2), (JOB_ID, 3), ("5" * 32, 1)]
    rows = await rig.bench.db.read("SELECT job_id FROM log_decisions ORDER BY job_id")
    assert [row[0] for row in rows] == [f"{JOB_ID}/0", f"{JOB_ID}/1", f"{'5' * 32}/0"]


async def test_a_request_may_be_an_event_of_another_initiator_too(rig: Rig) -> None:
    runlog = Initiator(type="runlog")
    await listening(rig, event_job(runlog, ethlog()))
    rig.blocks.emit(run_log(block=92))

    await rig.at(92)
    rig.intake = rig.fresh()
    await rig.at(93, connection=2)

    assert [payment for _, _, payment in await kept(rig)] == [str(10**18), None]
    (asked,) = await stored_requests.unclosed(rig.bench.db, limit=9)
    assert asked.request_id == f"0x{1:064x}"


async def test_reading_blocks_again_and_again_starts_nothing_twice(rig: Rig) -> None:
    await listening(rig, event_job())
    rig.blocks.emit(event(index=1), event(TRANSFER, TO_ME, index=2))
    await rig.at(92)
    for connection in (2, 3):
        rig.intake = rig.fresh()
        await rig.at(92 + connection, connection=connection)
    await rig.bench.db.write(rereads.insert(rereads.asked("again", 90, 94, every_job=True, now=NOW)))
    assert await rig.work_off() > 0

    assert len(await kept(rig)) == 2
    assert await rig.decisions() == [("run started", None)] * 2


async def test_a_log_whose_run_has_been_deleted_is_not_run_again(rig: Rig) -> None:
    await listening(rig, event_job())
    rig.blocks.emit(event())
    await rig.at(92)
    await rig.bench.db.write(Statement("DELETE FROM runs", [()]))
    rig.intake = rig.fresh()
    await rig.at(93, connection=2)
    assert await kept(rig) == []


# --- equal logs ------------------------------------------------------------------------------------------------------


async def test_equal_logs_of_a_transaction_are_as_many_runs(rig: Rig) -> None:
    await listening(rig, event_job())
    twins = [event(index=number) for number in range(3)]
    rig.blocks.emit(*twins)
    await rig.at(92)
    assert len(await kept(rig)) == 3

    moved = [event(block=93, kind=5, index=number + 7) for number in range(3)]
    await rig.branch(94, 5, *moved, first=92)

    assert await kept(rig) == [("pending_confirmations", 93, None)] * 3


async def test_of_twins_of_which_a_node_hid_the_first_both_are_run_once_it_is_there(rig: Rig) -> None:
    await listening(rig, event_job())
    first, second = event(index=0), event(index=1)
    rig.blocks.emit(second)
    await rig.at(92)
    rig.blocks.logs_of[92] = [first, second]

    for connection in (2, 3):
        rig.intake = rig.fresh()
        await rig.at(92 + connection, connection=connection)

    assert len(await kept(rig)) == 2


def test_what_a_log_is_known_by_does_not_depend_on_its_block_but_on_all_it_says() -> None:
    (mine,) = subscriptions(event_job())
    (other,) = subscriptions(event_job(job_id="5" * 32))
    names = [event_id(mine, event(), 0), event_id(mine, event(block=97, kind=3, index=9), 0)]
    assert len(set(names)) == 1
    others = [
        event_id(other, event(), 0),
        event_id(mine, event(), 1),
        event_id(mine, event(transaction=2), 0),
        event_id(mine, event(data="0x00"), 0),
        event_id(mine, event(address=OTHER), 0),
        event_id(mine, event(TRANSFER, TO_ME), 0),
    ]
    assert len({*names, *others}) == 1 + len(others)
    assert not names[0].startswith("0x")


# --- reorganisations -------------------------------------------------------------------------------------------------


async def test_a_waiting_run_follows_its_log_into_another_block(rig: Rig) -> None:
    await listening(rig, event_job())
    rig.blocks.emit(event(block=92))
    await rig.at(92)

    await rig.branch(94, 5, event(block=93, kind=5, index=4), first=92)

    assert await kept(rig) == [("pending_confirmations", 93, None)]
    ((text, block),) = await rig.bench.db.read("SELECT input, request_block FROM runs")
    assert block == number_hash(93, 5)
    assert data.parse(str(text))["logIndex"] == "0x4"
    assert [decision for decision, _ in await rig.decisions()] == ["run started", "already seen"]


async def test_a_run_that_was_cancelled_with_its_log_goes_on_when_the_log_is_back(rig: Rig) -> None:
    await listening(rig, event_job())
    rig.blocks.emit(event(block=92))
    await rig.at(92)
    lost = "UPDATE runs SET status = 'cancelled', finished_at = 1, left_chain = 92, version = version + 1, wake_height = NULL"
    await rig.bench.db.write(Statement(lost, [()]))

    await rig.branch(95, 5, event(block=94, kind=5), first=92)

    assert await kept(rig) == [("pending_confirmations", 94, None)]


async def test_a_finished_run_stays_what_it_is_when_its_log_moves(rig: Rig) -> None:
    await listening(rig, event_job())
    rig.blocks.emit(event(block=92))
    await rig.at(92)
    await rig.bench.db.write(Statement("UPDATE runs SET status = 'completed', finished_at = 1, wake_height = NULL", [()]))

    await rig.branch(95, 5, event(block=94, kind=5), first=92)

    assert await kept(rig) == [("completed", 92, None)]


async def test_what_says_something_else_on_the_other_branch_is_another_log(rig: Rig) -> None:
    await listening(rig, event_job())
    rig.blocks.emit(event(block=92, data="0x01"))
    await rig.at(92)

    await rig.branch(95, 5, event(block=93, kind=5, data="0x02"), first=92)

    assert [height for _, height, _ in await kept(rig)] == [92, 93]


# --- where it begins -------------------------------------------------------------------------------------------------


async def test_logs_from_before_the_beginning_start_nothing_however_they_are_read(rig: Rig) -> None:
    await listening(rig, event_job(ethlog(from_block=93)))
    rig.blocks.emit(event(block=92), event(block=93, transaction=2))
    await rig.at(94)
    await rig.bench.db.write(rereads.insert(rereads.asked("again", 90, 94, every_job=True, now=NOW)))
    await rig.work_off()

    assert [height for _, height, _ in await kept(rig)] == [93]
    assert len(await rig.decisions()) == 1


async def test_a_node_that_begins_says_where_its_ethlog_initiators_do(rig: Rig) -> None:
    stored = await rig.bench.add(event_job(ethlog(), ethlog(from_block=7), Initiator(type="runlog")))
    await rig.at(90)

    begins = await rig.bench.db.read("SELECT from_block FROM initiators ORDER BY id")
    first = begins[0][0]
    assert [row[0] for row in begins] == [first, 7, None]
    assert isinstance(first, int)
    assert [i.from_block for i in rig.bench.jobs.jobs[stored.id].initiators] == [first, 7, None]
    assert (await stored_jobs.live(rig.bench.db))[0] == rig.bench.jobs.jobs[stored.id]


# --- what goes wrong -------------------------------------------------------------------------------------------------


async def test_a_job_that_has_ended_refuses_a_log_and_says_why(rig: Rig) -> None:
    await listening(rig, msgspec.structs.replace(event_job(), end_at=1))
    rig.blocks.emit(event())
    await rig.at(92)
    ((decision, reason),) = await rig.decisions()
    assert decision == "refused"
    assert "past job's end time" in str(reason)


async def test_a_defect_in_deciding_one_log_costs_that_log_only(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    await listening(rig, event_job())
    rig.blocks.emit(event(index=0), event(index=1, transaction=2))
    make = rig.bench.maker.new_run

    def broken(spec: Job, initiator: Initiator, source: RunSource) -> Run:
        if source.request is not None and source.request.log_index == 0:
            raise ZeroDivisionError
        return make(spec, initiator, source)

    monkeypatch.setattr(rig.bench.maker, "new_run", broken)
    await rig.at(92)
    assert await rig.decisions() == [("refused", "internal error"), ("run started", None)]


async def test_a_request_cannot_take_the_place_of_an_event(rig: Rig) -> None:
    """Whatever id a contract makes up, it is no name of a log."""
    spec = await listening(rig, event_job(Initiator(type="runlog"), ethlog(address=ORACLE)))
    rig.blocks.emit(event())
    await rig.at(92)
    _, listens = spec.initiators
    (subscription,) = subscriptions(msgspec.structs.replace(spec, initiators=(spec.initiators[0], listens)))
    name = event_id(subscription, event(), 0)
    rig.blocks.emit(run_log(block=93, request=int(name.removeprefix("log:"), 16)))

    await rig.at(93)

    assert [payment for _, _, payment in await kept(rig)] == [None, str(10**18), None]


# --- archived jobs ---------------------------------------------------------------------------------------------------


async def archive(rig: Rig, job_id: str = JOB_ID) -> None:
    assert await stored_jobs.archive(rig.bench.db, job_id, NOW)
    rig.bench.jobs.remove(job_id)


@pytest.mark.parametrize("initiator", [ethlog(address=ORACLE), ethlog(topics=((TRANSFER,),)), ethlog()])
async def test_a_run_of_an_archived_job_still_follows_its_log_and_no_new_one_starts(rig: Rig, initiator: Initiator) -> None:
    await listening(rig, event_job(initiator))
    rig.blocks.emit(event(block=92))
    await rig.at(92)
    await archive(rig)

    again = event(block=93, kind=5), event(block=94, kind=5, transaction=2)
    await rig.branch(94, 5, *again, first=92)

    assert await kept(rig) == [("pending_confirmations", 93, None)]


@pytest.mark.parametrize("address", [ORACLE, "0x" + "00" * 20])
async def test_a_run_of_an_archived_job_still_follows_its_request(rig: Rig, address: str) -> None:
    await listening(rig, event_job(Initiator(type="runlog", address=address)))
    rig.blocks.emit(run_log(block=92))
    await rig.at(92)
    await archive(rig)

    again: list[Log] = [run_log(block=93, kind=5), run_log(block=94, kind=5, request=2)]
    await rig.branch(94, 5, *again, first=92)

    assert [(status, height) for status, height, _ in await kept(rig)] == [("pending_confirmations", 93)]
    reasons = [each.reason for each in await stored_requests.unclosed(rig.bench.db, limit=9)]
    assert reasons == [None, f"job {JOB_ID} is archived"]


async def test_nothing_is_read_for_an_archived_job_without_runs_under_way(rig: Rig) -> None:
    await listening(rig, event_job(ethlog(address=ORACLE)))
    await archive(rig)
    rig.blocks.ranges.clear()
    await rig.at(95)
    assert rig.blocks.ranges == []
