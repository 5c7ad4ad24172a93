"""Lists of transactions, attempts, requests and audit entries are what the plain query says, whatever is written."""

from __future__ import annotations

import random
from typing import Any

import pytest

from adyton.domain.audit import Entry, Outcome
from adyton.domain.chain import Receipt
from adyton.domain.errors import Conflict
from adyton.domain.transactions import Fee, SignedTransaction, TransactionRequest, TransactionState
from adyton.storage import audit, fates, finished_transactions, keys, rereads, transaction_lists, transaction_runs
from adyton.storage import requests as stored_requests
from adyton.storage import transactions as stored
from adyton.storage.audit import Ended
from adyton.storage.database import Database
from adyton.storage.list_tables import AUDIT
from adyton.storage.lists import Listing, Lists
from adyton.storage.transaction_lists import Wanted
from support.asked import request_of
from support.builders import JOB_ID, NOW, ORACLE, Bench, job, number_hash, run_log

SENDERS = ("0x" + "01" * 20, "0x" + "02" * 20)
REQUEST = TransactionRequest(to=ORACLE, data="0x")
FEE = Fee(gas_price=10)
OTHER_JOB = "5" * 32


class Sent:
    """Transactions to which things happen by chance."""

    def __init__(self, db: Database, seed: int) -> None:
        self.db = db
        self.chance = random.Random(seed)
        self.lists = Lists(db, rows=3)
        self.made = 0

    async def step(self) -> None:
        things = [
            self.insert,
            self.start,
            self.accept,
            self.bump,
            self.refuse,
            self.confirm,
            self.end,
            self.reap,
            self.take_back,
        ]
        try:
            await self.chance.choice(things)()
        except Conflict:
            return

    async def insert(self) -> None:
        for _ in range(self.chance.randint(1, 4)):
            self.made += 1
            sender = self.chance.choice(SENDERS)
            await self.db.write(
                stored.insert(
                    REQUEST, sender=sender, run_id=f"{self.made:032x}", task_position=0, min_confirmations=1, now=self.made
                )
            )

    async def start(self) -> None:
        for transaction in await stored.unstarted(self.db, self.chance.choice(SENDERS), 1):
            await self.db.write(*stored.started(transaction, transaction.id, self._signed(), FEE, NOW))

    def _signed(self) -> SignedTransaction:
        return SignedTransaction(raw="0x02", hash=f"0x{self.chance.getrandbits(256):064x}")

    async def _one(self, state: str) -> int:
        rows: Any = await self.db.read("SELECT id FROM transactions WHERE state = ? ORDER BY id", (state,))
        return self.chance.choice(rows)[0] if rows else 0

    async def accept(self) -> None:
        await self.db.write(*stored.accepted(await self._one("in_progress"), NOW))

    async def bump(self) -> None:
        which = await self._one("unconfirmed")
        await self.db.write(*stored.bumped(which, self._signed(), FEE, NOW))
        if self.chance.random() < 0.5:
            await self.db.write(*stored.bump_dropped(which, "why", 5))

    async def refuse(self) -> None:
        if self.chance.random() < 0.5:
            await self.db.write(*stored.refused(await self._one("in_progress"), "why"))
        else:
            await self.db.write(*stored.displaced(await self._one("unconfirmed")))

    async def confirm(self) -> None:
        which = await self._one("unconfirmed")
        receipt = Receipt(number_hash(which), 100, number_hash(1), 1, 21_000, 1)
        await self.db.write(*stored.confirmed([stored.Inclusion(which, receipt, 102)]))

    async def end(self) -> None:
        await self.db.write(stored.safe([await self._one("confirmed")]))

    async def reap(self) -> None:
        await finished_transactions.reap(self.db, before=self.chance.randint(0, self.made + 1), below=1000, limit=2)

    async def take_back(self) -> None:
        await self.db.write(*transaction_runs.withdrawn(await self._one("unstarted")))

    async def compare(self) -> None:
        states = tuple(self.chance.sample([each.value for each in TransactionState], 2)) if self.chance.random() < 0.6 else ()
        sender = self.chance.choice((None, *SENDERS))
        run_id = f"{self.chance.randint(1, self.made + 1):032x}" if self.chance.random() < 0.2 else None
        rows: Any = await self.db.read("SELECT id, state, from_address, run_id FROM transactions ORDER BY id DESC")
        plain = [
            number
            for number, state, address, run in rows
            if (not states or state in states) and sender in {None, address} and run_id in {None, run}
        ]
        offset, limit = self.chance.randint(0, 9), self.chance.choice([1, 4, 2**63 - 1])
        wanted = Wanted(states=states, sender=sender, run_id=run_id)
        found = await transaction_lists.page(self.lists, wanted, offset=offset, limit=limit)
        assert found.count == len(plain), wanted
        assert [each.id for each in await found.whole()] == plain[offset : offset + limit]
        rows = await self.db.read("SELECT id FROM tx_attempts ORDER BY id DESC")
        attempts = await transaction_lists.attempts_page(self.lists, offset=offset, limit=limit)
        assert attempts.count == len(rows)
        assert [each.attempt.id for each in await attempts.whole()] == [row[0] for row in rows][offset : offset + limit]


