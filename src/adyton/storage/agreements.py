"""Service agreements, in the terms that were signed. They stay when their job is archived."""

from __future__ import annotations

from adyton.domain import data
from adyton.domain.agreements import Agreement, Encumbrance
from adyton.storage.database import Database, Row, Statement

_COLUMNS = (
    "id, job_id, created_at, payment, expiration, end_at, oracles, aggregator, initiate_selector, fulfill_selector, "
    "request_body, request_digest, signature"
)
_INSERT = f"INSERT INTO service_agreements ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


def insert(made: Agreement) -> Statement:
    """Statement that stores an agreement; it belongs behind that of its job, into the same write."""
    terms = made.terms
    row = (
        made.id,
        made.job_id,
        made.created_at,
        str(terms.payment or 0),
        terms.expiration,
        terms.end_at,
        data.encode(list(terms.oracles)),
        terms.aggregator,
        terms.initiate_selector,
        terms.fulfill_selector,
        made.request_body,
        made.request_digest,
        made.signature,
    )
    return Statement(_INSERT, [row])


async def get(db: Database, agreement_id: str) -> Agreement | None:
    """The agreement of that id."""
    rows = await db.read(f"SELECT {_COLUMNS} FROM service_agreements WHERE id = ?", (agreement_id,))
    return _agreement(rows[0]) if rows else None


def _agreement(row: Row) -> Agreement:
    number, job_id, created_at, payment, expiration, end_at, oracles, aggregator, initiate, fulfill, body, digest, signature = (
        row
    )
    listed = data.parse(str(oracles))
    return Agreement(
        id=str(number),
        job_id=str(job_id),
        created_at=int(created_at or 0),
        terms=Encumbrance(
            payment=int(payment or 0),
            expiration=int(expiration or 0),
            end_at=end_at if isinstance(end_at, int) else None,
            oracles=tuple(str(oracle) for oracle in listed),
            aggregator=_text(aggregator),
            initiate_selector=_text(initiate),
            fulfill_selector=_text(fulfill),
        ),
        request_body=str(body),
        request_digest=str(digest),
        signature=str(signature),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
