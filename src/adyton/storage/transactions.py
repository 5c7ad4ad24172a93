"""Outgoing transactions and their attempts.

Every change names the state that it starts from and writes NULL into ``state`` when the row is in another one, so a change
that lost a race fails with ``Conflict`` and nothing of its operation is written (see ``database``). The queries of the loops
name states as constants, which is what lets the partial indexes serve them; a ``+`` before a column keeps SQLite from taking
the index of that column where another one finds fewer rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from adyton.domain.chain import Address, Receipt
from adyton.domain.transactions import (
    DEFAULT_GAS_LIMIT,
    Fee,
    SignedTransaction,
    Transaction,
    TransactionRequest,
    TransactionState,
)
from adyton.storage import list_tables
from adyton.storage.changes import TRANSACTION_CHANGE
from adyton.storage.database import Database, Row, Statement
from adyton.storage.transaction_rows import CHUNK, COLUMNS, MINED, Mined, bare, chunks, marks, mined, select

_ANY_HEIGHT = 2**62


# --- reading ---------------------------------------------------------------------------------------------------------


async def of_task(db: Database, run_id: str, position: int) -> Transaction | None:
    """The transaction that a task run asked for, or None."""
    found = await select(db, "WHERE t.run_id = ? AND t.task_position = ?", (run_id, position))
    return found[0] if found else None


async def of_runs(db: Database, run_ids: Iterable[str]) -> dict[tuple[str, int], Transaction]:
    """The transactions of several runs, by run and place of the task."""
    found: list[Transaction] = []
    for chunk in chunks(list(run_ids)):
        found += await select(db, f"WHERE t.run_id IN ({marks(chunk)}) ORDER BY t.id", tuple(chunk))
    return {(t.run_id, t.task_position): t for t in found if t.run_id is not None and t.task_position is not None}


async def settled_runs(db: Database) -> list[str]:
    """Runs that still wait although every transaction they asked for is safe or has failed for good, or was taken back. A run
    that has a deadline waits for something else."""
    rows = await db.read("""
        SELECT r.id FROM runs r
        WHERE r.status NOT IN ('errored', 'completed', 'cancelled') AND r.status = 'pending_confirmations'
            AND r.wake_height IS NULL AND r.due_at IS NULL
            AND NOT EXISTS (SELECT 1 FROM transactions t WHERE t.run_id = r.id AND t.state NOT IN ('safe', 'fatal_error'))
        ORDER BY r.id""")
    return [str(run_id) for (run_id,) in rows]


async def unstarted(db: Database, sender: Address, limit: int) -> list[Transaction]:
    """What waits for a nonce of that key, oldest first, without attempts."""
    sql = f"SELECT {COLUMNS} FROM transactions t WHERE t.state = 'unstarted' AND t.from_address = ? ORDER BY t.id LIMIT ?"
    return [bare(row) for row in await db.read(sql, (sender, limit))]


async def in_progress(db: Database, sender: Address) -> Transaction | None:
    """The key's transaction that may or may not have been sent; at most one."""
    found = await select(db, "WHERE t.state = 'in_progress' AND t.from_address = ?", (sender,))
    return found[0] if found else None


async def senders_open(db: Database) -> list[Address]:
    """Keys that have transactions which may have been sent and have no receipt."""
    rows = await db.read("""
        SELECT k.address FROM keys k
        WHERE EXISTS (SELECT 1 FROM transactions t WHERE t.state = 'unconfirmed' AND t.from_address = k.address)
            OR EXISTS (SELECT 1 FROM transactions t WHERE t.state = 'in_progress' AND t.from_address = k.address)
        ORDER BY k.address""")
    return [str(address) for (address,) in rows]


async def minable(db: Database, sender: Address, count: int, after: int, limit: int) -> list[Transaction]:
    """Unconfirmed transactions with nonces above ``after`` and below ``count``, lowest first: the chain has used their nonces,
    so each has a receipt, unless something else used the nonce."""
    where = "WHERE t.state = 'unconfirmed' AND t.from_address = ? AND t.nonce < ? AND t.nonce > ? ORDER BY t.nonce LIMIT ?"
    return await select(db, where, (sender, count, after, limit))


