"""Which pages may use the API, and which of their requests may change something."""

from __future__ import annotations

import pytest
from starlette.types import ASGIApp

from adyton.web.auth import COOKIE
from adyton.web.origins import ForgedRequests, Origins
from adyton.web.settings import WebSettings
from support.middle import ask, says_what_arrives

UI = "https://ui.example"
LISTED = WebSettings(allow_origins=(UI,))
NAMED = WebSettings(allow_origins=(UI,), allowed_hosts=("oracle.example", "node:6688"), tls_host="tls.example:8443")
EVERYBODY = WebSettings(allow_origins=("*",))
SESSION = {"cookie": f"other=1; {COOKIE}=abc"}


def both(settings: WebSettings) -> ASGIApp:
    return Origins(ForgedRequests(says_what_arrives, settings), settings)


@pytest.mark.parametrize(
    ("url", "origin", "status"),
    [
        ("https://oracle.example/v2/specs", "https://oracle.example", 200),
        ("https://oracle.example:6689/v2/specs", "https://oracle.example:6689", 200),
        ("http://node:6688/v2/specs", "http://node:6688", 200),
        ("https://tls.example:8443/v2/specs", "https://tls.example:8443", 200),
        ("https://oracle.example/v2/specs", "http://oracle.example", 403),
        ("https://oracle.example/v2/specs", "https://oracle.example:444", 403),
        ("https://oracle.example/v2/specs", "https://evil.example", 403),
        ("https://oracle.example/v2/specs", "https://oracle.example.evil.example", 403),
        ("https://oracle.example/v2/specs", "null", 403),
        ("https://oracle.example/v2/specs", "https://oracle.example:port", 403),
        # The operator's own pages, under an address that no foreign page can have.
        ("http://127.0.0.1:6688/v2/specs", "http://127.0.0.1:6688", 200),
        ("http://localhost:6688/v2/specs", "http://localhost:6688", 200),
        ("http://[::1]:6688/v2/specs", "http://[::1]:6688", 200),
        ("http://127.0.0.1:6688/v2/specs", "http://127.0.0.1:7000", 403),
        ("http://127.0.0.1:6688/v2/specs", "https://127.0.0.1:6688", 403),
        # That a page comes from here is not enough under a name that nobody gave this node: it may have been made to lead here.
        ("https://unnamed.example/v2/specs", "https://unnamed.example", 403),
    ],
)
async def test_a_page_of_a_name_that_the_operator_gave_this_node_may_use_it(url: str, origin: str, status: int) -> None:
    answer = await ask(both(NAMED), {"origin": origin}, url=url, method="POST")
    assert answer.status_code == status


async def test_a_person_whose_proxy_is_not_known_reads_what_to_do_and_a_program_gets_v062s_silence() -> None:
    """The proxy speaks TLS, the node does not know of it: so the page seems to come from elsewhere."""
    form = {"origin": "https://oracle.example", "accept": "text/html,*/*;q=0.8"}
    person = await ask(both(NAMED), form, url="http://oracle.example/signin", method="POST")
    assert (person.status_code, person.headers["x-adyton-error"]) == (403, "ADY-1012")
    assert person.headers["content-type"].startswith("text/plain")
    assert "set TRUSTED_PROXIES" in person.text
    assert "'https://oracle.example' sent this, and the node is asked as 'http://oracle.example'" in person.text
    program = await ask(both(NAMED), {"origin": "https://oracle.example"}, url="http://oracle.example/signin", method="POST")
    assert (program.status_code, program.content) == (403, b"")


async def test_two_origins_are_none() -> None:
    assert (await ask(both(LISTED), [("origin", UI), ("origin", UI)])).status_code == 403


async def test_every_page_is_never_given_a_session() -> None:
    for method in ("GET", "OPTIONS"):
        answer = await ask(both(EVERYBODY), {"origin": "https://any.example"}, method=method)
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in answer.headers


async def test_a_listed_page_is_given_its_session_by_name() -> None:
    for method in ("GET", "OPTIONS"):
        answer = await ask(both(LISTED), {"origin": UI}, method=method)
        assert answer.headers["access-control-allow-origin"] == UI
        assert answer.headers["access-control-allow-credentials"] == "true"
        assert answer.headers["vary"].startswith("Origin")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    ("page", "settings", "status"),
    [
        ({"origin": "https://evil.example"}, EVERYBODY, 403),
        ({"origin": "null"}, EVERYBODY, 403),
        ({"sec-fetch-site": "cross-site"}, LISTED, 403),
        ({"sec-fetch-site": "same-site"}, LISTED, 403),
        ({"sec-fetch-site": "cross-site"}, EVERYBODY, 403),
        ({"sec-fetch-site": "same-origin"}, LISTED, 200),
        ({"sec-fetch-site": "none"}, LISTED, 200),
        ({"origin": UI, "sec-fetch-site": "cross-site"}, LISTED, 200),
        ({}, LISTED, 200),
    ],
)
async def test_with_a_session_only_named_pages_change_anything(
    method: str, page: dict[str, str], settings: WebSettings, status: int
) -> None:
    answer = await ask(both(settings), {**page, **SESSION}, method=method)
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["errors"][0]["code"] == "ADY-1002"


@pytest.mark.parametrize("path", ["/sessions", "/sessions/"])
async def test_no_page_logs_its_visitor_in_as_somebody_else(path: str) -> None:
    for settings, page in ((EVERYBODY, {"origin": "https://evil.example"}), (LISTED, {"sec-fetch-site": "cross-site"})):
        answer = await ask(both(settings), page, method="POST", url=f"http://node.example{path}")
        assert answer.status_code == 403


async def test_looking_is_no_change_and_without_a_session_nothing_is_stolen() -> None:
    foreign = {"origin": "https://any.example", "sec-fetch-site": "cross-site"}
    assert (await ask(both(EVERYBODY), {**foreign, **SESSION})).status_code == 200
    assert (await ask(both(EVERYBODY), {**foreign, "x-api-key": "k"}, method="POST")).status_code == 200
