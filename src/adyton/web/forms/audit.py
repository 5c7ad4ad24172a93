"""The form of the audit log."""

from __future__ import annotations

from adyton.domain.audit import Outcome
from adyton.web.audit import EntryAttributes
from adyton.web.form import PAGE_REFUSED, PAGES, Form, Parameter, many
from adyton.web.forms.filters import TIME

INDEX = Form(
    answers=(many("auditEntries", EntryAttributes),),
    query=(
        *PAGES,
        Parameter(name="caller", about="An e-mail, an access key, or the name of an initiator.", example="you@example.com"),
        Parameter(name="action", about="A method and a route.", example="DELETE /v2/specs/:job_id"),
        Parameter(name="subject", about="What it was done to: an id, a name, an e-mail.", example="you@example.com"),
        Parameter(name="outcome", about="What came of it.", kind=Outcome, example="done"),
        Parameter(
            name="after",
            about="Only what was done at this time (RFC 3339) or later.",
            kind=TIME,
            example="2026-01-01T00:00:00Z",
        ),
        Parameter(
            name="before", about="Only what was done before this time (RFC 3339).", kind=TIME, example="2027-01-01T00:00:00Z"
        ),
    ),
    refusals=PAGE_REFUSED,
)
