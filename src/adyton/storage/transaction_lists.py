"""Lists of transactions, and of their attempts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from adyton.domain.chain import Address, Hash
from adyton.domain.transactions import Attempt, Transaction
from adyton.storage.database import Row, Value
from adyton.storage.lists import EVERYTHING, Condition, Lists
from adyton.storage.paged import Paged, in_parts, smaller
from adyton.storage.transaction_rows import ATTEMPTS, TRANSACTIONS, attempt_of, chunks, marks, select, with_attempts


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which transactions are wanted; None and () are any. ``states`` are those of ``TransactionState``."""

    states: tuple[str, ...] = ()
    sender: Address | None = None
    run_id: str | None = None
    purposes: tuple[str, ...] = ()


async def page(lists: Lists, wanted: Wanted, *, offset: int, limit: int, descending: bool = True) -> Paged[Transaction]:
    """A page of transactions, the newest first unless told otherwise."""
    condition = _condition(wanted)
    if wanted.run_id is not None:
        # A run has a few.
        few = await select(lists.db, f"WHERE t.run_id = ? AND ({condition.sql})", (wanted.run_id, *condition.params))
        newest = sorted(few, key=lambda each: each.id, reverse=descending)
        return Paged(len(newest), in_parts(newest[offset : offset + limit]))
    found = await lists.transactions.find(condition, offset=offset, limit=limit, descending=descending)

    async def transactions(rows: Sequence[Row]) -> list[Transaction]:
        return await with_attempts(lists.db, rows)

    return Paged(found.count, smaller(lists.transactions.rows(TRANSACTIONS, found))).of(transactions)


def _condition(wanted: Wanted) -> Condition:
    words, params = list[str](), list[Value]()
    for column, some in (("state", wanted.states), ("purpose", wanted.purposes)):
        if some:
            values = sorted(set(some))
            words.append(f"{column} IN ({', '.join('?' * len(values))})")
            params += values
    if wanted.sender is not None:
        words.append("from_address = ?")
        params.append(wanted.sender)
    return Condition(" AND ".join(words), tuple(params)) if words else EVERYTHING


# --- attempts --------------------------------------------------------------------------------------------------------


class AttemptOf(msgspec.Struct, frozen=True):
    """An attempt, and the hash under which its transaction was mined and is safe; None if it is not."""

    attempt: Attempt
    safe: Hash | None


class _Mined(msgspec.Struct):
    transaction_hash: Hash


async def attempts_page(lists: Lists, *, offset: int, limit: int) -> Paged[AttemptOf]:
    """A page of attempts."""
    found = await lists.attempts.find(EVERYTHING, offset=offset, limit=limit, descending=True)

    async def attempts(rows: Sequence[Row]) -> list[AttemptOf]:
        return await _with_mined(lists, [attempt_of(row) for row in rows])

    return Paged(found.count, smaller(lists.attempts.rows(ATTEMPTS, found))).of(attempts)


async def _with_mined(lists: Lists, attempts: Sequence[Attempt]) -> list[AttemptOf]:
    safe: dict[int, Hash] = {}
    for part in chunks(sorted({each.transaction_id for each in attempts})):
        rows: Any = await lists.db.read(
            f"SELECT id, receipt FROM transactions WHERE state = 'safe' AND id IN ({marks(part)})", tuple(part)
        )
        safe |= {found: msgspec.json.decode(receipt, type=_Mined).transaction_hash for found, receipt in rows}
    return [AttemptOf(each, safe.get(each.transaction_id)) for each in attempts]
