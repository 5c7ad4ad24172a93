"""What the database says, as rows; nothing here asks the chain."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Protocol

import msgspec

from adyton.domain.chain import ZERO_ADDRESS, Address, Hash
from adyton.domain.requests import EXEC_AGREEMENT, RUN_LOG, job_topics
from adyton.ledger.chain_side import Asked, RequestKey
from adyton.storage.database import Row, Value

_LISTENING = (RUN_LOG, EXEC_AGREEMENT)
"""The initiators whose logs are requests that somebody waits for."""


class Rows(Protocol):
    """A database that is only read. Best a snapshot: rows that change meanwhile may seem to contradict one another."""

    async def read(self, sql: str, params: Row = ()) -> list[Row]:
        """Rows of a query."""
        ...


class Listener(msgspec.Struct, frozen=True):
    """A job's wish for requests: of which contract (ZERO_ADDRESS: any) and from which block on (None: any). ``agreement``: they
    name that service agreement instead of the job."""

    job_id: str
    address: Address
    from_block: int | None = None
    archived: bool = False
    agreement: Hash | None = None

    @property
    def topics(self) -> tuple[Hash, ...]:
        """What a request names that is meant."""
        return job_topics(self.job_id) if self.agreement is None else (self.agreement,)


class RequestRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of ``requests``."""

    key: RequestKey
    block_number: int
    decision: str
    reason: str | None = None
    run_id: str | None = None
    closed_as: str | None = None
    closed_tx: Hash | None = None
    closed_block: int | None = None


class RunRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of ``runs`` that no other run has replaced. Times in microseconds."""

    id: str
    status: str
    updated_at: int
    error: str | None = None
    wake_height: int | None = None
    wake_at: int | None = None
    """When its sleeping task wakes."""
    due_at: int | None = None
    """When its wait ends: a sleep is over, anything else is given up."""
    finished: bool = False
    sends: bool = True
    """Its job has a task that sends a transaction."""
    strayed: bool = False
    """It was cancelled because its request had left the chain: no reason any more once the request is there again."""


class TransactionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of ``transactions`` with the hashes of its attempts. Times in microseconds."""

    id: int
    sender: Address
    state: str
    created_at: int
    nonce: int | None = None
    run_id: str | None = None
    owned: bool = True
    """Its run is there, or no run asked for it."""
    waiting: str | None = None
    broadcast_at: int | None = None
    receipt_block: int | None = None
    receipt_status: int | None = None
    hashes: frozenset[Hash] = frozenset()
    noops: frozenset[Hash] = frozenset()
    """Those of them that carry nothing: an operator cancelled it."""
    to: Address | None = None


