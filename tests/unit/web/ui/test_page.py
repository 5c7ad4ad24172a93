"""What surrounds every page: who visits, what they may see, how they come and go."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from html import unescape
from urllib.parse import quote, unquote

import httpx
import msgspec
import pytest

from adyton.domain.access import Role
from adyton.domain.errors import StorageUnavailable
from adyton.storage.connect import open_memory
from adyton.storage.database import Row, Statement
from adyton.web.auth import COOKIE
from adyton.web.settings import WebSettings
from adyton.web.ui import page
from adyton.web.ui.page import NOTICE
from adyton.web.ui.rendering import TEMPLATES
from adyton.web.ui.routes import PAGES
from support.api import EMAIL, PASSWORD, PATIENT, Api, PassingDatabase
from support.people import OTHER, another, with_password

BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
OPEN = [each.path for each in PAGES if each.method == "GET" and "{" not in each.path and each.path != "/signin"]
ELSEWHERE = (
    "https://evil.example/",
    "//evil.example/",
    "///evil.example/",
    "/\\evil.example/",
    "\\\\evil.example/",
    "/\t/evil.example/",
    "/\n/evil.example",
    "\t//evil.example",
    " //evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "evil.example",
    "@evil.example",
    "//[x",
    "http:evil.example",
    "/\r\nset-cookie: a=b",
    "/\u2028/evil.example",
    "",
)


@pytest.fixture
async def stranger(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that is not signed in."""
    client = api.another_client()
    client.headers.update(BROWSER)
    yield client
    await client.aclose()


async def sign_in(client: httpx.AsyncClient, password: str = PASSWORD, **more: str) -> httpx.Response:
    return await client.post("/signin", data={"email": EMAIL, "password": password, **more})


def cookies(response: httpx.Response) -> Iterator[str]:
    return (value for name, value in response.headers.multi_items() if name == "set-cookie")


# --- signing in and out ----------------------------------------------------------------------------------------------


async def test_one_signs_in_and_is_where_one_wanted_to_be(api: Api, stranger: httpx.AsyncClient) -> None:
    await with_password(api)
    asked = await stranger.get("/runs?status=errored&page=2")
    assert asked.status_code == 303
    form = await stranger.get(asked.headers["location"])
    (wanted,) = re.findall(r'name="next" value="(.*?)"', form.text)

    done = await sign_in(stranger, next=unescape(wanted))

    assert (done.status_code, done.headers["location"]) == (303, "/runs?status=errored&page=2")
    assert "HttpOnly; SameSite=Lax" in next(each for each in cookies(done) if each.startswith(COOKIE))
    assert (await stranger.get("/runs")).status_code == 200


@pytest.mark.parametrize("password", ["wrong", "", "x" * 2000, "<script>"])
async def test_a_wrong_password_is_told_and_the_email_stays(api: Api, stranger: httpx.AsyncClient, password: str) -> None:
    await with_password(api)
    refused = await sign_in(stranger, password, next="/runs")
    assert refused.status_code == 401
    assert "Invalid email or password" in refused.text
    assert f'value="{EMAIL}"' in refused.text
    assert 'name="next" value="/runs"' in refused.text
    assert not list(cookies(refused))
    assert not password or password not in re.sub(r"<script src.*?</script>", "", refused.text)


async def test_hostile_credentials_stay_text(stranger: httpx.AsyncClient) -> None:
    refused = await stranger.post("/signin", data={"email": '"><script>alert(1)</script>', "password": "x"})
    assert refused.status_code == 401
    assert "<script>alert" not in refused.text


@pytest.mark.parametrize("where", ELSEWHERE)
async def test_one_is_never_sent_to_another_site(api: Api, stranger: httpx.AsyncClient, where: str) -> None:
    await with_password(api)
    form = await stranger.get("/signin", params={"next": where})
    assert form.status_code == 200
    assert 'name="next" value="/"' in form.text
    assert (await sign_in(stranger, next=where)).headers["location"] == "/"
    assert (await stranger.get("/signin", params={"next": where})).headers["location"] == "/"  # who is signed in goes on
    assert (await stranger.post("/theme", data={"theme": "dark", "back": where})).headers["location"] == "/"


