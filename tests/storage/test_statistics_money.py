"""What was earned and spent is counted once, and taken back with what said so."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from adyton.domain.chain import Receipt
from adyton.domain.errors import Conflict
from adyton.domain.requests import End
from adyton.domain.statistics import NOTHING, Step, Tally
from adyton.domain.transactions import TransactionState
from adyton.storage import finished_transactions, statistics, statistics_money, transactions
from adyton.storage import requests as stored_requests
from adyton.storage.database import Database, Row, Statement
from support.api import PassingDatabase
from support.asked import closing, request_of, run_for, store, transaction_of
from support.builders import JOB_ID, NOW, Bench, job, number_hash, run_log

HUGE = 2**200
"""Juels that no database's number holds: a contract may say anything."""


async def make(database: Database) -> Bench:
    bench = Bench(database)
    await bench.add(job("noop", "ethtx"))
    return bench


async def settle(database: Database) -> None:
    while await statistics_money.count(database, limit=2):
        pass


async def all_time(database: Database, job_id: str = statistics.ALL_JOBS) -> Tally:
    return (await statistics.of_jobs(database, [job_id])).get(job_id, NOTHING)


async def money(database: Database) -> tuple[int, int]:
    found = await all_time(database)
    return found.link_earned, found.gas_spent


async def test_answered_requests_are_earned_in_the_hour_in_which_they_were_seen(database: Database) -> None:
    await make(database)
    ends: list[End | None] = [End.ANSWERED, End.ANSWERED, End.CANCELLED, None, End.ANSWERED]
    for number, how in enumerate(ends, start=1):
        end = None if how is None else closing(how, transaction=number_hash(number, 9))
        payment = HUGE if number == 5 else number
        seen = NOW - (number == 2) * Step.DAY.micros
        await store(database, request_of(run_log(request=number), payment=payment, closed=end, seen_at=seen))
    await settle(database)
    assert await money(database) == (1 + 2 + HUGE, 0)
    hours = await statistics.series(database, Step.HOUR, 0, 2**62)
    assert {start: tally.link_earned for start, tally in hours.items()} == {
        Step.HOUR.floor(NOW): 1 + HUGE,
        Step.HOUR.floor(NOW) - Step.DAY.micros: 2,
    }
    days = await statistics.series(database, Step.DAY, 0, 2**62, job_id=JOB_ID)
    assert days[Step.DAY.floor(NOW)].link_earned == 1 + HUGE


async def test_what_a_reorganisation_takes_back_is_not_earned(database: Database) -> None:
    await make(database)
    request = request_of(run_log(request=1), payment=7, closed=closing(End.ANSWERED))
    await store(database, request)
    await settle(database)
    assert await money(database) == (7, 0)
    key = (request.contract, request.request_id)
    await database.write(*stored_requests.taken_back([(key, closing(End.ANSWERED).transaction_hash)]))
    await settle(database)
    assert await money(database) == (0, 0)
    await database.write(*stored_requests.closed([(key, closing(End.ANSWERED, transaction=number_hash(2, 9)))]))
    await settle(database)
    assert await money(database) == (7, 0)


async def test_gas_is_what_receipts_say_whatever_came_of_the_transaction(database: Database) -> None:
    bench = await make(database)
    run = run_for(bench, run_log(request=1))
    sent = [
        transaction_of(run, TransactionState.SAFE, number=1),
        transaction_of(None, TransactionState.CONFIRMED, number=2, status=0, purpose="transfer", attempt=number_hash(2, 8)),
        transaction_of(None, TransactionState.UNCONFIRMED, number=3, purpose="transfer", attempt=number_hash(3, 8)),
    ]
    await store(database, run, *sent)
    await settle(database)
    one = 70_000 * 30 * 10**9
    assert await money(database) == (0, 2 * one)
    assert (await all_time(database, JOB_ID)).gas_spent == one