async def undecided(db: Database, sender: Address) -> list[Transaction]:
    """Unconfirmed transactions with an attempt that may or may not have been sent."""
    rows = await db.read("SELECT transaction_id FROM tx_attempts WHERE state = 'in_progress' ORDER BY transaction_id")
    found: list[Transaction] = []
    for chunk in chunks([transaction_id for (transaction_id,) in rows]):
        found += await select(db, f"WHERE t.id IN ({marks(chunk)}) ORDER BY t.nonce", tuple(chunk))
    return [each for each in found if each.from_address == sender and each.state is TransactionState.UNCONFIRMED]


async def impatient(db: Database, sender: Address, since: int, count: int, depth: int) -> list[Transaction]:
    """Of the ``depth`` lowest nonces that the chain has not used (``count`` is the next it will), the unconfirmed transactions
    that wait since block ``since`` or longer, lowest nonce first."""
    where = """
        WHERE t.id IN (SELECT id FROM transactions WHERE state = 'unconfirmed' AND from_address = ? AND nonce >= ?
                       ORDER BY nonce LIMIT ?)
            AND t.waiting_since <= ?
        ORDER BY t.nonce"""
    return await select(db, where, (sender, count, depth, since))


async def unheard(db: Database, sender: Address, before: int, count: int, limit: int) -> list[Transaction]:
    """Unconfirmed transactions last sent at ``before`` (microseconds) or earlier whose nonce the chain has not used, lowest
    nonce first."""
    where = """
        WHERE t.state = 'unconfirmed' AND t.from_address = ? AND t.broadcast_at <= ? AND +t.nonce >= ?
        ORDER BY t.nonce LIMIT ?"""
    return await select(db, where, (sender, before, count, limit))


async def confirmed_until(db: Database, height: int | None) -> list[Mined]:
    """Confirmed transactions that have their confirmations when the chain has that height; None: all confirmed ones."""
    rows = await db.read(
        f"{MINED} WHERE t.state = 'confirmed' AND t.safe_height <= ? ORDER BY t.safe_height, t.id",
        (_ANY_HEIGHT if height is None else height,),
    )
    return [mined(row) for row in rows]


async def safe_since(db: Database, block: int) -> list[Mined]:
    """Safe transactions of that block or later ones. Nonces are mined in their order, so only as many rows are read."""
    found: list[Mined] = []
    for (address,) in await db.read("SELECT address FROM keys ORDER BY address"):
        below, reached = _ANY_HEIGHT, True
        while reached:
            rows: Any = await db.read(
                f"{MINED} WHERE t.from_address = ? AND t.nonce IS NOT NULL AND t.nonce < ? AND t.state = 'safe' "
                "ORDER BY t.nonce DESC LIMIT ?",
                (address, below, CHUNK),
            )
            found += [mined(row) for row in rows if row[2] >= block]
            reached = len(rows) == CHUNK and rows[-1][2] >= block
            below = rows[-1][5] if rows else 0
    return found


async def anything_unseen(db: Database) -> bool:
    """Whether anything was sent since the last head."""
    rows = await db.read("""
        SELECT CASE WHEN EXISTS (SELECT 1 FROM tx_attempts WHERE state = 'broadcast' AND broadcast_before IS NULL)
            OR EXISTS (SELECT 1 FROM keys k WHERE EXISTS (
                SELECT 1 FROM transactions t
                WHERE t.state = 'unconfirmed' AND t.from_address = k.address AND t.waiting_since IS NULL))
            THEN 1 ELSE 0 END""")
    return rows[0][0] == 1


# --- writing: what a task asks for -----------------------------------------------------------------------------------

_INSERT = f"""
    INSERT INTO transactions (run_id, task_position, from_address, to_address, data, value, gas_limit, gas_price,
        min_confirmations, state, created_at, change)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'unstarted', ?, {TRANSACTION_CHANGE})
    ON CONFLICT (run_id, task_position) WHERE run_id IS NOT NULL DO NOTHING"""


def insert(
    request: TransactionRequest,
    *,
    sender: Address,
    run_id: str,
    task_position: int,
    min_confirmations: int,
    now: int,
    gas_limit: int = DEFAULT_GAS_LIMIT,
) -> Statement:
    """Statement that leaves a transaction to be sent. It does nothing when the task run already has one."""
    price = None if request.gas_price is None else str(request.gas_price)
    limit = gas_limit if request.gas_limit is None else request.gas_limit
    head = (run_id, task_position, sender, request.to, request.data, str(request.value))
    return Statement(_INSERT, [(*head, limit, price, min_confirmations, now)])


