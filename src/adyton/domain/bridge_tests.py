"""Testing a bridge: what it is sent, and whether a run could use what came back."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import cast

import msgspec
from msgspec import UNSET

from adyton.domain.errors import Fault, Invalid
from adyton.domain.exchanges import Exchange, Failure
from adyton.domain.request_json import field, first_object, kind_of
from adyton.domain.runs import Completed, Data, Errored, Outcome


class Came(StrEnum):
    """What a test came to."""

    COMPLETED = "completed"
    PENDING = "pending"
    """The bridge will answer later."""
    ERRORED = "errored"
    UNFINISHED = "unfinished"
    """The test may not take as long as a run."""


class Verdict(msgspec.Struct, frozen=True):
    """What a run would make of it; ``usable``: it would go on, now or when the late answer comes. ``detail`` is for people."""

    came: Came
    usable: bool
    detail: str


_WORDS = {
    Failure.STATUS: "The bridge answered with the status {status}; a run fails from 400 on",
    Failure.NOT_JSON: 'The answer is not what a bridge answers, {{"data": …}}: {error}',
    Failure.TOO_LARGE: "The answer is larger than DEFAULT_HTTP_LIMIT allows: {error}",
    Failure.TIMEOUT: "There was no answer in time: {error}",
}
"""What is wrong where the failure's own words need some more."""


def read_sample(body: bytes) -> Data:
    """The data that a body asks to send: ``{"data": {…}}``; none for an empty body. Raises Invalid."""
    if not body.strip():
        return {}
    value = field(first_object(body), "data")
    if value is UNSET or value is None:
        return {}
    if isinstance(value, dict):
        return cast("Data", value)
    raise Invalid(Fault(f"data must be an object, not {kind_of(value)}", "/data", code="ADY-1350"))


def judged(outcome: Outcome, exchanges: Sequence[Exchange], *, told_where: bool) -> Verdict:
    """What an outcome means. ``told_where``: the bridge was told where a late answer goes."""
    if isinstance(outcome, Errored):
        return Verdict(Came.ERRORED, usable=False, detail=_why(outcome, exchanges))
    if isinstance(outcome, Completed):
        return Verdict(Came.COMPLETED, usable=True, detail="A run would go on with these data.")
    if told_where:
        words = "The bridge will answer later: a run would wait until it calls the responseURL that it was sent."
        return Verdict(Came.PENDING, usable=True, detail=words)
    words = (
        "The bridge will answer later, and was not told where: set BRIDGE_RESPONSE_URL to the node's address as bridges see it."
    )
    return Verdict(Came.PENDING, usable=False, detail=words)


def unfinished(seconds: float, exchanges: Sequence[Exchange], *, timeout: float, attempts: int) -> Verdict:
    """What it means that a test was ended after ``seconds``; a run waits ``timeout`` seconds for each of its ``attempts``."""
    said = f"; the last failure was: {exchanges[-1].error}" if exchanges and exchanges[-1].error else ""
    words = f"No answer within {seconds:g} s, which is all that a test may take{said}. "
    words += f"A run would wait {timeout:g} s, up to {attempts} times."
    return Verdict(Came.UNFINISHED, usable=False, detail=words)


def _why(outcome: Errored, exchanges: Sequence[Exchange]) -> str:
    last = exchanges[-1] if exchanges else None
    if last is None or last.failure is None:
        return f"The bridge answered with an error: {outcome.error or 'an empty text'}."
    error = last.error or outcome.error
    words = _WORDS.get(last.failure, "There was no answer: {error}").format(status=last.status, error=error)
    times = len(exchanges)
    return f"{words}." if times == 1 else f"{words}; asked {times} times."
