"""Forms of the document about all others."""

from __future__ import annotations

from typing import Any

from adyton.web.form import JSON, Answer, Form, Parameter, Value

_KNOWN = (Parameter(name="If-None-Match", about="The tag of the document that the client has."),)
_TAG = (("ETag", "Names this version of it."),)
_SAME = Answer((), 304, "The client has it.", _TAG)

DOCUMENT = Form(answers=(Answer((Value(dict[str, Any], JSON),), headers=_TAG), _SAME), headers=_KNOWN)
