"""From the path of a request to what answers it, in the same few steps however many routes there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from adyton.web.endpoint import unknown_route

T = TypeVar("T")

_Pattern = tuple[str | None, ...]
"""The segments of a path, None where any text stands."""


class Places(Generic[T]):
    """Finds what stands at a path such as ``/v2/runs/{run_id}``; of several that fit, one with fewer open places goes first."""

    def __init__(self, things: Mapping[str, T]) -> None:
        self._exact = {path: thing for path, thing in things.items() if "{" not in path}
        self._patterns: dict[tuple[int, str], list[tuple[_Pattern, tuple[str, ...], T]]] = {}
        for path in sorted((path for path in things if "{" in path), key=lambda path: path.count("{")):
            segments = path.split("/")
            pattern = tuple(None if segment.startswith("{") else segment for segment in segments)
            names = tuple(segment[1:-1] for segment in segments if segment.startswith("{"))
            assert None not in pattern[: _noun(segments) + 1], f"{path}: patterns are found by the noun, which comes first"
            self._patterns.setdefault(_place(segments), []).append((pattern, names, things[path]))

    def find(self, path: str) -> tuple[T, dict[str, str]] | None:
        """What stands there, and the texts at the open places; None where nothing does."""
        found = self._exact.get(path)
        return (found, {}) if found is not None else next(self._fitting(path), None)

    def _fitting(self, path: str) -> Iterator[tuple[T, dict[str, str]]]:
        segments = path.split("/")
        for pattern, names, thing in self._patterns.get(_place(segments), ()):
            if all(
                asked == segment if asked is not None else segment for asked, segment in zip(pattern, segments, strict=True)
            ):
                values = [segment for asked, segment in zip(pattern, segments, strict=True) if asked is None]
                yield thing, dict(zip(names, values, strict=True))


class Paths:
    """Serves the paths of ``Places``.

    Answers paths that are none: with the way there if only a slash at the end is missing or too much, else as ``nowhere`` does.
    """

    def __init__(self, apps: Mapping[str, ASGIApp], nowhere: ASGIApp = unknown_route) -> None:
        self._places = Places(apps)
        self._nowhere = nowhere

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        found = self._places.find(path)
        if found is not None:
            scope["path_params"] = found[1]
            return await found[0](scope, receive, send)
        other = path[:-1] if path.endswith("/") else f"{path}/"
        if other and self._places.find(other) is not None:
            return await _elsewhere(scope)(scope, receive, send)
        return await self._nowhere(scope, receive, send)


def _noun(segments: list[str]) -> int:
    """Which segment names the noun: of ``/v2/noun`` the second, else the first."""
    return 2 if segments[1:2] == ["v2"] else 1


def _place(segments: list[str]) -> tuple[int, str]:
    """Under what patterns are kept: how many segments, and the noun."""
    noun = _noun(segments)
    return len(segments), segments[noun] if len(segments) > noun else ""


def _elsewhere(scope: Scope) -> Response:
    path = scope["path"]
    raw = scope.get("raw_path", path.encode()).decode("latin-1")
    where = raw[:-1] if path.endswith("/") else f"{raw}/"
    query = f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else ""
    return Response(status_code=301 if scope["method"] == "GET" else 307, headers={"location": f"{where}{query}"})
