"""Which jobs use what, and what accounts held when somebody looked last."""

from __future__ import annotations

from typing import Any

import pytest

from adyton.domain.evm import checksum
from adyton.domain.jobs import Initiator, Job, TaskSpec
from adyton.domain.transactions import TransactionRequest
from adyton.services.balances import Holding, Kind
from adyton.services.uses import SHOWN
from adyton.storage import keys as stored_keys
from support.api import Api, details
from support.builders import NOW, ORACLE, SENDER, job


async def uses(api: Api, kind: str, names: str) -> list[Any]:
    found = await api.get(f"/v2/uses?kind={kind}&names={names}")
    return [each["attributes"] for each in found["data"]]


def named_by(initiator: str, job_id: str) -> Job:
    tasks = (TaskSpec(type="noop"),)
    return Job(id=job_id, initiators=(Initiator(type="external", name=initiator),), tasks=tasks, name="feeds", created_at=NOW)


async def test_the_jobs_of_a_bridge_are_counted_and_named(api: Api) -> None:
    for number in range(SHOWN + 1):
        await api.job(job("prices", "prices", job_id=f"{number:032x}"))
    prices, other = await uses(api, "bridge", "prices,Other")
    assert (prices["count"], len(prices["jobs"])) == (SHOWN + 1, SHOWN)
    assert prices["jobs"][0] == {"id": f"{0:032x}", "name": None}
    assert other == {"kind": "bridge", "name": "Other", "count": 0, "jobs": []}


async def test_an_archived_job_uses_nothing(api: Api) -> None:
    made = await api.job(job("prices"))
    assert (await uses(api, "bridge", "prices"))[0]["count"] == 1
    assert (await api.client.delete(f"/v2/specs/{made.id}")).status_code == 204
    assert (await uses(api, "bridge", "prices"))[0]["count"] == 0


async def test_the_jobs_that_name_an_external_initiator_are_found_in_any_case(api: Api) -> None:
    await api.job(named_by("Feed", "1" * 32))
    [feed] = await uses(api, "externalInitiator", "feed")
    assert feed["jobs"] == [{"id": "1" * 32, "name": "feeds"}]
    assert (await uses(api, "bridge", "feed"))[0]["count"] == 0


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("", "kind must be one of bridge, externalInitiator"),
        ("kind=task", "kind must be one of bridge, externalInitiator"),
        ("kind=bridge&names=" + "a," * 101, "names may hold 100 names with commas between, not 101"),
    ],
)
async def test_a_question_that_is_none_is_refused(api: Api, query: str, said: str) -> None:
    assert details(await api.get(f"/v2/uses?{query}", 422)) == [said]


async def balances(api: Api) -> list[Any]:
    return [each["attributes"] for each in (await api.get("/v2/balances"))["data"]]


async def test_a_key_that_nobody_has_looked_at_is_there(api: Api) -> None:
    [key] = await balances(api)
    assert key == {
        "address": checksum(SENDER), "kind": "key", "ethBalance": None, "linkBalance": None, "seenAt": None, "low": None,
        "unsent": 0, "inFlight": 0, "mined": 0, "waiting": 0,
    }  # fmt: skip


async def test_what_was_seen_is_shown_without_asking_anybody(api: Api) -> None:
    api.holdings = (
        Holding(SENDER, Kind.KEY, 5, 7, NOW, "it holds too little"),
        Holding(ORACLE, Kind.CONTRACT, None, 10**18, NOW),
    )
    key, contract = await balances(api)
    assert (key["ethBalance"], key["linkBalance"], key["low"]) == ("5", "7", "it holds too little")
    assert key["seenAt"].startswith("2023-11-14T")
    assert (contract["kind"], contract["address"], contract["linkBalance"]) == ("contract", checksum(ORACLE), str(10**18))
    assert contract["ethBalance"] is None
    assert not api.ledger.called


async def test_what_a_key_has_under_way_is_counted(api: Api) -> None:
    await stored_keys.ensure(api.db, (SENDER,), NOW)
    asked = TransactionRequest(to=ORACLE, data="0x", senders=(SENDER,))
    for _ in range(2):
        await api.db.write(api.manager.insert_for_operator(asked, purpose="transfer", idempotency_key=None, now=NOW))
    [key] = await balances(api)
    assert (key["unsent"], key["inFlight"], key["mined"]) == (2, 0, 0)
