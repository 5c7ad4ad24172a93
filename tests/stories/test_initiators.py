"""What starts runs, each on a whole node with a real chain: once, whatever happens around it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adyton.dev.api import ApiRefused
from adyton.dev.node_process import NodeProcess
from adyton.domain import evm
from support import emitter
from support.contracts import IN_CENTS, World, start_node_in
from support.outside import serve
from support.reorganise import reorganise
from support.stories import PRICE

pytestmark = pytest.mark.stories

NOOP = [{"type": "noop"}]
TOLD = evm.event_topic("Told(uint256)")


def job(initiator: dict[str, Any], *tasks: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A job with one initiator."""
    return {"initiators": [initiator], "tasks": list(tasks) or NOOP, **more}


def from_now(seconds: float) -> str:
    """A time, as a job names it."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


async def ended(place: World, node: NodeProcess, job_id: str, count: int = 1, *, mine: bool = False) -> list[dict[str, Any]]:
    """A job's runs, once there are so many and all of them are finished. ``mine``: a block for each look."""

    async def probe() -> list[dict[str, Any]] | None:
        if mine:
            await place.chain.mine()
        runs = await node.api.runs(job_id)
        return runs if len(runs) >= count and all(run["finishedAt"] for run in runs) else None

    found: list[dict[str, Any]] = await place.until(f"{count} runs are finished", probe)
    return found


# --- web -------------------------------------------------------------------------------------------------------------


async def test_a_client_starts_a_run_with_its_own_input(place: World) -> None:
    async with start_node_in(place) as node:
        fetch = {"type": "httpget", "params": {"get": place.prices.url}}
        tasks: list[dict[str, Any]] = [fetch, {"type": "jsonparse"}, {"type": "multiply"}]
        job_id = await node.api.create_job(job({"type": "web"}, *tasks))
        await node.api.start_run(job_id, IN_CENTS)
        [run] = await ended(place, node, job_id)
        assert (run["status"], run["result"]["data"]["result"]) == ("completed", "192345")
        with pytest.raises(ApiRefused) as refused:
            await node.api.start_run(place.job_id)  # it has no web initiator
        assert refused.value.status == 403


# --- schedules -------------------------------------------------------------------------------------------------------


async def test_a_cron_job_runs_each_second_and_stops_when_it_is_archived(place: World) -> None:
    async with start_node_in(place) as node:
        job_id = await node.api.create_job(job({"type": "cron", "params": {"schedule": "* * * * * *"}}))
        runs = await ended(place, node, job_id, 3)
        seconds = [run["createdAt"][:19] for run in runs]
        assert len(set(seconds)) == len(seconds)
        assert {run["status"] for run in runs} == {"completed"}
        assert {run["initiator"]["type"] for run in runs} == {"cron"}
        await node.api.archive_job(job_id)
        with pytest.raises(ApiRefused):
            await node.api.start_run(job_id)


async def test_a_cron_job_sends_transactions_that_nobody_asked_for_and_the_ledger_knows_them(place: World) -> None:
    async with start_node_in(place) as node:
        told = await emitter.deploy(place.chain, place.contracts.owner)
        tasks: list[dict[str, Any]] = [
            {"type": "httpget", "params": {"get": place.prices.url}},
            {"type": "jsonparse", "params": {"path": ["USD"]}},
            {"type": "multiply", "params": {"times": 100}},
            {"type": "ethuint256"},
            {"type": "ethtx", "params": {"address": told, "functionSelector": "tell(uint256)"}},
        ]
        cron = {"type": "cron", "params": {"schedule": "@every 1s", "overlap": "skip"}}
        job_id = await node.api.create_job(job(cron, *tasks))
        runs = await ended(place, node, job_id, 2)
        await node.api.archive_job(job_id)
        assert {run["status"] for run in runs} == {"completed"}
        await place.answer(await place.request())
        account = await place.settled(1, mine=True)
        calls = await emitter.received(place.chain, told)
        assert len(calls) >= 2
        assert set(calls) == {"0x" + (evm.selector("tell(uint256)") + evm.unsigned_word(PRICE)).hex()}
        assert account.transactions == len(calls) + 1
        assert account.spent[0].adds_up