@pytest.mark.parametrize(
    ("where", "gone"),
    [
        ("/runs?a=%0d%0a", "/runs?a=%0d%0a"),
        ("/jobs/日本", "/jobs/%E6%97%A5%E6%9C%AC"),
        ("/runs#part", "/runs#part"),
        ("/a?b=//evil.example", "/a?b=//evil.example"),
        ("/:x", "/:x"),
    ],
)
async def test_places_on_this_node_may_be_written_in_any_way(stranger: httpx.AsyncClient, where: str, gone: str) -> None:
    response = await stranger.post("/theme", data={"theme": "dark", "back": where})
    assert (response.status_code, response.headers["location"]) == (303, gone)


async def test_signing_out_ends_the_session(api: Api, stranger: httpx.AsyncClient) -> None:
    token = api.client.cookies[COOKIE]
    gone = await api.client.post("/signout")
    assert (gone.status_code, gone.headers["location"]) == (303, "/signin")
    assert any(each.startswith(f"{COOKIE}=;") for each in cookies(gone))
    stranger.cookies.set(COOKIE, token)
    assert (await stranger.get("/runs")).status_code == 303
    assert "You are signed out." in (await api.client.get("/signin")).text


class FullDisk(PassingDatabase):
    """A database that still reads."""

    full = False

    async def write(self, *statements: Statement) -> list[list[Row]]:
        if self.full:
            raise StorageUnavailable("SQLite: database or disk is full")
        return await super().write(*statements)


async def test_a_session_that_could_not_be_ended_is_not_said_to_be() -> None:
    db = FullDisk(open_memory())
    async with Api(db=db) as api:
        db.full = True
        refused = await api.client.post("/signout")
        db.full = False
    assert refused.status_code == 503
    assert NOTICE not in "".join(cookies(refused))


async def test_who_signs_in_too_often_must_wait(api: Api) -> None:
    async with Api(settings=msgspec.structs.replace(PATIENT, login_limit=2)) as api:
        answers = [await sign_in(api.another_client(), "wrong") for _ in range(3)]
        assert [each.status_code for each in answers] == [401, 401, 429]
        assert "too many requests from this address" in answers[-1].text
        assert 'href="/errors/ADY-1052"' in answers[-1].text


# --- who is not signed in any more -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", OPEN)
async def test_no_page_is_for_strangers(stranger: httpx.AsyncClient, path: str) -> None:
    response = await stranger.get(path)
    wanted = "/signin" if path == "/" else f"/signin?next={quote(path, safe='')}"
    assert (response.status_code, response.headers["location"]) == (303, wanted)
    assert response.content == b""


async def test_a_session_that_is_over_comes_back_to_where_it_was(api: Api) -> None:
    api.bench.clock.micros += 3600 * 1_000_000
    looked = await api.client.get("/runs?status=errored")
    assert looked.headers["location"] == "/signin?next=%2Fruns%3Fstatus%3Derrored"


@pytest.mark.parametrize(
    ("referer", "wanted"),
    [
        ("http://node.example/users?page=2", "/signin?next=%2Fusers%3Fpage%3D2"),
        ("http://node.example//evil.example/x", "/signin"),
        ("http://[broken", "/signin"),
        ("https://evil.example/users", "/signin?next=%2Fusers"),
        ("", "/signin"),
    ],
)
async def test_a_form_of_a_session_that_is_over_does_nothing_and_comes_back_to_its_page(
    api: Api, referer: str, wanted: str
) -> None:
    api.bench.clock.micros += 3600 * 1_000_000
    sent = await api.client.post("/users/delete", data={"email": EMAIL}, headers={"referer": referer})
    assert (sent.status_code, sent.headers["location"]) == (303, wanted)
    await api.log_in()
    assert len((await api.get("/v2/users"))["data"]) == 1


@pytest.mark.parametrize(
    ("current", "wanted"),
    [
        ("http://node.example/runs?page=3", "/signin?next=%2Fruns%3Fpage%3D3"),
        ("http://node.example//evil.example", "/signin"),
        ("http://[", "/signin"),
    ],
)
async def test_a_part_of_a_page_takes_the_whole_page_to_the_form(
    stranger: httpx.AsyncClient, current: str, wanted: str
) -> None:
    part = await stranger.get("/runs", headers={"hx-request": "true", "hx-current-url": current})
    assert (part.status_code, part.headers["hx-redirect"], part.content) == (200, wanted, b"")


