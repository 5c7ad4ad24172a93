"""Alerts of a real node reach a server and a mail server that are really there."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adyton.dev.node_process import NodeProcess
from adyton.domain import alert_messages as messages
from adyton.ports import HttpRequest
from support.alerting import Hook, MailServer, hook_at_work, mail_at_work
from support.contracts import World, start_node_in

pytestmark = pytest.mark.stories
SECRET = "sixteen characters"


async def call(place: World, node: NodeProcess, method: str, path: str, body: object = None) -> tuple[int, Any]:
    """A request of an operator who is logged in."""
    request = HttpRequest(
        method=method,
        url=node.api.url + path,
        headers=(("Cookie", node.api._cookie),),
        body=None if body is None else json.dumps(body).encode(),
        unrestricted=True,
    )
    answer = await place.real.http.request(request)
    return answer.status, json.loads(answer.body) if answer.body else None


async def told_to(place: World, node: NodeProcess, hook: Hook, mail: MailServer) -> None:
    """Both as destinations."""
    webhook = {"name": "hook", "type": "webhook", "url": hook.url, "secret": SECRET}
    post = {"name": "mail", "type": "email", "host": mail.host, "port": mail.port, "security": "none"}
    for body in (webhook, {**post, "from": "node@example.com", "to": ["you@example.com"]}):
        status, made = await call(place, node, "POST", "/v2/alert_destinations", body)
        assert status == 201, made


async def low_below(place: World, node: NodeProcess, ether: str) -> None:
    """Have the balance of the key count as low below so much."""
    body = {"threshold": ether, "holdSeconds": 0, "clearSeconds": 0}
    assert (await call(place, node, "PATCH", "/v2/alert_rules/balance", body))[0] == 200


def subjects(mail: MailServer) -> list[str]:
    """What the mail is about, each on one line."""
    return [" ".join(str(message["Subject"]).split()) for _, message in mail.taken]


async def heard(hook: Hook, *events: str) -> bool | None:
    return hook.messages == list(events) or None


async def test_people_are_told_of_the_beginning_and_after_a_crash_of_the_end(place: World) -> None:
    async with hook_at_work() as hook, mail_at_work() as mail, start_node_in(place, welcome=False) as node:
        await told_to(place, node, hook, mail)
        await low_below(place, node, "1000000")
        await place.until("the webhook hears of it", lambda: heard(hook, "raised balance"))
        await place.until("and so does somebody by mail", lambda: _taken(mail, 1))
        headers, body = hook.heard[0]
        sent_at = int(headers[messages.SIGNATURE_HEADER].partition(",")[0].removeprefix("t="))
        assert headers[messages.SIGNATURE_HEADER] == messages.signature(SECRET, body, sent_at * 1_000_000)
        assert hook.bodies[0]["alert"]["detail"].startswith("it holds ")
        assert subjects(mail)[0].startswith("Adyton: [warning] A balance is low: key 0x")

        hook.status = 503
        asked = hook.asked
        await low_below(place, node, "0")
        await place.until("it is over, and the webhook does not take that", lambda: _asked(hook, asked + 1))
        await node.kill()

        hook.status = 200
        again = await place.node()
        try:
            await place.until("it hears of the end after the crash", lambda: heard(hook, "raised balance", "cleared balance"))
            await place.until("nothing waits", lambda: _nothing_waits(place, again))
            assert [message["Subject"].partition("]")[0] for _, message in mail.taken] == [
                "Adyton: [warning",
                "Adyton: [cleared",
            ]
        finally:
            await again.stop()


async def _taken(mail: MailServer, count: int) -> bool | None:
    return len(mail.taken) == count or None


async def _asked(hook: Hook, count: int) -> bool | None:
    return hook.asked >= count or None


async def _nothing_waits(place: World, node: NodeProcess) -> bool | None:
    _, listed = await call(place, node, "GET", "/v2/alert_deliveries?state=waiting")
    return listed["meta"]["count"] == 0 or None
