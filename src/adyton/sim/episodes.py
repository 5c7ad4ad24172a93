"""What can go wrong in a story, by name: each fault is an episode with a begin and an end.

An episode is a coroutine over a stage: it switches something, lets time pass, and switches it back. It may be cancelled at any
moment; who does that calms every switchboard.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from adyton.sim.chain import GWEI
from adyton.sim.contracts import EXPIRY
from adyton.sim.mempool import Rejected
from adyton.sim.world import ETHER, NODE, World

POOR = 10**15
"""Wei of a key that cannot pay for an answer."""

CALM = 100 * GWEI
"""A base fee beyond which gas does not get dearer still: one spike on top of another would be no chain that ever was."""


@dataclass
class Stage:
    """Where an episode plays: the world, chance of the episode's own, what was asked, how deep reorganisations go."""

    world: World
    random: random.Random
    depth: int
    asked: list[str]
    counts: dict[str, int] = field(default_factory=dict)
    cancelled: set[str] = field(default_factory=set)

    def count(self, what: str) -> None:
        """Count something that was done to the node."""
        self.counts[what] = self.counts.get(what, 0) + 1

    async def wait(self, shortest: float, longest: float) -> None:
        """Let so many seconds pass, or somewhat more."""
        await self.world.clock.sleep(self.random.uniform(shortest, longest))


Play: TypeAlias = Callable[[Stage], Coroutine[Any, Any, None]]


class Fault(NamedTuple):
    """A fault: a line about it, and what it does. ``refuses`` is true where a request may end in a refusal because of it."""

    words: str
    play: Play
    refuses: bool = False


# --- the Ethereum nodes ----------------------------------------------------------------------------------------------


def _endpoint(shortest: float = 5.0, longest: float = 180.0, **values: object) -> Play:
    """Switch faults of one endpoint on for a while, now and then of all of them."""

    async def play(stage: Stage) -> None:
        endpoints = list(stage.world.ethereum.endpoints.values())
        chosen = endpoints if stage.random.random() < 0.3 else [stage.random.choice(endpoints)]
        for endpoint in chosen:
            endpoint.faults.set(**values)
        await stage.wait(shortest, longest)
        for endpoint in chosen:
            endpoint.faults.calm(*values)

    return play


async def _offline(stage: Stage) -> None:
    endpoints = list(stage.world.ethereum.endpoints.values())
    for endpoint in endpoints if stage.random.random() < 0.5 else [stage.random.choice(endpoints)]:
        endpoint.go_offline()
        stage.count("offline")
    await stage.wait(5, 300)
    stage.world.ethereum.online = True


# --- the chain -------------------------------------------------------------------------------------------------------


async def _reorganise(stage: Stage) -> None:
    chain, chance = stage.world.chain, stage.random
    depth = min(chance.randint(1, stage.depth), len(chain.blocks) - 1)
    removed = [each for block in chain.blocks[-depth:] for each in block.transactions]
    out = [each.hash for each in removed if chance.random() < 0.4]
    ours = {each.hash for each in removed if each.sender == NODE}
    length = depth + chance.randint(0, 2)
    chain.reorganise(depth, length=length, out=out, shift=chance.randint(0, 1), shuffle=chance.random() < 0.5)
    stage.count("reorganisations")
    for each in out:
        if each in ours and chance.random() < 0.5:
            # As a node that was restarted after the reorganisation: only who sent it has it now.
            chain.pool.drop(each)


async def _gas_spike(stage: Stage) -> None:
    chain = stage.world.chain
    before = chain.next_base_fee
    if before is not None and before < CALM:
        chain.set_base_fee(before * 50)
        stage.count("gas spikes")
        await stage.wait(30, 600)
        chain.set_base_fee(before)


async def _gas_rise(stage: Stage) -> None:
    chain = stage.world.chain
    before = chain.next_base_fee
    if before is not None and before < CALM:
        chain.drift = stage.random.uniform(0.02, 0.12)
        stage.count("gas rises")
        await stage.wait(60, 400)
        chain.drift = 0.0
        chain.set_base_fee(before)


async def _evict(stage: Stage) -> None:
    pool = stage.world.chain.pool
    for _ in range(stage.random.randint(1, 5)):
        await stage.wait(5, 60)
        for each in list(pool):
            if each.sender == NODE and stage.random.random() < 0.7:
                pool.drop(each.hash)
                stage.count("evictions")


async def _foreign_nonces(stage: Stage) -> None:
    for _ in range(stage.random.randint(1, 3)):
        try:
            stage.world.chain.spend_nonce(NODE)
        except Rejected:
            continue  # the key cannot pay, or the node's own transaction is there first
        stage.count("foreign nonces")
        await stage.wait(1, 60)


async def _cancel(stage: Stage) -> None:
    """Requesters lose patience as soon as the contract lets them."""
    chain = stage.world.chain
    for _ in range(90):
        await stage.wait(5, 15)
        for request in stage.asked:
            block = chain.block_of(chain.transaction_of(request))
            ripe = block is not None and chain.head.timestamp > block.timestamp + EXPIRY and chain.is_open(request)
            if ripe and request not in stage.cancelled and stage.random.random() < 0.3:
                chain.cancel(request)
                stage.cancelled.add(request)
                stage.count("cancellations")


