"""How initiators of each type are shown, and when their schedules fire."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adyton.domain.jobs import Initiator, Job, TaskSpec
from adyton.web.presenters.jobs import fragments
from support.api import Api
from support.builders import JOB_ID, NOW, ORACLE

TOPIC = "0x" + "ab" * 32


def shown(**parts: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The params of an initiator in both forms of v0.6.2: as presented, and as stored."""
    initiator = Initiator(id=7, created_at=NOW, **parts)
    pieces = fragments(Job(id=JOB_ID, initiators=(initiator,), tasks=(TaskSpec(type="noop"),), created_at=NOW))
    presented, stored = json.loads(bytes(pieces.initiators[7])), json.loads(bytes(pieces.stored_initiators[7]))
    assert presented["type"] == stored["type"] == parts["type"]
    assert (stored["id"], stored["jobSpecId"], stored["CreatedAt"]) == (7, JOB_ID, "2023-11-14T22:13:20Z")
    return presented["params"], stored["params"]


STORED = {"time": None, "address": "0x" + "0" * 40}


@pytest.mark.parametrize(
    ("parts", "presented", "stored"),
    [
        ({"type": "web"}, {}, STORED),
        ({"type": "cron", "schedule": "@hourly"}, {"schedule": "@hourly"}, {**STORED, "schedule": "@hourly"}),
        (
            {"type": "cron", "schedule": "@hourly", "missed": "all", "overlap": "skip"},
            {"schedule": "@hourly", "missed": "all", "overlap": "skip"},
            {**STORED, "schedule": "@hourly", "missed": "all", "overlap": "skip"},
        ),
        (
            {"type": "runat", "run_at": NOW + 500_000},
            {"time": "2023-11-14T22:13:20.5Z", "ran": False},
            {**STORED, "time": "2023-11-14T22:13:20.5Z"},
        ),
        (
            {"type": "runat", "run_at": NOW, "ran": True},
            {"time": "2023-11-14T22:13:20Z", "ran": True},
            {**STORED, "time": "2023-11-14T22:13:20Z", "ran": True},
        ),
        (
            {"type": "runlog", "address": ORACLE, "requesters": (ORACLE,), "from_block": 5},
            {"address": ORACLE, "fromBlock": 5},
            {**STORED, "address": ORACLE, "requesters": [ORACLE], "fromBlock": 5},
        ),
        (
            {"type": "ethlog", "topics": ((TOPIC,), (), (TOPIC, TOPIC))},
            {"address": "0x" + "0" * 40, "topics": [[TOPIC], [], [TOPIC, TOPIC]]},
            {**STORED, "topics": [[TOPIC], [], [TOPIC, TOPIC]]},
        ),
        ({"type": "external", "name": "feed"}, {"name": "feed"}, {**STORED, "name": "feed"}),
        ({"type": "execagreement"}, {}, STORED),
    ],
)
def test_an_initiator_is_shown_in_both_forms(parts: dict[str, Any], presented: object, stored: object) -> None:
    assert shown(**parts) == (presented, stored)


def timed(line: str, **parts: Any) -> dict[str, Any]:
    initiators = [{"type": "web"}, {"type": "cron", "params": {"schedule": line}}]
    return {"initiators": initiators, "tasks": [{"type": "noop"}], **parts}


async def test_a_created_job_says_when_it_fires_next(api: Api) -> None:
    created = await api.post("/v2/specs", timed("CRON_TZ=Europe/Berlin 0 0 12 * *"))

    assert created["meta"] == {
        "nextFires": [
            {
                "schedule": "CRON_TZ=Europe/Berlin 0 0 12 * *",
                "times": [f"2023-11-{day}T11:00:00Z" for day in range(15, 20)],
            }
        ]
    }
    assert created["data"]["attributes"]["initiators"][1] == {
        "type": "cron",
        "params": {"schedule": "CRON_TZ=Europe/Berlin 0 0 12 * *"},
    }
    assert await api.get(f"/v2/specs/{created['data']['id']}") == created
    assert "meta" not in (await api.get("/v2/specs"))["data"][0]


async def test_the_next_times_lie_within_the_jobs_time(api: Api) -> None:
    window = {"startAt": "2023-12-01T00:00:00Z", "endAt": "2023-12-01T02:00:00Z"}
    created = await api.post("/v2/specs", timed("@hourly", **window))
    assert created["meta"]["nextFires"][0]["times"] == [f"2023-12-01T0{hour}:00:00Z" for hour in range(3)]


async def test_a_job_without_a_schedule_says_nothing_of_times(api: Api) -> None:
    created = await api.post("/v2/specs", {"initiators": [{"type": "web"}], "tasks": [{"type": "noop"}]})
    assert "meta" not in created


async def test_a_schedule_that_never_fires_says_so(api: Api) -> None:
    assert (await api.post("/v2/specs", timed("0 0 0 30 2 *")))["meta"]["nextFires"][0]["times"] == []


async def test_a_line_that_cannot_be_read_is_refused_in_the_words_of_v062(api: Api) -> None:
    refused = await api.post("/v2/specs", timed("! * * * *"), 400)
    assert refused == {
        "errors": [
            {
                "detail": 'Cron: Failed to parse int from !: strconv.Atoi: parsing "!": invalid syntax',
                "code": "ADY-0262",
                "source": {"pointer": "/initiators/1/params/schedule"},
            }
        ]
    }


async def test_the_least_payment_of_a_job_is_shown_when_it_has_one(api: Api) -> None:
    plain = {"initiators": [{"type": "web"}], "tasks": [{"type": "noop"}]}
    with_one = await api.post("/v2/specs", {**plain, "minPayment": "100"})
    without = await api.post("/v2/specs", plain)
    assert with_one["data"]["attributes"]["minPayment"] == "100"
    assert "minPayment" not in without["data"]["attributes"]
