"""Live updates: everything once, in order, from wherever one goes on; nothing while nobody watches."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import msgspec
import pytest

from adyton.domain.errors import StorageUnavailable
from adyton.domain.runs import Run, RunStatus, moved
from adyton.engine.create import RunSource
from adyton.services import live
from adyton.services.live import Hub, Stream
from adyton.services.live_events import Kind, Wanted
from adyton.services.live_guests import Guest
from adyton.services.live_reader import LOOKED_AFTER, LiveReader
from adyton.services.parts import Parts
from adyton.sim.clock import SimulatedClock
from adyton.sim.loop import run as simulate
from adyton.storage import alarms, run_history
from adyton.storage import runs as stored
from adyton.storage.alarms import Alarm
from adyton.storage.connect import open_memory
from adyton.storage.database import Row
from support.api import Api, PassingDatabase
from support.builders import JOB_ID, NOW, job

RUNS = Wanted(frozenset({Kind.RUNS}))
OTHER_JOB = "5" * 32


class Event(NamedTuple):
    """What a client reads."""

    name: str
    id: str
    data: Any


class Client:
    """Reads a stream as a client does."""

    def __init__(self, stream: Stream) -> None:
        self.chunks = stream.chunks()
        self.events: list[Event] = []
        self.last_id = ""
        self.raw = b""

    async def next(self, *names: str) -> Event:
        """The next event, of these names if any are given."""
        while True:
            while self.events:
                event = self.events.pop(0)
                if not names or event.name in names:
                    return event
            await self.more()

    async def more(self) -> None:
        """Take the next chunk."""
        chunk = await anext(self.chunks)
        self.raw += chunk
        for block in chunk.decode().split("\n\n"):
            fields = dict(line.split(": ", 1) for line in block.split("\n") if line and not line.startswith(":"))
            self.last_id = fields.get("id", self.last_id)
            if "data" in fields:
                self.events.append(Event(fields["event"], self.last_id, json.loads(fields["data"])))

    async def until(self, run_id: str, status: str) -> list[tuple[str, str]]:
        """(id, status) of each run event up to that one."""
        seen = []
        while True:
            event = await self.next("run")
            seen.append((event.data["id"], event.data["status"]))
            if seen[-1] == (run_id, status):
                return seen


class Bench:
    """A node's parts on simulated time, with somebody who reads for those who watch."""

    def __init__(self, api: Api, parts: Parts) -> None:
        self.api = api
        self.parts = parts
        self.hub: Hub = parts.live

    def watch(self, wanted: Wanted | None = None, last_id: str | None = None, guest: Guest | None = None) -> Client:
        """Somebody who watches."""
        return Client(Stream(self.hub, self.parts.db, wanted or Wanted(), last_id=last_id, guest=guest))

    def made(self, job_id: str = JOB_ID) -> Run:
        """A run that is not stored."""
        spec = self.api.bench.jobs.jobs[job_id]
        return self.api.bench.maker.new_run(spec, spec.initiators[0], RunSource(given={}))

    async def start(self, job_id: str = JOB_ID) -> Run:
        """A run that is stored."""
        run = self.made(job_id)
        await self.parts.db.write(stored.insert([run]))
        return run

    async def end(self, run: Run) -> None:
        """Complete it."""
        await self.parts.db.write(*stored.save(moved(run, RunStatus.COMPLETED, NOW), ()))


@asynccontextmanager
async def bench(db: PassingDatabase | None = None, *, reading: bool = True) -> AsyncIterator[Bench]:
    async with Api(db=db or PassingDatabase(open_memory())) as api:
        await api.job(job())
        await api.job(job(job_id=OTHER_JOB))
        parts = dataclasses.replace(api.parts, clock=SimulatedClock())
        reader = asyncio.create_task(LiveReader(parts).run()) if reading else None
        yield Bench(api, parts)
        if reader is not None:
            reader.cancel()
            await asyncio.wait({reader})


def simulated(test: Coroutine[Any, Any, None]) -> None:
    simulate(test)


# --- what is told ----------------------------------------------------------------------------------------------------


