"""The pages of users, API tokens, the account and the audit log."""

from __future__ import annotations

import re
from html import unescape

import httpx
import pytest

from adyton.domain.access import Role
from adyton.web.auth import COOKIE
from support.api import EMAIL, PASSWORD, Api
from support.people import OTHER, another, with_password

NEW = "another long password"
HOSTILE = '<script>alert("1")</script>'


async def page(client: httpx.AsyncClient, path: str, status: int = 200) -> str:
    """The text of a page as a reader has it; what is markup in it stays to be seen."""
    response = await client.get(path, headers={"accept": "text/html"})
    assert response.status_code == status, response.text
    assert HOSTILE not in response.text
    return unescape(response.text)


async def send(client: httpx.AsyncClient, path: str, status: int = 303, **form: str) -> httpx.Response:
    response = await client.post(path, data=form)
    assert response.status_code == status, response.text
    return response


def later(api: Api, seconds: int) -> None:
    api.bench.clock.micros += seconds * 1_000_000


# --- users -----------------------------------------------------------------------------------------------------------


async def test_an_admin_makes_a_user_gives_them_a_role_and_deletes_them(api: Api) -> None:
    form = {"email": OTHER, "password": NEW, "again": NEW, "role": "view"}
    made = await api.client.post("/users", data=form)
    assert made.headers["location"] == "/users"
    assert f"{OTHER} may sign in now, with the role view." in await page(api.client, "/users")

    await send(api.client, "/users/role", email=OTHER, role="edit")
    (_, user) = (await api.get("/v2/users"))["data"]
    assert user["attributes"]["role"] == "edit"

    await send(api.client, "/users/delete", email=OTHER)
    assert f'id="user-{OTHER}"' not in await page(api.client, "/users")


async def test_passwords_that_differ_make_no_user_and_the_form_keeps_the_rest(api: Api) -> None:
    answer = await send(api.client, "/users", 422, email=OTHER, password=NEW, again="something else", role="run")
    assert "the two passwords differ" in answer.text
    assert f'value="{OTHER}"' in answer.text
    assert NEW not in answer.text
    assert len((await api.get("/v2/users"))["data"]) == 1


async def test_the_last_admin_stays_and_the_page_says_why(api: Api) -> None:
    for path, form in (("/users/delete", {}), ("/users/role", {"role": "view"})):
        answer = await send(api.client, path, 409, email=EMAIL, **form)
        assert "is the only user with the role admin" in answer.text
        assert 'href="/errors/ADY-0106"' in answer.text


async def test_a_user_that_nobody_knows_is_told_of(api: Api) -> None:
    answer = await send(api.client, "/users/delete", 404, email=f"a/b{HOSTILE}")
    assert "there is no user" in answer.text
    assert HOSTILE not in answer.text


async def test_a_user_was_last_seen_when_they_used_a_session_or_did_something(api: Api) -> None:
    async def last_seen() -> str:
        await api.log_in()
        return str((await api.get("/v2/users"))["data"][1]["attributes"]["lastSeen"])

    client = await another(api)
    later(api, 3600)
    assert await last_seen() == "2023-11-14T22:13:20Z"

    later(api, 7200)
    client.cookies.set(COOKIE, await api.session(OTHER))
    await client.delete("/sessions")  # what is left is in the audit log
    assert await last_seen() == "2023-11-15T01:13:20Z"
    assert ">just now</time>" in await page(api.client, "/users")


@pytest.mark.parametrize("path", ["/users", "/audit"])
@pytest.mark.parametrize("role", [Role.VIEW, Role.RUN, Role.EDIT])
async def test_only_admins_look_at_users_and_what_was_done(api: Api, path: str, role: Role) -> None:
    client = await another(api, role=role)
    text = await page(client, path, 403)
    assert f"this needs the role admin; you have {role}" in text
    assert f'<a href="{path}"' not in text


# --- tokens ----------------------------------------------------------------------------------------------------------


async def token(api: Api, **form: str) -> httpx.Response:
    await with_password(api)
    return await send(api.client, "/tokens", 201, **{"name": "script", "password": PASSWORD, **form})


def secret_of(answer: httpx.Response) -> str:
    (found,) = set(re.findall(r"X-API-SECRET: ([0-9a-f]{64})", answer.text))
    return str(found)


async def test_a_secret_is_shown_once_and_only_in_the_answer_that_makes_it(api: Api) -> None:
    answer = await token(api, role="view")
    secret = secret_of(answer)
    assert answer.headers["cache-control"] == "no-store"
    assert secret not in answer.headers.get("set-cookie", "") + answer.headers.get("location", "")
    assert secret not in await page(api.client, "/tokens")


