"""A web page in the operator's browser tries to use the node: other origins, other names, forms, frames."""

from __future__ import annotations

import pytest

from adyton.web.settings import WebSettings
from support.api import Api

BROWSER = {
    "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0",
    "accept-language": "en-US,en;q=0.5",
    "accept": "*/*",
}
OPEN = WebSettings(allow_origins=("*",), secure_cookies=False, request_limit=10**6, login_limit=10**6)
SPEC = {"initiators": [{"type": "web"}], "tasks": [{"type": "noop"}]}


@pytest.mark.parametrize("path", ["/health", "/readyz", "/metrics", "/v2/specs", "/"])
async def test_a_page_whose_name_leads_to_the_node_sees_nothing(api: Api, path: str) -> None:
    """DNS rebinding: to the browser the node is the page's own server, so no Origin is sent, and no cookie of the node's."""
    api.client.cookies.clear()
    answer = await api.client.get(f"http://evil.example:6688{path}", headers=BROWSER)
    assert answer.status_code == 421
    assert "passing" not in answer.text


async def test_a_page_whose_name_leads_to_the_node_cannot_guess_passwords(api: Api) -> None:
    headers = {**BROWSER, "origin": "http://evil.example:6688"}
    api.client.cookies.clear()
    answer = await api.client.post("http://evil.example:6688/sessions", json={"email": "a@b", "password": "x"}, headers=headers)
    assert answer.status_code == 403


async def test_a_program_in_a_network_of_containers_is_served_by_any_name(api: Api) -> None:
    assert (await api.client.get("http://chainlink_node:6688/v2/specs")).status_code == 200


@pytest.mark.parametrize(
    "page",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "https://evil.example", "sec-fetch-site": "cross-site", "content-type": "text/plain"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
        {"sec-fetch-site": "same-site"},
    ],
)
@pytest.mark.parametrize("settings", [OPEN, WebSettings(secure_cookies=False)])
async def test_a_page_cannot_change_anything_with_the_session_of_whoever_looks_at_it(
    page: dict[str, str], settings: WebSettings
) -> None:
    """Cross-site request forgery, in a browser that would send the cookie all the same."""
    async with Api(settings=settings) as api:
        job = (await api.post("/v2/specs", SPEC))["data"]["id"]
        tries = [
            await api.client.post("/v2/specs", json=SPEC, headers={**BROWSER, **page, "host": "localhost:6688"}),
            await api.client.post(
                f"/v2/specs/{job}/runs", content=b"{}", headers={**BROWSER, **page, "host": "localhost:6688"}
            ),
            await api.client.delete(f"/v2/specs/{job}", headers={**BROWSER, **page, "host": "localhost:6688"}),
            await api.client.delete("/sessions", headers={**BROWSER, **page, "host": "localhost:6688"}),
        ]
        assert [answer.status_code for answer in tries] == [403] * 4
        assert (await api.get("/v2/specs"))["meta"]["count"] == 1
        assert (await api.get("/v2/runs"))["meta"]["count"] == 0


async def test_a_page_cannot_log_its_visitor_in_as_somebody_else() -> None:
    async with Api(settings=OPEN) as api:
        api.client.cookies.clear()
        form = {**BROWSER, "host": "localhost:6688", "origin": "https://evil.example", "content-type": "text/plain"}
        answer = await api.client.post("/sessions", content=b'{"email":"evil@example.com","password":"="}', headers=form)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


async def test_an_answer_to_any_page_carries_no_session(api: Api) -> None:
    async with Api(settings=OPEN) as everybodys:
        answer = await everybodys.client.get("/v2/specs", headers={"origin": "https://any.example"})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers


async def test_no_answer_may_be_framed_guessed_at_or_read_by_another_site(api: Api) -> None:
    for path in ("/v2/specs", "/nowhere", "/health", "/sessions", "/v2/specs/%00"):
        headers = (await api.client.get(path)).headers
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "unsafe-inline" not in headers["content-security-policy"].split("script-src")[-1].split(";")[0]