def test_a_stream_begins_with_how_things_are_and_goes_on_with_what_changes() -> None:
    async def story() -> None:
        async with bench() as of:
            earlier = await of.start()
            client = of.watch()
            state = await client.next()
            assert (state.name, state.id) == ("state", "1-0")
            assert state.data["head"]["number"] == 100
            assert client.raw.startswith(b"retry: 3000\n: adyton\n\n")

            run = await of.start()
            await of.end(earlier)
            assert await client.until(earlier.id, "completed") == [(run.id, "in_progress"), (earlier.id, "completed")]

    simulated(story())


def test_an_event_of_a_run_is_small_and_says_what_changed() -> None:
    async def story() -> None:
        async with bench() as of:
            client = of.watch(RUNS)
            await client.next("state")
            run = await of.start()
            await of.parts.db.write(*stored.save(moved(run, RunStatus.ERRORED, NOW, error="x" * 3000), ()))
            event = await client.next("run")

        assert event.id == "2-0"
        assert event.data == {
            "id": run.id,
            "jobId": JOB_ID,
            "status": "errored",
            "error": "x" * 500 + "…",
            "version": 2,
            "requestId": None,
            "supersededBy": None,
            "createdAt": "2023-11-14T22:13:20Z",
            "updatedAt": "2023-11-14T22:13:20Z",
            "finishedAt": "2023-11-14T22:13:20Z",
        }

    simulated(story())


def test_each_sees_only_what_he_asked_for() -> None:
    async def story() -> None:
        async with bench() as of:
            first = await of.start()
            of_job, of_run = of.watch(Wanted(job_id=OTHER_JOB)), of.watch(Wanted(run_id=first.id))
            heads = of.watch(Wanted(frozenset({Kind.HEADS})))
            for client in (of_job, of_run, heads):
                await client.next("state")
            other = await of.start(OTHER_JOB)
            await of.end(first)
            of.api.bench.chain.at(101)

            assert await of_job.until(other.id, "in_progress") == [(other.id, "in_progress")]
            assert await of_run.until(first.id, "completed") == [(first.id, "completed")]
            event = await heads.next()
            assert (event.name, event.data["number"]) == ("head", 101)

    simulated(story())


def test_an_alarm_and_a_check_that_fails_are_told_when_they_come_and_when_they_go() -> None:
    async def story() -> None:
        async with bench() as of:
            client = of.watch(Wanted(frozenset({Kind.ALERTS})))
            names = {alert["name"] for alert in (await client.next("state")).data["alerts"]}
            assert "alarms" not in names

            alarm = Alarm("finality violated", NOW, "blocks are gone", 7)
            await of.parts.db.write(alarms.raised(alarm))
            event = await client.next("alert")
            assert event.data | {"since": ""} == {
                "name": "finality violated",
                "source": "alarm",
                "status": "raised",
                "detail": "blocks are gone",
                "since": "",
                "cure": "adyton blocks replay --from 7",
                "code": "ADY-0634",
            }
            late = of.watch(Wanted(frozenset({Kind.ALERTS})))
            assert "finality violated" in {alert["name"] for alert in (await late.next("state")).data["alerts"]}

            await of.parts.db.write(alarms.clear("finality violated"))
            of.api.bench.chain.at(102, connected=False)
            told = {(await client.next("alert")).data["name"] for _ in range(2)}
            assert told == {"finality violated", "chain"}

    simulated(story())


def test_silence_is_broken_by_comments_that_carry_the_place() -> None:
    async def story() -> None:
        async with bench() as of:
            client = of.watch(Wanted(frozenset({Kind.RUNS}), job_id=OTHER_JOB))
            await client.next("state")
            await of.start()
            began = asyncio.get_running_loop().time()
            client.raw = b""
            await client.more()
            assert client.raw.startswith(b": keep-alive\nid: ")
            assert asyncio.get_running_loop().time() - began <= 2 * live.KEEP_ALIVE
            await client.more()
            assert client.last_id == "1-0"

    simulated(story())


