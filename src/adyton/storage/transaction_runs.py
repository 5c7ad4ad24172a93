"""What the runs behind transactions were asked, as far as sending is concerned."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from adyton.domain.trials import Place
from adyton.storage import changes, list_tables
from adyton.storage.database import Database, Statement
from adyton.storage.transaction_rows import chunks, marks

_PLACES = """
    SELECT id, creation_height, request_block, input FROM runs
    WHERE request_id IS NOT NULL AND creation_height IS NOT NULL AND request_block IS NOT NULL AND id IN ({})"""
_UNSENT = "SELECT id FROM transactions WHERE id = ? AND state = 'unstarted'"

_ASKED = """
    (contract, request_id) IN (
        SELECT r.contract, r.request_id FROM transactions t JOIN runs r ON r.id = t.run_id WHERE t.id = ?)"""


class _Input(msgspec.Struct):
    dataPrefix: str | None = None  # noqa: N815 - its name in the run's input


async def places(db: Database, run_ids: Iterable[str]) -> dict[str, Place]:
    """The places of the requests that runs answer, by run; runs without a request have none."""
    found: dict[str, Place] = {}
    for chunk in chunks(list(run_ids)):
        rows: Any = await db.read(_PLACES.format(marks(chunk)), tuple(chunk))
        for run_id, block, block_hash, text in rows:
            prefix = msgspec.json.decode(text, type=_Input).dataPrefix or ""
            found[run_id] = Place(block, block_hash, prefix.lower().removeprefix("0x"))
    return found


def withdrawn(transaction_id: int) -> tuple[Statement, ...]:
    """Statements that take a transaction back that has no nonce, so that its task asks for another one."""
    return (
        changes.transactions_deleted(_UNSENT, (transaction_id,), unsent=True),
        list_tables.gone(list_tables.TRANSACTIONS, f"id IN ({_UNSENT})", [(transaction_id,)]),
        list_tables.changed(list_tables.REQUESTS, _ASKED, [(transaction_id,)]),
        Statement(f"DELETE FROM transactions WHERE id IN ({_UNSENT})", [(transaction_id,)]),
    )
