"""Service agreements, from the proposal to the consumer's price, on the official contracts of v0.5."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adyton.dev import contracts as on_chain
from adyton.dev.chain import ChainRefused
from adyton.dev.contracts import ETHER, LINK
from adyton.dev.node_process import NodeProcess
from adyton.domain.times import rfc3339
from support.agreements import Court, deploy_court, propose
from support.contracts import World, start_node_in

pytestmark = pytest.mark.stories
HOUR = 3600 * 1_000_000
SETTINGS = {"FEATURE_SERVICE_AGREEMENTS": "true"}


async def court_of(place: World) -> Court:
    """The contracts of agreements in a world."""
    return await deploy_court(place.chain, place.contracts.owner, place.contracts.link)


def in_an_hour(place: World) -> str:
    """An end that every node agrees to."""
    return rfc3339((place.real.clock.now() + HOUR) // 1_000_000 * 1_000_000)


async def fates(node: NodeProcess) -> list[str]:
    """What the node says became of each request, the newest first."""
    return [item["attributes"]["fate"]["kind"] for item in await node.api._data("GET", "/v2/requests")]


async def price(place: World, court: Court, consumer: str) -> int:
    """What a consumer was told, waited for."""

    async def probe() -> int | None:
        return await court.price(consumer) or None

    told: int = await place.until("the consumer's price", probe, seconds=30)
    return told


async def test_an_agreement_is_made_taken_by_the_coordinator_and_kept(place: World) -> None:
    court = await court_of(place)
    async with start_node_in(place, welcome=False, COORDINATOR_CONTRACT_ADDRESS=court.coordinator, **SETTINGS) as node:
        await on_chain.welcome_node(place.chain, place.contracts, place.address(), ether=10 * ETHER)
        proposal = court.proposal(place.prices.url, [place.address()], in_an_hour(place))
        agreement = await propose(place.real.http, node, proposal)

        assert await court.id_of(agreement) == agreement["id"]
        await court.initiate(agreement, [agreement["signature"]])

        consumer = await court.consumer(agreement["id"])
        await court.ask(consumer, "USD")
        assert await price(place, court, consumer) == 192345
        assert await court.earned(place.address()) == LINK
        place.job_id = agreement["jobSpecId"]
        run = await place.run(node, "completed", "errored")
        assert (run["status"], run["initiator"]["type"]) == ("completed", "execagreement")
        assert await fates(node) == ["answered"]

        await court.ask(consumer, "EUR")  # the same agreement, again
        await place.until("the second answer", lambda: _is(court, consumer, 165011), seconds=30)
        assert await place.sent() == 2


async def test_the_coordinator_takes_no_agreement_that_the_node_has_not_signed(place: World) -> None:
    court = await court_of(place)
    async with start_node_in(place, welcome=False, **SETTINGS) as node:
        first = await propose(place.real.http, node, court.proposal(place.prices.url, [place.address()], in_an_hour(place)))
        other = await propose(
            place.real.http, node, court.proposal(f"{place.prices.url}?other", [place.address()], in_an_hour(place))
        )
        assert first["id"] != other["id"]
        with pytest.raises(ChainRefused, match=r"Invalid oracle signature|reverted"):
            await court.initiate(first, [other["signature"]])
        await court.initiate(first, [first["signature"]])


async def test_two_nodes_keep_one_agreement_and_share_the_payment(place: World) -> None:
    court = await court_of(place)
    second_place = replace(place, root=place.root.with_name("second"))
    async with (
        start_node_in(place, welcome=False, **SETTINGS) as first,
        start_node_in(second_place, welcome=False, **SETTINGS) as second,
    ):
        for each in (place, second_place):
            await on_chain.welcome_node(place.chain, place.contracts, each.address(), ether=10 * ETHER)
        oracles = [place.address(), second_place.address()]
        proposal = court.proposal(place.prices.url, oracles, in_an_hour(place))
        agreements = [await propose(place.real.http, node, proposal) for node in (first, second)]
        assert agreements[0]["id"] == agreements[1]["id"] == await court.id_of(agreements[0])
        await court.initiate(agreements[0], [each["signature"] for each in agreements])

        consumer = await court.consumer(agreements[0]["id"])
        await court.ask(consumer, "USD")
        assert await price(place, court, consumer) == 192345
        assert sum([await court.earned(oracle) for oracle in oracles]) == LINK
        for each, node, agreement in zip((place, second_place), (first, second), agreements, strict=True):
            each.job_id = agreement["jobSpecId"]
            assert (await each.run(node, "completed", "errored"))["status"] == "completed"
            assert await fates(node) == ["answered"]


async def _is(court: Court, consumer: str, wanted: int) -> bool | None:
    return (await court.price(consumer) == wanted) or None
