"""Alerts of a node that is not well reach receivers that are really there: once, in order, whatever fails in between."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from adyton.domain.alerts import Changed
from adyton.domain.errors import StorageUnavailable
from adyton.ethereum.head_tracker import ChainState
from adyton.ports import HttpRequest, HttpResponse
from adyton.services import alerts
from adyton.services.alert_sender import DEADLINE, AlertSender
from adyton.services.alert_watcher import KEPT, SETTLED, AlertWatcher
from adyton.services.alerting import Alerting
from adyton.services.live import Stream
from adyton.services.live_events import Kind, Wanted
from adyton.services.live_reader import LiveReader
from adyton.services.parts import Parts
from adyton.storage import alert_deliveries as deliveries
from adyton.storage import alerts as stored
from adyton.storage.connect import open_memory
from adyton.storage.database import Row, Statement
from adyton.system.http import AiohttpTransport
from adyton.system.mail import SmtpTransport
from support.alerting import Hook, MailServer, hook_at_work, mail_at_work
from support.api import Api, PassingDatabase
from support.builders import SENDER

SECOND = 1_000_000
HEADERS = ("X-Adyton-Message", "X-Adyton-Event")


class Disk(PassingDatabase):
    """A database whose disk may be full."""

    def __init__(self) -> None:
        super().__init__(open_memory())
        self.full = self.gone = False

    async def write(self, *statements: Statement) -> list[list[Row]]:
        if self.full or self.gone:
            raise StorageUnavailable("the disk is full")
        return await super().write(*statements)

    async def read(self, sql: str, params: Row = ()) -> list[Row]:
        if self.gone:
            raise StorageUnavailable("the server is away")
        return await super().read(sql, params)


class Bench:
    """A node's parts with real ways out, on a clock that the test moves; a key that comes and goes makes it unwell."""

    def __init__(self, api: Api, parts: Parts, hook: Hook, mail: MailServer, db: Disk) -> None:
        self.api, self.parts, self.hook, self.mail, self.db = api, parts, hook, mail, db
        self.restart()

    def restart(self) -> None:
        """A new process on the same rows."""
        self.watcher = AlertWatcher(self.parts)
        self.sender = AlertSender(self.parts)

    async def told_by_webhook(self, name: str = "hook", **more: Any) -> None:
        await alerts.create_destination(self.parts, {"name": name, "type": "webhook", "url": self.hook.url, **more})

    async def told_by_mail(self) -> None:
        body = {"name": "mail", "type": "email", "host": self.mail.host, "port": self.mail.port, "security": "none"}
        await alerts.create_destination(self.parts, {**body, "from": "node@example.com", "to": ["you@example.com"]})

    async def after(self, seconds: float) -> None:
        """Look after some time, and tell what is due."""
        self.api.bench.clock.micros += round(seconds * SECOND)
        await self.watcher.look()
        while await self.sender.deliver_due():
            pass

    async def unwell(self) -> None:
        """Lose the key for long enough to raise an alert."""
        self.api.keys.held = ()
        await self.after(0)
        await self.after(60)

    async def well(self) -> None:
        """Have it again for long enough to clear it."""
        self.api.keys.held = (SENDER,)
        await self.after(0)
        await self.after(60)

    async def states(self) -> list[tuple[str, str]]:
        shown, _ = await alerts.told(self.parts, destination="", alert="", state="", offset=0, limit=99)
        return [(f"{each.destination_name}: {each.event}", each.state) for each in reversed(shown)]


@asynccontextmanager
async def bench() -> AsyncIterator[Bench]:
    db = Disk()
    async with Api(db=db) as api, AiohttpTransport() as http, hook_at_work() as hook, mail_at_work() as mail:
        parts = dataclasses.replace(api.parts, http=http, mail=SmtpTransport())
        node = Bench(api, parts, hook, mail, db)
        await alerts.change_rule(parts, "head", Changed(enabled=False), ["enabled"])  # the chain stands still here
        yield node