def detached(run_id: str, task_position: int) -> Statement:
    """Statement that frees a task run from a transaction that is safe and was in vain, so that it may ask for another. What it
    cost stays its job's."""
    return Statement(_DETACH, [(run_id, task_position)])


# --- writing: the broadcaster ----------------------------------------------------------------------------------------

_STORE_ATTEMPT = """
    INSERT INTO tx_attempts (transaction_id, hash, gas_price, tip_cap, fee_cap, raw, state, created_at, noop)
    VALUES (?, ?, ?, ?, ?, ?, 'in_progress', ?, ?)"""
_UNDECIDED, _ALL = "transaction_id = ? AND state = 'in_progress'", "transaction_id = ?"
_DELIVER_ATTEMPT = "UPDATE tx_attempts SET state = 'broadcast' WHERE transaction_id = ? AND state = 'in_progress'"


def _from(state: str, to: str, rest: str = "") -> str:
    """Text of an update that moves a row out of ``state``, and fails whole when the row is not in it."""
    moved = f"state = CASE WHEN state = '{state}' THEN '{to}' END, change = {TRANSACTION_CHANGE}"
    return f"UPDATE transactions SET {moved}{rest} WHERE id = ?"


_ASSIGN = _from("unstarted", "in_progress", ", nonce = ?, waiting = NULL")
_NO_WISH = ", wish = NULL, wish_price = NULL"
_REJECT = _from("unstarted", "fatal_error", f", error = ?, waiting = NULL{_NO_WISH}")
_ACCEPT = _from("in_progress", "unconfirmed", ", broadcast_at = ?, waiting = NULL, waiting_since = NULL")
_REFUSE = _from("in_progress", "fatal_error", f", error = ?, nonce = NULL, waiting = NULL{_NO_WISH}")
_STILL_IN_PROGRESS = _from("in_progress", "in_progress")
_SAY = f"UPDATE transactions SET waiting = ?, change = {TRANSACTION_CHANGE} WHERE id = ?"


def started(transaction: Transaction, nonce: int, signed: SignedTransaction, fee: Fee, now: int) -> tuple[Statement, ...]:
    """Statements that give a transaction its nonce and store the signed bytes, before they are sent."""
    return (Statement(_ASSIGN, [(nonce, transaction.id)]), _attempt_stored(transaction.id, signed, fee, now))


def accepted(transaction_id: int, broadcast_at: int) -> tuple[Statement, ...]:
    """Statements that say that a node has it. ``broadcast_at``: the time before it was sent."""
    return (Statement(_ACCEPT, [(broadcast_at, transaction_id)]), Statement(_DELIVER_ATTEMPT, [(transaction_id,)]))


def refused(transaction_id: int, error: str) -> tuple[Statement, ...]:
    """Statements that give a transaction up that can never be mined; its nonce is free again."""
    return (Statement(_REFUSE, [(error, transaction_id)]), *_dropped(_ALL, transaction_id))


def rejected(transaction_id: int, error: str) -> Statement:
    """Statement that gives a transaction up that cannot even be signed."""
    return Statement(_REJECT, [(error, transaction_id)])


def repriced(transaction_id: int, signed: SignedTransaction, fee: Fee, now: int) -> tuple[Statement, ...]:
    """Statements that put an attempt in the place of one that nobody has, and that is refused for its price."""
    fence = Statement(_STILL_IN_PROGRESS, [(transaction_id,)])
    return (fence, *_dropped(_UNDECIDED, transaction_id), _attempt_stored(transaction_id, signed, fee, now))


def added(transaction_id: int, signed: SignedTransaction, fee: Fee, now: int) -> tuple[Statement, ...]:
    """Statements that add an attempt to one that a node refused for its price and another may have taken."""
    fence = Statement(_STILL_IN_PROGRESS, [(transaction_id,)])
    return (fence, Statement(_DELIVER_ATTEMPT, [(transaction_id,)]), _attempt_stored(transaction_id, signed, fee, now))


