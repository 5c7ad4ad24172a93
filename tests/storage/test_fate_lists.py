"""Whatever happens to requests, their runs and their transactions, lists by fate and their lengths are what the rules say."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from adyton.domain.errors import Conflict
from adyton.domain.fates import Fate, Kind, fate
from adyton.domain.requests import End, Request
from adyton.domain.runs import Run, RunStatus, moved
from adyton.domain.transactions import Fee, SignedTransaction, Transaction, TransactionState
from adyton.storage import fates, lists, request_runs, reruns, transaction_runs
from adyton.storage import requests as stored_requests
from adyton.storage import runs as stored_runs
from adyton.storage import transactions as stored_transactions
from adyton.storage.connect import open_memory
from adyton.storage.database import Database
from adyton.storage.fates import Chosen
from adyton.storage.lists import Lists
from adyton.storage.transaction_rows import select
from adyton.storage.transactions import Inclusion
from support.asked import closing, request_of, run_for, store, transaction_of
from support.builders import NOW, REQUESTER, Bench, job, number_hash, run_log

S = TransactionState
STEPS = 120
OF_KIND = {kind: {Chosen(kind.value.replace(" ", "_")), Chosen.ALL} for kind in Kind}
OPEN = {Kind.IN_PROGRESS, Kind.EXPIRED, Kind.REFUSED, Kind.UNACCOUNTED}


class World:
    """Requests to which things happen by chance."""

    def __init__(self, db: Database, seed: int) -> None:
        self.chance = random.Random(seed)
        self.bench = Bench(db)
        self.db = db
        self.lists = Lists(db, rows=4)
        self.made = 0
        self.seen: set[Kind] = set()

    async def begin(self) -> None:
        await self.bench.add(job("noop", "ethtx"))

    async def step(self) -> None:
        things: list[Callable[[], Awaitable[None]]] = [
            self.ask, self.ask, self.refuse, self.finish, self.finish, self.send, self.send, self.mine, self.mine,
            self.settle, self.undo, self.cancel, self.close, self.take_back, self.give_up, self.again, self.place,
            self.withdraw, self.call_off,
        ]  # fmt: skip
        try:
            await self.chance.choice(things)()
        except Conflict:
            return  # a fence: nothing was written

    def _next(self) -> int:
        self.made += 1
        return self.made

    # --- log intake ---

    async def ask(self) -> None:
        for _ in range(self.chance.randint(1, 6)):
            log = run_log(request=self._next(), block=100 + self.made // 3, index=self.made)
            run = run_for(self.bench, log)
            when = self.chance.choice([None, self.chance.randint(0, 60)])
            await store(self.db, run, request_of(log, run_id=run.id, expiration=when))

    async def refuse(self) -> None:
        log = run_log(request=self._next(), block=100 + self.made // 3, index=self.made)
        when = self.chance.choice([None, self.chance.randint(0, 60)])
        await store(self.db, request_of(log, decision="refused", reason=self.chance.choice(["why", ""]), expiration=when))

    async def place(self) -> None:
        request = await self._request()
        if request is not None:
            block = request.block_number + self.chance.randint(-9, 9)
            there = msgspec.structs.replace(request, block_number=block, block_hash=number_hash(block, 4))
            await self.db.write(*stored_requests.noted([there]), stored_requests.placed([there]))

    async def close(self) -> None:
        request = await self._request()
        if request is not None:
            end = closing(self.chance.choice([End.ANSWERED, End.CANCELLED]), transaction=number_hash(self._next(), 6))
            await self.db.write(*stored_requests.closed([((request.contract, request.request_id), end)]))

    async def take_back(self) -> None:
        request = await self._request()
        if request is not None and request.closed is not None:
            key = (request.contract, request.request_id)
            await self.db.write(*stored_requests.taken_back([(key, request.closed.transaction_hash)]))

    async def call_off(self) -> None:
        request = await self._request()
        if request is not None:
            key = (request.contract, request.request_id)
            await self.db.write(request_runs.called_off([(*key, "why", 7)], NOW))

    # --- runs and transactions ---

    async def finish(self) -> None:
        run = await self._run(RunStatus.IN_PROGRESS)
        if run is not None:
            status, error = self.chance.choice(
                [
                    (RunStatus.COMPLETED, None),
                    (RunStatus.ERRORED, "why"),
                    (RunStatus.ERRORED, None),
                    (RunStatus.PENDING_SLEEP, None),
                ]
            )
            await self.db.write(*stored_runs.save(moved(run, status, NOW, error=error), []))

    async def send(self) -> None:
        run = await self._run(*RunStatus)
        if run is None:
            return
        to: dict[str, Any] = {"to_address": REQUESTER} if self.chance.random() < 0.2 else {}
        number, state = self._next(), self.chance.choice([S.UNSTARTED, S.UNCONFIRMED])
        have = await self.db.read("SELECT 1 FROM transactions WHERE run_id = ?", (run.id,))
        if not have:
            await store(self.db, transaction_of(run, state, number=number, attempt=number_hash(number, 8), **to))

    async def cancel(self) -> None:
        transaction = await self._transaction(S.UNCONFIRMED)
        if transaction is not None:
            signed = SignedTransaction("0x02", number_hash(self._next(), 9))
            bump = stored_transactions.bump_added(transaction.id, signed, Fee(gas_price=1), NOW, noop=True)
            await self.db.write(*bump)

    async def mine(self) -> None:
        transaction = await self._transaction(S.UNCONFIRMED)
        if transaction is not None:
            attempt = self.chance.choice(transaction.attempts)
            receipt = transaction_of(None, attempt=attempt.hash, status=self.chance.choice([0, 1, 1])).receipt
            assert receipt is not None
            await self.db.write(*stored_transactions.confirmed([Inclusion(transaction.id, receipt, 110)]))

    async def settle(self) -> None:
        transaction = await self._transaction(S.CONFIRMED)
        if transaction is not None and transaction.receipt is not None:
            answers = (
                [] if transaction.failure else [(str(transaction.run_id), transaction.receipt.transaction_hash, 105, "0x1")]
            )
            await self.db.write(stored_transactions.safe([transaction.id]), stored_requests.answered(answers))

    async def undo(self) -> None:
        transaction = await self._transaction(S.SAFE, S.CONFIRMED)
        if transaction is not None and transaction.receipt is not None:
            back = stored_transactions.reopened if transaction.state is S.SAFE else stored_transactions.reorganised
            answer = (str(transaction.run_id), transaction.receipt.transaction_hash)
            await self.db.write(back([transaction.id]), stored_requests.reopened([answer]))

    async def withdraw(self) -> None:
        transaction = await self._transaction(S.UNSTARTED)
        if transaction is not None:
            await self.db.write(*transaction_runs.withdrawn(transaction.id))

    # --- the reconciler and operators ---

    async def give_up(self) -> None:
        request = await self._request()
        if request is not None:
            await self.db.write(*reruns.given_up(request, "why"))

    async def again(self) -> None:
        request = await self._request()
        if request is None:
            return
        old = None if request.run_id is None else await stored_runs.get(self.db, request.run_id, self.bench.jobs)
        new = run_for(self.bench, run_log(request=int(request.request_id, 16), block=request.block_number))
        await self.db.write(*reruns.started_again(request, old, new, NOW))

    # --- what there is ---

    async def _request(self) -> Request | None:
        rows = await self.all()
        return self.chance.choice(rows)[0] if rows else None

    async def _run(self, *statuses: RunStatus) -> Run | None:
        rows = await self.db.read("SELECT id, status FROM runs ORDER BY id")
        some = [str(row[0]) for row in rows if row[1] in statuses]
        return await stored_runs.get(self.db, self.chance.choice(some), self.bench.jobs) if some else None

    async def _transaction(self, *states: TransactionState) -> Transaction | None:
        some = [each for each in await select(self.db, "ORDER BY t.id", ()) if each.state in states]
        return self.chance.choice(some) if some else None

    async def all(self, now: int = 0) -> list[tuple[Request, Fate]]:
        """Every request with its fate, by the rules, in the chain's order."""
        rows = await self.db.read(
            f"SELECT {stored_requests.COLUMNS} FROM requests ORDER BY block_number, log_index, contract, request_id"
        )
        found = []
        for request in map(stored_requests.from_row, rows):
            run = None if request.run_id is None else await stored_runs.get(self.db, request.run_id, self.bench.jobs)
            sent = await stored_transactions.of_runs(self.db, [run.id]) if run is not None else {}
            found.append((request, fate(request, run, list(sent.values()), now)))
        return found

    async def compare(self, chosen: Chosen) -> None:
        now, descending = self.chance.randint(0, 60), self.chance.random() < 0.5
        offset, limit = self.chance.randint(0, 20), self.chance.choice([1, 5, 1000])
        plain = [
            (request.request_id, end.kind)
            for request, end in await self.all(now)
            if chosen in OF_KIND[end.kind] or (chosen is Chosen.UNANSWERED and end.kind in OPEN)
        ]
        self.seen |= {kind for _, kind in plain}
        found = await fates.page(self.lists, chosen, offset=offset, limit=limit, descending=descending, now=now)
        if descending:
            plain.reverse()
        assert found.count == len(plain), chosen
        assert [each.request_id for each in await found.whole()] == [name for name, _ in plain[offset : offset + limit]], chosen

    async def compare_counts(self) -> None:
        now = self.chance.randint(0, 60)
        kinds = [end.kind for _, end in await self.all(now)]
        assert await fates.counts(self.lists, now) == {kind: kinds.count(kind) for kind in Kind}


@pytest.mark.parametrize("seed", range(3))
async def test_lists_by_fate_are_what_the_rules_say(database: Database, seed: int) -> None:
    world = World(database, seed)
    await world.begin()
    for _ in range(STEPS):
        await world.step()
        await world.compare(world.chance.choice(list(Chosen)))
        if world.chance.random() < 0.3:
            await world.compare_counts()
    assert world.seen == set(Kind), "everything has happened"


async def test_lists_by_fate_begin_again_when_too_much_was_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "NEWS", 4)
    database = open_memory()
    world = World(database, 5)
    await world.begin()
    for _ in range(STEPS):
        await world.step()
        await world.step()
        await world.compare(world.chance.choice(list(Chosen)))
    await database.close()