async def test_what_is_wrong_is_told_once_when_it_begins_and_once_when_it_is_over() -> None:
    async with bench() as node:
        await node.told_by_webhook()
        await node.told_by_mail()
        await node.unwell()
        await node.after(600)
        await node.well()
        await node.after(600)
        assert node.hook.messages == ["raised keys", "cleared keys"]
        subjects = [message["Subject"] for _, message in node.mail.taken]
        assert subjects == ["Adyton: [critical] There is no key", "Adyton: [cleared] There is no key"]
        headers, _ = node.hook.heard[0]
        assert [headers[name] for name in HEADERS] == [node.hook.bodies[0]["id"], "raised"]
        assert node.mail.taken[0][1]["Message-ID"] == f"<{node.hook.bodies[0]['id']}@example.com>"
        assert node.hook.bodies[1]["alert"]["clearedAt"] is not None


async def test_a_restart_tells_nothing_twice_and_what_was_put_right_meanwhile_as_over() -> None:
    async with bench() as node:
        await node.told_by_webhook()
        await node.unwell()
        node.restart()
        await node.after(10)
        assert node.hook.messages == ["raised keys"]
        node.api.keys.held = (SENDER,)
        node.restart()
        await node.after(3600)
        await node.after(60)
        assert node.hook.messages == ["raised keys", "cleared keys"]


async def test_what_was_raised_before_a_crash_is_told_after_it() -> None:
    async with bench() as node:
        await node.told_by_webhook()
        node.api.keys.held = ()
        await node.watcher.look()
        node.api.bench.clock.micros += 60 * SECOND
        await node.watcher.look()
        assert node.hook.heard == []  # here the process ends
        node.restart()
        await node.after(0)
        assert node.hook.messages == ["raised keys"]


async def test_a_crash_after_sending_sends_the_same_message_again() -> None:
    async with bench() as node:
        await node.told_by_webhook()
        node.api.keys.held = ()
        await node.watcher.look()
        node.api.bench.clock.micros += 60 * SECOND
        await node.watcher.look()
        node.db.full = True
        with pytest.raises(StorageUnavailable):
            await node.sender.deliver_due()
        node.db.full = False
        node.restart()
        await node.after(0)
        first, second = node.hook.heard
        assert first[1] == second[1]
        assert [each["X-Adyton-Message"] for each, _ in (first, second)] == [node.hook.bodies[0]["id"]] * 2


async def test_a_receiver_that_is_down_for_a_while_hears_everything_in_order() -> None:
    async with bench() as node:
        await node.told_by_webhook()
        node.hook.status = 503
        await node.unwell()
        await node.well()
        assert await node.states() == [("hook: raised", "waiting"), ("hook: cleared", "waiting")]
        (known,) = await alerts.every_destination(node.parts)
        assert (known[1].waiting, known[1].error) == (2, f"{node.hook.url.rpartition('/')[0]}/*** answered 503")
        node.hook.status = 200
        await node.after(600)
        assert node.hook.messages == ["raised keys", "cleared keys"]
        assert await node.states() == [("hook: raised", "sent"), ("hook: cleared", "sent")]


async def test_attempts_are_further_and_further_apart_and_end_after_a_day() -> None:
    async with bench() as node:
        await node.told_by_webhook()
        node.hook.status = 500
        await node.unwell()
        pauses = []
        for _ in range(10):
            next_at = await deliveries.next_at(node.parts.db)
            assert next_at is not None
            pauses.append((next_at - node.parts.clock.now()) / SECOND)
            await node.after(pauses[-1])
        assert pauses == [5, 10, 20, 40, 80, 160, 320, 600, 600, 600]
        await node.after(DEADLINE)
        assert await node.states() == [("hook: raised", "failed")]
        await node.well()
        assert await node.states() == [("hook: raised", "failed")]  # nobody hears the end of what they never heard


@pytest.mark.parametrize(
    ("status", "state"), [(400, "failed"), (413, "failed"), (404, "waiting"), (401, "waiting"), (302, "waiting")]
)
async def test_what_a_receiver_answers_says_whether_it_is_tried_again(status: int, state: str) -> None:
    async with bench() as node:
        await node.told_by_webhook()
        node.hook.status = status
        node.hook.headers = {"Location": f"{node.hook.url}/elsewhere"}
        await node.unwell()
        assert await node.states() == [("hook: raised", state)]
        assert node.hook.asked == 1  # nothing followed the redirect


