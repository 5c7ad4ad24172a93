"""A random hour of a node's life, and the account that is drawn up at its end.

A seed decides when requests come, when the chain is reorganised and how, and at which steps the node is killed. What may not
depend on the seed: every request is answered exactly once.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from adyton.sim.chain import SimulatedChain
from adyton.sim.entropy import stream
from adyton.sim.faults import Faults
from adyton.sim.world import NODE, PRICE, PRICE_JOB, World

LATEST_FUSE = 200
"""Passes of the crash gate within which a story's crashes fall; a story of three requests has somewhat more."""


@dataclass
class Story:
    """What a seed leads to. ``kills`` and ``reorganisations`` are how many at most; ``depth`` how deep at most: two blocks
    leave the requests alone that a node with three confirmations has begun to answer."""

    seed: int | str
    requests: int = 3
    kills: int = 4
    reorganisations: int = 8
    depth: int = 2
    faults: Faults | None = None
    asked: list[str] = field(default_factory=list)

    async def play(self) -> World:
        """Live through it until every run is completed, check the account, and return the world."""
        random = stream(self.seed, "story")
        fuses = random.sample(range(1, LATEST_FUSE), random.randint(0, self.kills))
        moments = [(random.uniform(0, 120), "request") for _ in range(self.requests)]
        moments += [(random.uniform(0, 200), "reorganise") for _ in range(random.randint(0, self.reorganisations))]
        async with World(self.seed, fuses=fuses, faults=self.faults) as world:
            await world.until(lambda: world.node is not None, every=0.1)
            job = await world.create_job(PRICE_JOB)
            began = world.clock.monotonic()
            for moment, event in sorted(moments):
                await world.clock.sleep(max(0.0, began + moment - world.clock.monotonic()))
                if event == "request":
                    self.asked.append(world.chain.request(job.id, {"number": len(self.asked)}))
                else:
                    self._reorganise(world)
            await world.until_completed(*self.asked)
            await world.pass_blocks(3)
            check_account(world, self.asked)
        return world

    def _reorganise(self, world: World) -> None:
        chain, random = world.chain, world.random
        depth = random.randint(1, self.depth)
        removed = [each for block in chain.blocks[-depth:] for each in block.transactions]
        out = [each.hash for each in removed if random.random() < 0.4]
        ours = {each.hash for each in removed if each.sender == NODE}
        length = depth + random.randint(0, 2)
        chain.reorganise(depth, length=length, out=out, shift=random.randint(0, 1), shuffle=random.random() < 0.5)
        for each in out:
            if each in ours and random.random() < 0.5:
                # As a node that was restarted after the reorganisation: only who sent it has it now.
                chain.pool.drop(each)


def check_account(world: World, requests: list[str]) -> None:
    """What must be true at the end, whatever happened. Fails with the end of the trace."""
    chain = world.chain
    for request in requests:
        answers = [answer.number for answer in chain.answers(request)]
        if answers != [PRICE]:
            world.fail(f"request {request} has the answers {answers}")
    if reverted(chain):
        world.fail(f"the node paid for transactions that reverted: {reverted(chain)}")
    if chain.state.nonces[NODE] != len(requests):
        world.fail(f"{len(requests)} requests took {chain.state.nonces[NODE]} transactions")
    if len(chain.pool):
        world.fail(f"transactions are left in the mempool: {[each.hash for each in chain.pool]}")


def reverted(chain: SimulatedChain) -> list[str | None]:
    """Why transactions of the node on the canonical chain reverted."""
    return [
        outcome.revert
        for block in chain.blocks
        for transaction, outcome in zip(block.transactions, block.outcomes, strict=True)
        if transaction.sender == NODE and not outcome.status
    ]


def sent_by_node(chain: SimulatedChain) -> list[str]:
    """The hashes of the node's transactions on the canonical chain."""
    return [each.hash for block in chain.blocks for each in block.transactions if each.sender == NODE]