@pytest.mark.parametrize("seed", range(3))
async def test_pages_of_transactions_and_attempts_are_what_the_plain_query_says(database: Database, seed: int) -> None:
    await keys.ensure(database, SENDERS, NOW)
    sent = Sent(database, seed)
    for _ in range(150):
        await sent.step()
        await sent.compare()


@pytest.mark.parametrize("seed", range(2))
async def test_pages_of_requests_are_what_the_plain_query_says_also_when_the_chain_moves_them(
    database: Database, seed: int
) -> None:
    chance, lists = random.Random(seed), Lists(database, rows=3)
    bench = Bench(database)
    await bench.add(job())
    for _ in range(80):
        some = [
            request_of(
                run_log(request=chance.randint(1, 40), block=chance.randint(1, 60), index=chance.randint(0, 3)),
                job_id=chance.choice([JOB_ID, OTHER_JOB]),
                decision="refused",
                reason="why",
            )
            for _ in range(chance.randint(1, 3))
        ]
        unlike = list({each.request_id: each for each in some}.values())
        write = stored_requests.upsert if chance.random() < 0.7 else stored_requests.placed
        await database.write(*stored_requests.noted(unlike), write(unlike))

        job_id, descending = chance.choice([None, JOB_ID]), chance.random() < 0.5
        rows: Any = await database.read(
            "SELECT request_id, job_id FROM requests ORDER BY block_number, log_index, contract, request_id"
        )
        plain = [name for name, of in rows if job_id in {None, of}]
        plain = plain[::-1] if descending else plain
        found = await fates.page(lists, job_id=job_id, offset=2, limit=7, descending=descending)
        assert found.count == len(plain)
        assert [each.request_id for each in await found.whole()] == plain[2:9]


async def test_pages_of_the_audit_log_are_what_the_plain_query_says(database: Database) -> None:
    chance, entries = random.Random(5), Listing(database, AUDIT, rows=3)
    for at in range(80):
        entry = Entry(
            at=at, caller_kind="user", caller=chance.choice("ab"), address="", action="x", subject="", outcome=Outcome.BEGUN
        )
        begun = await audit.begin(database, entry)
        if chance.random() < 0.5:
            await audit.end(database, [Ended(chance.randint(max(1, begun - 5), begun), Outcome.DONE, "", "{}")])
        if chance.random() < 0.1:
            await audit.forget(database, before=at - 10, limit=3)
        wanted = audit.Wanted(caller=chance.choice(["", "a"]), outcome=chance.choice(["", "done"]))
        rows: Any = await database.read("SELECT at, caller, outcome FROM audit_log ORDER BY id DESC")
        plain = [at for at, caller, outcome in rows if wanted.caller in {"", caller} and wanted.outcome in {"", outcome}]
        found = await audit.page(entries, wanted, offset=1, limit=5)
        assert found.count == len(plain)
        assert [each.at for each in await found.whole()] == plain[1:6]


async def test_rereads_are_listed_newest_first(database: Database) -> None:
    lists = Lists(database, rows=2)
    for number in range(5):
        wish = rereads.asked("why", number, number, every_job=False, now=NOW)
        await database.write(rereads.insert(wish))
        found = await rereads.page(lists, offset=0, limit=3)
        assert found.count == number + 1
        assert [each.from_block for each in await found.whole()] == list(range(number, -1, -1))[:3]
