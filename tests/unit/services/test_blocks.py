"""Where jobs begin, and blocks that are read again."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from adyton.domain.errors import Conflict, Invalid
from adyton.services import blocks, jobs
from adyton.storage import alarms, judgements, rereads
from adyton.web.presenters.jobs import job_resource
from support.api import Api
from support.builders import JOB_ID, NOW

REREAD_OF_A_JOB = f"job {JOB_ID} begins at block 60"


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with Api() as made:
        yield made


def spec(begins: object = None, **parts: Any) -> bytes:
    runlog = {"type": "runlog", "params": {"fromBlock": begins}}
    return json.dumps({"initiators": [runlog], "tasks": [{"type": "noop"}], "externalJobID": JOB_ID, **parts}).encode()


async def asked(api: Api) -> list[tuple[str, int, int, bool]]:
    return [(each.reason, each.next_block, each.through_block, each.every_job) for each in await rereads.open_ones(api.db)]


async def test_a_job_that_begins_in_the_past_has_the_blocks_since_read_again(api: Api) -> None:
    job = await jobs.create(api.parts, spec(60))

    assert job.initiators[0].from_block == 60
    assert await asked(api) == [(REREAD_OF_A_JOB, 60, 100, False)]
    assert api.intake.woken == 1


@pytest.mark.parametrize("begins", [None, "latest", 101, 5000])
async def test_a_job_that_begins_now_or_later_has_nothing_read_again(api: Api, begins: object) -> None:
    await jobs.create(api.parts, spec(begins))
    assert await asked(api) == []
    assert api.intake.woken == 0


async def test_a_job_for_all_that_is_unanswered_has_the_whole_chain_read_again(api: Api) -> None:
    await jobs.create(api.parts, spec("unanswered"))
    assert [(first, last) for _, first, last, _ in await asked(api)] == [(0, 100)]


async def test_before_the_first_block_is_read_the_beginning_is_kept_for_log_intake(api: Api) -> None:
    api.intake.height = None
    job = await jobs.create(api.parts, spec(60))
    assert job.initiators[0].from_block == 60
    assert await asked(api) == []


@pytest.mark.parametrize(("begins", "shown"), [(None, {}), (60, {"fromBlock": 60}), ("unanswered", {"fromBlock": 0})])
async def test_a_job_shows_where_it_was_told_to_begin(api: Api, begins: object, shown: dict[str, int]) -> None:
    job = await jobs.create(api.parts, spec(begins))
    attributes: Any = job_resource(job, NOW).attributes
    assert json.loads(bytes(attributes.initiators[0]))["params"] == {"address": "0x" + "00" * 20} | shown


class Rising:
    """Log intake that goes on while a job is stored: each look at its height finds it further."""

    def __init__(self, *heights: int) -> None:
        self.heights = list(heights)
        self.woken = 0

    @property
    def height(self) -> int:
        """The next."""
        return self.heights.pop(0) if len(self.heights) > 1 else self.heights[0]

    reached = height

    def wake(self) -> None:
        """Count."""
        self.woken += 1


@pytest.mark.parametrize("kind", ["runlog", "ethlog"])
async def test_blocks_that_were_read_while_a_job_was_stored_are_read_again_for_it(api: Api, kind: str) -> None:
    intake = Rising(100, 100, 103)
    parts = replace(api.parts, intake=intake)
    await jobs.create(parts, spec(initiators=[{"type": kind}]))
    assert await asked(api) == [(f"job {JOB_ID} was made while they were read", 101, 103, False)]
    assert intake.woken == 1


async def test_a_job_that_does_not_listen_has_nothing_read_again(api: Api) -> None:
    parts = replace(api.parts, intake=Rising(100, 100, 103))
    await jobs.create(parts, spec(initiators=[{"type": "web"}]))
    assert await asked(api) == []


async def test_an_id_is_used_once(api: Api) -> None:
    await jobs.create(api.parts, spec())
    await jobs.archive(api.parts, JOB_ID)
    with pytest.raises(Conflict, match=f"there is or was a job {JOB_ID}: leave externalJobID out, or choose another one"):
        await jobs.create(api.parts, spec(60))
    assert await asked(api) == []


async def test_a_replay_is_durable_for_every_job_and_shown(api: Api) -> None:
    made = await blocks.replay(api.parts, 40)

    assert (made.id > 0, made.from_block, made.next_block, made.through_block, made.every_job) == (True, 40, 40, 100, True)
    assert await (await blocks.rereads(api.parts, offset=0, limit=9)).whole() == [made]
    assert api.intake.woken == 1


@pytest.mark.parametrize("block", [-1, 101, 2**70])
async def test_a_replay_from_a_block_that_was_not_read_is_refused(api: Api, block: int) -> None:
    with pytest.raises(Invalid, match=f"fromBlock must be a block from 0 to 100, the last one read, not {block}"):
        await blocks.replay(api.parts, block)
    assert await (await blocks.rereads(api.parts, offset=0, limit=9)).whole() == []


async def test_a_replay_before_anything_was_read_is_refused(api: Api) -> None:
    api.intake.height = None
    with pytest.raises(Invalid, match="no block has been read yet"):
        await blocks.replay(api.parts, 0)


async def test_a_replay_takes_back_the_alarms_that_it_cures(api: Api) -> None:
    await api.db.write(
        alarms.raised(alarms.Alarm(alarms.FINALITY_VIOLATED, NOW, "deep", 41)),
        alarms.raised(alarms.Alarm(alarms.CHAIN_REPLACED, NOW, "deeper", 39)),
    )
    await blocks.replay(api.parts, 40)
    assert [alarm.name for alarm in await alarms.load(api.db)] == [alarms.CHAIN_REPLACED]
    assert await judgements.wanted(api.db) == 41, "answers may have been lost from there on"


async def test_a_replay_that_cures_nothing_has_no_transaction_judged_again(api: Api) -> None:
    await api.db.write(alarms.raised(alarms.Alarm(alarms.FINALITY_VIOLATED, NOW, "deep", 30)))
    await blocks.replay(api.parts, 40)
    assert await judgements.wanted(api.db) is None