async def test_who_is_put_right_or_switched_on_hears_of_what_was_given_up_and_is_still_wrong() -> None:
    async with bench() as node:
        await node.told_by_webhook()
        node.hook.status = 400
        await node.unwell()
        assert await node.states() == [("hook: raised", "failed")]
        node.hook.status = 500
        await alerts.change_destination(node.parts, "hook", {"url": node.hook.url})
        await node.after(0)
        assert await node.states() == [("hook: raised", "waiting")]
        await alerts.change_destination(node.parts, "hook", {"enabled": False})
        assert await node.states() == [("hook: raised", "failed")]
        node.hook.status = 200
        await alerts.change_destination(node.parts, "hook", {"enabled": True})
        await node.well()
        assert node.hook.messages == ["raised keys", "cleared keys"]
        await alerts.change_destination(node.parts, "hook", {"enabled": True})
        await node.after(0)
        assert len(node.hook.messages) == 2


@pytest.mark.parametrize(
    ("answer", "words"), [(302, "redirects, which is not followed"), (200, "answers more than 65536 bytes")]
)
async def test_what_is_no_answer_is_told_in_words_about_the_destination(answer: int, words: str) -> None:
    async with bench() as node:
        await node.told_by_webhook()
        node.hook.status, node.hook.headers = answer, {"Location": "/elsewhere"}
        node.hook.answer = "x" * 70_000
        sent = await alerts.test_destination(node.parts, "hook")
    assert sent.error is not None
    assert words in sent.error
    assert "secret-path" not in sent.error


async def test_a_receiver_says_how_long_to_wait() -> None:
    async with bench() as node:
        await node.told_by_webhook()
        node.hook.status, node.hook.headers = 429, {"Retry-After": "90"}
        await node.unwell()
        assert await deliveries.next_at(node.parts.db) == node.parts.clock.now() + 90 * SECOND


async def test_one_that_never_answers_holds_up_no_other() -> None:
    async with bench() as node, hook_at_work() as slow:
        slow.wait.clear()
        await alerts.create_destination(node.parts, {"name": "slow", "type": "slack", "url": slow.url})
        await node.told_by_webhook()
        node.api.keys.held = ()
        await node.watcher.look()
        node.api.bench.clock.micros += 60 * SECOND
        await node.watcher.look()
        running = asyncio.create_task(node.sender.run())
        async with asyncio.timeout(10):
            await node.hook.news.wait()
            assert (node.hook.messages, slow.heard) == (["raised keys"], [])
            slow.wait.set()
            await slow.news.wait()
        assert slow.bodies[0]["text"].startswith("*[critical] There is no key*\n")
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_the_running_parts_tell_by_themselves() -> None:
    async with bench() as node:
        await node.told_by_webhook()
        await alerts.change_rule(node.parts, "keys", Changed(hold=0), ["hold"])
        node.api.keys.held = ()
        running = asyncio.create_task(Alerting(node.parts).run())
        async with asyncio.timeout(10):
            await node.hook.news.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert node.hook.messages == ["raised keys"]


async def test_a_node_that_has_just_started_may_look_for_its_chain_first() -> None:
    async with bench() as node:
        await alerts.change_rule(node.parts, "chain", Changed(hold=0), ["hold"])
        await node.told_by_webhook()
        node.api.bench.chain.state = ChainState(connected=False, connection=0, head=None, problem="refused")
        await node.after(SETTLED - 1)
        assert node.hook.messages == []
        await node.after(1)
        assert node.hook.messages == ["raised chain"]


async def test_a_rule_that_is_switched_off_says_so() -> None:
    async with bench() as node:
        await node.told_by_webhook()
        await node.unwell()
        await alerts.change_rule(node.parts, "keys", Changed(enabled=False), ["enabled"])
        assert node.parts.alerts.look.is_set()
        await node.after(0)
        assert node.hook.bodies[-1]["alert"]["clearedBecause"] == "the rule was switched off"