def says(transaction_id: int, waiting: str | None) -> Statement:
    """Statement that tells an operator what the transaction waits for."""
    return Statement(_SAY, [(waiting, transaction_id)])


# --- writing: the confirmer ------------------------------------------------------------------------------------------

_SEEN_ATTEMPTS = "UPDATE tx_attempts SET broadcast_before = ? WHERE state = 'broadcast' AND broadcast_before IS NULL"
_SEEN_TRANSACTIONS = """
    UPDATE transactions SET waiting_since = ?
    WHERE state = 'unconfirmed' AND from_address IN (SELECT address FROM keys) AND waiting_since IS NULL"""
_STILL_UNCONFIRMED = _from("unconfirmed", "unconfirmed")
_DELIVER_BUMP = _from("unconfirmed", "unconfirmed", ", broadcast_at = ?, waiting = NULL, waiting_since = NULL")
_WAIT_ON = _from("unconfirmed", "unconfirmed", ", waiting = ?, waiting_since = ?")
_SENT_AGAIN = "UPDATE transactions SET broadcast_at = ? WHERE id = ? AND state = 'unconfirmed'"
_CONFIRM = _from(
    "unconfirmed",
    "confirmed",
    ", receipt = ?, receipt_status = ?, receipt_block = ?, receipt_block_hash = ?, safe_height = ?, revert_reason = ?, "
    f"waiting = NULL{_NO_WISH}",
)
_FINISH = _from("confirmed", "safe")
_NOT_MINED = (
    ", receipt = NULL, receipt_status = NULL, receipt_block = NULL, receipt_block_hash = NULL, safe_height = NULL, "
    "revert_reason = NULL, broadcast_at = 0, waiting_since = NULL"
)
_RETURN = _from("confirmed", "unconfirmed", _NOT_MINED)
_REOPEN = _from("safe", "unconfirmed", _NOT_MINED)
_DETACH = (
    "UPDATE transactions SET spent_for = COALESCE((SELECT r.job_id FROM runs r WHERE r.id = transactions.run_id), spent_for), "
    f"run_id = NULL, task_position = NULL, change = {TRANSACTION_CHANGE} "
    "WHERE run_id = ? AND task_position = ? AND state = 'safe'"
)
_GIVE_UP = _from("unconfirmed", "fatal_error", f", error = ?, nonce = NULL, waiting = NULL{_NO_WISH}")
# Not one that is to be cancelled: it is given up.
_START_OVER = (
    "UPDATE transactions SET state = CASE WHEN state = 'unconfirmed' AND COALESCE(wish, '') <> 'cancel' THEN 'unstarted' END, "
    f"nonce = NULL, broadcast_at = NULL, waiting = NULL, waiting_since = NULL{_NO_WISH}, change = {TRANSACTION_CHANGE} "
    "WHERE id = ?"
)


def seen(height: int) -> tuple[Statement, ...]:
    """Statements that stamp everything sent before the first head after it."""
    return (Statement(_SEEN_ATTEMPTS, [(height,)]), Statement(_SEEN_TRANSACTIONS, [(height,)]))


def bumped(transaction_id: int, signed: SignedTransaction, fee: Fee, now: int, *, noop: bool = False) -> tuple[Statement, ...]:
    """Statements that store a higher priced attempt, before it is sent."""
    return (Statement(_STILL_UNCONFIRMED, [(transaction_id,)]), _attempt_stored(transaction_id, signed, fee, now, noop=noop))


def bump_added(
    transaction_id: int, signed: SignedTransaction, fee: Fee, now: int, *, noop: bool = False
) -> tuple[Statement, ...]:
    """Statements that store an attempt at another price, before it is sent, beside those of which a node may have any."""
    fence, decided = Statement(_STILL_UNCONFIRMED, [(transaction_id,)]), Statement(_DELIVER_ATTEMPT, [(transaction_id,)])
    return (fence, decided, _attempt_stored(transaction_id, signed, fee, now, noop=noop))


def bump_repriced(
    transaction_id: int, signed: SignedTransaction, fee: Fee, now: int, *, noop: bool = False
) -> tuple[Statement, ...]:
    """Statements that put another bump in the place of one that nobody has, and that was refused for its price."""
    fence, drop = Statement(_STILL_UNCONFIRMED, [(transaction_id,)]), _dropped(_UNDECIDED, transaction_id)
    return (fence, *drop, _attempt_stored(transaction_id, signed, fee, now, noop=noop))


