"""The pages of alerts and metrics."""

from __future__ import annotations

from html import unescape
from typing import Any

import httpx
import pytest

from adyton.domain.access import Role
from adyton.domain.alert_rules import RULES
from adyton.services import alerts
from adyton.services.alert_sender import AlertSender
from adyton.services.alert_watcher import AlertWatcher
from support.api import Api
from support.builders import SENDER
from support.people import another

HOSTILE = "<img src=x onerror=alert(1)>"
HOOK = {
    "type": "webhook",
    "name": "on call",
    "url": "https://hooks.example/s3cr3t-path",
    "severity": "warning",
    "enabled": "yes",
}
MAIL = {
    "type": "email",
    "name": "mail",
    "to": "you@example.com, they@example.com",
    "from": "node@example.com",
    "host": "smtp.example",
    "port": "",
    "security": "starttls",
    "user": "node",
    "password": "not shown again",
    "severity": "critical",
    "enabled": "yes",
}
SECOND = 1_000_000


async def page(api: Api, path: str, status: int = 200, client: httpx.AsyncClient | None = None) -> str:
    response = await (client or api.client).get(path, headers={"accept": "text/html"})
    assert response.status_code == status, response.text
    return unescape(response.text)


async def send(api: Api, path: str, form: dict[str, str] | None = None, status: int = 303) -> httpx.Response:
    response = await api.client.post(path, data=form or {})
    assert response.status_code == status, response.text
    return response


async def only(api: Api) -> dict[str, Any]:
    """The attributes of the only destination."""
    ((found, _),) = await alerts.every_destination(api.parts)
    shown: dict[str, Any] = (await api.get(f"/v2/alert_destinations/{found.id}"))["data"]["attributes"]
    return shown


async def unwell(api: Api) -> None:
    """Have an alert raised, and another one seen."""
    for rule, body in (("keys", {"holdSeconds": 0, "clearSeconds": 0}), ("head", {"threshold": 1})):
        assert (await api.client.patch(f"/v2/alert_rules/{rule}", json=body)).status_code == 200
    api.keys.held = ()
    api.bench.clock.micros += 200 * SECOND
    await AlertWatcher(api.parts).look()


# --- what is wrong ---------------------------------------------------------------------------------------------------


async def test_where_nothing_is_wrong_and_nobody_would_be_told_it_says_so_and_what_to_do(api: Api) -> None:
    text = await page(api, "/alerts")
    assert "Nothing is wrong." in text
    assert "Nobody would be told." in text
    assert 'href="/alerts/destinations/new"' in text
    viewer = await another(api, role=Role.VIEW)
    assert "An admin can add a destination." in await page(api, "/alerts", client=viewer)


async def test_what_is_wrong_stands_on_top_with_what_to_do_and_what_was_below(api: Api) -> None:
    await send(api, "/alerts/destinations/new", HOOK)
    await unwell(api)
    text = await page(api, "/alerts")
    assert "Nobody would be told." not in text
    assert text.index("There is no key") < text.index("History")
    assert "Make one with <code>adyton keys eth create</code>" in text
    assert 'href="/errors/ADY-0724"' in text
    assert "1 seen, not yet for long enough to be told" in text
    assert 'hx-get="/alerts" hx-trigger="alert from:body throttle:2s, state from:body once' in text
    api.keys.held = (SENDER,)
    await AlertWatcher(api.parts).look()
    text = await page(api, "/alerts")
    assert "Nothing is wrong." in text
    assert text.index("History") < text.index("There is no key")


async def test_a_destination_that_cannot_be_told_is_told_of_here(api: Api) -> None:
    await send(api, "/alerts/destinations/new", {**HOOK, "name": HOSTILE})
    api.bench.http.status = 503
    await unwell(api)
    await AlertSender(api.parts).deliver_due()
    raw = (await api.client.get("/alerts")).text
    assert HOSTILE not in raw
    text = unescape(raw)
    assert f"{HOSTILE} has not been told of 1 message" in text
    assert "https://hooks.example/*** answered 503" in text
    assert "1 waiting" in await page(api, "/alerts/destinations")