async def test_the_ready_line_holds_what_opens_the_api(api: Api) -> None:
    answer = await token(api, role="view")
    (line,) = re.findall(r"curl -H 'X-API-KEY: ([0-9a-f]+)' -H 'X-API-SECRET: ([0-9a-f]+)' ([^\s<]+)<", unescape(answer.text))
    client = api.another_client()
    found = await client.get(line[2], headers={"x-api-key": line[0], "x-api-secret": line[1]})
    assert found.json()["data"]["attributes"] == {
        "email": EMAIL,
        "createdAt": "2023-11-14T22:13:20Z",
        "role": "view",
        "via": "token",
    }


async def test_a_wrong_password_makes_no_token_and_the_form_keeps_what_was_typed(api: Api) -> None:
    await with_password(api)
    answer = await send(api.client, "/tokens", 401, name=HOSTILE, password="wrong", role="run", expires="2030-05-01")
    assert "incorrect password" in answer.text
    assert HOSTILE not in answer.text
    assert f'value="{HOSTILE}"'.replace(HOSTILE, "&lt;script&gt;alert(&#34;1&#34;)&lt;/script&gt;") in answer.text
    assert 'value="2030-05-01"' in answer.text
    assert (await api.get("/v2/tokens"))["data"] == []


async def test_a_token_ends_at_the_end_of_its_last_day_in_the_visitors_zone(api: Api) -> None:
    api.client.cookies.set("tz", "America%2FNew_York")
    await token(api, expires="2030-05-01")
    ((shown,)) = (await api.get("/v2/tokens"))["data"]
    assert shown["attributes"]["expiresAt"] == "2030-05-02T04:00:00Z"


async def test_a_day_that_is_none_is_refused_in_the_apis_words(api: Api) -> None:
    await with_password(api)
    answer = await send(api.client, "/tokens", 422, name="x", password=PASSWORD, expires="2030-02-31")
    assert "expiresAt" in answer.text


async def test_a_token_that_has_ended_is_marked(api: Api) -> None:
    await token(api, expires="2023-11-15")
    assert '<span class="status bad">expired</span>' not in await page(api.client, "/tokens")
    later(api, 3 * 24 * 3600)
    await api.log_in()
    assert '<span class="status bad">expired</span>' in await page(api.client, "/tokens")


async def test_a_token_is_rotated_and_deleted(api: Api) -> None:
    first = await token(api)
    key = (await api.get("/v2/tokens"))["data"][0]["id"]
    second = await send(api.client, "/tokens/rotate", 200, access_key=key, password=PASSWORD)
    assert secret_of(second) != secret_of(first)

    assert "incorrect password" in (await send(api.client, "/tokens/rotate", 401, access_key=key, password="wrong")).text

    await send(api.client, "/tokens/delete", access_key=key)
    assert "No API tokens yet." in await page(api.client, "/tokens")
    assert "there is no token" in (await send(api.client, "/tokens/delete", 404, access_key=key)).text


async def test_an_admin_sees_everybodys_tokens_and_others_only_theirs(api: Api) -> None:
    client = await another(api, role=Role.EDIT)
    await with_password(api, OTHER, Role.EDIT)
    client.cookies.set(COOKIE, await api.session(OTHER))
    await send(client, "/tokens", 201, name="theirs", password=PASSWORD)
    await token(api, name="mine")

    everybodys, theirs = await page(api.client, "/tokens"), await page(client, "/tokens")

    assert f"of {OTHER}" in everybodys
    assert everybodys.count('action="/tokens/rotate"') == 1  # one's own
    assert everybodys.count('action="/tokens/delete"') == 2
    assert "mine" not in re.findall(r'<strong class="name">(.*?)</strong>', theirs)
    assert '<option value="admin"' not in theirs
    assert '<option value="edit"' in theirs


# --- account ---------------------------------------------------------------------------------------------------------


async def test_a_new_password_ends_other_sessions_and_this_one_goes_on(api: Api) -> None:
    await with_password(api)
    other = api.another_client()
    other.cookies.set(COOKIE, await api.session())

    changed = await send(api.client, "/account/password", old=PASSWORD, new=NEW, again=NEW)

    assert changed.headers["location"] == "/account"
    assert "All other sessions have ended." in await page(api.client, "/account")
    assert (await other.get("/account")).status_code == 303


@pytest.mark.parametrize(
    ("old", "new", "again", "status", "words"),
    [
        ("wrong", NEW, NEW, 409, "match"),
        (PASSWORD, NEW, "something else", 422, "the two new passwords differ"),
        (PASSWORD, "short", "short", 422, "8 - 1028"),
    ],
)
async def test_a_password_that_will_not_do_changes_nothing(
    api: Api, old: str, new: str, again: str, status: int, words: str
) -> None:
    await with_password(api)
    answer = await send(api.client, "/account/password", status, old=old, new=new, again=again)
    assert words in unescape(answer.text)
    assert old not in answer.text
    assert (await api.another_client().post("/sessions", json={"email": EMAIL, "password": PASSWORD})).status_code == 200


