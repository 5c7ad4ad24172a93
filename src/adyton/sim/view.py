"""The chain as one endpoint knows it: what it has not heard of yet is missing."""

from __future__ import annotations

from adyton.sim.blocks import Announcement, Block
from adyton.sim.chain import SimulatedChain
from adyton.sim.contracts import State


class View:
    """A canonical chain that changes when ``apply`` is called, not when the chain does. The mempool is everybody's."""

    def __init__(self, chain: SimulatedChain) -> None:
        self.chain = chain
        self.pool = chain.pool
        self.blocks = list(chain.blocks)
        self.by_hash = dict(chain.by_hash)
        self._included = {each.hash: block for block in chain.blocks for each in block.transactions}

    @property
    def head(self) -> Block:
        """The newest block."""
        return self.blocks[-1]

    @property
    def state(self) -> State:
        """The state after the newest block."""
        return self.chain.state_after(self.head)

    def block(self, number: int) -> Block | None:
        """The canonical block of a height, or None."""
        return self.blocks[number] if 0 <= number < len(self.blocks) else None

    def block_of(self, transaction: str) -> Block | None:
        """The canonical block that holds a transaction, or None."""
        return self._included.get(transaction)

    def state_at(self, number: int) -> State:
        """The state after the canonical block of a height; beyond the newest, after the newest."""
        return self.chain.state_after(self.blocks[min(number, len(self.blocks) - 1)])

    def apply(self, announcement: Announcement) -> None:
        """Hear of a change of the canonical chain. Changes come in their order."""
        for block in announcement.removed:
            for transaction in block.transactions:
                self._included.pop(transaction.hash, None)
        if announcement.removed:
            del self.blocks[-len(announcement.removed) :]
        for block in announcement.added:
            self.blocks.append(block)
            self.by_hash[block.hash] = block
            for transaction in block.transactions:
                self._included[transaction.hash] = block