# --- going on --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kept", [1, 4096])
@pytest.mark.parametrize("restarted", [False, True])
def test_who_comes_back_misses_nothing_and_gets_nothing_twice(
    monkeypatch: pytest.MonkeyPatch, kept: int, restarted: bool
) -> None:
    monkeypatch.setattr(live, "KEPT", kept)
    monkeypatch.setattr(live, "PAGE", 2)
    db = PassingDatabase(open_memory())

    async def story() -> None:
        async with bench(db) as of:
            stays, leaves = of.watch(RUNS), of.watch(RUNS)
            await stays.next("state")
            await leaves.next("state")
            seen = await of.start()
            await leaves.until(seen.id, "in_progress")
            await leaves.chunks.aclose()

            missed = [await of.start() for _ in range(5)]
            await of.end(seen)
            await stays.until(seen.id, "completed")
            if not restarted:
                await check(of, leaves.last_id, missed, seen)
        if restarted:
            api = Bench(of.api, dataclasses.replace(of.parts, live=Hub()))
            reader = asyncio.create_task(LiveReader(api.parts).run())
            await check(api, leaves.last_id, missed, seen)
            reader.cancel()

    async def check(of: Bench, last_id: str, missed: list[Run], seen: Run) -> None:
        client = of.watch(RUNS, last_id)
        found = await client.until(seen.id, "completed")
        assert found == [*((run.id, "in_progress") for run in missed), (seen.id, "completed")]
        new = await of.start()
        assert await client.until(new.id, "in_progress") == [(new.id, "in_progress")]

    db.close = lambda: asyncio.sleep(0)  # type: ignore[method-assign]  # it outlives the first node
    simulated(story())


def test_a_slow_client_is_fed_from_rows_page_by_page_and_misses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "KEPT", 5)
    monkeypatch.setattr(live, "PAGE", 10)

    async def story() -> None:
        async with bench() as of:
            slow, quick = of.watch(RUNS), of.watch(RUNS)
            await slow.next("state")
            await quick.next("state")
            made: list[Run] = []
            for _ in range(8):
                made += [await of.start() for _ in range(10)]
                await quick.until(made[-1].id, "in_progress")
            found: list[str] = []
            while len(found) < len(made):
                await slow.more()
                assert len(slow.events) <= 10
                found += [event.data["id"] for event in slow.events if event.name == "run"]
                slow.events.clear()
            assert found == [run.id for run in made]
            last = await of.start()
            assert await slow.until(last.id, "in_progress") == [(last.id, "in_progress")]

    simulated(story())


def test_more_than_is_kept_at_once_is_read_from_rows_by_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adyton.services.live_reader._MOST", 3)
    monkeypatch.setattr("adyton.services.live_reader._AT_ONCE", 2)

    async def story() -> None:
        async with bench() as of:
            clients = [of.watch(RUNS) for _ in range(3)]
            for client in clients:
                await client.next("state")
            made = [of.made() for _ in range(9)]
            await of.parts.db.write(stored.insert(made))
            for client in clients:
                assert [each for each, _ in await client.until(made[-1].id, "in_progress")] == [run.id for run in made]

    simulated(story())


@pytest.mark.parametrize(("last_id", "why"), [("nonsense", "no id of this node"), ("999-0", "another one"), ("0-0", "deleted")])
def test_who_cannot_go_on_is_told_to_read_again(last_id: str, why: str) -> None:
    async def story() -> None:
        async with bench() as of:
            run = await of.start()
            await of.end(run)
            await run_history.delete(of.parts.db, [RunStatus.COMPLETED], before=NOW + 1, settled=0, limit=9)
            client = of.watch(RUNS, last_id)
            reset = await client.next()
            assert reset.name == "reset"
            assert why in reset.data["reason"]
            new = await of.start()
            assert await client.until(new.id, "in_progress") == [(new.id, "in_progress")]

    simulated(story())


def test_what_was_deleted_does_not_matter_to_who_has_seen_its_end() -> None:
    async def story() -> None:
        async with bench() as of:
            run = await of.start()
            await of.end(run)
            await of.start()
            await run_history.delete(of.parts.db, [RunStatus.COMPLETED], before=NOW + 1, settled=0, limit=9)
            client = of.watch(RUNS, "2-0")
            assert (await client.next()).name == "run"

    simulated(story())


