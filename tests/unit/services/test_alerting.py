"""Alerts of a node that is not well reach receivers that are really there: once, in order, whatever fails in between."""

from __future__ import annotations

import asyncio
import dataclasses
import json

import pytest

from adyton.domain.alerts import Changed
from adyton.domain.errors import StorageUnavailable
from adyton.ethereum.head_tracker import ChainState
from adyton.ports import HttpRequest, HttpResponse
from adyton.services import alerts
from adyton.services.alert_watcher import KEPT, SETTLED
from adyton.services.alerting import Alerting
from adyton.services.live import Stream
from adyton.services.live_events import Kind, Wanted
from adyton.services.live_reader import LiveReader
from adyton.storage import alerts as stored
from support.alert_bench import SECOND, bench
from support.alerting import hook_at_work
from support.builders import SENDER

HEADERS = ("X-Adyton-Message", "X-Adyton-Event")


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
