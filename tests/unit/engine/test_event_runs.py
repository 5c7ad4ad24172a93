"""Runs that logs start without asking: the job says where its transactions go, and one that reverts is the end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from adyton.domain.chain import Receipt
from adyton.domain.event_logs import event_data, event_id, subscriptions
from adyton.domain.jobs import TaskSpec
from adyton.domain.runs import Run, RunRequest, RunStatus
from adyton.engine.create import RunSource
from adyton.storage import runs as stored_runs
from adyton.storage import transaction_runs
from adyton.storage import transactions as stored_transactions
from adyton.storage.connect import open_memory
from adyton.storage.database import Statement
from support.builders import ORACLE, Bench, number_hash
from support.intake import event, event_job

TARGET = "0x" + "44" * 20
LOG = event(block=100)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    db = open_memory()
    yield Bench(db, height=103)
    await db.close()


async def sent(bench: Bench, **params: Any) -> tuple[Run, str, str]:
    """The run of ``LOG`` whose task asked for a transaction, to whom, and with which data."""
    spec = msgspec.structs.replace(event_job(), tasks=(TaskSpec(type="ethtx", params=params),))
    job = await bench.add(spec)
    (mine,) = subscriptions(job)
    place = RunRequest(
        contract=LOG.address,
        transaction_hash=LOG.transaction_hash,
        block_hash=LOG.block_hash,
        log_index=0,
        request_id=event_id(mine, LOG, 0),
    )
    run = bench.maker.new_run(job, mine.initiator, RunSource(given=event_data(LOG), height=100, head=103, request=place))
    await bench.db.write(stored_runs.insert([run]))
    waiting = await bench.executor.advance(run)
    assert waiting.status is RunStatus.PENDING_CONFIRMATIONS, waiting.error
    transaction = await stored_transactions.of_task(bench.db, run.id, 0)
    assert transaction is not None
    return waiting, transaction.to_address, transaction.data


async def test_a_transaction_goes_where_the_job_says_and_not_to_whoever_emitted_the_log(bench: Bench) -> None:
    _, to, calldata = await sent(bench, address=TARGET, functionSelector="0x11223344", dataPrefix="0xabcd")
    assert to == TARGET
    assert calldata.startswith("0x11223344abcd")


async def test_it_goes_to_the_logs_contract_if_the_job_names_none(bench: Bench) -> None:
    _, to, calldata = await sent(bench, functionSelector="0x11223344")
    assert to == ORACLE
    assert calldata == "0x11223344" + "0" * 64


async def test_a_transaction_that_reverts_ends_the_run_and_is_not_repeated(bench: Bench) -> None:
    run, _, _ = await sent(bench, address=TARGET, functionSelector="0x11223344")
    receipt = Receipt("0x" + "ef" * 32, 104, number_hash(104), 0, 1, 1)
    mined = "UPDATE transactions SET state = 'safe', nonce = 0, broadcast_at = 1, receipt = ?, receipt_block = 104, "
    mined += "receipt_block_hash = ?, safe_height = 104"
    await bench.db.write(Statement(mined, [(msgspec.json.encode(receipt).decode(), receipt.block_hash)]))

    done = await bench.executor.advance(run)

    assert done.status is RunStatus.ERRORED
    assert "reverted on-chain" in (done.error or "")
    assert len(await bench.db.read("SELECT id FROM transactions")) == 1


async def test_before_it_is_sent_the_logs_place_is_looked_at_like_a_requests(bench: Bench) -> None:
    run, _, _ = await sent(bench, address=TARGET)
    (place,) = (await transaction_runs.places(bench.db, [run.id])).values()
    assert (place.block, place.block_hash, place.prefix) == (100, LOG.block_hash, "")


async def test_a_log_that_has_left_the_chain_sends_nothing(bench: Bench) -> None:
    bench.chain.hashes[100] = number_hash(100, 5)
    spec = msgspec.structs.replace(event_job(), tasks=(TaskSpec(type="ethtx", params={"address": TARGET}),))
    job = await bench.add(spec)
    place = RunRequest(
        contract=ORACLE, transaction_hash=LOG.transaction_hash, block_hash=LOG.block_hash, log_index=0, request_id="log:1"
    )
    source = RunSource(given=event_data(LOG), height=100, head=100, request=place)
    run = bench.maker.new_run(job, job.initiators[0], source)
    await bench.db.write(stored_runs.insert([run]))
    assert (await bench.executor.advance(run)).status is not RunStatus.COMPLETED
    assert await bench.db.read("SELECT id FROM transactions") == []