def test_a_stream_that_began_behind_what_was_deleted_goes_on() -> None:
    async def story() -> None:
        async with bench() as of:
            run = await of.start()
            await of.end(run)
            await run_history.delete(of.parts.db, [RunStatus.COMPLETED], before=NOW + 1, settled=0, limit=9)
            state = await of.watch(RUNS).next()
            assert state.name == "state"
            assert (await of.watch(RUNS, state.id).next()).name == "state"

    simulated(story())


# --- the cost --------------------------------------------------------------------------------------------------------


class Counted(PassingDatabase):
    """Counts reads; they fail while ``broken``."""

    def __init__(self) -> None:
        super().__init__(open_memory())
        self.reads: list[str] = []
        self.broken = False

    async def read(self, sql: str, params: Row = ()) -> list[Row]:
        self.reads.append(sql)
        if self.broken and "change" in sql:
            raise StorageUnavailable("the disk is away")
        return await self.real.read(sql, params)


def test_nothing_is_read_while_nobody_watches_and_little_while_nothing_happens() -> None:
    async def story() -> None:
        db = Counted()
        async with bench(db) as of:
            db.reads.clear()
            await of.start()
            await of.parts.clock.sleep(60)
            assert db.reads == []

            client = of.watch(RUNS)
            await client.next("state")
            await of.parts.clock.sleep(1)
            db.reads.clear()
            await of.parts.clock.sleep(LOOKED_AFTER - 2)
            assert db.reads == []

            await client.chunks.aclose()
            await of.parts.clock.sleep(1)
            db.reads.clear()
            await of.start()
            await of.parts.clock.sleep(60)
            assert db.reads == []

    simulated(story())


def test_an_event_is_encoded_once_and_the_same_bytes_go_to_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = 0
    encode = msgspec.json.encode

    def counting(value: object) -> bytes:
        nonlocal encoded
        encoded += isinstance(value, dict) and "version" in value
        return encode(value)

    monkeypatch.setattr("adyton.services.live_events.msgspec.json.encode", counting)

    async def story() -> None:
        async with bench() as of:
            clients = [of.watch(RUNS) for _ in range(50)]
            for client in clients:
                await client.next("state")
            await of.start()
            chunks = [await anext(client.chunks) for client in clients]
            assert len({id(chunk) for chunk in chunks}) == 1

    simulated(story())
    assert encoded == 1


def test_a_database_that_is_away_for_a_while_loses_nothing() -> None:
    async def story() -> None:
        db = Counted()
        async with bench(db) as of:
            client = of.watch(RUNS)
            await client.next("state")
            db.broken = True
            run = await of.start()
            await of.parts.clock.sleep(5)
            db.broken = False
            assert await client.until(run.id, "in_progress") == [(run.id, "in_progress")]

    simulated(story())


# --- the end ---------------------------------------------------------------------------------------------------------


def test_streams_end_when_the_node_stops() -> None:
    async def story() -> None:
        async with bench() as of:
            client = of.watch()
            await client.next("state")
        assert [chunk async for chunk in client.chunks] == []
        assert not of.hub.streams

    simulated(story())


def test_the_streams_of_a_session_that_is_over_end_and_no_others() -> None:
    async def story() -> None:
        valid = {"gone": True, "stays": True}

        def guest(name: str) -> Guest:
            async def may_stay() -> bool:
                asked.append(name)
                return valid[name]

            return Guest(name, may_stay)

        asked: list[str] = []
        async with bench() as of:
            gone, also_gone, stays = (of.watch(RUNS, guest=guest(name)) for name in ("gone", "gone", "stays"))
            for client in (gone, also_gone, stays):
                await client.next("state")
            asked.clear()
            await of.parts.clock.sleep(2.5)
            assert sorted(asked) == ["gone", "stays"]  # once for all streams of one session

            valid["gone"] = False
            began = asyncio.get_running_loop().time()
            for client in (gone, also_gone):
                with pytest.raises(StopAsyncIteration):
                    await client.more()
            assert asyncio.get_running_loop().time() - began < 5
            run = await of.start()
            await stays.until(run.id, "in_progress")

    simulated(story())
