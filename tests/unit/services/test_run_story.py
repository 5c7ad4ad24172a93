"""A run of any initiator explains itself: who asked, what each task was given and left, what it waits for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from adyton.domain.chain import Log, Receipt
from adyton.domain.event_logs import event_data, event_id, subscriptions
from adyton.domain.fates import Kind
from adyton.domain.jobs import Initiator, Job, TaskSpec
from adyton.domain.requests import ORACLE_REQUEST, read_run_log
from adyton.domain.runs import Completed, Errored, Run, RunRequest, RunStatus, Waits, after
from adyton.engine.create import RunSource
from adyton.services import requests as request_service
from adyton.services.explain import explain
from adyton.services.narrative import Chapter
from adyton.storage import logs as stored_logs
from adyton.storage import runs as stored_runs
from adyton.storage.logs import LogDecision
from support.api import Api
from support.asked import request_of, store
from support.builders import JOB_ID, LINK, NOW, ORACLE, number_hash, run_log
from support.intake import event, event_job

LOG = event(block=100, index=4)
AGREEMENT = number_hash(400)
THEN = "2023-11-14T22:13:21Z"


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with Api(height=120) as opened:
        yield opened


async def chapter(api: Api, what: str) -> Chapter:
    """The only chapter."""
    (found,) = (await explain(api.parts, what)).chapters
    return found


def text(found: Chapter) -> str:
    """Its steps, a line each."""
    return "\n".join(f"{step.what}: {step.detail}" for step in found.steps)


def line(found: Chapter, what: str) -> str:
    """What one step says."""
    (detail,) = [step.detail for step in found.steps if step.what == what]
    return detail


async def a_job(api: Api, initiator: Initiator, *tasks: str) -> Job:
    specs = tuple(TaskSpec(type=task) for task in tasks or ("noop",))
    return await api.job(msgspec.structs.replace(event_job(initiator), tasks=specs))


async def of_log(api: Api, *tasks: str, log: Log = LOG) -> Run:
    """The stored run of an ethlog job, in progress or waiting."""
    job = await a_job(api, Initiator(type="ethlog"), *tasks)
    (mine,) = subscriptions(job)
    place = RunRequest(
        contract=log.address,
        transaction_hash=log.transaction_hash,
        block_hash=log.block_hash,
        log_index=log.log_index,
        request_id=event_id(mine, log, 0),
    )
    source = RunSource(given=event_data(log), height=log.block_number, head=120, request=place)
    run = api.bench.maker.new_run(job, mine.initiator, source)
    made = LogDecision(
        log=log, job_id=job.id, subscription=mine.name, decision="run started", request_id=place.request_id, run_id=run.id
    )
    await api.db.write(stored_runs.insert([run]), stored_logs.insert([made], NOW))
    return run


async def saved(api: Api, before: Run, run: Run) -> None:
    """Store a run's progress."""
    changed = [task for task in run.tasks if task is not before.tasks[task.position]]
    await api.db.write(*stored_runs.save(msgspec.structs.replace(run, version=before.version), changed))


# --- who asked -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("initiator", "asker"),
    [
        (Initiator(type="web"), "by a client"),
        (Initiator(type="cron", schedule="CRON_TZ=UTC 0 0 * * * *"), "by its schedule: CRON_TZ=UTC 0 0 * * * *"),
        (Initiator(type="runat", run_at=NOW), "by its time, 2023-11-14T22:13:20Z"),
        (Initiator(type="external", name="somechain"), "by the external initiator somechain"),
    ],
)
async def test_a_run_tells_what_started_it(api: Api, initiator: Initiator, asker: str) -> None:
    job = await a_job(api, initiator)
    run = await api.bench.engine.start(job, job.initiators[0], {"a": 1})
    told = await chapter(api, run.id)
    assert line(told, "asked") == asker
    assert line(told, "run created") == f"run {run.id} of job {JOB_ID}"
    assert told.fate is None


async def test_a_run_of_a_log_tells_the_log_and_that_nobody_waits_for_an_answer(api: Api) -> None:
    run = await of_log(api)
    told = await chapter(api, run.id)
    lines = text(told)
    assert f"asked: by log 4 of transaction {LOG.transaction_hash}" in lines
    assert "nobody waits for an answer to it" in lines
    assert "for the log in block 100" in lines
    assert "request" not in lines
    assert "log:" not in lines


