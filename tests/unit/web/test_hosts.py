"""Under which names the API may be asked for, and by whom."""

from __future__ import annotations

import pytest

from adyton.web.hosts import Hosts
from adyton.web.settings import WebSettings
from support.middle import ask, says_what_arrives

BROWSER = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/150.0", "accept-language": "en"}
LOOSE = WebSettings(tls_host="tls.example:8443", bridge_response_url="https://bridge.example:99/x")
STRICT = WebSettings(allowed_hosts=("oracle.example", "node:6688"), tls_host="tls.example")


async def status(host: str, headers: dict[str, str] | None = None, settings: WebSettings = LOOSE) -> int:
    return (await ask(Hosts(says_what_arrives, settings), {**(headers or {}), "host": host})).status_code


@pytest.mark.parametrize("host", ["node:6688", "adyton", "chainlink_node_1:6688", "anything.example"])
async def test_programs_may_use_any_name(host: str) -> None:
    assert await status(host) == 200


@pytest.mark.parametrize("agent", ["python-requests/2.32", "Go-http-client/1.1", "curl/8.5", "axios/1.7", "node"])
async def test_programs_are_not_taken_for_browsers(agent: str) -> None:
    of_node_js = {"sec-fetch-mode": "cors", "accept-language": "*"}
    assert await status("node:6688", {"user-agent": agent, **of_node_js}) == 200


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:6688", "127.0.0.1:6688", "[::1]:6688", "[::1]", "192.0.2.7", "tls.example",
             "tls.example:8443", "TLS.example", "bridge.example"],
)  # fmt: skip
async def test_browsers_may_use_what_no_page_can_be_called_and_what_settings_name(host: str) -> None:
    assert await status(host, BROWSER) == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:6688", "localhost.evil.example", "127.0.0.1.evil.example",
                                  "localhost.", "2130706433", "127.1", "foo.localhost"])  # fmt: skip
@pytest.mark.parametrize(
    "sign",
    [
        {"user-agent": "Mozilla/5.0"},
        {"accept-language": "de"},
        {"sec-fetch-site": "same-origin"},
        {"sec-fetch-dest": "empty"},
    ],
)
async def test_browsers_may_not_use_names_that_nobody_listed(host: str, sign: dict[str, str]) -> None:
    assert await status(host, sign) == 421


@pytest.mark.parametrize("host", ["", "a b", "evil.example/localhost", "localhost@evil.example", "[::1", "localhost:999999"])
async def test_what_is_no_host_is_refused(host: str) -> None:
    assert await status(host) in {400, 421}


@pytest.mark.parametrize(
    ("host", "wanted"),
    [
        ("oracle.example", 200),
        ("ORACLE.example:443", 200),
        ("node:6688", 200),
        ("node:6689", 421),
        ("node", 421),
        ("tls.example", 421),
        ("localhost:6688", 200),
        ("10.0.0.7:6688", 200),
    ],
)
async def test_a_list_of_names_holds_for_programs_too(host: str, wanted: int) -> None:
    assert await status(host, settings=STRICT) == wanted


async def test_a_page_with_an_origin_is_judged_by_that() -> None:
    assert await status("node.internal", {**BROWSER, "origin": "http://localhost:3000"}) == 200


async def test_where_every_page_may_read_names_protect_nothing() -> None:
    assert await status("any.example", BROWSER, WebSettings(allow_origins=("*",))) == 200


async def test_the_refusal_says_where_to_list_the_name() -> None:
    answer = await ask(Hosts(says_what_arrives, LOOSE), {**BROWSER, "host": "evil.example"})
    (error,) = answer.json()["errors"]
    assert error["code"] == "ADY-1001"
    assert "ALLOWED_HOSTS" in error["detail"]


async def test_a_request_names_its_host_once() -> None:
    answer = await ask(Hosts(says_what_arrives, LOOSE), [("host", "a"), ("host", "b")])
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "ADY-1008")