# --- without rows ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["full", "gone"])
async def test_that_nothing_can_be_stored_is_told_all_the_same_and_once(kind: str) -> None:
    async with bench() as node:
        await node.told_by_webhook()
        await node.told_by_webhook("grave", severity="critical")
        await node.after(0)
        setattr(node.db, kind, True)
        for seconds in (70, 10, 10, 10, 10):
            with pytest.raises(StorageUnavailable):
                await node.after(seconds)
        assert node.hook.messages == ["raised database", "raised database"]
        setattr(node.db, kind, False)
        await node.after(10)
        await node.after(70)
        await node.after(70)
        assert node.hook.messages == ["raised database"] * 2 + ["cleared database"] * 2
        assert len({body["alert"]["id"] for body in node.hook.bodies}) == 1
        found, _ = await alerts.page(node.parts, None, offset=0, limit=9)
        assert [(each.rule, each.status) for each in found] == [("database", "cleared")]


async def test_who_was_not_there_then_hears_of_it_when_there_are_rows_again() -> None:
    async with bench() as node, hook_at_work() as other:
        await node.told_by_webhook()
        await alerts.create_destination(node.parts, {"name": "other", "type": "webhook", "url": other.url})
        await node.after(0)
        other.status = 503
        node.db.full = True
        for seconds in (70, 40):
            with pytest.raises(StorageUnavailable):
                await node.after(seconds)
        assert (node.hook.messages, other.messages) == (["raised database"], [])
        other.status, node.db.full = 200, False
        await node.after(10)
        assert (node.hook.messages, other.messages) == (["raised database"], ["raised database"])


async def test_a_short_one_is_told_to_nobody() -> None:
    async with bench() as node:
        await node.told_by_webhook()
        await node.after(0)
        node.db.full = True
        with pytest.raises(StorageUnavailable):
            await node.after(70)
        node.db.full = False
        await node.after(10)
        await node.after(70)
        assert node.hook.messages == []


# --- those who watch -------------------------------------------------------------------------------------------------


async def test_those_who_watch_hear_of_the_same_alert_beside_the_check() -> None:
    async with bench() as node:
        await node.unwell()
        reading = asyncio.create_task(LiveReader(node.parts).run())
        stream = Stream(node.parts.live, node.parts.db, Wanted(frozenset({Kind.ALERTS})))
        chunks = stream.chunks()
        async with asyncio.timeout(10):
            opening = (await anext(chunks)).decode()
            state = json.loads(opening.partition("data: ")[2].partition("\n")[0])
            node.api.keys.held = (SENDER,)
            await node.watcher.look()
            node.api.bench.clock.micros += 60 * SECOND
            await node.watcher.look()
            told = ""
            while '"source":"rule"' not in told:
                told = (await anext(chunks)).decode()
        assert {(each["source"], each["name"], each.get("subject")) for each in state["alerts"]} == {
            ("health", "keys", None),
            ("rule", "keys", ""),
        }
        event = json.loads(told[told.index('{"name":"keys","source":"rule"') :].partition("\n")[0])
        assert (event["status"], event["code"]) == ("cleared", "ADY-0724")
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


# --- the rest --------------------------------------------------------------------------------------------------------


async def test_old_alerts_and_messages_go() -> None:
    async with bench() as node:
        await node.told_by_webhook()
        await node.unwell()
        await node.well()
        await node.after(KEPT + 3600)
        assert await node.states() == []
        assert (await stored.page(node.parts.db, None, offset=0, limit=1))[1] == 0


class Lost:
    """Ends the process while a receiver is asked."""

    async def request(self, request: HttpRequest) -> HttpResponse:
        raise RuntimeError(f"the process ends at {request.url}")


async def test_what_must_not_be_ends_neither_part() -> None:
    async with bench() as node:
        await node.told_by_webhook()
        await node.told_by_mail()
        node.parts = dataclasses.replace(node.parts, http=Lost())
        node.restart()
        node.api.keys.held = ()
        await node.watcher.look()
        node.api.bench.clock.micros += 60 * SECOND
        await node.watcher.look()
        running = asyncio.create_task(node.sender.run())
        async with asyncio.timeout(10):
            await node.mail.news.wait()
        assert not running.done()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