async def test_the_ledger_of_a_node_that_nobody_asks_anything(place: World) -> None:
    async with start_node_in(place, welcome=False) as node:
        await place.chain.send(place.contracts.owner, to=place.address(), value=10**18)
        told = await emitter.deploy(place.chain, place.contracts.owner)
        say = {"type": "ethtx", "params": {"address": told, "functionSelector": "tell(uint256)"}}
        job_id = await node.api.create_job(job({"type": "runat", "params": {"time": from_now(0)}}, {"type": "ethuint256"}, say))
        web = await node.api.create_job(job({"type": "web"}, {"type": "ethuint256"}, say))
        await node.api.start_run(web, {"result": 7})
        [run] = await ended(place, node, web)
        assert run["status"] == "completed", run["result"]["error"]
        await ended(place, node, job_id)
        account = await place.settled(0, mine=True)
    assert account.transactions == len(await emitter.received(place.chain, told))
    assert account.spent[0].adds_up


async def test_a_run_at_a_time_is_started_once_over_restarts(place: World) -> None:
    async with start_node_in(place) as node:
        past = await node.api.create_job(job({"type": "runat", "params": {"time": from_now(-3600)}}))
        future = await node.api.create_job(job({"type": "runat", "params": {"time": from_now(3)}}))
        await ended(place, node, past)
        assert await node.api.runs(future) == []
        await node.kill()
    async with start_node_in(place, welcome=False) as node:
        [run] = await ended(place, node, future)
        assert run["status"] == "completed"
        await node.kill()
    async with start_node_in(place, welcome=False) as node:
        ticker = await node.api.create_job(job({"type": "cron", "params": {"schedule": "* * * * * *"}}))
        await ended(place, node, ticker, 2)  # the scheduler has looked at everything
        assert len(await node.api.runs(past)) == 1
        assert len(await node.api.runs(future)) == 1


async def test_a_run_at_a_time_at_which_the_node_is_down_is_started_when_it_is_back(place: World) -> None:
    async with start_node_in(place) as node:
        job_id = await node.api.create_job(job({"type": "runat", "params": {"time": from_now(0.5)}}))
        await node.kill()
    async with start_node_in(place, welcome=False) as node:
        assert len(await ended(place, node, job_id)) == 1


# --- logs ------------------------------------------------------------------------------------------------------------


async def test_a_log_of_the_contract_with_the_topic_starts_one_run(place: World) -> None:
    chain, owner = place.chain, place.contracts.owner
    async with start_node_in(place) as node:
        ours, other = await emitter.deploy(chain, owner), await emitter.deploy(chain, owner)
        seven = "0x" + evm.unsigned_word(7).hex()
        by_address = await node.api.create_job(job({"type": "ethlog", "params": {"address": ours}}))
        by_topic = await node.api.create_job(job({"type": "ethlog", "params": {"topics": [[TOLD], [seven]]}}))
        eight = "0x" + evm.unsigned_word(8).hex()
        for contract, topics in ((ours, [TOLD, seven]), (ours, [TOLD, eight]), (other, [TOLD, seven]), (other, [])):
            await emitter.emit(chain, owner, contract, topics, b"said")
        of_address, of_topic = await ended(place, node, by_address, 2), await ended(place, node, by_topic, 2)
        assert [run["overrides"]["data"]["topics"] for run in of_address] == [[TOLD, seven], [TOLD, eight]]
        assert [run["overrides"]["data"]["address"] for run in of_topic] == [ours, other]
        given = of_address[0]["overrides"]["data"]
        assert given["data"] == "0x" + b"said".hex()
        assert given["removed"] is False
        assert {run["status"] for run in (*of_address, *of_topic)} == {"completed"}