# --- rules -----------------------------------------------------------------------------------------------------------


async def test_every_rule_is_shown_with_its_state_and_a_form_for_who_may_change_it(api: Api) -> None:
    await unwell(api)
    text = await page(api, "/alerts/rules")
    assert all(rule.title in text for rule in RULES)
    assert ">raised</a>" in text
    assert ">seen</span>" in text
    assert text.count('method="post" action="/alerts/rules/head"') == 2
    viewer = await another(api, role=Role.RUN)
    assert 'action="/alerts/rules/' not in await page(api, "/alerts/rules", client=viewer)


async def test_a_rule_is_saved_switched_and_had_again_as_it_was(api: Api) -> None:
    form = {"threshold": "600", "holdSeconds": "5", "clearSeconds": "", "wish": "save"}
    answer = await send(api, "/alerts/rules/head", form)
    assert answer.headers["location"] == "/alerts/rules#head"
    head = (await alerts.rules(api.parts))[2][0]
    assert (str(head.threshold), head.hold, head.clear) == ("600", 5, 60)
    await send(api, "/alerts/rules/head", {"wish": "off"})
    text = await page(api, "/alerts/rules")
    assert "No new block: switched off." in text
    assert "switched off</span>" in text
    await send(api, "/alerts/rules/head", {"wish": "on"})
    await send(api, "/alerts/rules/head", {"wish": "reset"})
    head = (await alerts.rules(api.parts))[2][0]
    assert (head.enabled, head.threshold, head.hold) == (True, None, 30)


async def test_what_is_wrong_with_a_rule_stands_at_the_rule_with_what_was_typed(api: Api) -> None:
    form = {"threshold": HOSTILE, "holdSeconds": "soon", "clearSeconds": "1", "wish": "save"}
    answer = await send(api, "/alerts/rules/head", form, 422)
    assert HOSTILE not in answer.text
    text = unescape(answer.text)
    assert f'value="{HOSTILE}"' in text
    assert 'role="alert"' in text
    assert "ADY-1371" in text
    await send(api, "/alerts/rules/nothing", {"wish": "on"}, 404)


# --- destinations ----------------------------------------------------------------------------------------------------


async def test_without_destinations_the_page_offers_each_kind(api: Api) -> None:
    text = await page(api, "/alerts/destinations")
    for kind in ("webhook", "slack", "email"):
        assert f'href="/alerts/destinations/new?type={kind}"' in text
        assert 'name="name"' in await page(api, f"/alerts/destinations/new?type={kind}")
    assert 'name="url"' in await page(api, "/alerts/destinations/new?type=pigeon")
    viewer = await another(api, role=Role.VIEW)
    assert "An admin can add a destination." in await page(api, "/alerts/destinations", client=viewer)
    await page(api, "/alerts/destinations/new", 403, client=viewer)


async def test_a_webhook_is_added_and_its_secrets_are_not_shown_again(api: Api) -> None:
    await send(api, "/alerts/destinations/new", {**HOOK, "secret": "sixteen characters"})
    found = await only(api)
    assert (found["signed"], found["severity"], found["enabled"]) == (True, "warning", True)
    for path in ("/alerts/destinations", f"/alerts/destinations/{found['id']}"):
        text = await page(api, path)
        assert "https://hooks.example/***" in text
        assert "s3cr3t" not in text
        assert "sixteen" not in text


async def test_mail_is_added_changed_and_keeps_the_password_that_was_not_typed_again(api: Api) -> None:
    await send(api, "/alerts/destinations/new", MAIL)
    found = await only(api)
    assert (found["to"], found["port"], found["hasPassword"]) == (["you@example.com", "they@example.com"], 587, True)
    form = await page(api, f"/alerts/destinations/{found['id']}")
    assert 'value="you@example.com, they@example.com"' in form
    assert "not shown again" not in form
    await send(api, f"/alerts/destinations/{found['id']}", {**MAIL, "password": "", "to": "you@example.com", "enabled": ""})
    after = await only(api)
    assert (after["to"], after["hasPassword"], after["enabled"]) == (["you@example.com"], True, False)
    assert "switched off" in await page(api, "/alerts/destinations")


