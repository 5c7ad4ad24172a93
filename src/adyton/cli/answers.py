"""What the node answered, and what to say when it refused."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec

from adyton.cli.output import clean
from adyton.cli.tree import Failure

_CODE = re.compile("ADY-[0-9]{4}")
_PASSWORDS = frozenset({"ADY-0109", "ADY-0804"})
"""Pages about a password that is wrong: who gave it is logged in."""
_LONGEST = 500
"""Characters that are shown of a text that is not the node's."""


class Answer(NamedTuple):
    """What the node answered. ``where`` says who names the node, ``option`` is what asks the same one again; ``code`` is what a
    header says of a refusal in plain text."""

    status: int
    reason: str
    body: bytes
    cookie: str | None
    location: str | None = None
    where: str = ""
    option: str = ""
    code: str = ""

    @property
    def refused(self) -> bool:
        """Anything that is not the thing asked for."""
        return not 200 <= self.status < 300

    def problem(self, prefix: str = "") -> str:
        """The node's refusal as v0.6.2 shows it: the status line, then the details."""
        details = ",".join(error.detail for error in self._errors()) or self._text()
        return clean("; ".join(part for part in (f"{prefix}{self.status} {self.reason}", details) if part))

    def failure(self, prefix: str = "", advice: str = "") -> Failure:
        """The refusal, with what to do about it and where to read more."""
        code = next((error.code for error in self._errors() if _CODE.fullmatch(error.code)), self._usual_code())
        return Failure(self.problem(prefix), advice or self._advice(code), code=code)

    def _usual_code(self) -> str:
        """For an answer that names no page: an older node's, or something else's."""
        if self.status == 401:
            return "ADY-1153"
        if _CODE.fullmatch(self.code):
            return self.code
        return "ADY-1109" if 300 <= self.status < 400 else "ADY-1150"

    def _errors(self) -> list[_Error]:
        try:
            return msgspec.json.decode(self.body, type=_Errors).errors
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return []

    def _text(self) -> str:
        """What something else than a node says: not a page of markup, not a document."""
        text = self.body[: 8 * _LONGEST].decode(errors="replace").strip()
        if self.status == 401 and not text:
            return "Try logging in"
        return "" if text.startswith(("<", '{"errors"')) else text[:_LONGEST]

    def _advice(self, code: str) -> str:
        match self.status:
            case 401 if code in _PASSWORDS:
                return "Give the password again; nothing was done."
            case 401:
                return f"Log in first: adyton{self.option} admin login"
            case 301 | 302 | 303 | 307 | 308:
                return f"The node answers elsewhere{self._elsewhere()}. {self.where}"
            case 429:
                return "Wait a little and try again."
            case 502 | 504:
                return f"Something between here and the node has no answer from it. {self.where}"
            case 503:
                return f"Ask `adyton{self.option} health` what is wrong, and try again."
            case _:
                return ""

    def _elsewhere(self) -> str:
        """The scheme, host and port that a redirect names."""
        try:
            parts = urlsplit(clean(self.location or ""))
            host = parts.netloc.rpartition("@")[2]
        except ValueError:
            return ""
        return f", at {parts.scheme}://{host}" if parts.scheme and host else ""


class _Error(msgspec.Struct):
    detail: str = ""
    code: str = ""


class _Errors(msgspec.Struct):
    errors: list[_Error]
