"""What the runs behind transactions were asked, as far as sending is concerned."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from adyton.domain.trials import Place
from adyton.storage.database import Database, Statement
from adyton.storage.transaction_rows import chunks, marks

_PLACES = """
    SELECT id, creation_height, request_block, input FROM runs
    WHERE request_id IS NOT NULL AND creation_height IS NOT NULL AND request_block IS NOT NULL AND id IN ({})"""
_WITHDRAW = "DELETE FROM transactions WHERE id = ? AND state = 'unstarted'"


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


def withdrawn(transaction_id: int) -> Statement:
    """Statement that takes a transaction back that has no nonce, so that its task asks for another one."""
    return Statement(_WITHDRAW, [(transaction_id,)])
