"""Somebody who reaches the port tries to be another, to guess, and to bring the node down."""

from __future__ import annotations

import re

import pytest

from adyton.services.edge import DAY, Certificate
from adyton.web.routes import ROUTES
from adyton.web.settings import WebSettings
from support.api import Api

WRONG = {"email": "a@example.com", "password": "a wrong password"}
BOMBS = {
    "deep lists": b"[" * 16000,
    "deep objects": b'{"a":' * 6000 + b"1" + b"}" * 6000,
    "deep inside": b'{"tasks":' + b"[" * 8000 + b"]" * 8000 + b"}",
    "a long number": b'{"a":' + b"9" * 30000 + b"}",
    "a large exponent": b'{"a":1e999999999}',
    "half a surrogate": b'{"a":"\\ud800"}',
    "a NUL": b'{"name":"\\u0000","email":"\\u0000","url":"\\u0000"}',
    "no UTF-8": b'{"a":"\xff\xfe"}',
    "an array": b"[]",
    "nothing": b"",
    "a text": b'"text"',
    "many keys": b"{" + b",".join(b'"k%d":1' % number for number in range(2500)) + b"}",
    "one key many times": b"{" + b",".join(b'"tasks":[]' for _ in range(2500)) + b"}",
}
CHANGES = [route for _, group in ROUTES for route in group if route.method in {"POST", "PUT", "PATCH"}]


@pytest.mark.parametrize("bomb", BOMBS)
async def test_no_body_makes_a_route_fail(api: Api, bomb: str) -> None:
    """Every route that reads a body answers, and says that it is the body's fault."""
    for route in CHANGES:
        path = re.sub(r"{[^}]+}", "x", route.path)
        answer = await api.client.request(route.method, path, content=BOMBS[bomb])
        assert answer.status_code < 500 or answer.status_code == 503, f"{route.method} {path}: {answer.text}"
        assert "Traceback" not in answer.text


async def test_logins_are_counted_for_the_socket_whatever_the_headers_say() -> None:
    async with Api(settings=WebSettings(login_limit=3)) as api:
        statuses = [
            (
                await api.client.post(
                    "/sessions",
                    json=WRONG,
                    headers={"x-forwarded-for": f"198.51.100.{number}", "x-real-ip": f"10.0.0.{number}"},
                )
            ).status_code
            for number in range(5)
        ]
    assert statuses[3:] == [429, 429]


async def test_behind_a_trusted_proxy_each_client_is_counted_for_itself() -> None:
    async with Api(settings=WebSettings(login_limit=3, trusted_proxies=("127.0.0.1",))) as api:

        async def log_in(client: str) -> int:
            headers = {"x-forwarded-for": f"203.0.113.99, {client}"}
            return (await api.client.post("/sessions", json=WRONG, headers=headers)).status_code

        mine = [await log_in("198.51.100.1") for _ in range(4)]
        assert mine[3] == 429
        assert await log_in("198.51.100.2") != 429


async def test_who_has_a_network_of_ipv6_has_no_more_tries_than_others() -> None:
    async with Api(settings=WebSettings(login_limit=3)) as api:
        statuses = [
            (await api.another_client(f"2001:db8::{number:x}").post("/sessions", json=WRONG)).status_code for number in range(5)
        ]
    assert statuses[3:] == [429, 429]


async def test_a_refusal_says_when_to_come_again() -> None:
    async with Api(settings=WebSettings(request_limit=1)) as api:
        await api.client.get("/v2/specs")
        answer = await api.client.get("/v2/specs")
    assert (answer.status_code, answer.text) == (429, "Limit exceeded")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert 1 <= int(answer.headers["retry-after"]) <= 60


@pytest.mark.parametrize("header", ["x-original-url", "x-rewrite-url", "x-http-method-override", "x-forwarded-host"])
async def test_no_header_makes_a_request_another_one(api: Api, header: str) -> None:
    api.client.cookies.clear()
    answer = await api.client.get("/readyz", headers={header: "/v2/specs" if "url" in header else "DELETE"})
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize(
    "path",
    ["/v2/../v2/specs", "/v2/%2e%2e/v2/specs", "/v2//specs", "/V2/specs", "/v2/specs;x=1", "/v2/specs%2f", "/.%2e/v2/specs",
     "/v2/specs/..%5c..%5cetc", "/static/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd"],
)  # fmt: skip
async def test_no_spelling_of_a_path_goes_around_who_may(api: Api, path: str) -> None:
    api.client.cookies.clear()
    answer = await api.client.get(f"http://node.example{path}")
    assert answer.status_code in {301, 401, 404}
    assert "root:" not in answer.text


async def test_a_parameter_that_stands_twice_is_no_defect(api: Api) -> None:
    answer = await api.client.get("/v2/specs?size=1&size=x&page=1&page=2&sort=-createdAt&sort=createdAt")
    assert answer.status_code in {200, 422}


@pytest.mark.parametrize(
    ("days", "status", "code"), [(30, "passing", ""), (10, "failing", "ADY-1011"), (-2, "failing", "ADY-1011")]
)
async def test_a_certificate_that_ends_soon_is_told_in_health_and_metrics(api: Api, days: int, status: str, code: str) -> None:
    expires = api.bench.clock.now() // 1_000_000 + days * DAY
    api.parts.edge.certificate = Certificate(expires)
    checks = (await api.client.get("/health")).json()["data"]
    (check,) = [each["attributes"] for each in checks if each["attributes"]["name"] == "certificate"]
    assert (check["status"], check["code"] or "") == (status, code)
    assert f"adyton_certificate_days_left {float(days)}" in (await api.client.get("/metrics")).text


async def test_a_new_certificate_that_cannot_be_used_is_told(api: Api) -> None:
    expires = api.bench.clock.now() // 1_000_000 + 300 * DAY
    api.parts.edge.certificate = Certificate(expires, "they do not belong together")
    checks = (await api.client.get("/health")).json()["data"]
    (check,) = [each["attributes"] for each in checks if each["attributes"]["name"] == "certificate"]
    assert (check["status"], check["code"]) == ("failing", "ADY-1006")
    assert "they do not belong together" in check["output"]
