"""What an answer of v0.6.2 looks like, whatever it shows; for the tests that go through its routes."""

from __future__ import annotations

import re
from typing import Any

import httpx

from support.api import Api, details

JSON_API = "application/vnd.api+json"
FAULTS = "application/json; charset=utf-8"
ID = re.compile("[0-9a-f]{32}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,8}[1-9])?Z")
WEB: dict[str, Any] = {"initiators": [{"type": "web"}], "tasks": [{"type": "noop"}]}
UNKNOWN = "4c9a7f7a0b1e4d7c8f2e6a5b3d1c0f9e"
ORACLE = "0x" + "c0" * 20


def shown(response: httpx.Response, kind: str, status: int = 200) -> dict[str, Any]:
    """The attributes of the one resource that a good answer shows."""
    assert (response.status_code, response.headers["content-type"]) == (status, JSON_API), response.text
    document = response.json()
    assert next(iter(document)) == "data"
    assert (list(document["data"]), document["data"]["type"]) == (["type", "id", "attributes"], kind)
    attributes: dict[str, Any] = document["data"]["attributes"]
    return attributes


def listed(response: httpx.Response, kind: str, *, paged: bool = True) -> list[dict[str, Any]]:
    """The attributes of every resource of a list."""
    assert (response.status_code, response.headers["content-type"]) == (200, JSON_API), response.text
    document = response.json()
    assert [key for key in document if key != "links"] == (["data", "meta"] if paged else ["data"])
    assert {item["type"] for item in document["data"]} <= {kind}
    return [item["attributes"] for item in document["data"]]


def refused(response: httpx.Response, status: int) -> list[str]:
    """The details of a refusal."""
    assert (response.status_code, response.headers["content-type"]) == (status, FAULTS), response.text
    assert list(response.json()) == ["errors"]
    return details(response.json())


def done(response: httpx.Response) -> None:
    """Done, and nothing to show; the content type is there all the same."""
    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["content-type"] == JSON_API


async def stored(api: Api, spec: Any = None) -> str:
    """The id of a new job."""
    answer = await api.client.post("/v2/specs", json=spec or WEB)
    return str(shown(answer, "specs")["id"])
