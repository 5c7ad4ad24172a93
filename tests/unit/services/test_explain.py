"""Why did nothing happen? Every step that the node took, and every reason for taking none, is told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from adyton.domain.chain import Log, Receipt
from adyton.domain.errors import Invalid, NotFound, TryAgain
from adyton.domain.fates import Kind
from adyton.domain.jobs import TaskSpec
from adyton.domain.requests import CANCELLED_TOPIC, End
from adyton.domain.runs import Completed, Errored, RunStatus, after
from adyton.domain.transactions import TransactionState
from adyton.ethereum.errors import RpcError
from adyton.services import jobs as job_service
from adyton.services.explain import explain
from adyton.services.narrative import Chapter, gwei
from adyton.storage import jobs as stored_jobs
from adyton.storage import logs as stored_logs
from adyton.storage import rereads, reruns
from adyton.storage import runs as stored_runs
from adyton.storage.logs import LogDecision
from support.api import Api
from support.asked import ANSWER, closing, request_of, run_for, store, transaction_of
from support.builders import JOB_ID, NOW, ORACLE, REQUESTER, SENDER, job, number_hash, run_log

LOG = run_log(block=100)
OTHER = "0x" + "77" * 20
S = TransactionState


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with Api(height=120) as opened:
        await opened.job(
            job(TaskSpec(type="httpget", params={"get": "https://x.example/?key=hunter2"}), "ethtx", address=ORACLE)
        )
        yield opened


def mined(api: Api, *logs: Log, status: int = 1, block: int = 100) -> str:
    """Let the chain have a transaction with these logs; returns its hash."""
    api.lookup.receipts[LOG.transaction_hash] = Receipt(
        LOG.transaction_hash, block, number_hash(block), status, 21_000, 1, logs
    )
    return LOG.transaction_hash


async def chapter(api: Api, what: str) -> Chapter:
    """The only chapter."""
    (found,) = (await explain(api.parts, what)).chapters
    return found


def text(found: Chapter) -> str:
    """Its steps, a line each."""
    return "\n".join(f"{step.what}: {step.detail}" for step in found.steps)


async def story(api: Api) -> dict[str, str]:
    """A request whose run failed, was run again, and is answered; the names under which it can be asked for."""
    old = run_for(api.bench, LOG)
    failed = after(old, 0, Errored("no answer from https://user:hunter2@x.example/?key=hunter2", {}), NOW + 1)
    new = run_for(api.bench, LOG)
    fetched = after(new, 0, Completed({"result": "1"}), NOW + 2)
    done = after(fetched, 1, Completed({"result": ANSWER}), NOW + 3)
    request = request_of(LOG, run_id=old.id)
    await api.db.write(stored_runs.insert([old]), *stored_runs.save(failed, [failed.tasks[0]]))
    stored = await api.run(old.id)
    await store(api.db, request)
    await api.db.write(*reruns.started_again(request, stored, new, NOW))
    await api.db.write(*stored_runs.save(done, done.tasks))
    await store(api.db, transaction_of(new))
    return {
        "request": request.request_id,
        "transaction": LOG.transaction_hash,
        "answer": ANSWER,
        "run": new.id,
        "old run": old.id,
    }


# --- what is known ---------------------------------------------------------------------------------------------------


async def test_a_request_is_told_from_its_log_to_its_answer(api: Api) -> None:
    names = await story(api)
    told = await chapter(api, names["request"])
    assert [step.what for step in told.steps] == [
        "request seen",
        "job",
        "requester",
        "payment",
        "expiration",
        "confirmations",
        "decision",
        "run created",
        "task 1 of 2: httpget",
        "task 2 of 2: ethtx",
        "run replaced",
        "run created",
        "task 1 of 2: httpget",
        "task 2 of 2: ethtx",
        "transaction 1",
        "attempt 1",
        "receipt",
        "run ended",
    ]
    lines = text(told)
    assert "in block 100, 21 deep now" in lines
    assert "anyone may ask" in lines
    assert "payment: 1.000000000000000000 LINK; the job asks for" in lines
    assert "task 2 of 2: ethtx: not begun; it never will be" in lines
    assert f"run replaced: errored: no answer from https://***@x.example/?***; run {names['run']} took its place" in lines
    assert "nonce 1" in lines
    assert f"{ANSWER} at 61.5 gwei at most, with a tip of 1 gwei; an Ethereum node has taken it before block 103" in lines
    assert f"{ANSWER} succeeded, in block 105, 16 deep now; 2 deep was asked for; 70000 gas at 30 gwei" in lines
    assert told.fate is not None
    assert (told.fate.kind, told.fate.transaction, told.next) == (Kind.ANSWERED, ANSWER, "")
    assert [step.at for step in told.steps if step.what == "run ended"] == [NOW + 3]


async def test_a_job_that_was_changed_in_place_is_said_to_be(api: Api) -> None:
    names = await story(api)
    assert "now (it was changed" not in text(await chapter(api, names["request"]))
    known = api.parts.jobs.jobs[JOB_ID]
    changed = msgspec.structs.replace(known, tasks=(TaskSpec(type="noop"),))
    await api.db.write(*stored_jobs.change(changed, None, NOW))
    api.parts.jobs.add(msgspec.structs.replace(changed, version=changed.version + 1))
    lines = text(await chapter(api, names["request"]))
    assert "with tasks noop now (it was changed since it was made; a run keeps the tasks that it began with)" in lines
    assert "task 2 of 2: ethtx" in lines


@pytest.mark.parametrize("name", ["request", "transaction", "answer", "run", "old run"])
@pytest.mark.parametrize("form", [str, str.upper, lambda text: f"  {text} "])
async def test_every_name_of_it_leads_to_the_same_story(api: Api, name: str, form: Any) -> None:
    names = await story(api)
    assert (await explain(api.parts, form(names[name]).replace("0X", "0x"))).chapters == (
        await explain(api.parts, names["request"])
    ).chapters


async def test_a_hash_may_lack_its_prefix_a_run_may_have_dashes_and_a_request_its_contract(api: Api) -> None:
    names = await story(api)
    wanted = (await explain(api.parts, names["request"])).chapters
    run = names["run"]
    dashed = f"{run[:8]}-{run[8:12]}-{run[12:16]}-{run[16:20]}-{run[20:]}"
    for name in (names["request"].removeprefix("0x"), dashed, f"{ORACLE}:{names['request']}"):
        assert (await explain(api.parts, name)).chapters == wanted


async def test_no_secret_is_told(api: Api) -> None:
    names = await story(api)
    assert "hunter2" not in text(await chapter(api, names["request"]))


async def test_two_requests_of_one_transaction_are_two_chapters(api: Api) -> None:
    second = msgspec.structs.replace(run_log(request=2, block=100, index=1), transaction_hash=LOG.transaction_hash)
    await store(api.db, request_of(LOG), request_of(second))
    told = await explain(api.parts, LOG.transaction_hash)
    assert [each.subject for each in told.chapters] == [f"request {request_of(log).request_id}" for log in (LOG, second)]


async def test_a_request_that_left_the_chain_and_the_end_that_the_chain_names_are_told(api: Api) -> None:
    api.bench.chain.hashes[100] = number_hash(100, 4)
    await store(api.db, request_of(LOG, closed=closing(End.CANCELLED, transaction=number_hash(6), block=110)))
    told = await chapter(api, request_of(LOG).request_id)
    assert "block 100, which is not on the chain any more" in text(told)
    assert f"closed on the chain: cancelled in transaction {number_hash(6)}, in block 110, 11 deep now" in text(told)
    assert told.fate is not None
    assert told.fate.kind is Kind.CANCELLED


async def test_blocks_that_were_read_again_are_told(api: Api) -> None:
    await store(api.db, request_of(LOG))
    covering = rereads.asked("an operator asked for it", 90, 110, every_job=True, now=NOW)
    ((row,),) = await api.db.write(rereads.insert(covering))
    await api.db.write(rereads.progress(covering.numbered(row), 111, NOW))
    assert "read again: blocks 90 to 110: an operator asked for it" in text(await chapter(api, LOG.transaction_hash))


NONE = "5" * 32
"""The id of no job."""


@pytest.mark.parametrize(
    ("reason", "words", "again"),
    [
        ("Rejecting job 1 with payment 0.1 below minimum threshold (1)", "MINIMUM_CONTRACT_PAYMENT", True),
        ("the moon is full", "Correct the cause.", True),
        ("no job 55 on this node", "adyton jobs list", False),
        ("job 55 is archived", "adyton jobs list", False),
        ("job 55 does not listen to contract 0x12", "`address`", False),
        ("Run Log didn't have have a valid requester: 0x12", "`requesters`", False),
        ("job 55 sends no answer: it has no ethtx task", "ethtx", False),
        ("its request left the chain: block 7 is not canonical any more", "goes on by itself", False),
    ],
)
async def test_a_refused_request_says_what_to_do_and_to_run_it_again_only_if_that_can_be(
    api: Api, reason: str, words: str, again: bool
) -> None:
    there = NONE if reason.startswith("no job") else JOB_ID
    request = request_of(LOG, decision="refused", reason=reason, expiration=None, job_id=there)
    await store(api.db, request)
    told = await chapter(api, request.request_id)
    assert f"decision: refused: {reason}" in text(told)
    assert words in told.next
    assert told.next.endswith(f"`adyton requests run {_checksum(ORACLE)}:{request.request_id}`") is again
    assert ("requests run" in told.next) is again


async def test_a_request_whose_job_came_after_it_can_be_run(api: Api) -> None:
    request = request_of(LOG, decision="refused", reason=f"no job {JOB_ID} on this node", expiration=None)
    await store(api.db, request)
    told = await chapter(api, request.request_id)
    assert told.next == f"The job is there now. Then: `adyton requests run {_checksum(ORACLE)}:{request.request_id}`"


async def test_an_expired_request_that_nothing_here_can_answer_is_not_to_be_run(api: Api) -> None:
    request = request_of(LOG, decision="refused", reason=f"no job {NONE} on this node", expiration=1, job_id=NONE)
    await store(api.db, request)
    told = await chapter(api, request.request_id)
    assert told.fate is not None
    assert told.fate.kind is Kind.EXPIRED
    assert told.next.startswith("The requester may take the payment back.")
    assert "requests run" not in told.next


async def test_an_end_in_a_block_that_left_the_chain_sends_one_to_the_health(api: Api) -> None:
    request = request_of(LOG, closed=closing(End.ANSWERED, transaction=number_hash(6), block=110))
    await store(api.db, request)
    assert (await chapter(api, request.request_id)).next == ""
    api.bench.chain.hashes[110] = number_hash(110, 4)
    assert "`adyton health`" in (await chapter(api, request.request_id)).next


def _checksum(address: str) -> str:
    from adyton.domain.evm import checksum

    return checksum(address)


async def test_a_request_that_waits_says_for_what(api: Api) -> None:
    spec = api.bench.jobs.jobs[JOB_ID]
    run = api.bench.maker.from_log(spec, spec.initiators[1], LOG, _read(LOG), 100)
    waiting = msgspec.structs.replace(run, status=RunStatus.PENDING_CONFIRMATIONS, wake_height=102)
    await store(api.db, waiting, request_of(LOG, run_id=run.id))
    told = await chapter(api, run.id)
    assert "waits for block 102" in text(told)
    assert told.next == "Wait."


async def test_a_transaction_that_waits_sends_one_to_the_doctor(api: Api) -> None:
    run = run_for(api.bench, LOG)
    await store(api.db, run, request_of(LOG, run_id=run.id), transaction_of(run, S.UNCONFIRMED, waiting="no funds"))
    told = await chapter(api, run.id)
    assert "it waits: no funds" in text(told)
    assert "adyton txs doctor" in told.next


def _read(log: Log) -> Any:
    from adyton.domain.requests import read_run_log

    return read_run_log(log)


async def test_a_run_that_a_client_started_is_told_without_a_request(api: Api) -> None:
    spec = await api.job(job("noop", job_id="7" * 32))
    run = await api.bench.engine.start(spec, spec.initiators[0], {})
    told = await chapter(api, run.id)
    assert text(told).splitlines()[0] == "asked: by a client"
    assert told.fate is None


async def test_a_withdrawal_is_told_by_its_hash(api: Api) -> None:
    await store(api.db, transaction_of(None, purpose="withdrawal"))
    told = await chapter(api, ANSWER)
    assert "sent by this node: it is a withdrawal" in text(told)


async def test_a_transaction_that_no_run_waits_for_any_more_is_told(api: Api) -> None:
    await store(api.db, transaction_of(None, status=0, revert_reason="Params do not match request ID"))
    lines = text(await chapter(api, ANSWER))
    assert "its request was moved by the chain" in lines
    assert "reverted: Params do not match request ID" in lines


async def test_without_a_connection_what_the_rows_say_is_told_all_the_same(api: Api) -> None:
    names = await story(api)
    api.bench.chain.at(120, connected=False)
    lines = text(await chapter(api, names["request"]))
    assert "whether it is on the chain cannot be told now: there is no connection to the chain" in lines
    assert "run ended: completed" in lines


# --- what is not -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["", "0x12", "zz" * 32, "1" * 31, "0x" + "1" * 65, "nonsense", f"{ORACLE}"])
async def test_what_is_nothing_of_that_is_said_to_be_so(api: Api, what: str) -> None:
    with pytest.raises(Invalid, match="neither a transaction's hash nor a request's id"):
        await explain(api.parts, what)


async def test_a_run_or_a_request_that_is_not_there_is_not_found(api: Api) -> None:
    with pytest.raises(NotFound):
        await explain(api.parts, "1" * 32)
    with pytest.raises(NotFound):
        await explain(api.parts, f"{ORACLE}:{number_hash(1)}")


async def test_without_a_connection_an_unknown_hash_cannot_be_looked_up(api: Api) -> None:
    api.bench.chain.at(120, connected=False)
    told = await chapter(api, number_hash(1))
    assert "it cannot be asked: there is no connection" in text(told)
    assert "adyton health" in told.next


@pytest.mark.parametrize(
    "fault", [RpcError(-32000, "wss://u:hunter2@x.example/hunter2 is away"), TryAgain("no answer in time")]
)
async def test_a_chain_that_does_not_say_is_asked_again_later(api: Api, fault: Exception) -> None:
    api.lookup.error = fault
    told = await chapter(api, number_hash(1))
    assert "it does not say" in text(told)
    assert "hunter2" not in text(told)
    assert "Ask again" in told.next


async def unseen(api: Api, log: Log) -> tuple[str, str]:
    """What is told of a transaction with that log which the node has not taken in."""
    told = await chapter(api, mined(api, log, block=log.block_number))
    assert told.steps[0].what == "this node"
    return text(told), told.next


async def test_a_hash_that_the_chain_does_not_have(api: Api) -> None:
    told = await chapter(api, number_hash(1))
    assert "no transaction of that hash is on the chain" in text(told)
    assert "Is the hash right" in told.next


async def test_a_transaction_that_is_not_mined_yet(api: Api) -> None:
    api.lookup.pending.add(number_hash(1))
    told = await chapter(api, number_hash(1))
    assert "it is in no block yet" in text(told)
    assert "Wait" in told.next


async def test_a_transaction_that_reverted(api: Api) -> None:
    told = await chapter(api, mined(api, status=0))
    assert "it reverted there, so nothing was asked" in text(told)


async def test_a_transaction_on_another_branch(api: Api) -> None:
    api.bench.chain.hashes[100] = number_hash(100, 4)
    assert "not on the chain that the node follows now" in text(await chapter(api, mined(api, LOG)))


async def test_a_transaction_that_asks_no_oracle(api: Api) -> None:
    cancels = msgspec.structs.replace(LOG, topics=(CANCELLED_TOPIC, number_hash(1)))
    anonymous = msgspec.structs.replace(LOG, topics=())
    lines = text(await chapter(api, mined(api, cancels, anonymous)))
    assert "none of its 2 logs is an oracle request; it says that requests were cancelled" in lines


async def test_a_job_that_is_not_here(api: Api) -> None:
    lines, advice = await unseen(api, run_log(job_id="5" * 32))
    assert f"there is no job {'5' * 32} on this node; there are 1 jobs here" in lines
    assert "adyton jobs list" in advice


async def test_a_job_that_is_archived(api: Api) -> None:
    await job_service.archive(api.parts, JOB_ID)
    lines, advice = await unseen(api, LOG)
    assert f"job {JOB_ID} is archived" in lines
    assert "new id" in advice


async def test_a_contract_that_the_job_does_not_listen_to(api: Api) -> None:
    lines, advice = await unseen(api, run_log(address=OTHER))
    assert f"does not take requests of contract {_checksum(OTHER)}: it listens to {_checksum(ORACLE)}" in lines
    assert _checksum(OTHER) in advice


async def test_a_log_that_cannot_be_read(api: Api) -> None:
    lines, advice = await unseen(api, msgspec.structs.replace(LOG, data="0x00"))
    assert "it cannot be read: the event has 1 bytes of data" in lines
    assert "not an oracle contract" in advice


async def test_a_block_that_has_not_been_read_yet(api: Api) -> None:
    api.intake.height = 99
    lines, advice = await unseen(api, LOG)
    assert "blocks have been read through 99; this is block 100" in lines
    assert "payment and requester are as the job asks for" in lines
    assert advice.startswith("Wait.")
    api.intake.height = None
    assert "no block has been read yet" in (await unseen(api, LOG))[0]


async def test_a_payment_or_a_requester_that_will_not_do(api: Api) -> None:
    lines, _ = await unseen(api, run_log(payment=1))
    assert "it would be refused: Rejecting job" in lines
    await api.job(job("noop", job_id="6" * 32, requesters=(SENDER,)))
    lines, _ = await unseen(api, run_log(job_id="6" * 32, requester=REQUESTER))
    assert "valid requester" in lines


async def test_a_block_before_the_job_begins(api: Api) -> None:
    await api.job(job("noop", job_id="6" * 32, from_block=101))
    lines, advice = await unseen(api, run_log(job_id="6" * 32))
    assert "it takes requests from block 101 on, and this one is older" in lines
    assert "adyton blocks replay --from 100" in advice


async def test_a_log_that_was_passed_over(api: Api) -> None:
    lines, advice = await unseen(api, LOG)
    assert "blocks have been read through 120, but this request was not seen" in lines
    assert "adyton blocks replay --from 100" in advice


async def test_a_decision_about_a_log_is_told(api: Api) -> None:
    refused = LogDecision(log=LOG, job_id=JOB_ID, decision="refused", reason="internal error")
    await api.db.write(stored_logs.insert([refused], NOW))
    assert "decision: refused: internal error" in (await unseen(api, LOG))[0]


@pytest.mark.parametrize(("wei", "shown"), [(0, "0"), (10**9, "1"), (1_500_000_000, "1.5"), (1, "0.000000001")])
def test_prices_keep_every_digit(wei: int, shown: str) -> None:
    assert gwei(wei) == shown


async def test_an_expiration_that_no_calendar_has_is_never(api: Api) -> None:
    await store(api.db, request_of(LOG, expiration=2**63 - 1))
    assert "expiration: never" in text(await chapter(api, LOG.transaction_hash))