async def test_what_a_page_refuses_to_a_role_is_in_the_audit_log(api: Api) -> None:
    client = await another(api, role=Role.VIEW)
    assert (await client.post("/users/delete", data={"email": EMAIL})).status_code == 403
    (noted, *_) = (await api.get("/v2/audit?sort=-createdAt"))["data"]
    assert noted["attributes"] | {"at": ""} == {
        "at": "",
        "callerKind": "user",
        "caller": OTHER,
        "address": "127.0.0.1",
        "action": "POST /users/delete",
        "subject": "",
        "outcome": "refused",
        "detail": {"code": "ADY-0101", "status": 403},
    }


async def test_a_role_counts_at_once_in_a_session_that_is_open(api: Api) -> None:
    client = await another(api, role=Role.ADMIN)
    assert (await client.get("/users")).status_code == 200
    await api.client.post("/users/role", data={"email": OTHER, "role": "view"})
    refused = await client.get("/users")
    assert refused.status_code == 403
    assert "this needs the role admin; you have view" in refused.text
    assert (await client.post("/users/delete", data={"email": EMAIL})).status_code == 403


@pytest.mark.parametrize("role", list(Role))
async def test_the_menu_has_what_a_role_may_see(api: Api, role: Role) -> None:
    client = await another(api, role=role)
    text = (await client.get("/account")).text
    assert ('<a href="/users"' in text) is (role is Role.ADMIN)
    assert ('<a href="/audit"' in text) is (role is Role.ADMIN)
    assert '<a href="/tokens"' in text
    assert f"role {role}" in text


# --- methods and places that are not there ---------------------------------------------------------------------------


async def test_head_is_answered_as_get(api: Api, stranger: httpx.AsyncClient) -> None:
    assert (await api.client.head("/account")).status_code == 200
    assert (await stranger.head("/account")).headers["location"] == "/signin?next=%2Faccount"


@pytest.mark.parametrize(
    ("path", "gone"),
    [
        ("/users/delete", "/users"),
        ("/signout", "/"),
        ("/account/sessions/others", "/account/sessions"),
        ("/account/sessions", "/account"),
        ("/keys/import", "/keys"),
        ("/runs/%2Fevil.example/again", None),
        ("/runs/\u00e4%3F/again", "/runs/%C3%A4%3F"),
    ],
)
async def test_the_address_of_a_form_leads_to_the_page_that_it_stands_on(api: Api, path: str, gone: str | None) -> None:
    """Its answer may be loaded again, or stand in the way back from signing in."""
    for method in ("GET", "HEAD"):
        answer = await api.client.request(method, path)
        assert (answer.status_code, answer.headers.get("location")) == ((404, None) if gone is None else (303, gone))


@pytest.mark.parametrize("path", sorted({each.path for each in PAGES if each.method == "POST"}))
async def test_the_address_of_any_form_leads_to_a_page(api: Api, path: str) -> None:
    shown = await api.client.get(path.replace("{", "").replace("}", ""), follow_redirects=True)
    assert "this page does not take that" not in shown.text
    assert shown.status_code < 500


async def test_people_get_a_page_where_nothing_is_and_programs_the_words_of_v062(api: Api) -> None:
    person = await api.client.get("/nothing/<b>here</b>", headers=BROWSER)
    assert person.status_code == 404
    assert person.headers["content-type"].startswith("text/html")
    assert "<b>here" not in person.text
    for path, headers in (("/nothing", {}), ("/nothing", {"accept": "application/json"}), ("/v2/nothing", BROWSER)):
        program = await api.client.get(path, headers=headers)
        assert (program.status_code, program.text) == (404, "404 page not found")
    assert (await api.client.post("/nothing", headers=BROWSER)).text == "404 page not found"


async def test_a_stranger_gets_the_same_page_without_the_menu(stranger: httpx.AsyncClient) -> None:
    lost = await stranger.get("/nothing")
    assert lost.status_code == 404
    assert '<a href="/runs"' not in lost.text


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/account"), ("DELETE", "/users"), ("PUT", "/"), ("POST", "/account/nothing")]
)
async def test_a_method_that_a_page_does_not_take_is_not_found(api: Api, method: str, path: str) -> None:
    assert (await api.client.request(method, path)).status_code == 404


