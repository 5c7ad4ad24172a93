"""What every route may answer, whoever handles it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adyton.web.jsonapi import ERROR_CONTENT_TYPE
from adyton.web.openapi.schemas import FAULTS

_INTEGER = {"type": "integer"}
_FAULTS = {ERROR_CONTENT_TYPE: {"schema": FAULTS}}
HEADERS: Mapping[str, Any] = {
    "X-RateLimit-Limit": {"description": "Requests that an address may make in a period.", "schema": _INTEGER},
    "X-RateLimit-Remaining": {"description": "How many of them are left.", "schema": _INTEGER},
    "X-RateLimit-Reset": {"description": "When the period ends, in seconds since 1970.", "schema": _INTEGER},
    "Retry-After": {"description": "Seconds after which it may be tried again.", "schema": _INTEGER},
}
_RETRY = {"Retry-After": {"$ref": "#/components/headers/Retry-After"}}
COUNTED: Mapping[str, Any] = {
    name: {"$ref": f"#/components/headers/{name}"} for name in HEADERS if name.startswith("X-RateLimit-")
}
"""What an answer says about the limit that its request was counted by."""


def _plain(*texts: str) -> dict[str, Any]:
    return {"text/plain": {"schema": {"type": "string", "enum": list(texts)}}}


RESPONSES: Mapping[str, Mapping[str, Any]] = {
    "Malformed": {"description": "The request cannot be read: its target, its Host, or its body.", "content": _FAULTS},
    "Unauthenticated": {"description": "Nobody who may: no credentials, or they are over. There is no body, as v0.6.2."},
    "Forbidden": {
        "description": "The caller's role does not cover it. Or the page that asks is of an origin that is not in "
        "ALLOW_ORIGINS; then there is no body, as v0.6.2.",
        "content": _FAULTS,
    },
    "NotFound": {
        "description": "There is no such thing. In plain text: no such route; a known path with another method is none.",
        "content": {**_FAULTS, **_plain("404 page not found")},
    },
    "TooSlow": {
        "description": "The body took too long to arrive.",
        "content": {**_FAULTS, **_plain("request body too slow")},
    },
    "TooLarge": {"description": "The body is over DEFAULT_HTTP_LIMIT.", "content": _plain("request too large")},
    "TargetTooLong": {"description": "Path and query are too long.", "content": _FAULTS},
    "Misdirected": {"description": "The node is asked for by a name that is not in ALLOWED_HOSTS.", "content": _FAULTS},
    "TooMany": {
        "description": "The address has made too many requests.",
        "headers": {**COUNTED, **_RETRY},
        "content": {**_FAULTS, **_plain("Limit exceeded")},
    },
    "Failed": {"description": "The node's own fault; the text has the id under which its log tells more.", "content": _FAULTS},
    "Unavailable": {
        "description": "The chain or the database cannot serve now, or the node stops.",
        "headers": _RETRY,
        "content": {**_FAULTS, **_plain("the node stops; the request may have been carried out")},
    },
}
BY_STATUS: Mapping[int, str] = {
    400: "Malformed",
    401: "Unauthenticated",
    403: "Forbidden",
    404: "NotFound",
    408: "TooSlow",
    413: "TooLarge",
    414: "TargetTooLong",
    421: "Misdirected",
    429: "TooMany",
    500: "Failed",
    503: "Unavailable",
}
