"""Following the chain: heads that come doubled, late, out of order, reorganised or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest

from adyton.domain.canonical import CanonicalChain
from adyton.domain.chain import Hash, Head
from adyton.domain.errors import Disconnected, StorageUnavailable
from adyton.ethereum import head_tracker
from adyton.ethereum.client import Chain
from adyton.ethereum.head_tracker import ChainState, HeadTracker
from adyton.metrics import Metrics
from adyton.storage import alarms
from adyton.storage import heads as stored
from adyton.storage import logs as stored_logs
from adyton.storage.alarms import CHAIN_REPLACED, FINALITY_VIOLATED
from adyton.storage.connect import open_memory
from adyton.storage.database import Database, Row, Statement
from support.scripted_rpc import (
    SILENT,
    Failure,
    ScriptedBlocks,
    ScriptedClock,
    ScriptedNode,
    block_hash,
    head_json,
    make_client,
    make_head,
    running,
)


class SickDatabase:
    """A database of which reads or writes fail while it is sick."""

    def __init__(self, inner: Database) -> None:
        self._inner = inner
        self.sick = False
        self.writes = 0

    @property
    def dialect(self) -> str:
        return self._inner.dialect

    async def write(self, *statements: Statement) -> list[list[Row]]:
        if self.sick:
            raise StorageUnavailable("disk full")
        self.writes += 1
        return await self._inner.write(*statements)

    async def read(self, sql: str, params: Row = ()) -> list[Row]:
        if self.sick:
            raise StorageUnavailable("disk full")
        return await self._inner.read(sql, params)

    @property
    def commits(self) -> int:
        return self._inner.commits

    async def lock_lost(self) -> str:
        return await self._inner.lock_lost()

    async def close(self) -> None:
        await self._inner.close()


class World:
    """A scripted node with blocks, and a tracker that follows it."""

    def __init__(self, *, history: int = 100, stall: float = 30.0, naps: int = 1000, finality: int = 50) -> None:
        self.node = ScriptedNode()
        self.blocks = ScriptedBlocks(self.node)
        self.db = SickDatabase(open_memory())
        self.clock = ScriptedClock(naps)
        self.rpc = make_client(self.node, clock=self.clock)
        self.metrics = Metrics()
        self.tracker = HeadTracker(
            rpc=self.rpc,
            chain=Chain(self.rpc),
            db=self.db,
            clock=self.clock,
            metrics=self.metrics,
            finality_depth=finality,
            history=history,
            stall=stall,
        )

    @asynccontextmanager
    async def followed(self) -> AsyncIterator[None]:
        async with running(self.tracker.run, self.rpc.run):
            yield
        await self.db.close()

    async def until(self, wanted: Callable[[ChainState], bool]) -> ChainState:
        async with asyncio.timeout(5):
            async for state in self.tracker.updates():
                if wanted(state):
                    return state
        raise AssertionError

    async def at(self, head: Head, connection: int = 1) -> ChainState:
        """Wait until the tracker is connected and at a head."""
        return await self.until(lambda s: s.connected and s.connection >= connection and s.head == head)

    async def quiet(self) -> None:
        """Wait until everything that was delivered has been worked off."""
        for _ in range(3):
            await self.rpc.call("eth_chainId")

    async def stored(self) -> list[Hash]:
        return [head.hash for head in await stored.load(self.db)]

    async def remember(self, heads: Sequence[Head]) -> None:
        await self.db.write(*stored.save(heads, oldest=heads[0].number, newest=heads[-1].number))


def hashes(heads: Sequence[Head]) -> list[Hash]:
    return [head.hash for head in heads]


# --- the beginning ---------------------------------------------------------------------------------------------------


async def test_the_latest_head_is_taken_at_once_with_the_ones_before_it() -> None:
    world = World()
    heads = world.blocks.grow(None, 5)
    assert world.tracker.state == ChainState(connected=False, connection=0, head=None, problem="not connected yet")
    async with world.followed():
        state = await world.at(heads[4])
        assert state == ChainState(connected=True, connection=1, head=heads[4], problem=None)
        assert await world.stored() == hashes(heads)
        assert [await world.tracker.canonical_hash(n) for n in range(-1, 6)] == [None, *hashes(heads), None]
        assert world.node.asked("eth_subscribe") == [["newHeads"]]


async def test_on_a_long_chain_only_the_history_is_asked_for_in_one_batch() -> None:
    world = World(history=10)
    heads = world.blocks.grow(None, 50)
    async with world.followed():
        await world.at(heads[-1])
        assert await world.stored() == hashes(heads[-10:])
        assert len([frame for frame in world.node.frames if isinstance(frame, list)]) == 1
        assert world.node.asked("eth_getBlockByHash") == []


async def test_a_node_that_refuses_batches_gives_at_least_the_head() -> None:
    world = World()
    heads = world.blocks.grow(None, 50)
    world.node.answer_batch = lambda answers: {"id": None, "error": {"code": -32600, "message": "no batches"}}
    async with world.followed():
        await world.at(heads[-1])
        assert await world.stored() == [heads[-1].hash]


async def test_stored_heads_are_known_before_there_is_a_connection() -> None:
    world = World(naps=1)
    world.node.refuse = ["nobody there"] * 5
    heads = world.blocks.grow(None, 3)
    await world.remember(heads)
    async with world.followed():
        state = await world.until(lambda s: s.head is not None and s.problem == "nobody there")
        assert not state.connected
        assert state.head is not None
        assert state.head.hash == heads[2].hash
        assert await world.tracker.canonical_hash(1) == heads[1].hash
        assert world.tracker.problem == "nobody there"
        assert not world.tracker.connected


async def test_the_stored_head_gets_its_base_fee_when_the_node_repeats_it() -> None:
    world = World()
    heads = world.blocks.grow(None, 3)
    await world.remember(heads)
    async with world.followed():
        state = await world.at(heads[2])
        assert state.head is not None
        assert state.head.base_fee == 7
        assert world.db.writes == 1


async def test_a_reorganisation_while_the_node_was_down_replaces_the_stored_heads() -> None:
    world = World()
    heads = world.blocks.grow(None, 6)
    await world.remember(heads)
    branch = world.blocks.grow(heads[3], 3, fork=1)
    async with world.followed():
        await world.at(branch[-1])
        assert await world.stored() == hashes([*heads[:4], *branch])


async def test_a_node_without_a_block_yet_is_not_connected_and_is_asked_again() -> None:
    world = World(stall=0.01)
    async with world.followed():
        state = await world.until(lambda s: s.problem is not None and "no latest block" in s.problem)
        assert not state.connected
        heads = world.blocks.grow(None, 1)
        await world.at(heads[0])


# --- heads as they come ----------------------------------------------------------------------------------------------


async def test_a_head_on_top_is_taken_without_a_question_stored_and_then_told() -> None:
    world = World()
    heads = world.blocks.grow(None, 3)
    async with world.followed():
        await world.at(heads[2])
        questions = len(world.node.frames)
        (head,) = world.blocks.grow(heads[2])
        world.blocks.announce(head)
        await world.at(head)
        assert await world.stored() == hashes([*heads, head])
        assert len(world.node.frames) == questions


async def test_a_head_that_comes_twice_changes_nothing() -> None:
    world = World()
    heads = world.blocks.grow(None, 3)
    async with world.followed():
        await world.at(heads[2])
        questions = len(world.node.asked("eth_getBlockByNumber"))
        for _ in range(2):
            world.blocks.announce(heads[2])
            await world.quiet()
        assert world.tracker.state.head == heads[2]
        assert world.db.writes == 1
        assert len(world.node.asked("eth_getBlockByNumber")) == questions


async def test_missed_heads_are_fetched_by_their_hashes() -> None:
    world = World()
    heads = world.blocks.grow(None, 2)
    async with world.followed():
        await world.at(heads[-1])
        missed = world.blocks.grow(heads[-1], 3)
        world.blocks.announce(missed[-1])
        await world.at(missed[-1])
        assert await world.stored() == hashes([*heads, *missed])
        assert world.node.asked("eth_getBlockByHash") == [[missed[1].hash, False], [missed[0].hash, False]]


async def test_a_wide_gap_is_asked_for_by_height_and_joined_by_hash() -> None:
    world = World()
    heads = world.blocks.grow(None, 2)
    async with world.followed():
        await world.at(heads[-1])
        missed = world.blocks.grow(heads[-1], 20)
        world.blocks.announce(missed[-1])
        await world.at(missed[-1])
        assert await world.stored() == hashes([*heads, *missed])
        assert world.node.asked("eth_getBlockByHash") == []


async def test_a_wide_gap_with_a_reorganisation_below_finds_the_common_ancestor() -> None:
    world = World()
    heads = world.blocks.grow(None, 10)
    async with world.followed():
        await world.at(heads[-1])
        branch = world.blocks.grow(heads[4], 20, fork=1)
        world.blocks.announce(branch[-1])
        await world.at(branch[-1])
        assert await world.stored() == hashes([*heads[:5], *branch])


async def test_a_gap_wider_than_the_history_starts_the_window_afresh() -> None:
    world = World(history=5)
    heads = world.blocks.grow(None, 3)
    async with world.followed():
        await world.at(heads[-1])
        missed = world.blocks.grow(heads[-1], 50)
        world.blocks.announce(missed[-1])
        await world.at(missed[-1])
        assert await world.stored() == hashes(missed[-5:])


async def test_a_reorganisation_to_the_same_height_is_seen() -> None:
    world = World()
    heads = world.blocks.grow(None, 4)
    async with world.followed():
        await world.at(heads[3])
        (other,) = world.blocks.grow(heads[2], 1, fork=1)
        world.blocks.announce(other)
        await world.at(other)
        assert await world.stored() == hashes([*heads[:3], other])
        assert await world.tracker.canonical_hash(3) == other.hash


async def test_a_reorganisation_to_a_lower_height_is_seen() -> None:
    world = World()
    heads = world.blocks.grow(None, 6)
    async with world.followed():
        await world.at(heads[5])
        (other,) = world.blocks.grow(heads[2], 1, fork=1)
        world.blocks.announce(other)
        await world.at(other)
        assert await world.stored() == hashes([*heads[:3], other])
        assert await world.tracker.canonical_hash(4) is None


async def test_a_reorganisation_deeper_than_the_window_replaces_all_of_it() -> None:
    world = World(history=3)
    heads = world.blocks.grow(None, 10)
    async with world.followed():
        await world.at(heads[-1])
        assert await world.tracker.canonical_hash(5) == heads[5].hash
        branch = world.blocks.grow(heads[2], 9, fork=1)
        world.blocks.announce(branch[-1])
        await world.at(branch[-1])
        assert set(await world.stored()) <= set(hashes(branch))
        assert await world.tracker.canonical_hash(5) == branch[2].hash


async def test_a_head_of_a_branch_that_the_node_has_left_moves_nothing() -> None:
    world = World()
    heads = world.blocks.grow(None, 4)
    async with world.followed():
        await world.at(heads[3])
        world.blocks.announce(make_head(3, parent=heads[2].hash, fork=9))
        world.blocks.announce(heads[1])
        world.blocks.announce(make_head(9, fork=9))
        await world.quiet()
        assert world.tracker.state.head == heads[3]
        assert await world.stored() == hashes(heads)


async def test_a_late_head_makes_the_tracker_catch_up_with_the_latest() -> None:
    world = World()
    heads = world.blocks.grow(None, 4)
    async with world.followed():
        await world.at(heads[3])
        newer = world.blocks.grow(heads[3], 2)
        world.blocks.announce(heads[2])
        await world.at(newer[1])


async def test_a_node_that_lags_moves_nothing_back_on_its_first_word() -> None:
    world = World()
    heads = world.blocks.grow(None, 8)
    await world.remember(heads)
    world.blocks.latest = heads[5]
    async with world.followed():
        state = await world.until(lambda s: s.connected)
        assert state.head is not None
        assert state.head.hash == heads[7].hash
        assert len(await world.stored()) == 8


async def test_a_chain_that_was_rewound_is_believed_when_the_node_says_it_twice() -> None:
    world = World(stall=0.01)
    heads = world.blocks.grow(None, 8)
    await world.remember(heads)
    world.blocks.latest = heads[5]
    async with world.followed():
        await world.at(heads[5])
        assert await world.stored() == hashes(heads[:6])


async def test_a_chain_that_began_again_is_believed_when_a_notification_confirms_it() -> None:
    world = World(history=5)
    await world.remember([make_head(n) for n in range(5000, 5005)])
    fresh = world.blocks.grow(None, 2, fork=7)
    async with world.followed():
        await world.until(lambda s: s.connected)
        world.blocks.announce(fresh[1])
        await world.at(fresh[1])


async def test_a_parent_that_the_node_does_not_have_stops_nothing() -> None:
    world = World()
    heads = world.blocks.grow(None, 3)
    async with world.followed():
        await world.at(heads[-1])
        branch = world.blocks.grow(heads[1], 3, fork=1)
        world.blocks.hidden.add(branch[0].hash)
        world.blocks.announce(branch[-1])
        await world.at(branch[-1])
        assert await world.stored() == hashes(branch[1:])
        assert await world.tracker.canonical_hash(0) == heads[0].hash


async def test_a_parent_that_the_node_refuses_stops_nothing() -> None:
    world = World()
    heads = world.blocks.grow(None, 3)
    async with world.followed():
        await world.at(heads[-1])

        def refuse(*_: object) -> object:
            raise Failure(-32000, "missing trie node")

        world.node.methods["eth_getBlockByHash"] = refuse
        branch = world.blocks.grow(heads[1], 2, fork=1)
        world.blocks.announce(branch[-1])
        await world.at(branch[-1])


async def test_a_wrong_block_under_a_parents_hash_is_not_taken() -> None:
    world = World()
    heads = world.blocks.grow(None, 3)
    async with world.followed():
        await world.at(heads[-1])
        world.node.methods["eth_getBlockByHash"] = lambda *_: head_json(make_head(3, fork=9))
        branch = world.blocks.grow(heads[1], 2, fork=1)
        world.blocks.announce(branch[-1])
        await world.at(branch[-1])
        assert await world.stored() == [branch[-1].hash]


@pytest.mark.parametrize("garbage", [None, {}, [], "0x1", 5, {"number": "0x5"}, {"number": 5, "hash": None}])
async def test_a_notification_that_cannot_be_read_only_makes_the_tracker_look(garbage: object) -> None:
    world = World()
    heads = world.blocks.grow(None, 3)
    async with world.followed():
        await world.at(heads[2])
        newer = world.blocks.grow(heads[2])
        world.node.socket.notify("newHeads", garbage)
        await world.at(newer[0])


async def test_latest_blocks_that_cannot_be_read_are_asked_for_again() -> None:
    world = World(stall=0.01)
    heads = world.blocks.grow(None, 3)
    answers: list[object] = [{"number": "zero"}, "nonsense", head_json(heads[2])]
    by_number = world.node.methods["eth_getBlockByNumber"]
    world.node.methods["eth_getBlockByNumber"] = lambda tag, full: (
        answers.pop(0) if tag == "latest" and answers else by_number(tag, full)
    )
    async with world.followed():
        await world.at(heads[2])


async def test_a_defect_while_following_does_not_end_the_following(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(stall=0.01)
    heads = world.blocks.grow(None, 3)
    async with world.followed():
        await world.at(heads[2])
        with monkeypatch.context() as patched:
            patched.setattr(CanonicalChain, "adopt", lambda _chain, _branch: 1 // 0)
            newer = world.blocks.grow(heads[2])
            world.node.socket.notify("newHeads", head_json(newer[0]))
            await asyncio.sleep(0.05)
        await world.at(newer[0])


# --- silence and losses ----------------------------------------------------------------------------------------------


async def test_a_subscription_that_died_silently_is_noticed_and_made_again() -> None:
    world = World(stall=0.01)
    heads = world.blocks.grow(None, 3)
    async with world.followed():
        await world.at(heads[2])
        world.node.socket.subscriptions.clear()
        newer = world.blocks.grow(heads[2], 2)
        await world.at(newer[1])
        world.blocks.announce(world.blocks.grow(newer[1])[0])
        assert list(world.node.socket.subscriptions.values()) == ["newHeads"]


async def test_a_quiet_chain_is_only_asked_for_its_latest_block() -> None:
    world = World(stall=0.001)
    heads = world.blocks.grow(None, 3)
    async with world.followed():
        await world.at(heads[2])
        before, asked, enough = len(world.node.frames), list[str](), asyncio.Event()

        def latest(tag: str, _: bool) -> object:
            asked.append(tag)
            if len(asked) == 3:
                enough.set()
            return head_json(heads[2])

        world.node.methods["eth_getBlockByNumber"] = latest
        await asyncio.wait_for(enough.wait(), 5)
        assert {frame["method"] for frame in world.node.frames[before:]} == {"eth_getBlockByNumber"}
        assert set(asked) == {"latest"}
        assert world.db.writes == 1


async def test_a_lost_connection_is_told_and_the_next_one_catches_up() -> None:
    world = World()
    heads = world.blocks.grow(None, 3)
    async with world.followed():
        await world.at(heads[2])
        world.node.refuse = ["nobody there"]
        world.node.socket.cut()
        lost = await world.until(lambda s: not s.connected)
        assert (lost.head, lost.connection) == (heads[2], 1)
        assert lost.problem is not None
        newer = world.blocks.grow(heads[2], 3)
        state = await world.at(newer[2], 2)
        assert state.connection == 2
        assert state.problem is None
        assert await world.stored() == hashes([*heads, *newer])


async def test_a_connection_lost_in_the_middle_of_fetching_parents_leaves_the_old_view() -> None:
    world = World()
    heads = world.blocks.grow(None, 3)
    async with world.followed():
        await world.at(heads[2])
        by_hash = world.node.methods["eth_getBlockByHash"]

        def cut(*_: object) -> object:
            world.node.methods["eth_getBlockByHash"] = by_hash
            world.node.socket.cut()
            return SILENT

        world.node.methods["eth_getBlockByHash"] = cut
        branch = world.blocks.grow(heads[0], 3, fork=1)
        world.blocks.announce(branch[-1])
        await world.until(lambda s: not s.connected or s.connection == 2)
        await world.at(branch[-1], 2)
        assert await world.stored() == hashes([heads[0], *branch])


async def test_a_slow_listener_gets_only_the_newest_state() -> None:
    world = World()
    heads = world.blocks.grow(None, 1)
    async with world.followed():
        await world.at(heads[0])
        listener = world.tracker.updates()
        assert (await anext(listener)).head == heads[0]
        tip = heads[0]
        for _ in range(3):
            (tip,) = world.blocks.grow(tip)
            world.blocks.announce(tip)
            await world.at(tip)
        assert (await anext(listener)).head == tip


# --- the database ----------------------------------------------------------------------------------------------------


async def test_a_database_that_cannot_write_does_not_stop_the_chain_and_gets_everything_later() -> None:
    world = World()
    heads = world.blocks.grow(None, 2)
    async with world.followed():
        await world.at(heads[1])
        world.db.sick = True
        missed = world.blocks.grow(heads[1], 1)
        world.blocks.announce(missed[0])
        await world.at(missed[0])
        other = world.blocks.grow(heads[1], 1, fork=1)
        world.blocks.announce(other[0])
        await world.at(other[0])
        world.db.sick = False
        last = world.blocks.grow(other[0], 1)
        world.blocks.announce(last[0])
        await world.at(last[0])
        assert await world.stored() == hashes([*heads, *other, *last])


async def test_the_storing_is_tried_again_even_if_the_head_stays_the_same() -> None:
    world = World()
    heads = world.blocks.grow(None, 2)
    world.db.sick = True
    async with world.followed():
        await world.at(heads[1])
        world.db.sick = False
        world.blocks.announce(heads[1])
        await world.quiet()
        assert await world.stored() == hashes(heads)


# --- older blocks ----------------------------------------------------------------------------------------------------


async def test_an_older_block_is_asked_for_once() -> None:
    world = World(history=2)
    heads = world.blocks.grow(None, 10)
    async with world.followed():
        await world.at(heads[-1])
        before = len(world.node.frames)
        assert [await world.tracker.canonical_hash(4) for _ in range(3)] == [heads[4].hash] * 3
        assert len(world.node.frames) == before + 1


async def test_an_older_block_that_the_node_does_not_have_is_unknown() -> None:
    world = World(history=2)
    heads = world.blocks.grow(None, 10)
    async with world.followed():
        await world.at(heads[-1])
        world.blocks.hidden.add(heads[4].hash)
        assert await world.tracker.canonical_hash(4) is None


async def test_without_a_connection_an_older_block_is_an_error_and_not_unknown() -> None:
    world = World(naps=0)
    world.node.refuse = ["nobody there"] * 5
    await world.remember([make_head(n) for n in range(10, 13)])
    async with world.followed():
        await world.until(lambda s: s.head is not None)
        with pytest.raises(Disconnected):
            await world.tracker.canonical_hash(4)
        assert await world.tracker.canonical_hash(11) == block_hash(11)


async def test_an_answer_from_before_a_reorganisation_is_not_remembered() -> None:
    world = World(history=2)
    heads = world.blocks.grow(None, 10)
    async with world.followed():
        await world.at(heads[-1])
        by_number = world.node.methods["eth_getBlockByNumber"]
        world.node.methods["eth_getBlockByNumber"] = lambda tag, full: SILENT if tag == "0x4" else by_number(tag, full)
        asking = asyncio.create_task(world.tracker.canonical_hash(4))
        await world.quiet()
        (asked,) = [frame for frame in world.node.frames if isinstance(frame, dict) and frame["params"][:1] == ["0x4"]]
        world.node.methods["eth_getBlockByNumber"] = by_number
        branch = world.blocks.grow(heads[2], 9, fork=1)
        world.blocks.announce(branch[-1])
        await world.at(branch[-1])
        world.node.socket.deliver({"id": asked["id"], "result": head_json(heads[4])})
        assert await asking == heads[4].hash
        assert await world.tracker.canonical_hash(4) == branch[1].hash


# --- finality --------------------------------------------------------------------------------------------------------


def counted(world: World) -> tuple[float | None, float | None]:
    read = world.metrics.registry.get_sample_value
    return read("adyton_reorganisations_total"), read("adyton_finality_violations_total")


async def test_a_reorganisation_up_to_finality_is_no_alarm() -> None:
    world = World(finality=5)
    heads = world.blocks.grow(None, 20)
    async with world.followed():
        await world.at(heads[-1])
        branch = world.blocks.grow(heads[14], 6, fork=1)
        world.blocks.announce(branch[-1])
        await world.at(branch[-1])
        assert await alarms.load(world.db) == []
        assert counted(world) == (1, 0)


async def test_a_reorganisation_deeper_than_finality_is_followed_and_raises_an_alarm() -> None:
    world = World(finality=5)
    heads = world.blocks.grow(None, 20)
    async with world.followed():
        await world.at(heads[-1])
        branch = world.blocks.grow(heads[13], 7, fork=1)
        world.blocks.announce(branch[-1])
        await world.at(branch[-1])
        (alarm,) = await alarms.load(world.db)
        assert (alarm.name, alarm.block) == (FINALITY_VIOLATED, 14)
        assert "the blocks 14 to 19 were taken off the chain, 6 deep, and ETH_FINALITY_DEPTH is 5" in alarm.detail
        assert await world.stored() == hashes([*heads[:14], *branch])
        assert counted(world) == (1, 1)


async def test_the_alarm_is_written_with_the_heads_that_it_is_about() -> None:
    world = World(finality=2)
    heads = world.blocks.grow(None, 10)
    async with world.followed():
        await world.at(heads[-1])
        writes = world.db.writes
        world.db.sick = True
        branch = world.blocks.grow(heads[4], 6, fork=1)
        world.blocks.announce(branch[-1])
        await world.at(branch[-1])
        world.db.sick = False
        assert (await world.stored(), await alarms.load(world.db)) == (hashes(heads), [])
        world.blocks.announce(branch[-1])
        await world.quiet()
        assert await world.stored() == hashes([*heads[:5], *branch])
        assert [alarm.block for alarm in await alarms.load(world.db)] == [5]
        assert world.db.writes == writes + 1


async def test_a_chain_that_was_rewound_below_finality_raises_an_alarm() -> None:
    world = World(stall=0.01, finality=2)
    heads = world.blocks.grow(None, 8)
    await world.remember(heads)
    world.blocks.latest = heads[4]
    async with world.followed():
        await world.at(heads[4])
        assert [(alarm.name, alarm.block) for alarm in await alarms.load(world.db)] == [(FINALITY_VIOLATED, 5)]


async def test_another_endpoint_that_has_yet_to_come_to_what_is_final_takes_nothing_off_the_chain() -> None:
    world = World(stall=0.01, finality=2)
    heads = world.blocks.grow(None, 8)
    async with world.followed():
        await world.at(heads[7])
        world.blocks.latest = heads[4]
        world.node.socket.cut()
        await world.at(heads[7], 2)
        for _ in range(5):
            world.blocks.announce(heads[4])
            await world.quiet()
        assert await world.stored() == hashes(heads)
        assert await alarms.load(world.db) == []

        branch = world.blocks.grow(heads[4], 2, fork=1)
        await world.at(branch[1], 2)
        assert [(alarm.name, alarm.block) for alarm in await alarms.load(world.db)] == [(FINALITY_VIOLATED, 5)]


async def test_a_chain_that_began_again_at_a_lower_height_raises_an_alarm() -> None:
    world = World(history=60)
    await world.remember([make_head(n) for n in range(5000, 5060)])
    fresh = world.blocks.grow(None, 2, fork=7)
    async with world.followed():
        await world.until(lambda s: s.connected)
        world.blocks.announce(fresh[1])
        await world.at(fresh[1])
        (alarm,) = await alarms.load(world.db)
        assert (alarm.name, alarm.block) == (CHAIN_REPLACED, 0)
        assert "none of the blocks up to 5059" in alarm.detail
        assert "newest block is 1 " in alarm.detail


async def test_a_chain_that_began_again_is_believed_before_a_silence_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head_tracker, "SECOND_WORD", 0.01)
    world = World(history=60, stall=3600)
    await world.remember([make_head(n) for n in range(5000, 5060)])
    fresh = world.blocks.grow(None, 2, fork=7)
    async with world.followed():
        await world.at(fresh[1])
        assert len(world.node.asked("eth_subscribe")) == 1


async def test_a_chain_that_began_again_and_is_higher_now_raises_an_alarm() -> None:
    world = World(history=60)
    await world.remember([make_head(n) for n in range(40, 100)])
    fresh = world.blocks.grow(None, 400, fork=7)
    async with world.followed():
        await world.at(fresh[-1])
        assert [(alarm.name, alarm.block) for alarm in await alarms.load(world.db)] == [(CHAIN_REPLACED, 0)]


async def test_another_genesis_raises_an_alarm_however_short_the_chain_was() -> None:
    world = World()
    await world.remember([make_head(n) for n in range(4)])
    fresh = world.blocks.grow(None, 3, fork=7)
    async with world.followed():
        await world.at(fresh[-1])
        assert [(alarm.name, alarm.block) for alarm in await alarms.load(world.db)] == [(CHAIN_REPLACED, 0)]


async def test_a_chain_that_only_went_on_while_the_node_was_away_costs_one_question_more() -> None:
    world = World(history=10, finality=5)
    heads = world.blocks.grow(None, 200)
    await world.remember(heads[20:30])
    async with world.followed():
        await world.at(heads[-1])
        assert await alarms.load(world.db) == []
        alone = [
            frame["params"][0] for frame in world.node.frames if isinstance(frame, dict) and frame["params"][1:] == [False]
        ]
        assert alone == ["latest", hex(29)]


async def test_a_violation_while_the_node_was_away_is_found_from_the_stored_heads() -> None:
    world = World(history=20, finality=5)
    heads = world.blocks.grow(None, 30)
    await world.remember(heads[10:30])
    branch = world.blocks.grow(heads[21], 100, fork=1)
    async with world.followed():
        await world.at(branch[-1])
        assert [(alarm.name, alarm.block) for alarm in await alarms.load(world.db)] == [(FINALITY_VIOLATED, 22)]


async def test_a_chain_below_what_was_taken_in_is_found_from_the_cursor_alone() -> None:
    world = World(finality=5)
    await world.db.write(stored_logs.advance(stored_logs.Cursor(300, block_hash(300))))
    fresh = world.blocks.grow(None, 10, fork=7)
    async with world.followed():
        await world.at(fresh[-1])
        assert [(alarm.name, alarm.block) for alarm in await alarms.load(world.db)] == [(CHAIN_REPLACED, 0)]


async def test_a_node_that_cannot_show_older_blocks_raises_no_alarm() -> None:
    world = World(history=10, finality=5)
    heads = world.blocks.grow(None, 200)
    await world.remember(heads[20:30])
    world.blocks.hidden.add(heads[29].hash)
    async with world.followed():
        await world.at(heads[-1])
        assert await alarms.load(world.db) == []


async def test_heads_that_became_the_tip_are_counted() -> None:
    world = World()
    heads = world.blocks.grow(None, 3)
    async with world.followed():
        await world.at(heads[2])
        (head,) = world.blocks.grow(heads[2])
        for _ in range(2):
            world.blocks.announce(head)
            await world.at(head)
        await world.quiet()
        assert world.metrics.registry.get_sample_value("adyton_heads_received_total") == 2
