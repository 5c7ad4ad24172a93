"""The OpenAPI document: made of the table of routes, whole, and sent once."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from adyton.web.endpoint import Route
from adyton.web.openapi.common import BY_STATUS
from adyton.web.openapi.document import document, words
from adyton.web.openapi.security import of_group
from adyton.web.routes import ROUTES
from support.api import Api

METHODS = {"get", "post", "put", "patch", "delete"}


@cache
def made() -> dict[str, Any]:
    return document(ROUTES)


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in made()["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def parts(value: Any) -> Iterator[dict[str, Any]]:
    """Every object inside."""
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from parts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from parts(inner)


@pytest.mark.parametrize("route", [pytest.param(r, id=f"{r.method} {r.path}") for _, group in ROUTES for r in group])
def test_every_route_has_a_form_and_says_what_it_does(route: Route) -> None:
    assert route.form is not None, "give it a form in adyton.web.forms"
    assert route.form.title or route.handler.__doc__, "the docstring of the handler is the summary of the operation"
    assert route.form.answers


def test_every_route_is_in_the_document_with_its_role() -> None:
    routes = {f"{route.method} {route.path}": route for _, group in ROUTES for route in group}
    assert dict(operations()).keys() == routes.keys()
    for name, operation in operations():
        if operation["security"]:
            assert operation.get("x-role", routes[name].needs) == routes[name].needs
    assert all(of_group(allowed) is not None for allowed, _ in ROUTES)


def test_operations_have_names_of_their_own() -> None:
    names = [operation["operationId"] for _, operation in operations()]
    assert len(names) == len(set(names))
    assert all(re.fullmatch("[a-z0-9_]+", name) for name in names)


def test_every_reference_leads_somewhere() -> None:
    for part in parts(made()):
        if isinstance(part.get("$ref"), str):
            found: Any = made()
            for step in part["$ref"].removeprefix("#/").split("/"):
                found = found[step]
        if isinstance(part.get("operationId"), str) and "parameters" in part and "responses" not in part:
            assert part["operationId"] in {operation["operationId"] for _, operation in operations()}


def test_every_schema_is_one() -> None:
    for schema in made()["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    for _, operation in operations():
        for parameter in operation["parameters"]:
            Draft202012Validator.check_schema(parameter["schema"])
        for media in operation.get("requestBody", {}).get("content", {}).values():
            Draft202012Validator.check_schema(media["schema"])


def test_examples_are_good_ones() -> None:
    """As the schemas say; whether the node takes them is asked by test_openapi_fuzz."""
    components = {"components": made()["components"]}
    for name, operation in operations():
        for parameter in operation["parameters"]:
            if "example" in parameter:
                Draft202012Validator({**components, **parameter["schema"]}).validate(parameter["example"])
        for media in operation.get("requestBody", {}).get("content", {}).values():
            assert media.get("examples"), f"{name} has no example"
            for example in media["examples"].values():
                Draft202012Validator({**components, **media["schema"]}).validate(example["value"])


def test_what_stands_around_every_handler_is_answered_everywhere() -> None:
    for name, operation in operations():
        statuses = {int(status) for status in operation["responses"]}
        assert set(BY_STATUS) - {429} <= statuses, name
        assert any(200 <= status < 300 for status in statuses), name


def test_content_types_are_exact() -> None:
    answers = [each for _, operation in operations() for each in operation["responses"].values()]
    found = {media for each in answers for media in each.get("content", {})}
    assert found == {
        "application/vnd.api+json",
        "application/json; charset=utf-8",
        "application/json",
        "text/plain",
        "application/openmetrics-text",
        "text/event-stream",
        "text/html",
        "text/css",
        "application/schema+json",
    }


def test_who_may_call_is_told() -> None:
    security = {name: operation["security"] for name, operation in operations()}
    user: list[dict[str, list[str]]] = [{"session": []}, {"tokenKey": [], "tokenSecret": []}]
    assert security["GET /v2/runs"] == user
    assert security["POST /v2/specs/{job_id}/runs"] == [*user, {"initiatorKey": [], "initiatorSecret": []}]
    assert security["PATCH /v2/runs/{run_id}"] == [{"bridge": []}]
    assert security["DELETE /sessions"] == [{"session": []}]
    assert security["GET /metrics"] == [{}, {"scraper": []}]
    assert security["POST /sessions"] == []


async def test_it_is_sent_packed_and_once(api: Api) -> None:
    first = await api.another_client().get("/v2/openapi.json", headers={"accept-encoding": "gzip"})
    plain = await api.client.get("/openapi.json", headers={"accept-encoding": "identity"})
    again = await api.client.get("/v2/openapi.json", headers={"if-none-match": first.headers["etag"]})

    assert (first.status_code, first.headers["content-type"]) == (200, "application/json")
    assert first.json() == plain.json() == json.loads(json.dumps(made()))
    assert (first.headers["content-encoding"], first.headers["vary"]) == ("gzip", "Accept-Encoding")
    assert int(first.headers["content-length"]) < 60_000 < int(plain.headers["content-length"])
    assert "content-encoding" not in plain.headers
    assert first.headers["cache-control"] == "no-cache"
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert gzip.decompress(gzip.compress(plain.content)) == plain.content


def test_a_node_starts_no_later_for_it() -> None:
    """Neither the document nor what the page is made with is touched before somebody asks."""
    code = "import sys, adyton.web.app, adyton.web.openapi.document as d; print('jinja2' in sys.modules, d.document.__module__)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.split()[0] == "False"


@pytest.mark.parametrize(
    ("docstring", "summary", "rest"),
    [
        ("Show a run.", "Show a run.", ""),
        ("List them, the\n    newest first. ``filter`` chooses.", "List them, the newest first.", "`filter` chooses."),
        ("", "", ""),
    ],
)
def test_a_docstring_is_a_summary_and_more(docstring: str, summary: str, rest: str) -> None:
    assert words(docstring) == (summary, rest)
