"""Forms of the document about all others."""

from __future__ import annotations

from typing import Any

from adyton.web.form import JSON, Answer, Form, Parameter, Schema, Value

_KNOWN = (Parameter(name="If-None-Match", about="The tag of the document that the client has."),)
_TAG = (("ETag", "Names this version of it."),)
_SAME = Answer((), 304, "The client has it.", _TAG)

_TEXT = {"type": "string"}


def _served(media: str, schema: Schema) -> Form:
    return Form(answers=(Answer((Value(media=media, schema=schema),), headers=_TAG), _SAME), headers=_KNOWN)


PAGE = _served("text/html", _TEXT)
STYLE = _served("text/css", _TEXT)
SCHEMA = _served("application/schema+json", {"type": "object"})
DOCUMENT = Form(answers=(Answer((Value(dict[str, Any], JSON),), headers=_TAG), _SAME), headers=_KNOWN)
