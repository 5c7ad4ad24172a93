"""The simulated web and the trace."""

from __future__ import annotations

import pytest

from adyton.domain.errors import StorageUnavailable
from adyton.ports import HttpFailure, HttpRequest
from adyton.sim.clock import SimulatedClock
from adyton.sim.faults import DiskFaults
from adyton.sim.http import GARBAGE, SimulatedHttp, Slow, ok
from adyton.sim.loop import run, running_loop
from adyton.sim.trace import Gate, Trace, TracedDatabase, statement_name
from adyton.storage import facts
from adyton.storage.connect import open_memory
from adyton.storage.database import Statement


def make_http() -> SimulatedHttp:
    clock = SimulatedClock()
    return SimulatedHttp(1, Trace(clock.now), Gate())


def test_the_longest_route_answers() -> None:
    async def main() -> list[bytes]:
        http = make_http()
        http.route("http://a.test/", ok("all"))
        http.route("http://a.test/price", lambda request: ok(request.method))
        urls = ["http://a.test/other", "http://a.test/price?x=1"]
        return [(await http.request(HttpRequest(method="GET", url=url))).body for url in urls]

    assert run(main()) == [b"all", b"GET"]


def test_failures_are_those_of_a_real_source() -> None:
    async def main() -> None:
        http = make_http()
        http.route("http://slow.test", Slow(60, ok("late")))
        http.route("http://big.test", ok("x" * 100))
        http.route("http://dead.test", HttpFailure("connection reset", retriable=True))
        for url, words, retriable in [
            ("http://slow.test", "timed out after 15 s", True),
            ("http://big.test", "larger than 99 bytes", False),
            ("http://dead.test", "connection reset", True),
            ("http://unknown.test", "connection refused", True),
        ]:
            with pytest.raises(HttpFailure, match=words) as caught:
                await http.request(HttpRequest(method="GET", url=url, limit=99))
            assert caught.value.retriable is retriable
        assert 15 < running_loop().time() < 16

    run(main())


@pytest.mark.parametrize(
    ("sql", "name"),
    [
        ("INSERT INTO runs (id) VALUES (?)", "insert runs"),
        ("INSERT INTO heads(number) VALUES (?)", "insert heads"),
        ("UPDATE runs SET status = ?", "update runs"),
        ("DELETE FROM heads WHERE number > ?", "delete heads"),
    ],
)
def test_a_statement_is_named_by_verb_and_table(sql: str, name: str) -> None:
    assert statement_name(sql) == name


def test_traces_of_different_events_have_different_names() -> None:
    first, second = Trace(lambda: 0), Trace(lambda: 0)
    first.note("block", "1")
    second.note("block", "2")
    assert first.digest() != second.digest()
    assert first.of_kind("block") == first.lines
    assert first.of_kind("write") == []


def test_a_source_may_be_slow_or_gone_or_speak_nonsense() -> None:
    async def main() -> None:
        http = make_http()
        http.route("http://a.test", ok("1"))
        ask = HttpRequest(method="GET", url="http://a.test")
        http.faults.refused = 1.0
        with pytest.raises(HttpFailure, match="refused"):
            await http.request(ask)
        http.faults.set(refused=0.0, errors=1.0)
        assert (await http.request(ask)).status >= 429
        http.faults.set(errors=0.0, garbage=1.0)
        assert (await http.request(ask)).body in GARBAGE
        http.faults.set(garbage=0.0, slow=1.0, slow_seconds=(20.0, 30.0))
        with pytest.raises(HttpFailure, match="timed out"):
            await http.request(ask)
        http.faults.calm()
        assert (await http.request(ask)).body == b"1"
        assert http.faults.counts == {"refused": 1, "errors": 1, "garbage": 1, "slow": 1}

    run(main())


def test_a_disk_may_be_slow_full_or_unsure() -> None:
    async def main() -> None:
        memory = open_memory()
        disk = DiskFaults()
        database = TracedDatabase(memory, Trace(int), Gate(), disk)

        def fact(name: str) -> Statement:
            return facts.put(name, "1")

        disk.full = True
        with pytest.raises(StorageUnavailable, match="full"):
            await database.write(fact("full"))
        disk.set(full=False, unsure=1.0)
        with pytest.raises(StorageUnavailable, match="may have been applied"):
            await database.write(fact("unsure"))
        disk.set(unsure=0.0, slow=1.0, slow_seconds=(3.0, 4.0))
        began = running_loop().time()
        await database.write(fact("slow"))
        assert 3 < running_loop().time() - began < 4
        assert [await facts.get(database, name) for name in ("full", "unsure", "slow")] == [None, "1", "1"]
        await memory.close()

    run(main())