async def test_the_transaction_of_a_log_leads_to_its_run(api: Api) -> None:
    run = await of_log(api)
    receipt = Receipt(LOG.transaction_hash, 100, LOG.block_hash, 1, 21_000, 1, (LOG,))
    api.lookup.receipts[LOG.transaction_hash] = receipt
    found = (await explain(api.parts, LOG.transaction_hash)).chapters
    assert [each.subject for each in found] == [f"transaction {LOG.transaction_hash}", f"run {run.id}"]
    assert "its logs started 1 run" in text(found[0])
    assert "knows no request" not in text(found[0])


async def test_a_transaction_that_asks_and_also_starts_a_run_by_itself_tells_both(api: Api) -> None:
    asking = msgspec.structs.replace(run_log(block=100), transaction_hash=LOG.transaction_hash)
    run = await of_log(api)
    await store(api.db, request_of(asking))
    found = (await explain(api.parts, LOG.transaction_hash)).chapters
    assert [each.subject.split()[0] for each in found] == ["request", "run"]
    assert found[1].subject == f"run {run.id}"


@pytest.mark.parametrize(
    ("begins", "height", "words"),
    [
        (101, 120, "it takes logs from block 101 on, and this one is older"),
        (None, 99, "the block has not been read yet"),
        (None, 120, "the block was read before the job was there, or the Ethereum node left the log out"),
    ],
)
async def test_a_log_that_an_initiator_wants_and_that_started_nothing_says_why(
    api: Api, begins: int | None, height: int, words: str
) -> None:
    await a_job(api, Initiator(type="ethlog", address=ORACLE, from_block=begins))
    api.intake.height = height
    receipt = Receipt(LOG.transaction_hash, 100, LOG.block_hash, 1, 21_000, 1, (LOG,))
    api.lookup.receipts[LOG.transaction_hash] = receipt
    told = await chapter(api, LOG.transaction_hash)
    assert line(told, "log").endswith(f"is what job {JOB_ID} listens for: {words}")


# --- what its tasks did ----------------------------------------------------------------------------------------------


async def test_each_task_tells_what_it_was_given_and_left(api: Api) -> None:
    job = await a_job(api, Initiator(type="web"), "noop", "noop", "noop")
    run = await api.bench.engine.start(job, job.initiators[0], {"times": 100})
    first = after(run, 0, Completed({"result": "165.42"}), NOW)
    done = after(first, 1, Errored("no number", {"result": "165.42", "times": 100}), NOW)
    await saved(api, run, done)

    told = await chapter(api, run.id)

    assert line(told, "task 1 of 3: noop") == 'completed; it was given {"times":100}; it left {"result":"165.42"}'
    second = line(told, "task 2 of 3: noop")
    assert second.startswith("errored: no number; it was given ")
    assert '"result":"165.42"' in second
    assert '"times":100' in second
    assert line(told, "task 3 of 3: noop") == "not begun; it never will be"


@pytest.mark.parametrize(("depth", "said"), [(1, "with 1 confirmation of the "), (3, "with 3 confirmations of the ")])
async def test_a_task_says_how_deep_its_request_was(api: Api, depth: int, said: str) -> None:
    job = await a_job(api, Initiator(type="web"), "noop")
    run = await api.bench.engine.start(job, job.initiators[0], {})
    done = after(run, 0, Completed({"result": "1"}), NOW)
    deep = msgspec.structs.replace(done, tasks=tuple(msgspec.structs.replace(task, confirmations=depth) for task in done.tasks))
    await saved(api, run, deep)

    assert said in line(await chapter(api, run.id), "task 1 of 1: noop")


async def test_no_secret_is_told_and_no_more_than_a_person_reads(api: Api) -> None:
    job = await a_job(api, Initiator(type="web"))
    given = {"url": "https://user:hunter2@x.example/?key=hunter2", "apiKey": "hunter2", "deep": [{"password": "hunter2"}]}
    run = await api.bench.engine.start(job, job.initiators[0], {**given, "much": "x" * 10_000})
    await saved(api, run, after(run, 0, Completed({"result": "see https://x.example/?key=hunter2"}), NOW))
    told = text(await chapter(api, run.id))
    assert "hunter2" not in told
    assert len(told) < 2000


