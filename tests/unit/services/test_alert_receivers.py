"""What receivers of alerts answer says whether, and when, they are told again."""

from __future__ import annotations

import pytest

from adyton.services import alerts
from adyton.services.alert_sender import DEADLINE
from adyton.storage import alert_deliveries as deliveries
from support.alert_bench import SECOND, bench


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
