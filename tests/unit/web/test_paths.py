"""From a path to what answers it."""

from __future__ import annotations

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from adyton.web.paths import Paths


class Named:
    """Answers with its name and what stands in the open places."""

    def __init__(self, name: str) -> None:
        self._name = name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse(f"{self._name} {scope['path_params']}")(scope, receive, send)


PATHS = ("/health", "/v2/runs", "/v2/runs/{run_id}", "/v2/transactions/doctor", "/v2/transactions/{name}", "/v2/a/{x}/b/{y}")
APP = Paths({path: Named(path) for path in PATHS})


async def get(path: str, method: str = "GET") -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=APP), base_url="http://node") as client:
        return await client.request(method, path)


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/health", "/health {}"),
        ("/v2/runs/5", "/v2/runs/{run_id} {'run_id': '5'}"),
        ("/v2/runs/a%20b", "/v2/runs/{run_id} {'run_id': 'a b'}"),
        ("/v2/transactions/doctor", "/v2/transactions/doctor {}"),
        ("/v2/transactions/0x5", "/v2/transactions/{name} {'name': '0x5'}"),
        ("/v2/a/1/b/2", "/v2/a/{x}/b/{y} {'x': '1', 'y': '2'}"),
    ],
)
async def test_a_path_is_found_with_what_stands_in_it(path: str, answer: str) -> None:
    assert (await get(path)).text == answer


@pytest.mark.parametrize("path", ["/", "/v2", "/v2/nothing", "/v2/runs/5/6", "/v2/a/1/c/2", "/v2//5", "/v2/runs//"])
async def test_elsewhere_is_nothing(path: str) -> None:
    response = await get(path)
    assert (response.status_code, response.text) == (404, "404 page not found")


@pytest.mark.parametrize(
    ("method", "path", "status", "where"),
    [
        ("GET", "/v2/runs/", 301, "/v2/runs"),
        ("POST", "/v2/runs/?a=1", 307, "/v2/runs?a=1"),
        ("GET", "/v2/runs/a%2Fb/", 404, None),
        ("GET", "/v2/runs/a%20b/", 301, "/v2/runs/a%20b"),
    ],
)
async def test_a_slash_too_much_is_shown_the_way(method: str, path: str, status: int, where: str | None) -> None:
    response = await get(path, method)
    assert (response.status_code, response.headers.get("location")) == (status, where)
