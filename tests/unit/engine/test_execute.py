"""One run through the executor, with a real database in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
import pytest

from adyton.adapters.base import AdapterSettings
from adyton.adapters.registry import Registry
from adyton.domain.chain import Receipt
from adyton.domain.errors import Conflict
from adyton.domain.jobs import Job, TaskSpec
from adyton.domain.requests import read_run_log
from adyton.domain.runs import LONGEST_ERROR, Run, RunStatus
from adyton.domain.transactions import TransactionState
from adyton.engine.create import RunSource
from adyton.storage import request_runs
from adyton.storage import runs as stored
from adyton.storage import transactions as stored_transactions
from adyton.storage.connect import open_memory
from adyton.storage.database import Row, Statement
from adyton.storage.logs import Cursor
from support.builders import LINK, Bench, TestHttp, job, number_hash, run_log

PRICE_TASKS = (
    TaskSpec(type="httpget", params={"get": "https://prices.example/eth"}),
    TaskSpec(type="jsonparse", params={"path": ["USD"]}),
    TaskSpec(type="multiply", params={"times": 100}),
    TaskSpec(type="ethuint256"),
)
WORD = "0x" + f"{16542:064x}"


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    db = open_memory()
    yield Bench(db, http=TestHttp('{"USD":165.42}'))
    await db.close()


async def started(bench: Bench, spec: Job, given: object, text: str | None = None) -> Run:
    stored_job = await bench.add(spec)
    run = bench.maker.new_run(stored_job, stored_job.initiators[0], RunSource(given=given, text=text))
    await bench.db.write(stored.insert([run]))
    return run


async def asked(bench: Bench, spec: Job, **log: object) -> Run:
    stored_job = await bench.add(spec)
    entry = run_log(**log)  # type: ignore[arg-type] # the builder's own keywords
    head = bench.chain.state.head
    run = bench.maker.from_log(stored_job, stored_job.initiators[1], entry, read_run_log(entry), head.number if head else 0)
    await bench.db.write(stored.insert([run]))
    return run


async def read(bench: Bench, run: Run) -> Run:
    found = await stored.get(bench.db, run.id, bench.jobs)
    assert found is not None
    return found


async def test_a_web_run_goes_through_all_its_tasks(bench: Bench) -> None:
    run = await started(bench, job(*PRICE_TASKS), {"note": "manual"})

    done = await bench.executor.advance(run)

    assert done.status is RunStatus.COMPLETED
    assert done == await read(bench, run)
    assert done.tasks[-1].data == {"note": "manual", "result": WORD}
    assert [task.status for task in done.tasks] == [RunStatus.COMPLETED] * 4
    assert done.finished_at == bench.clock.now()


async def test_the_input_of_a_web_run_overrides_the_params_of_the_job(bench: Bench) -> None:
    run = await started(bench, job(*PRICE_TASKS), {"get": "https://other.example/", "path": ["EUR"]})
    bench.http.body = '{"EUR":2}'

    done = await bench.executor.advance(run)

    assert bench.http.asked[0].url == "https://other.example/"
    assert done.tasks[-1].data == {"get": "https://other.example/", "path": ["EUR"], "result": "0x" + f"{200:064x}"}


async def test_numbers_keep_every_digit(bench: Bench) -> None:
    big = 2**200 + 1
    run = await started(bench, job("noop", "ethuint256"), {"result": big})

    done = await bench.executor.advance(run)

    assert done.tasks[-1].data == {"result": f"0x{big:064x}"}


async def test_an_errored_task_ends_the_run_and_keeps_the_data(bench: Bench) -> None:
    run = await started(bench, job("jsonparse", "noop"), {"result": 5})

    done = await bench.executor.advance(run)

    assert (done.status, done.error) == (RunStatus.ERRORED, "non string result")
    assert done.tasks[0].data == {"result": 5}
    assert done.tasks[1].status is RunStatus.UNSTARTED
    assert done.finished_at is not None


@pytest.mark.parametrize("text", ["[1]", "5", '"x"'])
async def test_an_input_that_is_no_object_fails_the_first_task(bench: Bench, text: str) -> None:
    run = await started(bench, job("noop"), msgspec.json.decode(text), text)

    done = await bench.executor.advance(run)

    assert (done.status, done.error) == (RunStatus.ERRORED, "Cannot merge, expected object '{}'")
    assert (await read(bench, run)).input_text == text


async def test_a_null_input_counts_as_nothing(bench: Bench) -> None:
    run = await started(bench, job("noop"), None, "null")

    assert (await bench.executor.advance(run)).status is RunStatus.COMPLETED


async def test_a_run_waits_until_its_log_is_three_blocks_deep(bench: Bench) -> None:
    bench.chain.at(100)
    run = await asked(bench, job("noop"), block=100)
    assert (run.status, run.wake_height) == (RunStatus.PENDING_CONFIRMATIONS, 102)

    bench.chain.at(101)
    assert await stored.due_at(bench.db, 101, limit=10) == []

    bench.chain.at(102)
    assert await stored.due_at(bench.db, 102, limit=10) == [run.id]
    done = await bench.executor.advance(run)
    assert (done.status, done.observed_height) == (RunStatus.COMPLETED, 102)
    assert done.tasks[0].confirmations == 3


async def test_the_height_that_a_run_shows_when_it_ends_is_not_below_the_one_that_it_showed_while_it_waited(
    bench: Bench,
) -> None:
    run = await answered_in_vain(bench)
    assert run.observed_height == 103

    bench.chain.at(110)
    done = await bench.executor.advance(run)

    assert (done.status.finished, done.observed_height) == (True, 110)
    assert done == await read(bench, run)


async def test_a_later_task_may_ask_for_more_confirmations(bench: Bench) -> None:
    bench.chain.at(102)
    run = await asked(bench, job("noop", TaskSpec(type="noop", confirmations=5)), block=100)

    waiting = await bench.executor.advance(run)
    assert (waiting.status, waiting.wake_height) == (RunStatus.PENDING_CONFIRMATIONS, 104)
    assert waiting.tasks[0].status is RunStatus.COMPLETED

    bench.chain.at(104)
    assert (await bench.executor.advance(waiting)).status is RunStatus.COMPLETED


async def test_a_request_that_left_the_chain_cancels_its_run_once_log_intake_has_read_the_new_branch(bench: Bench) -> None:
    bench.chain.at(100)
    run = await asked(bench, job("noop"), block=100)
    bench.chain.hashes[100] = number_hash(100, 9)
    bench.chain.at(102)

    waiting = await bench.executor.advance(run)
    assert (waiting.status, waiting.wake_height) == (RunStatus.PENDING_CONFIRMATIONS, 103)
    bench.chain.at(103)
    bench.chain.taken_in = Cursor(100, number_hash(100))  # still the branch that was left
    waiting = await bench.executor.advance(waiting)
    assert (waiting.status, waiting.wake_height) == (RunStatus.PENDING_CONFIRMATIONS, 104)

    bench.chain.at(104)
    bench.chain.taken_in = Cursor(103, number_hash(103))
    cancelled = await bench.executor.advance(waiting)
    assert (cancelled.status, cancelled.left_chain) == (RunStatus.CANCELLED, 104)
    assert cancelled.finished_at is not None
    assert cancelled.error == (
        f"its request left the chain: block 100 ({number_hash(100)}, transaction {number_hash(1, 77)}) is not canonical any "
        "more; it goes on if the request comes back"
    )
    assert await read(bench, run) == cancelled


async def test_a_run_that_was_cancelled_because_its_request_left_the_chain_goes_on_when_it_is_back(bench: Bench) -> None:
    bench.chain.at(100)
    run = await asked(bench, job("ethtx"), block=100)
    bench.chain.hashes[100] = number_hash(100, 9)
    bench.chain.at(102)
    bench.chain.taken_in = Cursor(102, number_hash(102))
    assert (await bench.executor.advance(run)).status is RunStatus.CANCELLED

    back = await moved_to(bench, run, 103)
    assert (back.status, back.wake_height, back.left_chain, back.error) == (RunStatus.PENDING_CONFIRMATIONS, 103, None, None)
    assert back.finished_at is None

    bench.chain.at(103)
    waiting = await bench.executor.advance(back)
    assert (waiting.status, waiting.wake_height) == (RunStatus.PENDING_CONFIRMATIONS, 105)
    bench.chain.at(105)
    assert (await bench.executor.advance(waiting)).tasks[0].status is RunStatus.PENDING_CONFIRMATIONS
    assert await bench.db.read("SELECT COUNT(*) FROM transactions") == [(1,)]


async def test_a_request_that_is_back_before_the_cancellation_is_durable_goes_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.chain.at(100)
    run = await asked(bench, job("noop"), block=100)
    bench.chain.hashes[100] = number_hash(100, 9)
    bench.chain.at(102)
    bench.chain.taken_in = Cursor(102, number_hash(102))
    write = bench.db.write

    async def meanwhile(*statements: Statement) -> list[list[Row]]:
        done = await write(*statements)
        bench.chain.hashes.clear()
        return done

    monkeypatch.setattr(bench.db, "write", meanwhile)
    back = await bench.executor.advance(run)

    assert (back.status, back.wake_height, back.left_chain) == (RunStatus.PENDING_CONFIRMATIONS, 100, None)
    assert (await bench.executor.advance(back)).status is RunStatus.COMPLETED


@pytest.mark.parametrize("confirmations", [0, 1])
async def test_a_request_that_waits_for_no_confirmations_is_looked_for_before_its_answer_is_sent(
    bench: Bench, confirmations: int
) -> None:
    bench.registry = Registry(
        http=bench.http, clock=bench.clock, settings=AdapterSettings(min_incoming_confirmations=confirmations)
    )
    bench.maker._types = bench.registry
    bench.chain.at(100)
    run = await asked(bench, job("ethtx"), block=100)
    assert run.status is RunStatus.IN_PROGRESS
    bench.chain.hashes[100] = number_hash(100, 9)

    waiting = await bench.executor.advance(run)

    assert (waiting.status, waiting.wake_height) == (RunStatus.PENDING_CONFIRMATIONS, 100)
    assert await bench.db.read("SELECT COUNT(*) FROM transactions") == [(0,)]
    bench.chain.taken_in = Cursor(101, number_hash(101))
    assert (await bench.executor.advance(waiting)).status is RunStatus.CANCELLED


async def test_a_block_that_cannot_be_looked_up_now_is_asked_for_at_the_next_head(bench: Bench) -> None:
    bench.chain.at(100)
    run = await asked(bench, job("noop"), block=100)
    bench.chain.hashes[100] = None
    bench.chain.at(500)

    waiting = await bench.executor.advance(run)

    assert (waiting.status, waiting.wake_height) == (RunStatus.PENDING_CONFIRMATIONS, 501)


async def test_the_wish_for_a_transaction_is_stored_with_the_runs_new_state(bench: Bench) -> None:
    bench.chain.at(102)
    run = await asked(bench, job(*PRICE_TASKS, "ethtx"), block=100)

    waiting = await bench.executor.advance(run)

    wanted = await stored_transactions.of_task(bench.db, run.id, 4)
    assert waiting.status is RunStatus.PENDING_CONFIRMATIONS
    assert waiting.wake_height is None
    assert waiting.tasks[4].status is RunStatus.PENDING_CONFIRMATIONS
    assert wanted is not None
    assert wanted.to_address == run_log().address
    assert wanted.data == "0x4ab0d190" + run_log().data[66:386] + WORD[2:]
    assert bench.outbox.woken == 1


async def test_without_a_connection_the_transaction_waits_for_one(bench: Bench) -> None:
    bench.chain.at(102, connected=False)
    run = await asked(bench, job("ethtx"), block=100)

    waiting = await bench.executor.advance(run)
    assert waiting.status is RunStatus.PENDING_CONNECTION
    assert await bench.executor.advance(waiting) is waiting

    bench.chain.at(102)
    assert (await bench.executor.advance(waiting)).status is RunStatus.PENDING_CONFIRMATIONS
    assert await stored_transactions.of_task(bench.db, run.id, 0) is not None


async def test_a_requester_cannot_redirect_the_answer(bench: Bench) -> None:
    bench.chain.at(102)
    keys = {b"Address": b"0x" + b"0" * 40, b"functionselector": b"0x00000000", b"gasPrice": b"1"}
    cbor = b"".join(bytes([0x60 + len(k)]) + k + b"\x78" + bytes([len(v)]) + v for k, v in keys.items())
    run = await asked(bench, job(TaskSpec(type="ethtx", params={"gasPrice": 7})), block=100, cbor=cbor)

    await bench.executor.advance(run)

    wanted = await stored_transactions.of_task(bench.db, run.id, 0)
    assert wanted is not None
    assert wanted.to_address == run_log().address
    assert wanted.data.startswith("0x4ab0d190")
    assert wanted.gas_price == 7


async def test_a_save_that_lost_a_race_writes_nothing(bench: Bench) -> None:
    run = await started(bench, job("noop"), {})
    await bench.db.write(Statement("UPDATE runs SET version = version + 1 WHERE id = ?", [(run.id,)]))

    with pytest.raises(Conflict):
        await bench.executor.advance(run)

    assert (await read(bench, run)).status is RunStatus.IN_PROGRESS
    assert (await read(bench, run)).tasks[0].status is RunStatus.UNSTARTED


async def test_an_interrupted_run_goes_on_behind_the_last_durable_task(bench: Bench) -> None:
    bench.chain.at(102)
    run = await asked(bench, job("httpget", TaskSpec(type="noop", confirmations=9)), block=100)
    run = msgspec.structs.replace(run, input={**(run.input or {}), "get": "https://prices.example/eth"})
    waiting = await bench.executor.advance(run)
    assert len(bench.http.asked) == 1

    bench.chain.at(108)
    done = await bench.executor.advance(await read(bench, waiting))

    assert done.status is RunStatus.COMPLETED
    assert len(bench.http.asked) == 1


async def test_an_unknown_adapter_makes_a_run_that_is_errored_from_the_start(bench: Bench) -> None:
    run = await started(bench, job("noop", "nonexist"), {})

    assert (run.status, run.error) == (RunStatus.ERRORED, "nonexist is not a supported adapter type")
    assert run.finished_at is not None


async def test_a_request_that_pays_too_little_is_kept_as_an_errored_run(bench: Bench) -> None:
    bench.chain.at(102)
    run = await asked(bench, job("ethtx", "ethtx"), block=100, payment=LINK + 1)

    assert run.status is RunStatus.ERRORED
    assert run.error == (
        f"Rejecting job {run.job_id} with payment 1.000000000000000001 below minimum threshold (2000000000000000000)"
    )
    assert (await read(bench, run)).payment == LINK + 1


async def test_a_stranger_on_a_job_with_requesters_gets_an_errored_run(bench: Bench) -> None:
    bench.chain.at(102)
    run = await asked(bench, job("noop", requesters=("0x" + "01" * 20,)), block=100)

    assert run.error == "Run Log didn't have have a valid requester: 0x9FBDa871d559710256a2502A2517b794B482Db40"
    assert run.input_error == run.error


# --- a request that moves from under its answer ----------------------------------------------------------------------


async def answered_in_vain(bench: Bench, *, mined_in: int = 103) -> Run:
    """A run whose request was in block 100 and whose answer was mined and reverted."""
    bench.chain.at(103)
    run = await asked(bench, job("ethtx"), block=100)
    waiting = await bench.executor.advance(run)
    assert (waiting.status, waiting.wake_height) == (RunStatus.PENDING_CONFIRMATIONS, None)
    receipt = Receipt("0x" + "ef" * 32, mined_in, number_hash(mined_in), 0, 1, 1)
    text = msgspec.json.encode(receipt).decode()
    mined = "UPDATE transactions SET state = 'safe', nonce = 0, broadcast_at = 1, receipt = ?, receipt_block = ?, "
    mined += "receipt_block_hash = ?, safe_height = ?"
    await bench.db.write(Statement(mined, [(text, mined_in, receipt.block_hash, mined_in)]))
    return await read(bench, run)


async def moved_to(bench: Bench, run: Run, block: int, **log: object) -> Run:
    entry = run_log(block=block, kind=5, **log)  # type: ignore[arg-type] # the builder's own keywords
    assert run.request is not None
    assert run.creation_height is not None
    request = msgspec.structs.replace(run.request, block_hash=entry.block_hash)
    given = read_run_log(entry).data | {"dataPrefix": "0x" + "77" * 32}
    by = block - run.creation_height
    await bench.db.write(request_runs.move(run.id, request, given, payment=LINK, height=block, by=by, now=bench.clock.now()))
    bench.chain.hashes[block] = entry.block_hash
    return await read(bench, run)


async def test_an_answer_that_reverted_because_its_request_moved_is_given_again_for_the_request_as_it_is_now(
    bench: Bench,
) -> None:
    run = await moved_to(bench, await answered_in_vain(bench), 101)

    again = await bench.executor.advance(run)

    assert again.status is RunStatus.PENDING_CONFIRMATIONS
    assert again.wake_height is None
    newest = await stored_transactions.of_task(bench.db, run.id, 0)
    assert newest is not None
    assert newest.state is TransactionState.UNSTARTED
    assert newest.data.startswith("0x4ab0d190" + "77" * 32)
    assert await bench.db.read("SELECT state, run_id FROM transactions ORDER BY id") == [
        ("safe", None),
        ("unstarted", run.id),
    ]


async def test_an_answer_that_reverted_while_its_request_was_off_the_chain_waits_for_it_to_come_back(bench: Bench) -> None:
    run = await answered_in_vain(bench)
    bench.chain.hashes[100] = number_hash(100, 5)
    bench.chain.at(104)

    waiting = await bench.executor.advance(run)

    assert (waiting.status, waiting.wake_height) == (RunStatus.PENDING_CONFIRMATIONS, 105)
    back = await moved_to(bench, waiting, 105)
    bench.chain.at(200)
    again = await bench.executor.advance(back)
    assert (again.status, again.wake_height) == (RunStatus.PENDING_CONFIRMATIONS, None)


async def test_an_answer_that_reverted_is_an_error_when_its_request_never_moved_or_never_comes_back(bench: Bench) -> None:
    run = await answered_in_vain(bench)
    done = await bench.executor.advance(run)
    assert done.status is RunStatus.ERRORED
    assert "reverted on-chain" in (done.error or "")


async def test_a_request_that_stays_off_the_chain_until_finality_ends_its_run(bench: Bench) -> None:
    run = await answered_in_vain(bench)
    bench.chain.hashes[100] = number_hash(100, 5)
    bench.chain.at(104)
    waiting = await bench.executor.advance(run)
    bench.chain.at(1000)
    done = await bench.executor.advance(waiting)
    assert done.status is RunStatus.ERRORED
    assert "not on main chain" in (done.error or "")


async def test_an_error_keeps_no_more_of_a_strangers_words_than_a_person_reads(bench: Bench) -> None:
    run = await started(bench, job("ethuint256"), {"result": "x" * 1_000_000})
    done = await bench.executor.advance(run)
    assert done.status is RunStatus.ERRORED
    assert len(done.error or "") <= LONGEST_ERROR + 1
    assert len((await read(bench, run)).tasks[0].error or "") <= LONGEST_ERROR + 1