class ForeignNonces(msgspec.Struct, frozen=True):
    """Nonces of our key that something else used, as far as the node noticed."""

    sender: Address
    first: int
    last: int


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the account needs."""

    listeners: tuple[Listener, ...] = ()
    requests: Mapping[RequestKey, RequestRow] = {}
    malformed: frozenset[tuple[Hash, int]] = frozenset()
    """Logs (block hash, index) that were written down as unreadable."""
    runs: Mapping[str, RunRow] = {}
    transactions: tuple[TransactionRow, ...] = ()
    foreign: tuple[ForeignNonces, ...] = ()
    keys: frozenset[Address] = frozenset()
    first_nonces: Mapping[Address, int] = {}
    """The lowest nonce of each key that was given to something wanted; those before it are from before the key came here."""

    def topics(self) -> dict[Hash, list[Listener]]:
        """Listeners by the topic that names their job."""
        found: dict[Hash, list[Listener]] = defaultdict(list)
        for each in self.listeners:
            for topic in each.topics:
                found[topic].append(each)
        return found

    def ours(self, asked: Iterable[Asked]) -> list[Asked]:
        """The requests that this node answers for: those of its jobs, and those that it has a row of."""
        topics = self.topics()
        return [each for each in asked if each.key in self.requests or _must_be_heard(each, topics.get(each.job_topic, ()))]


def _must_be_heard(asked: Asked, listeners: Iterable[Listener]) -> bool:
    heard = (each for each in listeners if each.address in (ZERO_ADDRESS, asked.key.contract))
    listener = next((each for each in heard if each.from_block is None or each.from_block <= asked.block_number), None)
    # Nobody listens for a job that is archived. In which block that happened no row says; what it heard before has a row.
    return listener is not None and not listener.archived


async def first_block(db: Rows) -> int | None:
    """The lowest block that a row is about; None when there is none."""
    [(lowest,)] = await db.read(
        "SELECT MIN(number) FROM (SELECT MIN(block_number) AS number FROM requests "
        "UNION ALL SELECT MIN(receipt_block) FROM transactions) AS lowest"
    )
    return None if lowest is None else _int(lowest)


async def first_job(db: Rows) -> int | None:
    """When the oldest job was made that listens to the chain, in seconds; None when there is none."""
    [(oldest,)] = await db.read(
        "SELECT MIN(jobs.created_at) FROM jobs JOIN initiators ON job_id = jobs.id WHERE type IN (?, ?)", _LISTENING
    )
    return None if oldest is None else _int(oldest) // 1_000_000


async def contracts(db: Rows) -> set[Address]:
    """Every contract that the node was asked through, or that a job listens to."""
    rows = await db.read(
        "SELECT contract FROM requests UNION SELECT address FROM initiators WHERE type IN (?, ?) AND address <> ?",
        (*_LISTENING, ZERO_ADDRESS),
    )
    return {str(address) for (address,) in rows}


async def read_book(db: Rows, *, first: int) -> Book:
    """Rows about the blocks from ``first`` on, and everything that is not finished."""
    return Book(
        listeners=await _listeners(db),
        requests=await _requests(db, first),
        malformed=await _malformed(db, first),
        runs=await _runs(db, first),
        transactions=await _transactions(db, first),
        foreign=await _foreign(db),
        keys=frozenset(str(address) for (address,) in await db.read("SELECT address FROM keys")),
        first_nonces=await _first_nonces(db),
    )


async def _listeners(db: Rows) -> tuple[Listener, ...]:
    rows = await db.read(
        "SELECT jobs.id, address, from_block, archived_at, agreement FROM initiators JOIN jobs ON jobs.id = job_id "
        "WHERE type IN (?, ?) ORDER BY initiators.id",
        _LISTENING,
    )
    return tuple(
        Listener(str(job), str(address), _maybe(begin), end is not None, _text(agreement))
        for job, address, begin, end, agreement in rows
    )


async def _requests(db: Rows, first: int) -> dict[RequestKey, RequestRow]:
    rows = await db.read(
        "SELECT contract, request_id, block_number, decision, reason, run_id, closed_as, closed_tx, closed_block FROM requests "
        "WHERE block_number >= ?",
        (first,),
    )
    return {
        (key := RequestKey(str(row[0]), str(row[1]))): RequestRow(
            key=key,
            block_number=_int(row[2]),
            decision=str(row[3]),
            reason=_text(row[4]),
            run_id=_text(row[5]),
            closed_as=_text(row[6]),
            closed_tx=_text(row[7]),
            closed_block=_maybe(row[8]),
        )
        for row in rows
    }


async def _malformed(db: Rows, first: int) -> frozenset[tuple[Hash, int]]:
    rows = await db.read(
        "SELECT block_hash, log_index FROM log_decisions WHERE request_id IS NULL AND reason IS NOT NULL AND block_number >= ?",
        (first,),
    )
    return frozenset((str(block), _int(index)) for block, index in rows)


async def _runs(db: Rows, first: int) -> dict[str, RunRow]:
    rows = await db.read(
        "SELECT id, status, updated_at, error, wake_height, finished_at, "
        "(SELECT MAX(wake_at) FROM task_runs WHERE run_id = runs.id AND task_runs.status = 'pending_sleep'), "
        "(SELECT COUNT(*) FROM task_specs WHERE task_specs.job_id = runs.job_id AND task_specs.version = runs.job_version "
        "AND type IN ('ethtx', 'ethtxabiencode')), "
        "CASE WHEN status = 'cancelled' AND left_chain IS NOT NULL THEN 1 ELSE 0 END, due_at "
        "FROM runs WHERE superseded_by IS NULL AND (finished_at IS NULL OR "
        "id IN (SELECT run_id FROM requests WHERE block_number >= ? AND run_id IS NOT NULL))",
        (first,),
    )
    return {
        str(row[0]): RunRow(
            id=str(row[0]),
            status=str(row[1]),
            updated_at=_int(row[2]),
            error=_text(row[3]),
            wake_height=_maybe(row[4]),
            finished=row[5] is not None,
            wake_at=_maybe(row[6]),
            sends=_int(row[7]) > 0,
            strayed=row[8] == 1,
            due_at=_maybe(row[9]),
        )
        for row in rows
    }


async def _transactions(db: Rows, first: int) -> tuple[TransactionRow, ...]:
    wanted = "(receipt_block IS NULL OR receipt_block >= ?)"
    hashes: defaultdict[int, set[Hash]] = defaultdict(set)
    noops: defaultdict[int, set[Hash]] = defaultdict(set)
    for owner, hash_, noop in await db.read(
        "SELECT transaction_id, hash, noop FROM tx_attempts "
        f"WHERE transaction_id IN (SELECT id FROM transactions WHERE {wanted})",
        (first,),
    ):
        (noops if noop else hashes)[_int(owner)].add(str(hash_))
    rows = await db.read(
        "SELECT id, from_address, state, created_at, nonce, run_id, waiting, broadcast_at, receipt_block, receipt_status, "
        "CASE WHEN purpose IS NOT NULL OR EXISTS (SELECT 1 FROM runs WHERE runs.id = run_id) THEN 1 ELSE 0 END, to_address "
        f"FROM transactions WHERE {wanted} ORDER BY id",
        (first,),
    )
    return tuple(
        TransactionRow(
            id=(number := _int(row[0])),
            sender=str(row[1]),
            state=str(row[2]),
            created_at=_int(row[3]),
            nonce=_maybe(row[4]),
            run_id=_text(row[5]),
            waiting=_text(row[6]),
            broadcast_at=_maybe(row[7]),
            receipt_block=_maybe(row[8]),
            receipt_status=_maybe(row[9]),
            owned=row[10] == 1,
            hashes=frozenset(hashes[number] | noops[number]),
            noops=frozenset(noops[number]),
            to=str(row[11]),
        )
        for row in rows
    )


async def _first_nonces(db: Rows) -> dict[Address, int]:
    # Not what fills a gap: it may be one that was left before the key came here.
    rows = await db.read(
        "SELECT from_address, MIN(nonce) FROM transactions "
        "WHERE nonce IS NOT NULL AND (run_id IS NOT NULL OR purpose IS NOT NULL) GROUP BY from_address"
    )
    return {str(address): _int(lowest) for address, lowest in rows}


async def _foreign(db: Rows) -> tuple[ForeignNonces, ...]:
    rows = await db.read("SELECT from_address, first_nonce, last_nonce FROM foreign_nonces ORDER BY from_address, first_nonce")
    return tuple(ForeignNonces(str(sender), _int(low), _int(high)) for sender, low, high in rows)


def _int(value: Value) -> int:
    assert isinstance(value, int)
    return value


def _maybe(value: Value) -> int | None:
    return None if value is None else _int(value)


def _text(value: Value) -> str | None:
    return None if value is None else str(value)
