"""Whether an answer is one that the OpenAPI document allows. Every test of the API asks that of every answer."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import httpx
from jsonschema import Draft202012Validator

from adyton.web.openapi.document import document
from adyton.web.routes import ROUTES


@cache
def _document() -> dict[str, Any]:
    return document(ROUTES)


@cache
def _paths() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Paths without parameters first, as they would not be found behind the others."""
    ordered = sorted(_document()["paths"], key=lambda path: path.count("{"))
    return tuple((re.compile(re.sub(r"{[^}]+}", "[^/]+", path)), path) for path in ordered)


@cache
def _validator(path: str, method: str, status: str, media: str) -> Draft202012Validator | None:
    """None: there is no body to look at."""
    answer = _answer(path, method, status)
    if media not in answer.get("content", {}):
        return None
    return Draft202012Validator({**answer["content"][media]["schema"], "components": _document()["components"]})


@cache
def _answer(path: str, method: str, status: str) -> dict[str, Any]:
    answer: dict[str, Any] = _document()["paths"][path][method]["responses"][status]
    if "$ref" in answer:
        return dict(_document()["components"]["responses"][answer["$ref"].rpartition("/")[2]])
    return answer


async def conforms(response: httpx.Response) -> None:
    """Raises AssertionError. Passed by are requests that no route takes, streams that somebody else reads, and /readyz: when
    that has a body no document can say."""
    request = response.request
    path = next((path for pattern, path in _paths() if pattern.fullmatch(request.url.path)), None)
    method, status = request.method.lower(), str(response.status_code)
    media = response.headers.get("content-type", "")
    if path in (None, "/readyz") or method not in _document()["paths"][path]:
        return
    if media.startswith("text/event-stream") or status == "301":
        return
    where = f"{request.method} {path} answers {status}"
    assert status in _document()["paths"][path][method]["responses"], f"{where}, which its form does not say"
    body = await response.aread()
    known = _answer(path, method, status).get("content", {})
    if not body:
        return
    name = media if media in known else media.partition(";")[0]
    assert name in known, f"{where} with {media!r}, and its form says {list(known)}"
    validator = _validator(path, method, status, name)
    assert validator is not None
    value = json.loads(body) if "json" in name else body.decode()
    fault = next(iter(validator.iter_errors(value)), None)
    assert fault is None, f"{where} in another form than its own: {fault.message[:500]} at {fault.json_path}"
