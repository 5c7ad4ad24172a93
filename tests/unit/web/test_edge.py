"""What surrounds every route: limits, origins, headers, slashes, failures."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
import structlog

from adyton.services import jobs
from adyton.services.parts import Parts
from adyton.web.settings import WebSettings
from support.api import PATIENT, Api, details

ORIGIN = "http://localhost:6688"


async def chunks(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // 1024):
        yield b" " * 1024
    yield b" " * (size % 1024)


async def test_a_body_at_the_limit_passes_and_one_byte_more_does_not(api: Api) -> None:
    fits = await api.client.post("/v2/specs", content=b" " * 32768)
    too_large = await api.client.post("/v2/specs", content=b" " * 32769)

    assert details(fits.json()) == ["EOF"]
    assert (too_large.status_code, too_large.text) == (413, "request too large")
    assert too_large.headers["content-type"] == "text/plain; charset=utf-8"
    assert too_large.headers["connection"] == "close"


async def test_a_body_of_unknown_length_is_held_to_the_same_limit(api: Api) -> None:
    fits = await api.client.post("/v2/specs", content=chunks(32768))
    too_large = await api.client.post("/v2/specs", content=chunks(32769))

    assert (fits.status_code, details(fits.json())) == (400, ["EOF"])
    assert too_large.status_code == 413


async def test_a_plan_of_many_jobs_may_be_larger_once_it_is_known_whose_it_is(api: Api) -> None:
    many = {"jobs": [], "dryRun": True, "_comment": "x" * 200_000}
    assert (await api.client.post("/v2/specs/apply", json=many)).status_code == 200
    assert (await api.client.post("/v2/specs/apply", content=b" " * (8 * 32768 + 1))).status_code == 413
    assert (await api.client.post("/v2/specs/apply", content=chunks(32769))).status_code == 413
    api.client.cookies.clear()
    assert (await api.client.post("/v2/specs/apply", json=many)).status_code == 401


async def test_only_a_page_takes_the_room_of_a_form(api: Api) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    for path in ("/v2/specs", "/sessions", "/nowhere"):
        assert (await api.client.post(path, content=b" " * 32769, headers=form)).status_code == 413
    assert (await api.client.post("/jobs/new", content=b"spec=" + b"%20" * 32760, headers=form)).status_code == 200
    assert (await api.client.post("/jobs/new", content=b" " * (3 * 32768 + 1), headers=form)).status_code == 413


async def test_the_limit_holds_before_anyone_is_known(api: Api) -> None:
    api.client.cookies.clear()
    assert (await api.client.post("/v2/specs", content=b" " * 40000)).status_code == 413
    assert (await api.client.post("/nowhere", content=b" " * 40000)).status_code == 413


@pytest.mark.parametrize("length", ["x", "-1", "9" * 30, ""])
async def test_a_length_that_is_no_number_is_refused(api: Api, length: str) -> None:
    response = await api.client.post("/v2/specs", content=b"{}", headers={"content-length": length})
    assert response.status_code == 413


async def test_every_response_forbids_frames_and_guessing(api: Api) -> None:
    for path in ("/v2/specs", "/nowhere", "/health", "/v2/specs/"):
        response = await api.client.get(path)
        assert response.headers["x-frame-options"] == "DENY"
        assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/nowhere"),
        ("PUT", "/v2/specs"),
        ("GET", "/sessions"),
        ("OPTIONS", "/v2/runs"),
    ],
)
async def test_what_is_no_route_is_a_404_in_plain_text(api: Api, method: str, path: str) -> None:
    response = await api.client.request(method, path)

    assert response.status_code == 404
    assert response.headers["content-type"] == "text/plain"
    assert response.text == "404 page not found"


async def test_head_is_no_method_of_the_api(api: Api) -> None:
    response = await api.client.head("/v2/specs")
    assert (response.status_code, response.headers["content-type"]) == (404, "text/plain")


@pytest.mark.parametrize(
    ("method", "path", "status", "location"),
    [
        ("GET", "/v2/specs/?size=1", 301, "/v2/specs?size=1"),
        ("POST", "/v2/specs/", 307, "/v2/specs"),
        ("GET", "/v2/runs/abc/", 301, "/v2/runs/abc"),
        ("DELETE", "/sessions/", 307, "/sessions"),
    ],
)
async def test_a_slash_too_many_is_redirected(api: Api, method: str, path: str, status: int, location: str) -> None:
    response = await api.client.request(method, path)
    assert (response.status_code, response.headers["location"]) == (status, location)


async def test_a_client_that_follows_the_redirect_creates_its_job(api: Api) -> None:
    spec = {"initiators": [{"type": "web"}], "tasks": [{"type": "noop"}]}
    response = await api.client.post("/v2/specs/", json=spec, follow_redirects=True)
    assert response.status_code == 200


@pytest.mark.parametrize("path", ["//evil.example/", "/v2/specs//", "/%2Fevil.example/"])
async def test_no_redirect_leads_elsewhere(api: Api, path: str) -> None:
    response = await api.client.get(f"http://node.example{path}")
    assert response.status_code == 404


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
@pytest.mark.parametrize("origin", ["http://evil.example", "http://node.example", "null", "http://localhost:6688.evil.example"])
async def test_pages_of_other_origins_are_refused_on_every_route(api: Api, method: str, origin: str) -> None:
    response = await api.client.request(method, "/v2/specs", headers={"origin": origin})
    assert (response.status_code, response.content) == (403, b"")


async def test_pages_of_listed_origins_may_use_the_api(api: Api) -> None:
    response = await api.client.get("/v2/specs", headers={"origin": ORIGIN})

    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == ORIGIN
    assert response.headers["access-control-allow-credentials"] == "true"
    assert response.headers["access-control-expose-headers"] == "Content-Length"
    assert response.headers["vary"] == "Origin"


async def test_a_preflight_is_answered_without_a_session(api: Api) -> None:
    api.client.cookies.clear()

    response = await api.client.options("/v2/specs", headers={"origin": ORIGIN, "access-control-request-method": "POST"})

    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["access-control-allow-methods"] == "GET,POST,PUT,PATCH,DELETE"
    assert response.headers["access-control-allow-headers"] == "Origin,Content-Type,Accept"
    assert response.headers["access-control-allow-origin"] == ORIGIN


async def test_a_star_lets_every_origin_in() -> None:
    async with Api(settings=WebSettings(allow_origins=("*",))) as api:
        response = await api.client.get("/v2/specs", headers={"origin": "http://anyone.example"})

    assert (response.status_code, response.headers["access-control-allow-origin"]) == (200, "*")
    assert "vary" not in response.headers


async def test_an_address_may_make_so_many_requests_a_minute() -> None:
    async with Api(settings=WebSettings(request_limit=3)) as api:
        answers = [await api.client.get("/v2/specs") for _ in range(4)]
        health = await api.client.get("/readyz")
        elsewhere = await api.another_client("192.0.2.1").get("/v2/specs")
        await api.bench.clock.sleep(60)
        later = await api.client.get("/v2/specs")

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == ["2", "1", "0", "0"]
    assert answers[0].headers["x-ratelimit-limit"] == "3"
    assert answers[3].headers["x-ratelimit-reset"] == "1700000060"
    assert (health.status_code, elsewhere.status_code, later.status_code) == (200, 401, 200)


async def test_what_we_did_wrong_is_logged_and_not_shown(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(parts: Parts, job_id: str) -> None:
        raise RuntimeError("a secret in the details")

    monkeypatch.setattr(jobs, "get", broken)
    with structlog.testing.capture_logs() as lines:
        response = await api.client.get("/v2/specs/x")

    (line,) = [line for line in lines if line["event"] == "request failed"]
    assert response.status_code == 500
    assert details(response.json()) == [f"internal error {line['error_id']}; the node's log says more"]
    assert "secret" not in response.text
    assert "RuntimeError" in repr(line["exc_info"])


async def test_the_request_log_holds_no_bodies_queries_or_cookies(api: Api) -> None:
    with structlog.testing.capture_logs() as lines:
        await api.client.post("/sessions?password=in-the-query", content='{"email":"a@b","password":"in-the-body"')

    (line,) = [line for line in lines if line["event"] == "request"]
    assert (line["method"], line["path"], line["status"], line["client"]) == ("POST", "/sessions", 400, "127.0.0.1")
    assert line["log_level"] == "info"
    assert "in-the" not in repr(lines)
    assert "clsession" not in repr(lines)


@pytest.mark.parametrize(
    ("settings", "location"),
    [
        ({"redirect_to_tls": 6689}, "https://node.example:6689/v2/specs?size=1"),
        ({"redirect_to_tls": 443}, "https://node.example/v2/specs?size=1"),
        ({"redirect_to_tls": 6689, "tls_host": "oracle.example"}, "https://oracle.example/v2/specs?size=1"),
    ],
)
async def test_plain_requests_are_sent_to_tls_when_asked(settings: dict[str, int | str], location: str) -> None:
    async with Api(settings=WebSettings(**settings)) as api:  # type: ignore[arg-type] # the table's keys are the fields
        plain = await api.client.get("http://node.example:6688/v2/specs?size=1")
        transport = httpx.ASGITransport(app=api.app)
        async with httpx.AsyncClient(transport=transport, base_url="https://node.example") as client:
            safe = await client.get("/v2/specs")

    assert (plain.status_code, plain.headers["location"]) == (301, location)
    assert safe.status_code == 401


async def test_without_tls_nothing_is_redirected() -> None:
    async with Api(settings=PATIENT) as api:
        assert (await api.client.get("/v2/specs")).status_code == 200