async def _no_funds(stage: Stage) -> None:
    """The key was poor from the beginning (``Story`` sees to that)."""
    stage.count("poor keys")
    await stage.wait(60, 600)
    stage.world.chain.fund(NODE, 100 * ETHER)


# --- sources, disk, process ------------------------------------------------------------------------------------------


def _source(shortest: float = 5.0, longest: float = 120.0, **values: object) -> Play:
    async def play(stage: Stage) -> None:
        stage.world.http.faults.set(**values)
        await stage.wait(shortest, longest)
        stage.world.http.faults.calm(*values)

    return play


def _disk(shortest: float = 5.0, longest: float = 120.0, **values: object) -> Play:
    async def play(stage: Stage) -> None:
        stage.world.disk.set(**values)
        await stage.wait(shortest, longest)
        stage.world.disk.calm(*values)

    return play


async def _crash(stage: Stage) -> None:
    """At any moment; the story's fuses kill at steps."""
    stage.world.strike()


async def _stop(stage: Stage) -> None:
    stage.world.strike(stage.random.uniform(60, 1800))
    stage.count("long stops")


FAULTS: Mapping[str, Fault] = {
    "crash": Fault("the node is killed before or after one of its steps, and started again", _crash),
    "long-stop": Fault("the node is down for up to half an hour", _stop),
    "reorganisation": Fault("the last blocks are replaced by others, up to --depth of them", _reorganise),
    "offline": Fault("Ethereum nodes refuse connections", _offline),
    "frozen": Fault("an Ethereum node keeps its connections and says nothing", _endpoint(5, 90, frozen=True)),
    "broken-connections": Fault("connections break before a request is read", _endpoint(dropped=0.2)),
    "closed-sockets": Fault("connections end after a request was carried out, without a word", _endpoint(closed=0.2)),
    "slow-answers": Fault("answers take up to 20 s", _endpoint(slow=0.5)),
    "rate-limit": Fault("calls are refused as too many", _endpoint(limited=0.4)),
    "gateway-errors": Fault("something before an Ethereum node answers in its place: 502, 503, 504", _endpoint(gateway=0.4)),
    "lagging-endpoint": Fault("an Ethereum node hears of blocks up to two minutes late", _endpoint(30, 300, lag=60.0)),
    "missed-heads": Fault("subscriptions leave events out", _endpoint(missed_heads=0.5)),
    "doubled-heads": Fault("subscriptions say events twice", _endpoint(doubled_heads=0.5)),
    "unordered-heads": Fault("subscriptions say events late, behind younger ones", _endpoint(late_heads=0.4)),
    "stale-heads": Fault("the newest block is one from a while ago", _endpoint(stale_heads=0.5)),
    "null-receipts": Fault("receipts are null although there are some", _endpoint(missing_receipts=0.7)),
    "receipt-lag": Fault("receipts come half a minute after their block", _endpoint(receipt_lag=30.0)),
    "truncated-logs": Fault("eth_getLogs leaves logs out for a while", _endpoint(hidden_logs=0.5)),
    "empty-logs": Fault(
        "eth_getLogs says nothing of blocks that the machine behind it does not have", _endpoint(empty_logs=0.5)
    ),
    "header-not-found": Fault("questions about the newest blocks fail", _endpoint(header_not_found=0.5)),
    "range-limits": Fault("eth_getLogs fails for many blocks or many logs", _endpoint(30, 600, range_limit=4, log_limit=2)),
    "lost-replies": Fault("transactions are taken, and the connection breaks before the reply", _endpoint(lost_replies=0.7)),
    "already-known": Fault("transactions are taken, and the reply is an error: already known", _endpoint(known=0.7)),
    "underpriced": Fault("transactions are refused as underpriced", _endpoint(underpriced=0.5)),
    "nonce-too-high": Fault("transactions are refused as ahead of their turn", _endpoint(nonce_too_high=0.5)),
    "gas-spike": Fault("gas costs fifty times as much for a while", _gas_spike),
    "gas-rise": Fault("gas gets dearer with each block for a while", _gas_rise),
    "eviction": Fault("the mempool forgets the node's transactions", _evict),
    "foreign-nonces": Fault("somebody else sends transactions with the node's key", _foreign_nonces),
    "cancellation": Fault("requesters cancel what is not answered in time", _cancel),
    "no-funds": Fault("the node's key cannot pay, and is funded later", _no_funds),
    "slow-source": Fault("HTTP sources take up to 30 s, or too long", _source(slow=0.6), refuses=True),
    "failing-source": Fault(
        "HTTP sources refuse connections or answer with errors", _source(refused=0.3, errors=0.4), refuses=True
    ),
    "garbage-source": Fault("HTTP sources answer with nonsense", _source(garbage=0.5), refuses=True),
    "slow-disk": Fault("writes take seconds", _disk(slow=0.7)),
    "full-disk": Fault("nothing can be written for a while", _disk(5, 60, full=True)),
    "unsure-disk": Fault("writes succeed, and the node is told that they may not have", _disk(unsure=0.2)),
}
"""Every fault by its name."""

ALL = frozenset(FAULTS)
USUAL = frozenset({"crash", "reorganisation"})


def named(names: Collection[str]) -> frozenset[str]:
    """A set of faults. Raises ValueError, saying which names there are, for one that is unknown."""
    unknown = sorted(set(names) - ALL)
    if unknown:
        raise ValueError(f"unknown fault {unknown[0]!r}; there are: {', '.join(FAULTS)}")
    return frozenset(names)
