"""Telling an explorer: everything, in order, until it is acknowledged, over every kind of trouble. Over a real websocket."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import structlog

from adyton.domain.errors import StorageUnavailable
from adyton.domain.runs import Run, RunStatus, moved
from adyton.engine.news import ExplorerNews
from adyton.services import explorer as pusher
from adyton.services.explorer import REFUSALS, ExplorerPusher
from adyton.services.health import report
from adyton.services.watch import Watch
from adyton.storage import request_runs, run_history, sync_events
from adyton.storage import runs as stored
from adyton.storage.connect import open_memory
from adyton.storage.database import Row, Statement
from adyton.system.push import ExplorerTransport
from support.api import Api, PassingDatabase
from support.builders import JOB_ID, NOW, TestClock, job
from support.explorer import ACCESS_KEY, GOOD, SECRET, Explorer, explorer

REFUSED = '{"status":422}'


class QuickClock(TestClock):
    """Passes over pauses and notes them; between two looks others have their turn."""

    __test__ = False

    def __init__(self) -> None:
        super().__init__()
        self.pauses: list[float] = []

    async def sleep(self, seconds: float) -> None:
        if seconds >= 1:
            self.pauses.append(seconds)
        self.micros += int(seconds * 1_000_000)
        await asyncio.sleep(0.001)


class Node:
    """A node that tells an explorer."""

    def __init__(self, api: Api, clock: QuickClock) -> None:
        self.api = api
        self.clock = clock
        self.parts = dataclasses.replace(api.parts, clock=clock)
        self.news = ExplorerNews(api.bench.jobs)

    async def start(self) -> Run:
        """A run, with what is to be told of it."""
        spec = self.api.bench.jobs.jobs[JOB_ID]
        return await self.api.bench.engine.start(spec, spec.initiators[0], {})

    async def end(self, run: Run) -> None:
        """Complete it."""
        done = moved(run, RunStatus.COMPLETED, NOW + 1)
        await self.api.db.write(*stored.save(done, ()), *self.news.saved([done]))

    async def waiting(self) -> int:
        """How much has not been told."""
        return (await sync_events.outstanding(self.api.db)).waiting

    @asynccontextmanager
    async def pushing(self) -> AsyncIterator[None]:
        """With somebody who tells."""
        telling = asyncio.create_task(ExplorerPusher(self.parts, ExplorerTransport()).run())
        try:
            yield
        finally:
            telling.cancel()
            await asyncio.wait({telling})

    async def until(self, condition: Callable[[sync_events.Outstanding], bool]) -> None:
        """Wait until what is to be told is so."""
        async with asyncio.timeout(20):
            while not condition(await sync_events.outstanding(self.api.db)):
                await self.clock.sleep(0)


@asynccontextmanager
async def node(there: Explorer, db: PassingDatabase | None = None, *, secret: str = SECRET) -> AsyncIterator[Node]:
    environment = {"EXPLORER_URL": there.url, "EXPLORER_ACCESS_KEY": ACCESS_KEY, "EXPLORER_SECRET": secret}
    async with Api(db=db or PassingDatabase(open_memory()), environment=environment) as api:
        made = Node(api, QuickClock())
        api.bench.engine.news = made.news
        await api.job(job())
        yield made


def statuses(there: Explorer) -> list[tuple[str, str]]:
    return [(body["runId"], body["status"]) for body in there.heard]


# --- as it should be -------------------------------------------------------------------------------------------------


async def test_every_change_is_told_in_its_order_and_then_forgotten() -> None:
    async with explorer() as there, node(there) as of, of.pushing():
        runs = [await of.start() for _ in range(5)]
        for run in reversed(runs):
            await of.end(run)
        await of.until(lambda left: left.waiting == 0)

        wanted = [(run.id, "in_progress") for run in runs] + [(run.id, "completed") for run in reversed(runs)]
        assert statuses(there) == wanted
        assert (there.headers["X-Explore-Chainlink-AccessKey"], there.headers["X-Explore-Chainlink-Secret"]) == (
            ACCESS_KEY,
            SECRET,
        )
        assert there.connections == 1
        assert of.parts.explorer.connected


async def test_the_next_message_waits_for_the_answer_to_the_one_before() -> None:
    async with explorer() as there, node(there) as of, of.pushing():
        there.answer = lambda _: None
        first, second = await of.start(), await of.start()
        await there.until(lambda: len(there.heard) == 1)
        for _ in range(20):
            await of.clock.sleep(0)
        assert statuses(there) == [(first.id, "in_progress")]
        assert there.open is not None
        there.answer = lambda _: GOOD
        await there.open.send_str(GOOD)
        await there.until(lambda: len(there.heard) == 2)
        assert statuses(there)[1][0] == second.id


async def test_a_node_without_an_explorer_writes_nothing_for_one() -> None:
    async with Api() as api:
        await api.job(job())
        spec = api.bench.jobs.jobs[JOB_ID]
        await api.bench.engine.start(spec, spec.initiators[0], {})
        assert await sync_events.oldest(api.db) is None
        await ExplorerPusher(api.parts, ExplorerTransport()).run()  # has nothing to do, and ends


async def test_what_changed_without_being_at_hand_is_told_as_it_is_when_it_is_sent() -> None:
    async with explorer() as there, node(there) as of:
        run = await of.start()
        await of.api.db.write(
            request_runs.superseded([(run.id, "another", "because")], NOW + 9), *of.news.moved([run.id, "nobody"], NOW + 9)
        )
        assert await of.waiting() == 2
        async with of.pushing():
            await of.until(lambda left: left.waiting == 0)
        assert statuses(there) == [(run.id, "in_progress"), (run.id, "cancelled")]
        assert there.heard[1]["initiator"] == {"type": "web"}


async def test_a_run_that_is_still_to_be_described_is_not_deleted() -> None:
    async with explorer() as there, node(there) as of:
        run = await of.start()
        await of.end(run)
        await of.api.db.write(Statement("UPDATE sync_events SET body = '' WHERE id = 2", [()]))
        kept = await run_history.delete(of.api.db, [RunStatus.COMPLETED], before=NOW + 99, settled=0, limit=9)
        async with of.pushing():
            await of.until(lambda left: left.waiting == 0)
        gone = await run_history.delete(of.api.db, [RunStatus.COMPLETED], before=NOW + 99, settled=0, limit=9)
        assert (kept.runs, gone.runs) == (0, 1)


# --- trouble ---------------------------------------------------------------------------------------------------------


async def test_a_refused_message_is_tried_again_later_and_later_and_then_put_aside() -> None:
    async with explorer() as there, node(there) as of, of.pushing():
        bad, good = await of.start(), await of.start()
        there.answer = lambda body: REFUSED if body["runId"] == bad.id else GOOD
        await of.until(lambda left: left.waiting == 0)

        assert [run_id for run_id, _ in statuses(there)] == [bad.id] * REFUSALS + [good.id]
        assert of.clock.pauses == [1, 2, 4, 8]
        left = await sync_events.outstanding(of.api.db)
        assert (left.parked, left.error) == (1, f"the explorer refused it: {REFUSED}")
        (check,) = [each for each in await report(of.parts, Watch(of.parts)) if each.name == "explorer"]
        assert (check.passing, check.code) == (False, "ADY-1203")
        assert REFUSED in check.output


async def test_what_was_put_aside_is_told_at_the_next_start_as_it_is_then() -> None:
    async with explorer() as there, node(there) as of:
        run = await of.start()
        there.answer = lambda body: REFUSED if body["status"] == "in_progress" else GOOD
        async with of.pushing():
            await of.until(lambda left: left.parked == 1)
            await of.end(run)
            await of.until(lambda left: left.waiting == 0)
        there.answer, there.heard = (lambda _: GOOD), []
        async with of.pushing():
            await of.until(lambda left: left == sync_events.Outstanding(0, 0, None, None))
        assert statuses(there) == [(run.id, "completed")]


@pytest.mark.parametrize("answer", ["created", '{"status":"201"}', "[]", ""])
async def test_an_answer_that_is_none_counts_as_a_refusal(answer: str) -> None:
    async with explorer() as there, node(there) as of, of.pushing():
        there.answer = lambda _: answer
        await of.start()
        await of.until(lambda left: left.parked == 1)
        assert len(there.heard) == REFUSALS


async def test_a_silent_explorer_is_left_and_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pusher, "ANSWER", 0.02)
    async with explorer() as there, node(there) as of, of.pushing():
        there.answer = lambda _: None if len(there.heard) < 3 else GOOD
        run = await of.start()
        await of.until(lambda left: left.waiting == 0)
        assert statuses(there) == [(run.id, "in_progress")] * 3
        assert there.connections == 3  # an answer that comes late cannot be taken for another's
        assert (await sync_events.outstanding(of.api.db)).parked == 0


async def test_a_wrong_secret_is_told_and_nothing_is_lost() -> None:
    with structlog.testing.capture_logs() as logged:
        async with explorer() as there, node(there, secret="wrong-and-not-to-be-seen") as of, of.pushing():
            await of.start()
            await there.until(lambda: there.connections >= 8)
            assert of.parts.explorer.problem.endswith("refused with status 401; see EXPLORER_ACCESS_KEY and EXPLORER_SECRET")
            assert of.clock.pauses[:6] == [1, 2, 4, 8, 10, 10]
            assert await of.waiting() == 1
            of.clock.micros += 1000 * 1_000_000
            (check,) = [each for each in await report(of.parts, Watch(of.parts)) if each.name == "explorer"]
            assert (check.passing, check.code) == (False, "ADY-1204")
    assert "wrong-and-not-to-be-seen" not in str(logged) + check.output


async def test_a_connection_that_is_lost_is_made_again() -> None:
    async with explorer() as there, node(there) as of, of.pushing():
        first = await of.start()
        await there.until(lambda: first.id in there.taken)
        assert there.open is not None
        await there.open.close()
        second = await of.start()
        await there.until(lambda: second.id in there.taken)
        assert there.connections == 2


class Spoilt(PassingDatabase):
    """Cannot delete what was told while ``broken``."""

    broken = False

    async def write(self, *statements: Statement) -> list[list[Row]]:
        if self.broken and statements[0].sql.startswith("DELETE FROM sync_events WHERE id"):
            raise StorageUnavailable("the disk is full")
        return await self.real.write(*statements)


async def test_a_crash_between_the_answer_and_its_note_tells_the_same_twice_and_nothing_else() -> None:
    db = Spoilt(open_memory())
    async with explorer() as there, node(there, db) as of:
        db.broken = True
        run = await of.start()
        async with of.pushing():
            await there.until(lambda: run.id in there.taken)
        assert await of.waiting() == 1
        db.broken = False
        other = await of.start()
        there.heard.clear()
        async with of.pushing():
            await of.until(lambda left: left.waiting == 0)
        assert statuses(there) == [(run.id, "in_progress"), (other.id, "in_progress")]


async def test_an_explorer_that_is_away_for_a_while_is_told_everything_when_it_is_back() -> None:
    async with explorer() as there:
        port = there.port
    runs: list[Run] = []
    async with node(there) as of, of.pushing():
        runs += [await of.start() for _ in range(20)]
        async with explorer(port) as back:
            await of.until(lambda left: left.waiting == 0)
            assert [run_id for run_id, _ in statuses(back)] == [run.id for run in runs]


# --- with the change -------------------------------------------------------------------------------------------------


async def test_what_is_told_is_written_with_what_it_tells_of_or_not_at_all() -> None:
    written: list[list[str]] = []

    class Writes(PassingDatabase):
        async def write(self, *statements: Statement) -> list[list[Row]]:
            written.append([statement.sql.split("(")[0].split("SET")[0].strip() for statement in statements])
            return await self.real.write(*statements)

    db = Writes(open_memory())
    async with explorer() as there, node(there, db) as of:
        written.clear()
        run = await of.start()
        await of.api.bench.engine.cancel(run, "because")
        told: Any = await db.read("SELECT run_id, body FROM sync_events ORDER BY id")

    of_runs = [write for write in written if any("INTO runs" in text or "UPDATE runs" in text for text in write)]
    assert of_runs == [["INSERT INTO runs", "INSERT INTO sync_events"], ["UPDATE runs", "INSERT INTO sync_events"]]
    assert [(run_id, '"status":"cancelled"' in body) for run_id, body in told] == [(run.id, False), (run.id, True)]
