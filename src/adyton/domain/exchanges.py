"""HTTP exchanges of tasks: what is kept of the question to the world outside, and of its answer."""

from __future__ import annotations

from enum import StrEnum

import msgspec

LONGEST_BODY = 4096
"""Bytes of an answer's body that are kept: enough to see what it is, whatever a source sends."""
LONGEST_URL = 2000
"""Characters of a URL."""
LONGEST_ERROR = 500
"""Characters of the sentence about a failure."""


class Failure(StrEnum):
    """Why there was no answer that could be used."""

    DNS = "dns"
    REFUSED = "refused"
    TLS = "tls"
    TIMEOUT = "timeout"
    CLOSED = "closed"
    """The connection ended before the answer was complete."""
    NOT_HTTP = "not http"
    TOO_LARGE = "too large"
    FORBIDDEN = "forbidden address"
    REDIRECT = "redirect"
    PROXY = "proxy"
    UNSENDABLE = "unsendable"
    """The URL or a header cannot be sent."""
    STATUS = "status"
    """An answer of 400 and above."""
    NOT_JSON = "not json"
    """What a bridge answered is not what a bridge answers."""
    UNREACHABLE = "unreachable"
    """No connection, for a reason that is none of the others."""


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt. ``url`` is as it may be shown, ``started_at`` and ``duration`` are microseconds, ``size`` bytes of the
    decoded body, of which ``body`` is the beginning. ``status`` is None when there was no answer; ``error`` then says why."""

    method: str
    url: str
    started_at: int
    duration: int
    status: int | None = None
    size: int | None = None
    media_type: str | None = None
    body: str | None = None
    failure: Failure | None = None
    error: str | None = None