async def test_one_session_is_ended_or_all_others(api: Api) -> None:
    others = [api.another_client("192.0.2.1"), api.another_client("192.0.2.2")]
    for client in others:
        client.cookies.set(COOKIE, await api.session())
    open_ones = (await api.get("/v2/user/sessions"))["data"]
    assert len(open_ones) == 3
    ended = next(each["id"] for each in open_ones if not each["attributes"]["current"])

    await send(api.client, "/account/sessions", session=ended)
    assert sorted([(await client.get("/v2/user")).status_code for client in others]) == [200, 401]
    assert "is open" in (await send(api.client, "/account/sessions", 404, session=ended)).text

    await send(api.client, "/account/sessions/others")
    assert [(await client.get("/v2/user")).status_code for client in others] == [401, 401]
    assert (await api.client.get("/account")).status_code == 200


async def test_ending_ones_own_session_signs_out(api: Api) -> None:
    (mine,) = (await api.get("/v2/user/sessions"))["data"]
    ended = await send(api.client, "/account/sessions", session=mine["id"])
    assert ended.headers["location"] == "/signin"
    assert (await api.client.get("/account")).headers["location"] == "/signin?next=%2Faccount"


async def test_nobody_ends_a_session_of_somebody_else(api: Api) -> None:
    client = await another(api)
    (mine,) = (await api.get("/v2/user/sessions"))["data"]
    await send(client, "/account/sessions", 404, session=mine["id"])
    assert (await api.client.get("/account")).status_code == 200


async def test_the_account_shows_zone_theme_and_shortcuts(api: Api) -> None:
    api.client.cookies.set("tz", "Asia%2FTokyo")
    api.client.cookies.set("theme", "dark")
    text = await page(api.client, "/account")
    assert "<strong>Asia/Tokyo</strong>" in text
    assert '<button name="theme" value="dark" class="small on" aria-pressed="true">' in text
    assert "<kbd>g</kbd> <kbd>l</kbd></dt><dd>Audit log</dd>" in text
    assert "<dd>Audit log</dd>" not in await page(await another(api), "/account")


# --- audit log -------------------------------------------------------------------------------------------------------


async def test_the_audit_log_says_who_did_what_and_leads_to_the_code(api: Api) -> None:
    await api.client.delete(f"/v2/specs/{HOSTILE.replace('/', '')}")
    text = await page(api.client, "/audit")
    assert "DELETE /v2/specs/:job_id" in text
    assert re.search(r'href="/errors/ADY-\d{4}"', text)
    assert f'<a class="clip who" title="{EMAIL}"' in text


async def test_entries_are_chosen_by_what_the_api_takes_and_by_times_of_the_visitors_zone(api: Api) -> None:
    await api.client.delete("/v2/users/x@y")
    later(api, 600)
    await api.client.delete("/v2/specs/nothing")
    for query, there in (
        ("", {"x@y", "nothing"}),
        ("?subject=nothing", {"nothing"}),
        ("?outcome=refused&action=DELETE /v2/users/:email", {"x@y"}),
        ("?caller=nobody", set()),
        ("?after=2023-11-14T22:20", {"nothing"}),
        ("?before=2023-11-14T22:20", {"x@y"}),
        ("?after=2023-11-14T22:20:00Z", {"nothing"}),
    ):
        text = await page(api.client, f"/audit{query}")
        assert set(re.findall(r'<code class="clip" title="(.*?)"', text)) == there, query
    assert "Nothing was done that fits." in await page(api.client, "/audit?caller=nobody")
    api.client.cookies.set("tz", "Asia%2FTokyo")
    assert 'title="nothing"' in await page(api.client, "/audit?after=2023-11-15T07:20")
    assert "Nothing was done that fits." in await page(api.client, "/audit?before=2023-11-14T22:20")


async def test_an_audit_log_without_entries_says_what_leaves_one(api: Api) -> None:
    assert "Nothing was done yet." in await page(api.client, "/audit")


@pytest.mark.parametrize("query", ["?after=tomorrow", "?outcome=odd", "?page=x", f"?caller={'x' * 600}"])
async def test_a_filter_that_cannot_be_keeps_the_form_and_says_why(api: Api, query: str) -> None:
    text = await page(api.client, f"/audit{query}", 422)
    assert 'role="alert"' in text
    assert 'aria-label="Filter the audit log"' in text
