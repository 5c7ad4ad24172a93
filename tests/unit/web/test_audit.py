"""What requests leave in the audit log."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from adyton.domain.access import Role
from adyton.domain.errors import StorageUnavailable, Unauthenticated
from adyton.storage.connect import open_memory
from adyton.storage.database import Row, Statement
from adyton.web import auth
from adyton.web.auth import COOKIE
from adyton.web.endpoint import Route
from adyton.web.record import READING, Kept
from adyton.web.routes import ROUTES
from support.api import EMAIL, PASSWORD, Api, PassingDatabase
from support.builders import job
from support.databases import open_url
from support.people import OTHER, another, logged_in, with_password

CHANGING = tuple((allowed, route) for allowed, routes in ROUTES for route in routes if route.method not in READING)


def name(value: object) -> str:
    return f"{value.method} {value.path}" if isinstance(value, Route) else getattr(value, "__name__", "")


async def entries(api: Api, **query: str) -> list[dict[str, Any]]:
    """The newest first, as an admin sees them."""
    response = await api.client.get("/v2/audit", params=query)
    assert response.status_code == 200, response.text
    return [each["attributes"] for each in response.json()["data"]]


# --- every route -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("allowed", "route"), CHANGING, ids=name)
async def test_every_route_that_changes_something_leaves_an_entry(api: Api, allowed: object, route: Route) -> None:
    path = re.sub(r"{[^}]+}", "x", route.path)

    response = await api.client.request(route.method, path, content="{}", headers={"x-chainlink-ea-accesskey": "x"})

    await api.log_in()
    found = await entries(api)
    if route.kept is Kept.NEVER:
        assert found == []
        return
    (entry,) = found
    named = re.sub(r"{([^}]+)}", r":\1", route.path)
    assert entry["action"] == f"{route.method} {named}"
    assert entry["outcome"] == ("done" if response.status_code < 400 else "refused" if response.status_code < 500 else "failed")
    assert entry["detail"]["status"] == response.status_code
    assert entry["address"] == "127.0.0.1"
    assert entry["callerKind"] == ("nobody" if allowed is auth.nobody else "user")


def test_nothing_goes_untold_but_what_bridges_send_and_what_changes_nothing() -> None:
    assert {name(route) for _, route in CHANGING if route.kept is Kept.NEVER} == {
        "PATCH /v2/runs/{run_id}",
        "POST /v2/specs/validate",
    }


async def test_looking_leaves_none(api: Api) -> None:
    for path in ("/v2/specs", "/v2/user", "/v2/audit", "/v2/nothing"):
        await api.client.get(path)
    assert await entries(api) == []


# --- what stands in one ----------------------------------------------------------------------------------------------


async def test_an_entry_says_who_did_what_to_what_from_where_and_when(api: Api) -> None:
    await another(api)
    await api.client.patch(f"/v2/users/{OTHER}", json={"role": "run"})
    (entry,) = await entries(api)
    assert entry == {
        "at": "2023-11-14T22:13:20Z",
        "callerKind": "user",
        "caller": EMAIL,
        "address": "127.0.0.1",
        "action": "PATCH /v2/users/:email",
        "subject": OTHER,
        "outcome": "done",
        "detail": {"role": "run", "status": 200},
    }


async def test_what_was_made_is_the_subject(api: Api) -> None:
    made = await api.post("/v2/specs", {"initiators": [{"type": "web"}], "tasks": [{"type": "noop"}]})
    run = await api.post(f"/v2/specs/{made['data']['id']}/runs")
    started, created = await entries(api)
    assert (created["action"], created["subject"]) == ("POST /v2/specs", made["data"]["id"])
    assert (started["subject"], started["detail"]["made"]) == (made["data"]["id"], run["data"]["id"])


async def test_a_refusal_names_its_page_and_repeats_nothing(api: Api) -> None:
    await api.post("/v2/bridge_types", {"name": "b", "url": "http://me:hunter2@/"}, 422)
    (entry,) = await entries(api)
    assert entry["outcome"] == "refused"
    assert entry["detail"]["code"].startswith("ADY-")
    assert "hunter2" not in str(entry)


async def test_a_role_that_was_not_enough_is_told_also_of_looks(api: Api) -> None:
    client = await another(api)
    await client.delete("/v2/users/x@y")
    await client.get("/v2/audit")
    looked, deleted = await entries(api)
    assert (deleted["caller"], deleted["action"], deleted["subject"]) == (OTHER, "DELETE /v2/users/:email", "x@y")
    assert looked["action"] == "GET /v2/audit"
    assert [each["detail"] for each in (looked, deleted)] == [{"code": "ADY-0101", "status": 403}] * 2


async def test_logins_are_told_with_the_email_that_was_tried(api: Api) -> None:
    await with_password(api)
    for email, password in ((EMAIL, PASSWORD), ("x@y", "wrong password"), ("my password by mistake", PASSWORD)):
        await api.another_client("192.0.2.5").post("/sessions", json={"email": email, "password": password})
    odd, refused, done = await entries(api)
    assert (done["callerKind"], done["caller"], done["subject"], done["outcome"]) == ("user", EMAIL, EMAIL, "done")
    assert (refused["callerKind"], refused["subject"], refused["outcome"]) == ("nobody", "x@y", "refused")
    assert refused["address"] == "192.0.2.5"
    assert odd["subject"] == ""


async def test_what_a_token_does_is_told_of_the_token(api: Api) -> None:
    await with_password(api)
    owner = await logged_in(api)
    response = await owner.post("/v2/tokens", json={"password": PASSWORD, "name": "script", "role": "edit"})
    token = response.json()["data"]["attributes"]
    sent = {"x-api-key": token["accessKey"], "x-api-secret": token["secret"]}
    await api.another_client().delete("/v2/specs/x", headers=sent)

    deleted, made, _login = await entries(api)

    assert (deleted["callerKind"], deleted["caller"]) == ("token", token["accessKey"])
    assert (made["subject"], made["detail"]["role"]) == (token["accessKey"], "edit")
    assert token["secret"] not in str(made)


async def test_no_secret_of_a_request_stands_in_the_log(api: Api) -> None:
    await with_password(api)
    client = await logged_in(api)
    cookie = client.cookies[COOKIE]
    token = (await client.post("/v2/user/token", json={"password": PASSWORD})).json()["data"]["attributes"]
    bridge = await api.post("/v2/bridge_types", {"name": "b", "url": "http://bridge.example"})
    await client.patch("/v2/user/password", json={"oldPassword": PASSWORD, "newPassword": f"{PASSWORD}, longer"})
    await api.parts.audit.settle()
    kept = str(await api.db.read("SELECT * FROM audit_log"))
    secrets = [PASSWORD, cookie, token["secret"], bridge["data"]["attributes"]["incomingToken"]]
    assert [secret for secret in secrets if secret in kept] == []


async def test_runs_that_external_initiators_start_tell_it_themselves() -> None:
    async with Api(environment={"FEATURE_EXTERNAL_INITIATORS": "true"}) as api:
        known = (await api.post("/v2/external_initiators", b"", 201))["data"]["attributes"]
        made = await api.post("/v2/specs", {"initiators": [{"type": "web"}], "tasks": [{"type": "noop"}]})
        sent = {"x-chainlink-ea-accesskey": known["AccessKey"], "x-chainlink-ea-secret": known["Secret"]}
        response = await api.another_client().post(f"/v2/specs/{made['data']['id']}/runs", headers=sent)
        assert response.status_code == 200
        assert len(await entries(api)) == 2


async def test_a_reader_may_choose(api: Api) -> None:
    await another(api)
    await api.client.delete("/v2/specs/a")
    await api.client.delete("/v2/specs/b")
    await api.client.patch(f"/v2/users/{OTHER}", json={"role": "run"})
    assert [each["subject"] for each in await entries(api, action="DELETE /v2/specs/:job_id")] == ["b", "a"]
    assert len(await entries(api, subject="a", caller=EMAIL)) == 1
    assert len(await entries(api, outcome="done")) == 1
    assert await entries(api, caller="nobody@example.com") == []


@pytest.mark.parametrize("query", [{"outcome": "maybe"}, {"caller": "x" * 501}, {"subject": "a\u0007b"}])
async def test_a_filter_that_can_be_none_is_refused(api: Api, query: dict[str, str]) -> None:
    assert (await api.client.get("/v2/audit", params=query)).status_code == 422


# --- crashes ---------------------------------------------------------------------------------------------------------


class Journal(PassingDatabase):
    """Remembers the tables that operations write, in their order; fails for those that are ``away``."""

    def __init__(self) -> None:
        super().__init__(open_memory())
        self.tables: list[str] = []
        self.away = ""

    async def write(self, *statements: Statement) -> list[list[Row]]:
        written = " ".join(re.findall(r"(?:INTO|UPDATE|FROM) (\w+)", " ".join(each.sql for each in statements)))
        self.tables.append(written)
        if self.away and self.away in written:
            raise StorageUnavailable("the disk is full")
        return await super().write(*statements)


@pytest.fixture
async def journal() -> AsyncIterator[tuple[Api, Journal]]:
    db = Journal()
    async with Api(db=db) as api:
        yield api, db


async def test_the_entry_of_a_run_is_handed_to_the_writer_before_the_run(journal: tuple[Api, Journal]) -> None:
    api, db = journal
    spec = await api.job(job("noop"))
    db.tables.clear()
    await api.post(f"/v2/specs/{spec.id}/runs")
    assert db.tables[0].startswith("audit_log")
    assert "runs" in " ".join(db.tables[1:])


async def test_a_run_and_its_entry_share_a_commit(tmp_path: Path) -> None:
    async with Api(db=await open_url("", root=tmp_path)) as api:
        spec = await api.job(job("noop"))
        commits = api.db.commits
        for _ in range(10):
            await api.post(f"/v2/specs/{spec.id}/runs")
        assert api.db.commits <= commits + 12


async def test_without_its_entry_nothing_is_done(journal: tuple[Api, Journal]) -> None:
    api, db = journal
    await another(api)
    db.away = "audit_log"

    response = await api.client.patch(f"/v2/users/{OTHER}", json={"role": "run"})

    assert response.status_code == 503
    db.away = ""
    assert [each["attributes"]["role"] for each in (await api.get("/v2/users"))["data"]] == ["admin", "view"]


async def test_without_their_entry_runs_start_all_the_same(journal: tuple[Api, Journal]) -> None:
    api, db = journal
    spec = await api.job(job("noop"))
    db.away = "audit_log"
    await api.post(f"/v2/specs/{spec.id}/runs")


async def test_a_failure_of_ours_is_told_as_one(journal: tuple[Api, Journal]) -> None:
    api, db = journal
    client: httpx.AsyncClient = await another(api, role=Role.ADMIN)
    db.away = "bridge"
    response = await client.post("/v2/bridge_types", json={"name": "b", "url": "http://bridge.example"})
    assert response.status_code == 503
    db.away = ""
    (entry,) = await entries(api)
    assert (entry["outcome"], entry["detail"]["status"]) == ("failed", 503)


async def test_wrong_passwords_of_the_keystore_count(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def wrong(*_words: object, **_more: object) -> None:
        raise Unauthenticated("wrong password")

    monkeypatch.setattr(api.keys, "create", wrong)
    answers = [(await api.client.post("/v2/keys/eth", json={"currentPassword": "x"})).status_code for _ in range(11)]
    assert answers == [401] * 10 + [429]
    assert (await api.client.get("/v2/keys/eth")).status_code == 200
