"""Safe transactions that are to be judged again: from which block on, after the chain has lost what was final.

A fact says so. The command that cures the alarm leaves it in its own write, and the confirmer works it off from the oldest
block on, so that after a crash it goes on where the last durable part ended.
"""

from __future__ import annotations

from adyton.storage import facts
from adyton.storage.database import Database, Statement
from adyton.storage.transaction_rows import MINED, Mined, mined

_NAME = "safe transactions are judged again from block"
# Two wishes are one from the lower block on. The number is compared as text, so it has its zeros.
_DIGITS = 20
_ASK = """
INSERT INTO node_facts (name, value) VALUES (?, ?)
ON CONFLICT (name) DO UPDATE SET value =
    CASE WHEN excluded.value < node_facts.value THEN excluded.value ELSE node_facts.value END"""
_GO_ON = "UPDATE node_facts SET value = ? WHERE name = ? AND value = ?"
_END = "DELETE FROM node_facts WHERE name = ? AND value = ?"


def asked(block: int) -> Statement:
    """Statement that wants it from ``block`` on. May be run twice."""
    return Statement(_ASK, [(_NAME, _text(block))])


async def wanted(db: Database) -> int | None:
    """From which block on; None: nothing is to be judged."""
    found = await facts.get(db, _NAME)
    return None if found is None else int(found)


def progress(block: int, then: int | None) -> Statement:
    """Statement that goes on from ``then``, or ends it if that is None; it does nothing if ``block``, from which it was to be
    judged, is another one by now: somebody has asked for more."""
    if then is None:
        return Statement(_END, [(_NAME, _text(block))])
    return Statement(_GO_ON, [(_text(then), _NAME, _text(block))])


async def safe_from(db: Database, block: int, limit: int) -> list[Mined]:
    """Safe transactions of that block and later ones, the oldest block first: ``limit`` of them, and whatever else is in the
    last one's block."""
    where = f"{MINED} WHERE t.state = 'safe' AND t.receipt_block >= ?"
    edge = await db.read(
        "SELECT receipt_block FROM transactions WHERE state = 'safe' AND receipt_block >= ? "
        "ORDER BY receipt_block LIMIT 1 OFFSET ?",
        (block, limit - 1),
    )
    if not edge:
        return [mined(row) for row in await db.read(f"{where} ORDER BY t.receipt_block, t.id", (block,))]
    rows = await db.read(f"{where} AND t.receipt_block <= ? ORDER BY t.receipt_block, t.id", (block, edge[0][0]))
    return [mined(row) for row in rows]


def _text(block: int) -> str:
    return f"{max(block, 0):0{_DIGITS}d}"