def bump_delivered(transaction_id: int, broadcast_at: int) -> tuple[Statement, ...]:
    """Statements that say that a node has the bump."""
    return (Statement(_DELIVER_BUMP, [(broadcast_at, transaction_id)]), Statement(_DELIVER_ATTEMPT, [(transaction_id,)]))


def bump_dropped(transaction_id: int, waiting: str, height: int) -> tuple[Statement, ...]:
    """Statements that take a bump back which no node has or will ever take; the attempts before it stay."""
    return (Statement(_WAIT_ON, [(waiting, height, transaction_id)]), *_dropped(_UNDECIDED, transaction_id))


def bump_kept(transaction_id: int, waiting: str, height: int) -> tuple[Statement, ...]:
    """Statements that keep a bump which is refused now and which a node may have from an earlier send."""
    return (Statement(_WAIT_ON, [(waiting, height, transaction_id)]), Statement(_DELIVER_ATTEMPT, [(transaction_id,)]))


def waits_on(transaction_id: int, waiting: str, height: int) -> Statement:
    """Statement that says why a due bump was not made, and counts blocks from ``height`` again."""
    return Statement(_WAIT_ON, [(waiting, height, transaction_id)])


def sent_again(transaction_ids: Iterable[int], now: int) -> Statement:
    """Statement that notes that the same bytes were sent again."""
    return Statement(_SENT_AGAIN, [(now, transaction_id) for transaction_id in transaction_ids])


class Inclusion(msgspec.Struct, frozen=True):
    """A transaction and its receipt; ``safe_height`` is the head at which its block is deep enough."""

    transaction_id: int
    receipt: Receipt
    safe_height: int
    revert_reason: str | None = None


def confirmed(inclusions: Sequence[Inclusion]) -> tuple[Statement, ...]:
    """Statements that store receipts. A bump that was still undecided is decided by it."""
    rows: list[Row] = [
        (
            msgspec.json.encode(found.receipt).decode(),
            found.receipt.status,
            found.receipt.block_number,
            found.receipt.block_hash,
            found.safe_height,
            found.revert_reason,
            found.transaction_id,
        )
        for found in inclusions
    ]
    return (Statement(_CONFIRM, rows), Statement(_DELIVER_ATTEMPT, [(found.transaction_id,) for found in inclusions]))


def safe(transaction_ids: Iterable[int]) -> Statement:
    """Statement that ends the watching."""
    return Statement(_FINISH, [(transaction_id,) for transaction_id in transaction_ids])


def reorganised(transaction_ids: Iterable[int]) -> Statement:
    """Statement that takes receipts back whose block left the chain; the bytes are due to be sent again at once."""
    return Statement(_RETURN, [(transaction_id,) for transaction_id in transaction_ids])


def reopened(transaction_ids: Iterable[int]) -> Statement:
    """Statement that does the same with transactions that were safe already."""
    return Statement(_REOPEN, [(transaction_id,) for transaction_id in transaction_ids])


def displaced(transaction_id: int) -> tuple[Statement, ...]:
    """Statements that let a transaction start over whose nonce something else used, for good."""
    return (Statement(_START_OVER, [(transaction_id,)]), *_dropped(_ALL, transaction_id))


def given_up(transaction_id: int, error: str) -> tuple[Statement, ...]:
    """Statements that do the same with a transaction that nobody wants sent any more."""
    return (Statement(_GIVE_UP, [(error, transaction_id)]), *_dropped(_ALL, transaction_id))


def _dropped(which: str, transaction_id: int) -> tuple[Statement, Statement]:
    of = [(transaction_id,)]
    return list_tables.gone(list_tables.ATTEMPTS, which, of), Statement(f"DELETE FROM tx_attempts WHERE {which}", of)


def _attempt_stored(transaction_id: int, signed: SignedTransaction, fee: Fee, now: int, *, noop: bool = False) -> Statement:
    prices = tuple(None if price is None else str(price) for price in (fee.gas_price, fee.tip_cap, fee.fee_cap))
    return Statement(_STORE_ATTEMPT, [(transaction_id, signed.hash, *prices, signed.raw, now, int(noop))])
