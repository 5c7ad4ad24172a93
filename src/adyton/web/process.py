"""What runs here: the build, what it can do, what it uses, and the Ethereum nodes that it asks."""

from __future__ import annotations

import gc
import sys

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from adyton import __version__
from adyton.config import redact
from adyton.domain.evm import checksum
from adyton.domain.times import rfc3339
from adyton.services import rpc_nodes
from adyton.services.rpc_nodes import RpcNode
from adyton.system import process
from adyton.web import jsonapi
from adyton.web.endpoint import Node
from adyton.web.jsonapi import ERROR_CONTENT_TYPE, Resource

_JSON = ERROR_CONTENT_TYPE


class BuildInfo(msgspec.Struct, frozen=True):
    """What is running, in the form of v2. ``commitSHA`` is empty: a package does not know it."""

    version: str
    commitSHA: str  # noqa: N815 - the API's own name


class Memory(msgspec.Struct, frozen=True):
    """Memory of the process in bytes, under the names of Go's runtime that fit."""

    Sys: int
    """The most that it has used."""
    HeapAlloc: int
    """What it uses now."""
    NumGC: int
    """Collections of garbage so far."""


class Variables(msgspec.Struct, frozen=True):
    """The two variables of v0.6.2 that clients look at."""

    cmdline: list[str]
    memstats: Memory


class Feature(msgspec.Struct, frozen=True):
    """Whether something can be used."""

    enabled: bool


class ChainAttributes(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The chain: whether there is a connection, and its newest block, which says of itself that it was made at ``headAt``.

    Logs have been taken in through ``intakeBlock``, ``intakeLag`` blocks behind the newest; ``reorganisations`` and
    ``connections`` are since the start. ``linkContract`` is null as long as the LINK token is not known.
    """

    id: str
    enabled: bool
    connected: bool
    head: int | None
    head_hash: str | None
    head_at: str | None
    finality_depth: int
    link_contract: str | None
    intake_block: int | None
    intake_lag: int | None
    reorganisations: int
    connections: int
    problem: str | None


class MinuteAttributes(msgspec.Struct, frozen=True):
    """A minute in which an Ethereum node was asked; ``latency`` is the median in seconds, null when nothing was answered."""

    at: str
    calls: int
    errors: int
    latency: float | None


class NodeAttributes(msgspec.Struct, frozen=True, kw_only=True):
    """An Ethereum node. Of its URL only scheme, host and port are told: the rest can hold a key. ``headAge`` and ``latency``
    are seconds, the latter an average; ``calls``, ``errors`` and ``refusals`` (asked too often) are since the start.

    ``pace`` is how many calls a second may begin now, null while nobody limits them; ``slowed``: the node asked for fewer.
    ``latencyP50``, ``latencyP95`` and ``minutes`` are of the last hour.
    """

    name: str
    url: str
    evmChainID: str  # noqa: N815 - the API's own name
    role: str
    state: str
    active: bool
    head: int | None
    headAge: float | None  # noqa: N815 - the API's own name
    problem: str | None
    calls: int
    errors: int
    refusals: int
    latency: float | None
    latencyP50: float | None  # noqa: N815 - the API's own name
    latencyP95: float | None  # noqa: N815 - the API's own name
    pace: float | None
    slowed: bool
    minutes: list[MinuteAttributes]


async def variables(_node: Node, _request: Request) -> Response:
    """Show how the process was started and what memory it uses (as v0.6.2's expvar)."""
    now, most = process.memory()
    collected = sum(int(generation["collections"]) for generation in gc.get_stats())
    shown = Variables([redact.words(word) for word in sys.argv], Memory(most, now, collected))
    return Response(jsonapi.encode(shown), media_type=_JSON)


async def build_info(_node: Node, _request: Request) -> Response:
    """Show which version runs here."""
    return Response(jsonapi.encode(BuildInfo(__version__, "")), media_type=_JSON)


async def features(node: Node, _request: Request) -> Response:
    """List what can be switched on, and whether it is."""
    config = node.parts.config
    known = {
        "external_initiators": config.feature_external_initiators or config.chainlink_dev,
        "service_agreements": config.feature_service_agreements or config.chainlink_dev,
        "csa": False,
        "feeds_manager": False,
    }
    return jsonapi.shown([Resource("features", name, Feature(on)) for name, on in known.items()])


async def chains(node: Node, _request: Request) -> Response:
    """Show the chain, with its newest block; none before the first connection if ETH_CHAIN_ID does not say which it is."""
    parts = node.parts
    chain_id, state = parts.chain_id() or parts.config.eth_chain_id, parts.chain.state
    if chain_id is None:
        return jsonapi.listed([], None, 0)
    head, intake, link = state.head, parts.intake.height, parts.link_contract()
    attributes = ChainAttributes(
        id=str(chain_id),
        enabled=True,
        connected=state.connected,
        head=None if head is None else head.number,
        head_hash=None if head is None else head.hash,
        head_at=None if head is None else rfc3339(head.timestamp * 1_000_000),
        finality_depth=parts.finality_depth,
        link_contract=None if link is None else checksum(link),
        intake_block=intake,
        intake_lag=None if head is None or intake is None else max(0, head.number - intake),
        reorganisations=rpc_nodes.reorganisations(parts),
        connections=state.connection,
        problem=state.problem,
    )
    return jsonapi.listed([Resource("chain", str(chain_id), attributes)], None, 1)


async def nodes(node: Node, _request: Request) -> Response:
    """List the Ethereum nodes that are asked, with how they do."""
    found = rpc_nodes.every(node.parts)
    chain_id = str(node.parts.chain_id() or node.parts.config.eth_chain_id or "")
    return jsonapi.listed([_node(each, chain_id) for each in found], None, len(found))


def _node(each: RpcNode, chain_id: str) -> Resource:
    view, recently = each.view, each.recently
    attributes = NodeAttributes(
        name=view.name,
        url=view.url,
        evmChainID=chain_id,
        role=view.role,
        state=view.state,
        active=view.active,
        head=view.head,
        headAge=view.head_age,
        problem=view.problem,
        calls=each.calls,
        errors=each.errors,
        refusals=each.refusals,
        latency=each.latency,
        latencyP50=recently.median,
        latencyP95=recently.slowest_twentieth,
        pace=view.pace,
        slowed=view.slowed,
        minutes=[MinuteAttributes(rfc3339(one.at), one.calls, one.errors, one.median) for one in recently.minutes],
    )
    return Resource("node", view.name, attributes)
