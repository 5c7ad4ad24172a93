"""From the path of a request to what answers it, in the same few steps however many routes there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from adyton.web.endpoint import unknown_route

_Pattern = tuple[str | None, ...]
"""The segments of a path, None where any text stands."""


class Paths:
    """Serves paths such as ``/v2/runs/{run_id}``; of several that fit, one with fewer open places goes first.

    Answers paths that are none: with the way there if only a slash at the end is missing or too much, else 404.
    """

    def __init__(self, apps: Mapping[str, ASGIApp]) -> None:
        self._exact = {path: app for path, app in apps.items() if "{" not in path}
        self._patterns: dict[tuple[int, str], list[tuple[_Pattern, tuple[str, ...], ASGIApp]]] = {}
        for path in sorted((path for path in apps if "{" in path), key=lambda path: path.count("{")):
            segments = path.split("/")
            pattern = tuple(None if segment.startswith("{") else segment for segment in segments)
            names = tuple(segment[1:-1] for segment in segments if segment.startswith("{"))
            assert pattern[:3].count(None) == 0, f"{path}: patterns are found by the noun, which stands in the third place"
            self._patterns.setdefault(_place(segments), []).append((pattern, names, apps[path]))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        found = self._exact.get(path)
        if found is not None:
            scope["path_params"] = {}
            return await found(scope, receive, send)
        for app, params in self._fitting(path):
            scope["path_params"] = params
            return await app(scope, receive, send)
        other = path[:-1] if path.endswith("/") else f"{path}/"
        if other in self._exact or any(self._fitting(other)):
            return await _elsewhere(scope)(scope, receive, send)
        return await unknown_route(scope, receive, send)

    def _fitting(self, path: str) -> Iterator[tuple[ASGIApp, dict[str, str]]]:
        segments = path.split("/")
        for pattern, names, app in self._patterns.get(_place(segments), ()):
            if all(
                asked == segment if asked is not None else segment for asked, segment in zip(pattern, segments, strict=True)
            ):
                values = [segment for asked, segment in zip(pattern, segments, strict=True) if asked is None]
                yield app, dict(zip(names, values, strict=True))


def _place(segments: list[str]) -> tuple[int, str]:
    """Under what patterns are kept: how many segments, and the third of them, which names the noun in ``/v2/noun``."""
    return len(segments), segments[2] if len(segments) > 2 else ""


def _elsewhere(scope: Scope) -> Response:
    path = scope["path"]
    raw = scope.get("raw_path", path.encode()).decode("latin-1")
    where = raw[:-1] if path.endswith("/") else f"{raw}/"
    query = f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else ""
    return Response(status_code=301 if scope["method"] == "GET" else 307, headers={"location": f"{where}{query}"})