async def test_a_log_waits_for_its_confirmations_and_follows_a_reorganisation(place: World) -> None:
    chain, owner = place.chain, place.contracts.owner
    async with start_node_in(place, MIN_INCOMING_CONFIRMATIONS="4", ETH_FINALITY_DEPTH="8") as node:
        contract = await emitter.deploy(chain, owner)
        job_id = await node.api.create_job(job({"type": "ethlog", "params": {"address": contract}}))
        await chain.mine(8)  # what set the world up is out of reach
        await emitter.emit(chain, owner, contract, [TOLD], b"stays")
        gone = await emitter.emit(chain, owner, contract, [TOLD], b"goes")

        async def waiting() -> list[dict[str, Any]] | None:
            runs = await node.api.runs(job_id)
            return runs if [run["status"] for run in runs] == ["pending_confirmations"] * 2 else None

        await place.until("both wait", waiting)
        await reorganise(chain, 1, keep=())
        runs = await ended(place, node, job_id, 2, mine=True)
        assert [run["status"] for run in runs] == ["completed", "cancelled"]
        assert runs[1]["overrides"]["data"]["transactionHash"] == gone["transactionHash"]
        assert len(await node.api.runs(job_id)) == 2


async def test_logs_that_came_while_the_node_was_down_start_their_runs(place: World) -> None:
    chain, owner = place.chain, place.contracts.owner
    async with start_node_in(place) as node:
        contract = await emitter.deploy(chain, owner)
        job_id = await node.api.create_job(job({"type": "ethlog", "params": {"address": contract}}))
        await emitter.emit(chain, owner, contract, [TOLD], b"1")
        await ended(place, node, job_id)
        await node.kill()
    for said in (b"2", b"3"):
        await emitter.emit(chain, owner, contract, [TOLD], said)
    async with start_node_in(place, welcome=False) as node:
        runs = await ended(place, node, job_id, 3)
    assert [bytes.fromhex(run["overrides"]["data"]["data"][2:]) for run in runs] == [b"1", b"2", b"3"]


# --- external --------------------------------------------------------------------------------------------------------


async def test_an_external_initiator_is_told_of_its_jobs_and_starts_those_alone(place: World) -> None:
    async with (
        serve() as outside,
        start_node_in(place, FEATURE_EXTERNAL_INITIATORS="true", DEFAULT_HTTP_TIMEOUT="2s") as node,
    ):
        secrets = await node.api.create_initiator("outside", outside.url + "jobs")
        external = {"type": "external", "params": {"name": "outside", "body": {"feed": "x"}}}
        job_id = await node.api.create_job(job(external))
        [told] = outside.heard
        assert (told["method"], told["path"]) == ("POST", "/jobs")
        assert told["body"] == {"jobId": job_id, "type": "external", "params": {"feed": "x"}}
        assert told["headers"]["X-Chainlink-EA-AccessKey"] == secrets["outgoingToken"]
        theirs = {
            "X-Chainlink-EA-AccessKey": secrets["incomingAccessKey"],
            "X-Chainlink-EA-Secret": secrets["incomingSecret"],
        }
        await node.api.start_run(job_id, {"result": "new"}, headers=theirs)
        [run] = await ended(place, node, job_id)
        assert (run["status"], run["initiator"]["type"]) == ("completed", "external")
        web = await node.api.create_job(job({"type": "web"}))
        for job_asked, headers, status in (
            (web, theirs, 403),
            (job_id, theirs | {"X-Chainlink-EA-Secret": "guessed"}, 401),
        ):
            with pytest.raises(ApiRefused) as refused:
                await node.api.start_run(job_asked, headers=headers)
            assert refused.value.status == status
        outside.reached.clear()
        await node.api.archive_job(job_id)
        await outside.reached.wait()
        assert (outside.heard[-1]["method"], outside.heard[-1]["path"]) == ("DELETE", f"/jobs/{job_id}")


async def test_news_that_an_external_initiator_did_not_hear_is_told_again_after_a_restart(place: World) -> None:
    async with serve() as outside:
        async with start_node_in(place, FEATURE_EXTERNAL_INITIATORS="true") as node:
            await node.api.create_initiator("outside", outside.url + "jobs")
            job_id = await node.api.create_job(job({"type": "external", "params": {"name": "outside"}}))
            outside.status = 500
            await node.api.archive_job(job_id)
            await node.kill()
        outside.status = 200
        outside.reached.clear()
        async with start_node_in(place, welcome=False, FEATURE_EXTERNAL_INITIATORS="true"):
            await outside.reached.wait()
        assert outside.heard[-1]["path"] == f"/jobs/{job_id}"
