"""Alerts over HTTP: what is wrong, by which rules, and where it is told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from adyton.domain.access import Role
from adyton.domain.alert_destinations import MOST
from adyton.domain.alert_rules import RULES
from adyton.services.alert_watcher import AlertWatcher
from adyton.services.metric_list import GROUPS
from support.api import Api, details
from support.people import another
from support.planted import secret

URL = f"https://hooks.example/services/{secret('path of a webhook')}"
SIGNING, PASSWORD = secret("signing secret of a webhook"), secret("password of a mail server")
HOOK = {"name": "on call", "type": "webhook", "url": URL, "secret": SIGNING}
MAIL = {
    "name": "mail",
    "type": "email",
    "host": "smtp.example",
    "user": "node",
    "password": PASSWORD,
    "from": "node@example.com",
    "to": ["you@example.com"],
}
SECOND = 1_000_000


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with Api() as opened:
        yield opened


async def made(api: Api, body: Any = HOOK) -> dict[str, Any]:
    """The attributes of a new destination."""
    found: dict[str, Any] = (await api.post("/v2/alert_destinations", body, 201))["data"]["attributes"]
    return found


async def changed(api: Api, path: str, body: Any, status: int = 200) -> Any:
    response = await api.client.patch(path, json=body)
    assert response.status_code == status, response.text
    return response.json()


async def unwell(api: Api) -> None:
    """Have an alert raised, and another one seen."""
    await changed(api, "/v2/alert_rules/keys", {"holdSeconds": 0, "clearSeconds": 0})
    await changed(api, "/v2/alert_rules/head", {"threshold": 1})
    api.keys.held = ()
    api.bench.clock.micros += 200 * SECOND
    await AlertWatcher(api.parts).look()


# --- alerts ----------------------------------------------------------------------------------------------------------


async def test_what_is_wrong_is_listed_with_what_to_do(api: Api) -> None:
    await unwell(api)
    answer = await api.get("/v2/alerts")
    (alert,) = [each["attributes"] for each in answer["data"]]
    assert (alert["rule"], alert["status"], alert["severity"], alert["code"]) == ("keys", "raised", "critical", "ADY-0724")
    assert alert["detail"] == "there is no key to sign answers with"
    assert alert["whatToDo"].startswith("Make one with `adyton keys eth create`")
    assert [each["attributes"]["rule"] for each in (await api.get("/v2/alerts?status=pending"))["data"]] == ["head"]
    assert (await api.get("/v2/alerts?status=cleared"))["meta"] == {"count": 0}
    api.keys.held = ("0x" + "1" * 40,)
    await AlertWatcher(api.parts).look()
    assert (await api.get("/v2/alerts?status=raised"))["meta"] == {"count": 0}
    (over,) = (await api.get("/v2/alerts?status=cleared"))["data"]
    assert over["attributes"]["clearedAt"] is not None


@pytest.mark.parametrize("query", ["alerts?status=open", "alert_deliveries?state=lost"])
async def test_an_unknown_word_is_told_with_those_that_there_are(api: Api, query: str) -> None:
    answer = await api.get(f"/v2/{query}", 422)
    assert "must be one of" in details(answer)[0]
    assert answer["errors"][0]["code"] == "ADY-1379"


# --- rules -----------------------------------------------------------------------------------------------------------


async def test_rules_say_what_counts_now_and_what_the_program_has(api: Api) -> None:
    await unwell(api)
    found = {each["id"]: each["attributes"] for each in (await api.get("/v2/alert_rules"))["data"]}
    assert list(found) == [rule.name for rule in RULES]
    head, keys = found["head"], found["keys"]
    assert (head["threshold"], head["defaultThreshold"], head["unit"], head["changed"]) == ("1", None, "seconds", True)
    assert (head["pending"], head["raised"], keys["pending"], keys["raised"]) == (1, 0, 0, 1)
    assert found["logs"]["changed"] is False


async def test_a_rule_is_changed_in_part_and_back(api: Api) -> None:
    await changed(api, "/v2/alert_rules/balance", {"threshold": "0.5", "holdSeconds": 10})
    await changed(api, "/v2/alert_rules/balance", {"enabled": False})
    back = await changed(api, "/v2/alert_rules/balance", {"threshold": None})
    shown = back["data"]["attributes"]
    assert (shown["threshold"], shown["holdSeconds"], shown["enabled"]) == (None, 10, False)
    assert api.parts.alerts.look.is_set()
    exact = await changed(api, "/v2/alert_rules/balance", {"threshold": 0.1})
    assert exact["data"]["attributes"]["threshold"] == "0.1"


@pytest.mark.parametrize(
    ("rule", "body", "status", "words"),
    [
        ("nothing", {}, 404, "there is no rule 'nothing'"),
        ("head", {"threshold": "much"}, 422, "threshold must be a number"),
        ("head", {"threshold": True}, 422, "threshold must be a number or null, not a boolean"),
        ("head", {"threshold": "1" * 61}, 422, "threshold must be a number or null"),
        ("head", {"threshold": -1}, 422, "threshold must be from 0"),
        ("head", {"holdSeconds": "1"}, 422, "holdSeconds must be a whole number of seconds or null, not a string"),
        ("head", {"holdSeconds": 1.5}, 422, "holdSeconds must be a whole number of seconds or null"),
        ("head", {"holdSeconds": 10**15}, 422, "holdSeconds must be from 0 to"),
        ("head", {"enabled": "no"}, 422, "enabled must be true or false or null, not a string"),
        ("chain", {"threshold": 1}, 422, "chain has no threshold"),
    ],
)
async def test_what_a_rule_cannot_be_is_told(api: Api, rule: str, body: Any, status: int, words: str) -> None:
    answer = await changed(api, f"/v2/alert_rules/{rule}", body, status)
    assert details(answer)[0].startswith(words)


# --- destinations ----------------------------------------------------------------------------------------------------


async def test_no_secret_of_a_destination_is_shown_or_logged(api: Api) -> None:
    """Every answer and every line is searched for planted secrets as well."""
    with capture_logs() as lines:
        hook, mail = await made(api), await made(api, MAIL)
        await api.post(f"/v2/alert_destinations/{hook['id']}/test", status=200)
        await api.post(f"/v2/alert_destinations/{mail['id']}/test", status=200)
        await changed(api, f"/v2/alert_destinations/{hook['id']}", {"severity": "critical"})
        listed = (await api.client.get("/v2/alert_destinations")).text
        told = (await api.client.get("/v2/alert_deliveries")).text
        audit = (await api.client.get("/v2/audit")).text
    assert (hook["url"], hook["signed"]) == ("https://hooks.example/***", True)
    assert (mail["user"], mail["hasPassword"], mail["to"]) == ("node", True, ["you@example.com"])
    for text in (listed, told, audit, str(lines)):
        for value in (URL, SIGNING, PASSWORD):
            assert value not in text


async def test_a_destination_is_changed_found_by_its_name_and_deleted(api: Api) -> None:
    await made(api)
    answer = await changed(api, "/v2/alert_destinations/on call", {"name": "night", "enabled": False})
    assert (answer["data"]["attributes"]["name"], answer["data"]["attributes"]["enabled"]) == ("night", False)
    shown = (await api.get("/v2/alert_destinations/night"))["data"]["attributes"]
    assert (shown["type"], shown["signed"], shown["waiting"]) == ("webhook", True, 0)
    assert (await api.client.delete("/v2/alert_destinations/night")).status_code == 204
    assert details(await api.get("/v2/alert_destinations/night", 404)) == ["there is no alert destination 'night'"]
    assert (await api.client.delete("/v2/alert_destinations/night")).status_code == 404


async def test_names_are_taken_once_and_there_are_only_so_many(api: Api) -> None:
    await made(api)
    taken = await api.post("/v2/alert_destinations", HOOK, 409)
    assert taken["errors"][0]["code"] == "ADY-1377"
    other = await made(api, {**HOOK, "name": "other"})
    await changed(api, f"/v2/alert_destinations/{other['id']}", {"name": "on call"}, 409)
    for number in range(MOST - 2):
        await made(api, {**HOOK, "name": f"number {number}"})
    full = await api.post("/v2/alert_destinations", {**HOOK, "name": "one more"}, 409)
    assert full["errors"][0]["code"] == "ADY-1378"


async def test_every_fault_of_a_destination_is_told_with_its_field(api: Api) -> None:
    answer = await api.post("/v2/alert_destinations", {"name": "", "type": "email", "port": 0}, 422)
    pointers = [error["source"]["pointer"] for error in answer["errors"]]
    assert pointers == ["/name", "/port", "/host", "/from", "/to"]
    assert {error["code"] for error in answer["errors"]} == {"ADY-1376"}


async def test_a_test_says_what_came_of_it_at_once(api: Api) -> None:
    await made(api)
    sent = (await api.post("/v2/alert_destinations/on call/test"))["data"]["attributes"]
    assert (sent["state"], sent["event"], sent["error"], sent["attempts"]) == ("sent", "test", None, 1)
    (request,) = api.bench.http.asked
    assert (request.url, request.max_redirects, request.unrestricted) == (URL, 0, True)
    assert dict(request.headers)["X-Adyton-Signature"].startswith("t=1700000000,v1=")
    api.bench.http.status = 503
    failed = (await api.post("/v2/alert_destinations/on call/test"))["data"]["attributes"]
    assert (failed["state"], failed["error"]) == ("failed", "https://hooks.example/*** answered 503")
    listed = await api.get("/v2/alert_deliveries?destination=on call")
    assert [each["attributes"]["state"] for each in listed["data"]] == ["failed", "sent"]
    assert (await api.get("/v2/alert_deliveries?state=failed"))["meta"] == {"count": 1}
    await api.get("/v2/alert_deliveries?destination=nobody", 404)


async def test_what_waits_for_a_destination_shows_there(api: Api) -> None:
    await made(api)
    await unwell(api)
    shown = (await api.get("/v2/alert_destinations/on call"))["data"]["attributes"]
    assert (shown["waiting"], shown["lastError"]) == (1, None)
    (waiting,) = (await api.get("/v2/alert_deliveries?state=waiting"))["data"]
    assert (waiting["attributes"]["rule"], waiting["attributes"]["event"]) == ("keys", "raised")
    assert waiting["attributes"]["message"] == f"{waiting['attributes']['alertId']}-raised"
    assert (await api.get(f"/v2/alert_deliveries?alert={waiting['attributes']['alertId']}"))["meta"] == {"count": 1}


@pytest.mark.parametrize(
    ("role", "status"),
    [(Role.VIEW, (403, 403, 200)), (Role.RUN, (403, 403, 200)), (Role.EDIT, (200, 403, 200)), (Role.ADMIN, (200, 201, 200))],
)
async def test_who_may(api: Api, role: Role, status: tuple[int, int, int]) -> None:
    client = await another(api, role=role)
    rule = await client.patch("/v2/alert_rules/head", json={"enabled": True})
    destination = await client.post("/v2/alert_destinations", json=HOOK)
    assert (rule.status_code, destination.status_code, (await client.get("/v2/alerts")).status_code) == status


# --- metrics ---------------------------------------------------------------------------------------------------------


async def test_metrics_are_those_that_prometheus_reads_with_their_meaning(api: Api) -> None:
    families = [each["attributes"] for each in (await api.get("/v2/metric_families"))["data"]]
    text = (await api.client.get("/metrics")).text
    named = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    assert {each["name"] for each in families} <= named
    groups = [each["group"] for each in families]
    assert list(dict.fromkeys(groups)) == [title for title, _ in GROUPS if title in groups]
    connected = next(each for each in families if each["name"] == "adyton_connected")
    assert (connected["group"], connected["kind"], connected["samples"]) == (
        "The line to Ethereum",
        "gauge",
        [{"labels": {}, "value": 1.0, "of": ""}],
    )
