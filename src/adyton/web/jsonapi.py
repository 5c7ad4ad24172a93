"""JSON:API documents as bytes.

The content type is exact: a client of v0.6.2 compares it literally.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from msgspec import UNSET, UnsetType
from starlette.responses import Response

from adyton.domain.errors import Fault

CONTENT_TYPE = "application/vnd.api+json"
ERROR_CONTENT_TYPE = "application/json; charset=utf-8"
CODE_HEADER = "x-adyton-error"
"""Has the code where a refusal's body is v0.6.2's, a plain text or nothing."""

encode = msgspec.json.Encoder().encode


class Resource(msgspec.Struct, frozen=True):
    """One thing shown; ``attributes`` repeats its id."""

    type: str
    id: str
    attributes: object


class Links(msgspec.Struct, frozen=True, omit_defaults=True):
    """Relative URLs of the neighbouring pages."""

    next: str | UnsetType = UNSET
    prev: str | UnsetType = UNSET


class Meta(msgspec.Struct, frozen=True):
    """How many there are in all."""

    count: int


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """The envelope, in the key order of v0.6.2."""

    links: Links | UnsetType = UNSET
    data: Resource | Sequence[Resource]
    meta: Meta | Mapping[str, object] | UnsetType = UNSET


class Source(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where in the request the fault is: in the body, or in a parameter of the query string."""

    pointer: str | UnsetType = UNSET
    parameter: str | UnsetType = UNSET


class Error(msgspec.Struct, frozen=True):
    """One fault. v0.6.2 had the detail only. ``code`` names its page: ``adyton explain ADY-0001``."""

    detail: str
    code: str | UnsetType = UNSET
    source: Source | UnsetType = UNSET


def shown(resource: Resource | Sequence[Resource], status: int = 200, *, meta: Mapping[str, object] | None = None) -> Response:
    """A response that shows one resource, or a list that has no pages. ``meta`` is what v0.6.2 did not say of it."""
    document = Document(data=resource, meta=UNSET if meta is None else meta)
    return Response(encode(document), status, media_type=CONTENT_TYPE)


def listed(resources: Sequence[Resource], links: Links | None, count: int) -> Response:
    """A response that shows one page of a list."""
    document = Document(links=UNSET if links is None else links, data=resources, meta=Meta(count))
    return Response(encode(document), media_type=CONTENT_TYPE)


def nothing() -> Response:
    """Done, and nothing to show. As v0.6.2, the content type is there all the same."""
    return Response(status_code=204, media_type=CONTENT_TYPE)


def refused(status: int, faults: Iterable[Fault | str], headers: dict[str, str] | None = None, *, code: str = "") -> Response:
    """A response that lists faults. ``code`` is for those that have none of their own."""
    body = encode({"errors": [_error(fault, code) for fault in faults]})
    return Response(body, status, headers={"content-type": ERROR_CONTENT_TYPE, **(headers or {})})


def _error(fault: Fault | str, code: str) -> Error:
    if isinstance(fault, str):
        return Error(fault, code or UNSET)
    source = Source(fault.pointer or UNSET, fault.parameter or UNSET)
    return Error(fault.detail, fault.code or code or UNSET, source if source != Source() else UNSET)