async def test_what_a_request_brings_along_does_not_push_the_result_out_of_sight(api: Api) -> None:
    job = await a_job(api, Initiator(type="web"), "noop")
    word = "0x" + "ab" * 32
    run = await api.bench.engine.start(
        job, job.initiators[0], {"address": ORACLE, "dataPrefix": "0x" + "77" * 200, "url": "x" * 90}
    )
    await saved(api, run, after(run, 0, Completed({**(run.input or {}), "result": word}), NOW))

    told = line(await chapter(api, run.id), "task 1 of 1: noop")

    assert f'; it left {{"result":"{word}","address":"{ORACLE}","dataPrefix":"0x7777' in told
    assert "7" * 99 not in told
    assert "x" * 90 in told


async def test_a_sleep_and_the_wait_for_a_bridge_tell_when_they_end(api: Api) -> None:
    job = await a_job(api, Initiator(type="web"), "noop", "noop")
    for status, words in (
        (RunStatus.PENDING_SLEEP, "pending_sleep: it goes on at 2023-11-14T22:13:21Z"),
        (
            RunStatus.PENDING_BRIDGE,
            "pending_bridge: it goes on when bridge noop has answered; it is given up at 2023-11-14T22:13:21Z",
        ),
        (
            RunStatus.PENDING_CONNECTION,
            f"pending_connection: it goes on when there is a connection to the chain (there is one); it is given up at {THEN}",
        ),
    ):
        run = await api.bench.engine.start(job, job.initiators[0], {})
        await saved(api, run, after(run, 0, Waits(status, {}, NOW + 1_000_000), NOW))
        told = await chapter(api, run.id)
        assert line(told, "run now") == words
        assert line(told, "task 1 of 2: noop").startswith(f"{status.value} until 2023-11-14T22:13:21Z; it was given {{}}")


# --- agreements ------------------------------------------------------------------------------------------------------


def under_agreement(**changes: Any) -> Log:
    return msgspec.structs.replace(run_log(block=100, **changes), topics=(ORACLE_REQUEST, AGREEMENT))


async def agreed(api: Api) -> Job:
    return await a_job(api, Initiator(type="execagreement", address=ORACLE, agreement=AGREEMENT), "noop", "ethtx")


async def test_a_request_under_an_agreement_names_it_and_its_terms(api: Api) -> None:
    job = await agreed(api)
    log = under_agreement()
    asked = read_run_log(log, job.initiators[0])
    run = api.bench.maker.from_log(job, job.initiators[0], log, asked, 120)
    await store(api.db, run, request_of(log, run_id=run.id, expiration=None))
    told = await chapter(api, run.id)
    assert f", by agreement {AGREEMENT}" in line(told, "job")
    assert "expiration" not in text(told)
    assert told.fate is not None
    assert told.fate.kind is Kind.IN_PROGRESS


async def test_a_request_under_an_agreement_that_was_not_seen_says_so(api: Api) -> None:
    await agreed(api)
    log = under_agreement()
    api.lookup.receipts[log.transaction_hash] = Receipt(log.transaction_hash, 100, log.block_hash, 1, 21_000, 1, (log,))
    told = await chapter(api, log.transaction_hash)
    assert f"job {JOB_ID} takes requests of that contract" in text(told)
    assert "payment and requester are as the job asks for" in text(told)


async def test_a_request_under_an_agreement_that_is_run_again_is_answered_by_its_coordinators_function(api: Api) -> None:
    await agreed(api)
    log = under_agreement(payment=LINK)
    api.lookup.receipts[log.transaction_hash] = Receipt(log.transaction_hash, 100, log.block_hash, 1, 21_000, 1, (log,))
    request = request_of(log, decision="refused", reason="the moon is full", expiration=None)
    await store(api.db, request)
    run, _ = await request_service.run_again(api.parts, request.request_id)
    assert run.input is not None
    assert run.input["functionSelector"] == "0x1f8f238c"
    assert run.input["dataPrefix"] == request.request_id
