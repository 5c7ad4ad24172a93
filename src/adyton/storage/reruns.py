"""A request is run again: its finished run gives its place to a new one, in the write that stores that.

Both statements are fences: of two that run the same request again, and of one that meets the confirmer or log intake, only one
is written.
"""

from __future__ import annotations

from adyton.domain.requests import Request
from adyton.domain.runs import Run
from adyton.storage import list_tables, statistics
from adyton.storage.changes import RUN_CHANGE
from adyton.storage.database import Statement
from adyton.storage.runs import insert

# A transaction that is not settled may still answer, so its run keeps its place.
_SUPERSEDE = f"""
    UPDATE runs SET
        version = CASE WHEN version = ? AND superseded_by IS NULL AND status IN ('errored', 'completed', 'cancelled')
            AND NOT EXISTS (
                SELECT 1 FROM transactions t WHERE t.run_id = runs.id AND t.state NOT IN ('safe', 'fatal_error'))
            THEN version + 1 END,
        superseded_by = ?, left_chain = NULL, updated_at = ?, change = {RUN_CHANGE}
    WHERE id = ?"""
_RUN_AGAIN = """
    UPDATE requests SET
        decision = CASE WHEN closed_as IS NULL AND run_id IS NOT DISTINCT FROM ? THEN 'run started' END,
        reason = NULL, run_id = ?
    WHERE contract = ? AND request_id = ?"""
_GIVE_UP = """
    UPDATE requests SET
        decision = CASE WHEN closed_as IS NULL AND run_id IS NOT DISTINCT FROM ? THEN 'refused' END, reason = ?
    WHERE contract = ? AND request_id = ?"""


def started_again(request: Request, old: Run | None, new: Run, now: int) -> tuple[Statement, ...]:
    """Statements that store ``new`` as the run of a request, in the place of ``old`` (None: it has none).

    ``Conflict`` when the request is closed, or has another run than that, or that run is not finished, changed since it was
    read, or has asked for a transaction that is not settled.
    """
    superseded: tuple[Statement, ...] = ()
    if old is not None:
        superseded = (*statistics.forgotten([old.id]), Statement(_SUPERSEDE, [(old.version, new.id, now, old.id)]))
    again = Statement(_RUN_AGAIN, [(request.run_id, new.id, request.contract, request.request_id)])
    return (*superseded, insert([new]), again)


def given_up(request: Request, reason: str) -> tuple[Statement, ...]:
    """Statements that write down why a request gets no answer any more. ``Conflict`` when it is closed or has another run."""
    key = (request.contract, request.request_id)
    return (
        list_tables.changed(list_tables.REQUESTS, "contract = ? AND request_id = ?", [key]),
        Statement(_GIVE_UP, [(request.run_id, reason, *key)]),
    )
