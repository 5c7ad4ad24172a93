"""The form of the audit log."""

from __future__ import annotations

from adyton.domain.audit import Outcome
from adyton.web.audit import EntryAttributes
from adyton.web.form import PAGE_REFUSED, PAGES, Form, Parameter, many

INDEX = Form(
    answers=(many("auditEntries", EntryAttributes),),
    query=(
        *PAGES,
        Parameter(name="caller", about="An e-mail, an access key, or the name of an initiator.", example="you@example.com"),
        Parameter(name="action", about="A method and a route.", example="DELETE /v2/specs/:job_id"),
        Parameter(name="subject", about="What it was done to: an id, a name, an e-mail.", example="you@example.com"),
        Parameter(name="outcome", about="What came of it.", kind=Outcome, example="done"),
    ),
    refusals=PAGE_REFUSED,
)
