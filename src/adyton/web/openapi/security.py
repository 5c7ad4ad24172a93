"""How callers prove who they are, as the document says it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from adyton.domain.external_initiators import ACCESS_KEY_HEADER, SECRET_HEADER
from adyton.web import auth, metrics
from adyton.web.auth import COOKIE
from adyton.web.endpoint import Authentication

SCHEMES: Mapping[str, Mapping[str, Any]] = {
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": "A session: `POST /sessions` gives the cookie.",
    },
    "tokenKey": {"type": "apiKey", "in": "header", "name": "X-API-KEY", "description": "The access key of an API token."},
    "tokenSecret": {"type": "apiKey", "in": "header", "name": "X-API-SECRET", "description": "The secret of an API token."},
    "initiatorKey": {
        "type": "apiKey",
        "in": "header",
        "name": ACCESS_KEY_HEADER,
        "description": "The access key of an external initiator.",
    },
    "initiatorSecret": {
        "type": "apiKey",
        "in": "header",
        "name": SECRET_HEADER,
        "description": "The secret of an external initiator.",
    },
    "bridge": {"type": "http", "scheme": "bearer", "description": "The incoming token of the bridge that a run waits for."},
    "scraper": {"type": "http", "scheme": "bearer", "description": "PROMETHEUS_AUTH_TOKEN, where it is set."},
}

_USER: Sequence[Sequence[str]] = (("session",), ("tokenKey", "tokenSecret"))
_INITIATOR = ("initiatorKey", "initiatorSecret")
_ANYBODY: Sequence[Sequence[str]] = ()
_GROUPS: Mapping[Authentication, Sequence[Sequence[str]]] = {
    auth.session: _USER,
    auth.session_cookie: (("session",),),
    auth.session_or_initiator: (*_USER, _INITIATOR),
    auth.session_or_anonymous_initiator: (*_USER, _INITIATOR),
    auth.nobody: _ANYBODY,
    metrics.scraper: ((), ("scraper",)),
}


def of_group(allowed: Authentication) -> Sequence[Sequence[str]]:
    """The ways to be let in by an authentication, each of the schemes that belong together."""
    return _GROUPS[allowed]