async def test_a_receipt_in_another_block_takes_the_place_of_the_first(database: Database) -> None:
    bench = await make(database)
    run = run_for(bench, run_log(request=1))
    await store(database, run, transaction_of(run, TransactionState.CONFIRMED))
    await settle(database)
    await database.write(transactions.reorganised([1]))
    await settle(database)
    assert (await money(database), (await all_time(database, JOB_ID)).gas_spent) == ((0, 0), 0)
    receipt = Receipt(number_hash(900, 5), 106, number_hash(106), 1, 100, 3)
    await database.write(*transactions.confirmed([transactions.Inclusion(1, receipt, 110)]))
    await settle(database)
    assert ((await money(database)), (await all_time(database, JOB_ID)).gas_spent) == ((0, 300), 300)
    marks = await database.read("SELECT spent, spent_for, spent_in FROM transactions")
    assert marks == [("300", JOB_ID, number_hash(106))]


async def test_a_transaction_whose_place_another_took_is_paid_by_the_same_job(database: Database) -> None:
    bench = await make(database)
    run = run_for(bench, run_log(request=1))
    await store(database, run, transaction_of(run, TransactionState.SAFE))
    await database.write(transactions.detached(run.id, len(run.tasks) - 1))
    await settle(database)
    paid = 70_000 * 30 * 10**9
    assert (await money(database), (await all_time(database, JOB_ID)).gas_spent) == ((0, paid), paid)
    await database.write(transactions.reopened([1]))
    await settle(database)
    assert (await money(database), (await all_time(database, JOB_ID)).gas_spent) == ((0, 0), 0)
    receipt = Receipt(number_hash(900, 5), 106, number_hash(106), 1, 100, 3)
    await database.write(*transactions.confirmed([transactions.Inclusion(1, receipt, 110)]))
    await settle(database)
    assert ((await money(database)), (await all_time(database, JOB_ID)).gas_spent) == ((0, 300), 300)


async def test_a_receipt_without_a_price_costs_nothing_as_in_the_ledger(database: Database) -> None:
    bench = await make(database)
    run = run_for(bench, run_log(request=1))
    receipt = Receipt(number_hash(900, 5), 105, number_hash(105), 1, 70_000, None)
    await store(database, run, transaction_of(run, TransactionState.SAFE, receipt=receipt))
    await settle(database)
    assert await money(database) == (0, 0)


async def test_two_who_count_at_the_same_time_count_once(database: Database) -> None:
    await make(database)
    await store(database, request_of(run_log(request=1), payment=7, closed=closing(End.ANSWERED)))

    class Overtaken(PassingDatabase):
        async def write(self, *statements: Statement) -> list[list[Row]]:
            await statistics_money.count(self.real)
            return await self.real.write(*statements)

    with pytest.raises(Conflict):
        await statistics_money.count(Overtaken(database))
    assert await money(database) == (7, 0)


async def test_what_changes_while_it_is_counted_is_made_good(database: Database) -> None:
    await make(database)
    request = request_of(run_log(request=1), payment=7, closed=closing(End.ANSWERED))
    await store(database, request)
    key = (request.contract, request.request_id)

    class Moving(PassingDatabase):
        async def write(self, *statements: Statement) -> list[list[Row]]:
            await self.real.write(*stored_requests.taken_back([(key, closing(End.ANSWERED).transaction_hash)]))
            return await self.real.write(*statements)

    await statistics_money.count(Moving(database))
    await settle(database)
    assert await money(database) == (0, 0)


async def test_transactions_are_counted_before_they_are_deleted(database: Database) -> None:
    bench = await make(database)
    run = run_for(bench, run_log(request=1))
    last = transaction_of(None, TransactionState.SAFE, number=9, purpose="transfer", attempt=number_hash(9, 8))
    await store(database, transaction_of(None, TransactionState.SAFE, purpose="transfer"), last, run)
    assert await finished_transactions.reap(database, before=2**62, below=10**6, limit=10) == 1
    await settle(database)
    assert (await money(database))[1] == 2 * 70_000 * 30 * 10**9


async def test_what_is_counted_is_not_looked_at_again(database: Database) -> None:
    """However much there is: an index holds what is to be counted."""
    await make(database)
    await store(database, request_of(run_log(request=1), payment=7, closed=closing(End.ANSWERED)))
    await settle(database)
    if database.dialect == "sqlite":
        for sql in (statistics_money._REQUESTS, statistics_money._TRANSACTIONS):
            plan: Any = await database.read(f"EXPLAIN QUERY PLAN {sql}", (1,))
            assert any("_uncounted" in row[-1] for row in plan), plan
    assert msgspec.structs.asdict(await all_time(database))["link_earned"] == 7