async def test_a_webhook_signs_no_more_when_that_is_asked_for(api: Api) -> None:
    await send(api, "/alerts/destinations/new", {**HOOK, "secret": "sixteen characters"})
    found = await only(api)
    await send(api, f"/alerts/destinations/{found['id']}", {**HOOK, "url": "", "secret": ""})
    assert (await only(api))["signed"] is True
    await send(api, f"/alerts/destinations/{found['id']}", {**HOOK, "url": "", "secret": "", "unsigned": "yes"})
    assert (await only(api))["signed"] is False


async def test_what_is_wrong_stands_at_its_field_with_what_was_typed(api: Api) -> None:
    answer = await send(api, "/alerts/destinations/new", {**MAIL, "name": HOSTILE, "from": "nobody", "security": "none"}, 422)
    assert HOSTILE not in answer.text
    text = unescape(answer.text)
    assert f'value="{HOSTILE}"' in text
    assert "from must be an e-mail address" in text
    assert "security must be tls or starttls where somebody logs in" in text
    assert "not shown again" not in text
    assert text.count("type it again: it is not shown") == 1  # else it would be saved without its password
    await send(api, "/alerts/destinations/new", HOOK)
    taken = await send(api, "/alerts/destinations/new", HOOK, 409)
    assert "already; choose another name" in unescape(taken.text)
    found = await only(api)
    wrong = await send(api, f"/alerts/destinations/{found['id']}", {**HOOK, "url": "nowhere"}, 422)
    assert "url must begin with http:// or https://" in unescape(wrong.text)


async def test_a_test_says_what_came_of_it(api: Api) -> None:
    await send(api, "/alerts/destinations/new", HOOK)
    path = f"/alerts/destinations/{(await only(api))['id']}/test"
    await send(api, path)
    assert "on call took the test." in await page(api, "/alerts/destinations")
    api.bench.http.status = 404
    await send(api, path)
    text = await page(api, "/alerts/destinations")
    assert "on call did not take the test: https://hooks.example/*** answered 404" in text
    assert text.index("What was told") < text.index(">sent</span>")
    assert "No message like that yet." in await page(api, "/alerts/destinations?state=waiting")


async def test_a_destination_is_deleted_after_a_question(api: Api) -> None:
    await send(api, "/alerts/destinations/new", HOOK)
    found = await only(api)
    assert "Delete on call? What waits for it is not sent." in await page(api, "/alerts/destinations")
    for _ in range(2):
        await send(api, f"/alerts/destinations/{found['id']}/delete")
    assert "there is no alert destination" in await page(api, "/alerts/destinations")
    await page(api, f"/alerts/destinations/{found['id']}", 404)


@pytest.mark.parametrize("role", [Role.VIEW, Role.EDIT])
async def test_who_may_not_change_destinations_sees_them_without_buttons(api: Api, role: Role) -> None:
    await send(api, "/alerts/destinations/new", HOOK)
    client = await another(api, role=role)
    text = await page(api, "/alerts/destinations", client=client)
    assert "on call" in text
    assert "Send a test" not in text
    refused = await client.post(f"/alerts/destinations/{(await only(api))['id']}/delete")
    assert refused.status_code == 403


# --- metrics ---------------------------------------------------------------------------------------------------------


async def test_metrics_are_grouped_with_their_meaning_and_how_to_read_them(api: Api) -> None:
    api.bench.metrics.transactions_sent.labels("0x" + "ab" * 20).inc()
    text = await page(api, "/alerts/metrics")
    assert text.index("The line to Ethereum") < text.index("adyton_connected") < text.index("The node</h2>")
    assert "1 while there is a connection to the chain and its head is known." in text
    assert 'targets: ["node.example"]' in text
