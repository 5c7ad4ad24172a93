"""What a bridge answers, at once or later: one schema for the body of its response and for that of its callback.

::

    {"data": ..., "error": null, "pending": false}

``error``, even an empty one, or the status ``errored``, is an error; else ``pending``, or the status ``pending_bridge``, says
that the answer comes later; everything else is an answer, ``{}`` too. Names match in any case; a value of a wrong type spoils
the whole, also of a name that means nothing here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec
from msgspec import UNSET

from adyton.domain import data
from adyton.domain.errors import Invalid
from adyton.domain.request_json import field, first_value, kind_of
from adyton.domain.runs import Completed, Data, Errored, Outcome, RunStatus, Waits

_TEXTS = ("accessToken", "jobRunId", "taskRunId")
_AMOUNT = re.compile(r"-?[0-9]{1,78}", re.ASCII)
_UNSAID = "the bridge answered with the status errored and no error"


class Answer(msgspec.Struct, frozen=True):
    """An answer. ``status`` is errored, pending_bridge or completed; ``data`` is any JSON value, UNSET when there is none."""

    status: RunStatus
    error: str | None = None
    data: object = UNSET

    @property
    def given(self) -> Data:
        """The data as an object. Another value than an object is the result, as text; v0.6.2 did that only with answers that
        came at once, and late ones spoiled the next task."""
        if self.data is UNSET:
            return {}
        return self.data if isinstance(self.data, dict) else {"result": data.as_text(self.data)}


def read_response(body: bytes) -> Answer:
    """The answer in a response: the whole body is one JSON value. Raises Invalid."""
    try:
        value = data.parse(body, deepest=data.DEEPEST_OF_A_SOURCE)
    except ValueError as wrong:
        raise Invalid(str(wrong), code="ADY-0460") from None
    return _answer(value)


def read_callback(body: bytes) -> Answer:
    """The answer in a callback; as v0.6.2, what follows the first JSON value is ignored. Raises Invalid."""
    return _answer(first_value(body))


def at_once(answer: Answer, asked: Data) -> Outcome:
    """What an answer that came at once makes of the task: its data over those that the bridge was asked with."""
    return _outcome(answer, {**asked, **answer.given})


def late(answer: Answer) -> Outcome:
    """What a callback makes of the task: its data are the task's, as v0.6.2."""
    return _outcome(answer, answer.given)


def _outcome(answer: Answer, left: Data) -> Outcome:
    if answer.status is RunStatus.ERRORED:
        return Errored(_UNSAID if answer.error is None else answer.error, left)
    if answer.status is RunStatus.PENDING_BRIDGE:
        return Waits(RunStatus.PENDING_BRIDGE, left)
    return Completed(left)


def _answer(value: object) -> Answer:
    source = {} if value is None else value
    if not isinstance(source, dict):
        raise Invalid(f"an answer must be an object, not {kind_of(source)}", code="ADY-0460")
    for name in _TEXTS:
        _text(source, name)
    _check_amount(field(source, "amount"))
    status, pending = _text(source, "status"), _flag(source, "pending")
    error = _error(field(source, "error"))
    given = field(source, "data")
    if error is not None or status == RunStatus.ERRORED:
        return Answer(RunStatus.ERRORED, error, given)
    waits = pending or status == RunStatus.PENDING_BRIDGE
    return Answer(RunStatus.PENDING_BRIDGE if waits else RunStatus.COMPLETED, None, given)


def _error(value: object) -> str | None:
    """A text, or an object that holds one under ``String`` (as v0.6.2 wrote them itself)."""
    if value is UNSET or value is None:
        return None
    if isinstance(value, dict):
        _flag(value, "Valid")
        return _text(value, "String")
    if isinstance(value, str):
        return value
    raise Invalid(f"error must be a string or null, not {kind_of(value)}", code="ADY-0460")


def _text(source: Mapping[str, object], name: str) -> str:
    value = field(source, name)
    if value is UNSET or value is None:
        return ""
    if isinstance(value, str):
        return value
    raise Invalid(f"{name} must be a string, not {kind_of(value)}", code="ADY-0460")


def _flag(source: Mapping[str, object], name: str) -> bool:
    value = field(source, name)
    if value is UNSET or value is None:
        return False
    if isinstance(value, bool):
        return value
    raise Invalid(f"{name} must be true or false, not {kind_of(value)}", code="ADY-0460")


def _check_amount(value: object) -> None:
    if value is UNSET or value is None or (isinstance(value, str) and _AMOUNT.fullmatch(value)):
        return
    raise Invalid("amount must be a whole number in a string", code="ADY-0460")
