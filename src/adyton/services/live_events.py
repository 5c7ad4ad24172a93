"""What those who watch are told: each event encoded once, as a piece of a stream of server-sent events."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from adyton.domain import evm
from adyton.domain.chain import Head
from adyton.domain.times import rfc3339
from adyton.storage.changes import Place, RunChange, TransactionChange

_ID = re.compile(r"([0-9]{1,18})-([0-9]{1,18})")
LONGEST_WORDS = 500
"""Characters of an error that an event repeats; the run has all of it."""


class Kind(StrEnum):
    """What one may watch."""

    RUNS = "runs"
    HEADS = "heads"
    TRANSACTIONS = "transactions"
    ALERTS = "alerts"


class Wanted(msgspec.Struct, frozen=True):
    """What a stream shows: kinds, and of runs and transactions those of one job or one run if these are given."""

    kinds: frozenset[Kind] = frozenset(Kind)
    job_id: str | None = None
    run_id: str | None = None

    def takes(self, event: Event) -> bool:
        """Whether the event is for this stream."""
        if event.kind not in self.kinds:
            return False
        if event.kind not in _OF_RUNS:
            return True
        return self.job_id in (None, event.job_id) and self.run_id in (None, event.run_id)


_OF_RUNS = frozenset({Kind.RUNS, Kind.TRANSACTIONS})
WITHOUT_NUMBER = frozenset(Kind) - _OF_RUNS
"""They have no history: who comes later is shown how things are."""


class Event(msgspec.Struct, frozen=True):
    """Something that happened. ``place`` is where one goes on who has had it; ``text`` is what is sent."""

    kind: Kind
    place: Place
    text: bytes
    job_id: str | None = None
    run_id: str | None = None

    def is_behind(self, place: Place) -> bool:
        """Whether who has read the rows up to ``place`` has not had it; of those that have a number."""
        if self.kind is Kind.RUNS:
            return self.place.runs > place.runs
        return self.place.transactions > place.transactions


class Alert(msgspec.Struct, frozen=True, rename="camel"):
    """Something that an operator should see to, or that is over: ``status`` is ``raised`` or ``cleared``. ``source`` is
    ``alarm`` for what stays until its cure was applied, ``health`` for a check that fails, ``rule`` for what destinations are
    told; ``code`` names the page about it. ``subject`` is what a rule is about ("": the node)."""

    name: str
    source: str
    status: str
    detail: str
    since: str
    cure: str | None = None
    code: str | None = None
    subject: str | UnsetType = UNSET


# --- ids -------------------------------------------------------------------------------------------------------------


def event_id(place: Place) -> str:
    """The id of an event behind which the place is."""
    return f"{place.runs}-{place.transactions}"


def read_id(text: str) -> Place | None:
    """The place that an id names; None if it is no id of ours."""
    found = _ID.fullmatch(text)
    return None if found is None else Place(int(found[1]), int(found[2]))


# --- pieces of a stream ----------------------------------------------------------------------------------------------


def piece(name: str, place: Place, body: Any) -> bytes:
    """An event in the form of a stream. JSON has no line breaks, so one line holds it."""
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (event_id(place).encode(), name.encode(), msgspec.json.encode(body))


def keep_alive(place: Place) -> bytes:
    """What is sent when there is nothing to tell: a comment, and an id without an event, so that a client which sees few of the
    events goes on from here and not from the last that it saw."""
    return b": keep-alive\nid: %b\n\n" % event_id(place).encode()


def opening(retry: int) -> bytes:
    """The beginning of a stream; a client that loses it comes back after ``retry`` milliseconds."""
    return b"retry: %d\n: adyton\n\n" % retry


def of_run(found: RunChange, place: Place) -> Event:
    """A run that is new, or looks different."""
    body = {
        "id": found.id,
        "jobId": found.job_id,
        "status": found.status,
        "error": _short(found.error),
        "version": found.version,
        "requestId": found.request_id,
        "supersededBy": found.superseded_by,
        "createdAt": rfc3339(found.created_at),
        "updatedAt": rfc3339(found.updated_at),
        "finishedAt": None if found.finished_at is None else rfc3339(found.finished_at),
    }
    return Event(Kind.RUNS, place, piece("run", place, body), found.job_id, found.id)


def of_transaction(found: TransactionChange, place: Place) -> Event:
    """A transaction that is new, or looks different."""
    body = {
        "id": found.id,
        "state": found.state,
        "runId": found.run_id,
        "jobId": found.job_id,
        "hash": found.hash,
        "from": evm.checksum(found.from_address),
        "to": evm.checksum(found.to_address),
        "nonce": found.nonce,
        "blockNumber": found.block,
        "succeeded": None if found.receipt_status is None else found.receipt_status == 1,
        "waiting": _short(found.waiting),
        "error": _short(found.error),
    }
    return Event(Kind.TRANSACTIONS, place, piece("transaction", place, body), found.job_id, found.run_id)


def of_head(head: Head, place: Place) -> Event:
    """Another newest block."""
    return Event(Kind.HEADS, place, piece("head", place, head_body(head)))


def head_body(head: Head) -> dict[str, Any]:
    """A head; ``timestamp`` is in seconds, as the chain has it."""
    return {"number": head.number, "hash": head.hash, "parentHash": head.parent_hash, "timestamp": head.timestamp}


def of_alert(alert: Alert, place: Place) -> Event:
    """Something that went wrong, or is well again."""
    return Event(Kind.ALERTS, place, piece("alert", place, alert))


def _short(words: str | None) -> str | None:
    return words if words is None or len(words) <= LONGEST_WORDS else words[:LONGEST_WORDS] + "…"
