"""What the node has done, and how it is at a glance, over HTTP."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from adyton.domain.errors import StorageUnavailable
from adyton.domain.fates import Kind
from adyton.domain.jobs import Initiator, Job
from adyton.domain.requests import End
from adyton.domain.runs import RunStatus
from adyton.domain.transactions import TransactionState
from adyton.services import statistics
from adyton.storage import fates
from adyton.storage.connect import open_memory
from adyton.storage.database import Row, Statement
from support.api import Api, PassingDatabase, details
from support.asked import closing, request_of, run_for, store, transaction_of
from support.builders import JOB_ID, LINK, NOW, job, number_hash, run_log

CREATED = "2023-11-14T22:13:20Z"
HOUR = 3600 * 10**6
GAS = 70_000 * 30 * 10**9


async def work(api: Api, *runs: tuple[RunStatus, int]) -> None:
    """A job with runs of these statuses that ended so many hours ago, after one second."""
    await api.job(job("noop", "ethtx"))
    for number, (status, age) in enumerate(runs, start=1):
        run = run_for(api.bench, run_log(request=number), status, None if status is RunStatus.COMPLETED else "why")
        ended = NOW - age * HOUR
        run = msgspec.structs.replace(run, created_at=ended - 10**6, finished_at=ended if status.finished else None)
        await store(api.db, run)


async def test_hours_are_shown_with_those_in_which_nothing_was(api: Api) -> None:
    await work(api, (RunStatus.COMPLETED, 0), (RunStatus.COMPLETED, 2), (RunStatus.ERRORED, 2), (RunStatus.CANCELLED, 30))
    found = (await api.get("/v2/statistics"))["data"]
    assert len(found) == 24
    assert found[-1] == {
        "type": "statistics",
        "id": "2023-11-14T22:00:00Z",
        "attributes": {
            "id": "2023-11-14T22:00:00Z",
            "start": "2023-11-14T22:00:00Z",
            "runs": 1,
            "completed": 1,
            "errored": 0,
            "cancelled": 0,
            "average": 1.0,
            "p50": 0.75,
            "p95": 0.975,
            "linkEarned": "0",
            "gasSpent": "0",
        },
    }
    rows = [each["attributes"] for each in found]
    assert [row["runs"] for row in rows[-3:]] == [2, 0, 1]
    assert (rows[-2]["average"], rows[-2]["p50"]) == (None, None)
    assert sum(row["runs"] for row in rows) == 3


async def test_days_and_spans_can_be_asked_for(api: Api) -> None:
    await work(api, (RunStatus.COMPLETED, 0), (RunStatus.ERRORED, 30))
    days = [each["attributes"] for each in (await api.get("/v2/statistics?step=day"))["data"]]
    assert (len(days), days[-1]["runs"], days[-2]["runs"]) == (30, 1, 1)
    span = "since=2023-11-13T10:30:00Z&until=2023-11-13T17:00:00Z"
    hours = [each["attributes"] for each in (await api.get(f"/v2/statistics?{span}"))["data"]]
    assert [row["start"][11:13] for row in hours] == ["10", "11", "12", "13", "14", "15", "16"]
    assert [row["errored"] for row in hours] == [0, 0, 0, 0, 0, 0, 1]


@pytest.mark.parametrize("step", ["hour", "day"])
async def test_the_first_and_the_last_time_that_can_be_written_are_shown(api: Api, step: str) -> None:
    first = (await api.get(f"/v2/statistics?step={step}&until=0001-01-01T00:30:00Z"))["data"]
    assert [each["id"] for each in first] == ["0001-01-01T00:00:00Z"]
    last = (await api.get(f"/v2/statistics?step={step}&since=9999-12-31T23:30:00Z&until=9999-12-31T23:59:59.9Z"))["data"]
    assert len(last) == 1


async def test_one_job_can_be_asked_for_and_one_that_is_not_there_did_nothing(api: Api) -> None:
    await work(api, (RunStatus.COMPLETED, 0))
    for wanted, runs in ((JOB_ID, 1), ("f" * 32, 0), ("nonsense", 0), ("", 1)):
        found = (await api.get(f"/v2/statistics?jobSpecId={wanted}"))["data"]
        assert found[-1]["attributes"]["runs"] == runs


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("step=week", 'invalid step param: "week"; it is one of hour, day'),
        ("since=yesterday", "invalid since param"),
        ("until=tomorrow", "invalid until param"),
        ("since=2023-11-14T22:00:00Z&until=2023-11-14T22:00:00Z", "since must be before until"),
        ("since=2023-01-01T00:00:00Z", "that are more than 2000 steps"),
        ("step=day&since=1970-01-01T00:00:00Z", "that are more than 2000 steps"),
    ],
)
async def test_what_cannot_be_shown_is_refused(api: Api, query: str, words: str) -> None:
    assert words in details(await api.get(f"/v2/statistics?{query}", 422))[0]


async def test_money_is_shown_in_digits(api: Api) -> None:
    await work(api)
    run = run_for(api.bench, run_log(request=1), RunStatus.COMPLETED)
    request = request_of(run_log(request=1), run_id=run.id, payment=3 * LINK, closed=closing(End.ANSWERED))
    await store(api.db, run, transaction_of(run, attempt=number_hash(1, 8)), request)
    shown = (await api.get("/v2/statistics"))["data"][-1]["attributes"]
    assert (shown["linkEarned"], shown["gasSpent"]) == (str(3 * LINK), str(GAS))
    overview = (await api.get("/v2/overview"))["data"]["attributes"]
    of_job = (await api.get("/v2/statistics/jobs"))["data"][0]["attributes"]
    for each in (overview["day"], overview["month"], of_job):
        assert (each["linkEarned"], each["gasSpent"]) == (str(3 * LINK), str(GAS))


# --- jobs ------------------------------------------------------------------------------------------------------------


async def test_each_job_is_shown_with_what_was_ever_counted_of_it(api: Api) -> None:
    await work(api, (RunStatus.COMPLETED, 5), (RunStatus.ERRORED, 1000), (RunStatus.CANCELLED, 1), (RunStatus.IN_PROGRESS, 0))
    assert (await api.get("/v2/statistics/jobs")) == {
        "data": [
            {
                "type": "jobStatistics",
                "id": JOB_ID,
                "attributes": {
                    "id": JOB_ID,
                    "runs": 4,
                    "completed": 1,
                    "errored": 1,
                    "cancelled": 1,
                    "inProgress": 1,
                    "lastRunAt": "2023-11-14T22:13:19Z",
                    "nextFireAt": None,
                    "p50": 0.75,
                    "p95": 0.975,
                    "linkEarned": "0",
                    "gasSpent": "0",
                },
            }
        ],
        "meta": {"count": 1},
    }


async def jobs(api: Api, count: int) -> list[str]:
    ids = [f"{number:032x}" for number in range(1, count + 1)]
    for number, job_id in enumerate(ids):
        made = msgspec.structs.replace(job("noop", job_id=job_id), created_at=NOW + number)
        await api.job(made)
    return ids


async def test_jobs_come_in_pages_as_in_their_own_list(api: Api) -> None:
    await jobs(api, 5)
    for query in ("size=2", "size=2&page=2", "size=2&page=3&sort=-createdAt", "size=2&sort=-createdAt", "page=9"):
        own, theirs = await api.get(f"/v2/statistics/jobs?{query}"), await api.get(f"/v2/specs?{query}")
        assert [each["id"] for each in own["data"]] == [each["id"] for each in theirs["data"]]
        assert own["meta"] == theirs["meta"]


async def test_some_jobs_can_be_asked_for_by_their_ids(api: Api) -> None:
    ids = await jobs(api, 3)

    async def found(query: str) -> list[str]:
        return [each["id"] for each in (await api.get(f"/v2/statistics/jobs?{query}"))["data"]]

    assert await found(f"ids={ids[2]},{ids[0]}") == [ids[0], ids[2]]
    assert await found(f"ids={ids[1]}&ids={'f' * 32}") == [ids[1]]
    assert await found("ids=nonsense") == []
    assert await found("ids=") == ids


async def test_a_job_tells_when_it_starts_a_run_by_itself(api: Api) -> None:
    cron, once = Initiator(type="cron", schedule="CRON_TZ=UTC 0 0 * * * *"), Initiator(type="runat", run_at=NOW + 60 * 10**6)
    for number, initiators in enumerate(((cron,), (cron, once), (msgspec.structs.replace(once, ran=True),)), start=1):
        await api.job(Job(id=f"{number:032x}", initiators=initiators, tasks=job("noop").tasks, created_at=NOW + number))
    found = (await api.get("/v2/statistics/jobs"))["data"]
    fires = [each["attributes"]["nextFireAt"] for each in found]
    assert fires == ["2023-11-14T23:00:00Z", "2023-11-14T22:14:20Z", None]


# --- the overview ----------------------------------------------------------------------------------------------------


async def overview(api: Api) -> dict[str, Any]:
    found: dict[str, Any] = (await api.get("/v2/overview"))["data"]["attributes"]
    return found


async def test_the_overview_shows_the_node_now(api: Api) -> None:
    await work(api, (RunStatus.COMPLETED, 0), (RunStatus.ERRORED, 30), (RunStatus.COMPLETED, 1000))
    found = await overview(api)
    assert found["queue"] == {"length": 0, "behind": False}
    assert found["head"] == {"number": 100, "age": 0}
    assert (found["jobs"], found["id"]) == (1, "overview")
    assert (found["day"]["since"], found["day"]["runs"]) == ("2023-11-13T23:00:00Z", 1)
    assert (found["month"]["since"], found["month"]["runs"]) == ("2023-10-16T00:00:00Z", 2)


async def test_without_a_chain_there_is_no_head(api: Api) -> None:
    async with Api(height=None) as away:
        assert (await overview(away))["head"] is None


async def test_requests_of_today_are_counted_by_the_fates_that_their_list_tells(api: Api) -> None:
    await api.job(job("noop", "ethtx"))
    kinds = [
        (RunStatus.COMPLETED, TransactionState.SAFE, End.ANSWERED, None),
        (RunStatus.COMPLETED, TransactionState.CONFIRMED, None, None),
        (RunStatus.COMPLETED, None, End.ANSWERED, None),
        (RunStatus.IN_PROGRESS, None, None, None),
        (RunStatus.ERRORED, None, None, None),
        (RunStatus.ERRORED, None, None, 1),
        (RunStatus.ERRORED, None, End.CANCELLED, None),
        (RunStatus.COMPLETED, None, None, None),
        (RunStatus.COMPLETED, None, None, None),
    ]
    for number, (status, sent, how, expiration) in enumerate(kinds, start=1):
        run = run_for(api.bench, run_log(request=number), status, "why" if status is RunStatus.ERRORED else None)
        end = None if how is None else closing(how, transaction=number_hash(number, 9))
        log = run_log(request=number, index=number)
        request = request_of(log, run_id=run.id, closed=end, expiration=expiration or 2**40, seen_at=NOW - number)
        made = [] if sent is None else [transaction_of(run, sent, number=number, attempt=number_hash(number, 8))]
        await store(api.db, run, *made, request)
    yesterday = request_of(run_log(request=99, index=99), closed=closing(End.ANSWERED), seen_at=NOW - 23 * HOUR)
    await store(api.db, yesterday)

    listed = (await api.get("/v2/requests?size=100"))["data"]
    own = [each["attributes"] for each in listed]
    wanted = dict.fromkeys(Kind, 0)
    for each in own:
        if each["seenAt"] >= "2023-11-14":
            wanted[Kind(each["fate"]["kind"])] += 1
    names = {Kind.IN_PROGRESS: "inProgress"}
    found = (await overview(api))["requests"]
    assert found == {"since": "2023-11-14T00:00:00Z", **{names.get(kind, kind.value): count for kind, count in wanted.items()}}
    assert [found[name] for name in ("answered", "inProgress", "refused", "expired", "cancelled", "unaccounted")] == [
        3, 1, 1, 1, 1, 2,
    ]  # fmt: skip


async def test_what_is_open_today_is_found_by_an_index(api: Api) -> None:
    plan = await api.db.read(f"EXPLAIN QUERY PLAN {fates._SEEN}", (0, 0, 0, 0))
    steps = [str(row[-1]) for row in plan if " requests " in f"{row[-1]!s} "]
    assert steps
    assert all("requests_by_sight" in step or "requests_open_by_sight" in step for step in steps), steps


# --- trouble ---------------------------------------------------------------------------------------------------------


async def test_numbers_are_shown_also_when_nothing_can_be_counted_now() -> None:
    class Full(PassingDatabase):
        full = False

        async def write(self, *statements: Statement) -> list[list[Row]]:
            if self.full:
                raise StorageUnavailable("the disk is full")
            return await self.real.write(*statements)

    db = Full(open_memory())
    async with Api(db=db) as api:
        await work(api, (RunStatus.COMPLETED, 0))
        await statistics.counted(api.parts)
        run = run_for(api.bench, run_log(request=7), RunStatus.COMPLETED)
        await store(api.db, run)
        db.full = True
        assert (await api.get("/v2/statistics"))["data"][-1]["attributes"]["runs"] == 1
        db.full = False
        assert (await api.get("/v2/statistics"))["data"][-1]["attributes"]["runs"] == 2
