"""The API, asked in process by a page for its visitor.

A page works out nothing by itself: it shows what the API answers to this very caller, so the two cannot differ, and roles,
audit log and errors are the API's. No connection is opened and no middleware runs a second time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias
from urllib.parse import quote, urlencode

import msgspec
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Message

from adyton.web.endpoint import Endpoint
from adyton.web.jsonapi import refused
from adyton.web.limits import APPLIED
from adyton.web.middleware import TOO_LARGE
from adyton.web.paths import Places
from adyton.web.ui.formats import Exact

Json: TypeAlias = Mapping[str, Any]
Query: TypeAlias = str | int | bool | Sequence[str] | None

_DROPPED = frozenset(
    {
        b"content-type",
        b"content-length",
        b"transfer-encoding",
        b"accept",
        b"accept-encoding",
        b"if-none-match",
        b"range",
    }
)
_JSON = "application/json"
_DECODER = msgspec.json.Decoder(float_hook=Exact)


class Fault(msgspec.Struct, frozen=True):
    """One thing that the API found wrong, as its error objects say it. ``pointer`` names a field of the body."""

    detail: str
    code: str = ""
    pointer: str = ""
    parameter: str = ""


class Answer(msgspec.Struct, frozen=True):
    """What the API answered. ``document`` is its JSON, {} where it sent none."""

    status: int
    document: Any
    headers: Headers

    @property
    def ok(self) -> bool:
        """Whether it did what it was asked."""
        return self.status < 400

    @property
    def item(self) -> dict[str, Any]:
        """The attributes of the one resource that is shown, with its id."""
        return _flat(self.document["data"])

    @property
    def items(self) -> list[dict[str, Any]]:
        """The same of each resource of a list."""
        return [_flat(each) for each in self.document.get("data") or ()]

    @property
    def meta(self) -> Json:
        """What is said beside the data."""
        found: Json = self.document.get("meta") or {}
        return found

    @property
    def count(self) -> int:
        """How many the whole list has."""
        return int(self.meta.get("count", len(self.document.get("data") or ())))

    @property
    def faults(self) -> list[Fault]:
        """What was wrong; empty when nothing was."""
        errors = self.document.get("errors") if isinstance(self.document, dict) else None
        if errors:
            return [_fault(each) for each in errors]
        return (
            [] if self.ok else [Fault(_WORDS.get(self.status, f"status {self.status}"), self.headers.get("x-adyton-error", ""))]
        )


_WORDS = {
    401: "you are not signed in any more",
    404: "there is no such thing",
    429: "too many requests from this address; try again later",
}
"""What statuses mean that come without an error object."""


class ApiRefused(Exception):
    """The API refused what a page cannot do without."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class Api:
    """Asks the API on behalf of whoever made ``request``."""

    def __init__(self, endpoints: Places[Endpoint], request: Request, limit: int) -> None:
        """``limit`` is that of a body's bytes."""
        self._endpoints = endpoints
        self._request = request
        self._limit = limit

    async def get(self, path: str, **query: Query) -> Answer:
        """What is at a path. Raises ApiRefused unless it is shown. Pieces of the path that came from outside go through
        ``piece``."""
        answer = await self.ask("GET", path, **query)
        if not answer.ok:
            raise ApiRefused(answer)
        return answer

    async def ask(self, method: str, path: str, body: object = None, **query: Query) -> Answer:
        """The answer to any request, also when it is a refusal. ``body`` becomes JSON, bytes are sent as they are. None and ""
        in the query are left out."""
        return await read(await self.respond(method, path, body, **query))

    async def respond(self, method: str, path: str, body: object = None, **query: Query) -> Response:
        """The same before anything is read, for answers that are no JSON."""
        content, limit = _encoded(body), APPLIED * self._limit if path == "/v2/specs/apply" else self._limit
        if len(content) > limit:
            words = f"{TOO_LARGE}: {len(content):,} bytes, and {limit:,} at most (DEFAULT_HTTP_LIMIT)"
            return refused(413, [words], code="ADY-1053")
        found = self._endpoints.find(path)
        assert found is not None, f"no route {path}"
        endpoint, params = found
        return await endpoint.answer(self._made(method, path, params, content, _query(query)))

    def _made(self, method: str, path: str, params: Mapping[str, str], body: bytes, query: str) -> Request:
        outer = self._request.scope
        headers = [pair for pair in outer["headers"] if pair[0] not in _DROPPED]
        headers += [(b"accept", _JSON.encode()), (b"content-type", _JSON.encode()), (b"content-length", b"%d" % len(body))]
        scope = {
            **outer,
            "method": method,
            "path": path,
            "raw_path": quote(path).encode(),
            "query_string": query.encode(),
            "headers": headers,
            "path_params": dict(params),
            "state": {},
        }

        sent: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Message:
            # Behind the body comes what comes to the page: that its visitor has left.
            return sent.pop() if sent else await self._request.receive()

        return Request(scope, receive)


def piece(text: str) -> str:
    """One piece of a path, of a text from outside. A slash would begin another piece: it stands for a name that nothing has."""
    return text.replace("/", "\u2215") or "\u2205"


def _query(query: Mapping[str, Query]) -> str:
    return urlencode([(name, _word(value)) for name, value in query.items() if value not in (None, "", ())])


def _word(value: Query) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(value) if isinstance(value, Sequence) and not isinstance(value, str) else str(value)


def _encoded(body: object) -> bytes:
    if body is None:
        return b""
    return body if isinstance(body, bytes) else msgspec.json.encode(body)


async def read(response: Response) -> Answer:
    """What a response of the API says."""
    if isinstance(response, StreamingResponse):  # a long list
        content = b"".join(
            [piece if isinstance(piece, bytes) else str(piece).encode() async for piece in response.body_iterator]
        )
    else:
        content = bytes(response.body)
    kind = response.headers.get("content-type", "").partition(";")[0]
    document = _DECODER.decode(content) if content and kind.endswith(("/json", "+json")) else {}
    return Answer(response.status_code, document, Headers(raw=response.raw_headers))


def _flat(resource: Json) -> dict[str, Any]:
    return {**(resource.get("attributes") or {}), "id": resource["id"]}


def _fault(error: Json) -> Fault:
    source = error.get("source") or {}
    return Fault(error.get("detail", ""), error.get("code", ""), source.get("pointer", ""), source.get("parameter", ""))