async def test_what_the_api_does_not_have_is_a_page_with_its_words(api: Api) -> None:
    lost = await api.client.get("/errors/ADY-9998")
    assert lost.status_code == 404
    assert "There is no error ADY-9998." in lost.text


async def test_too_many_requests_are_a_page_that_says_how_long_to_wait() -> None:
    async with Api(settings=msgspec.structs.replace(PATIENT, request_limit=2)) as api:
        answers = [await api.client.get("/account") for _ in range(3)]
        assert [each.status_code for each in answers] == [200, 200, 429]
        assert re.search(r"too many requests from this address; try again in \d+ s", answers[-1].text)
        assert int(answers[-1].headers["retry-after"]) > 0


async def test_a_page_counts_as_one_request_whatever_it_asks() -> None:
    async with Api(settings=msgspec.structs.replace(PATIENT, request_limit=5)) as api:
        assert [(await api.client.get("/config")).status_code for _ in range(5)] == [200] * 5


# --- forged forms ----------------------------------------------------------------------------------------------------

FORGED = (
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": "http://node.example.evil.example"},
    {"origin": "http://node.example:81"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
)


@pytest.mark.parametrize("headers", FORGED)
@pytest.mark.parametrize("everybody", [False, True])
async def test_a_form_of_another_site_does_nothing(headers: dict[str, str], everybody: bool) -> None:
    settings = msgspec.structs.replace(PATIENT, allowed_hosts=("node.example",), allow_origins=("*",) if everybody else ())
    async with Api(settings=settings) as api:
        await with_password(api)
        for path, form in (
            ("/users", {"email": OTHER, "password": PASSWORD, "again": PASSWORD, "role": "admin"}),
            ("/account/sessions/others", {}),
            ("/signout", {}),
            ("/jobs/new", {"spec": "{}", "do": "save"}),
        ):
            assert (await api.client.post(path, data=form, headers=headers)).status_code == 403
        # One would be signed in as somebody else.
        assert (
            await api.another_client().post("/signin", data={"email": EMAIL, "password": PASSWORD}, headers=headers)
        ).status_code == 403
        assert len((await api.get("/v2/users"))["data"]) == 1


@pytest.mark.parametrize("path", ["/signin", "/jobs/new", "/theme"])
@pytest.mark.parametrize("headers", FORGED)
async def test_another_site_writes_nothing_into_what_is_shown_without_a_session(path: str, headers: dict[str, str]) -> None:
    settings = msgspec.structs.replace(PATIENT, allowed_hosts=("node.example",), allow_origins=("*",))
    async with Api(settings=settings) as api:
        answer = await api.another_client().post(path, data={"spec": "a text of theirs"}, headers=headers)
    assert answer.status_code == 403
    assert "a text of theirs" not in answer.text


HOSTILE = '"><script>alert(1)</script>\r\nset-cookie: a=b\u202e\x00'
FIELDS = sorted(
    {
        name
        for file in TEMPLATES.rglob("*.j2")
        for names in re.findall(r'\bname="(\w+)"|ui\.field\("(\w+)"', file.read_text())
        for name in names
        if name
    }
)


@pytest.mark.parametrize("path", sorted({each.path for each in PAGES if each.method == "POST"}))
@pytest.mark.parametrize("value", [HOSTILE, "", "9" * 400, None])
async def test_no_form_makes_a_page_fail_or_becomes_markup_or_a_header(api: Api, path: str, value: str | None) -> None:
    form = {} if value is None else {name: value for name in FIELDS if name != "do"}
    answer = await api.client.post(re.sub(r"{\w+}", "<b>", path), data=form)
    assert answer.status_code < 500
    assert "<script>alert" not in answer.text
    assert "a=b" not in [part for each in cookies(answer) for part in each.split("; ")]


async def test_a_page_behind_a_proxy_that_speaks_tls_signs_in_as_over_tls() -> None:
    settings = WebSettings(allowed_hosts=("node.example",), trusted_proxies=("127.0.0.1",))
    through = {"x-forwarded-proto": "https", "x-forwarded-for": "192.0.2.7", "origin": "https://node.example"}
    async with Api(settings=settings) as api:
        await with_password(api)
        client = api.another_client()
        form = await client.get("/signin", headers=through)
        done = await client.post("/signin", data={"email": EMAIL, "password": PASSWORD, "next": "/runs"}, headers=through)
        direct = await client.post(
            "/signin", data={"email": EMAIL, "password": PASSWORD}, headers={"origin": "https://node.example"}
        )
    assert "did not come over TLS" not in form.text
    assert (done.status_code, done.headers["location"]) == (303, "/runs")
    assert "; Secure" in next(each for each in cookies(done) if each.startswith(COOKIE))
    assert direct.status_code == 403


async def test_a_form_of_this_node_is_taken() -> None:
    async with Api(settings=msgspec.structs.replace(PATIENT, allowed_hosts=("node.example",))) as api:
        for headers in ({"origin": "http://node.example"}, {"sec-fetch-site": "same-origin"}, {}):
            assert (await api.client.post("/account/sessions/others", headers=headers)).status_code == 303


async def test_a_page_may_load_what_the_node_serves_and_nothing_else(api: Api) -> None:
    for path in ("/account", "/signin", "/nothing"):
        response = await api.client.get(path, headers=BROWSER)
        policy = response.headers.get("content-security-policy", "")
        if response.status_code == 303:
            continue
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "form-action 'self'" in policy
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["x-frame-options"] == "DENY"
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=", response.text)
        assert not re.search(r"<script(?![^>]*\ssrc=)", response.text)


# --- notices ---------------------------------------------------------------------------------------------------------


async def test_a_notice_is_shown_once(api: Api) -> None:
    await api.client.post("/account/sessions/others")
    first, second = await api.client.get("/account"), await api.client.get("/account")
    assert "All other sessions have ended." in first.text
    assert "All other sessions have ended." not in second.text


@pytest.mark.parametrize(
    "value",
    [
        quote("done:<script>alert(1)</script>"),
        quote('failed:" onclick="x'),
        quote('x" class="y:<b>'),
        "%",
        "%ff%fe",
        ":",
        "done:" + "x" * 3000,
    ],
)
async def test_a_hostile_notice_stays_text_and_goes(api: Api, value: str) -> None:
    api.client.cookies.set(NOTICE, value)
    response = await api.client.get("/account")
    assert response.status_code == 200
    assert "<script>alert" not in response.text
    assert "<b>" not in response.text
    assert 'onclick="' not in response.text
    assert set(re.findall(r'<p class="notice (.*?)"', response.text)) <= {"done", "failed"}
    assert any(each.startswith(f"{NOTICE}=;") for each in cookies(response))


@pytest.mark.parametrize("notice", ["é" * 2000, "日" * 2000, "😀" * 2000, "a;b,c=d\r\nset-cookie: x=y"])
def test_any_notice_fits_into_a_cookie(notice: str) -> None:
    (cookie,) = (value for name, value in page.go("/", notice).headers.items() if name == "set-cookie")
    assert len(cookie) < 4096
    assert unquote(cookie.partition("=")[2].partition(";")[0]) == f"done:{notice[:300]}"


# --- how it looks ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("theme", "shown"), [("dark", "dark"), ("light", "light"), ("auto", "auto"), ("<b>", "auto")])
async def test_a_theme_is_remembered(stranger: httpx.AsyncClient, theme: str, shown: str) -> None:
    chosen = await stranger.post("/theme", data={"theme": theme, "back": "/signin?next=%2Fruns"})
    assert chosen.headers["location"] == "/signin?next=%2Fruns"
    assert f'data-theme="{shown}"' in (await stranger.get("/signin")).text


@pytest.mark.parametrize("theme", ["blue", quote('"><script>'), ""])
async def test_a_theme_that_is_none_is_the_systems(stranger: httpx.AsyncClient, theme: str) -> None:
    stranger.cookies.set("theme", theme)
    assert 'data-theme="auto"' in (await stranger.get("/signin")).text


@pytest.mark.parametrize("zone", ["nonsense", "..%2F..%2Fetc%2Fpasswd", "%00", "%3Cscript%3E", "America", "x" * 3000])
async def test_a_zone_that_is_none_is_utc(api: Api, zone: str) -> None:
    api.client.cookies.set("tz", zone)
    response = await api.client.get("/account")
    assert response.status_code == 200
    assert 'data-zone="UTC"' in response.text
