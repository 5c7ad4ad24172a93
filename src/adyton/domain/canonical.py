"""The canonical chain as far back as it may still change: one header for each height, each the parent of the next.

A height says nothing about which block is meant: everything here compares hashes and follows parents. The caller fetches
missing parents; nothing here does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum

import msgspec

from adyton.domain.chain import Hash, Head


class Fit(Enum):
    """How a header lies to the canonical chain."""

    FIRST = "the chain is empty"
    KNOWN = "it is in the chain"
    EXTENDS = "its parent is the tip"
    FORK = "its parent is in the chain below the tip: what follows the parent is replaced"
    GAP = "its parent is not in the chain"


class Change(msgspec.Struct, frozen=True):
    """What adopting a new tip did, in the order of heights. ``removed`` are blocks that were canonical and no longer are (a
    header that is merely too old to be kept is not among them); ``ancestor`` is the newest block that the new tip's branch
    grew from, None if it was not kept."""

    added: tuple[Head, ...] = ()
    removed: tuple[Head, ...] = ()
    ancestor: Head | None = None

    @property
    def reorganised(self) -> bool:
        """Some block that was canonical no longer is."""
        return bool(self.removed)


class Violation(msgspec.Struct, frozen=True):
    """A change of the chain that finality rules out. ``last`` was the newest block, ``first`` the oldest that is known to be
    gone; ``ancestor`` is the newest that is left, None if none of those that were kept is."""

    first: int
    last: int
    ancestor: Head | None

    @property
    def depth(self) -> int:
        """How many blocks went, at least."""
        return self.last - self.first + 1


def violation(old: Sequence[Head], tip: Head, ancestor: Head | None, finality: int) -> Violation | None:
    """Whether a move from the chain ``old`` (the oldest first; holes do not matter) to ``tip`` took a block that was final.

    ``ancestor`` is the newest block of ``old`` that is on the new chain, None if none is. A block is final when more than
    ``finality`` blocks would have to go for it to go; the genesis block always is. Where so few blocks had been kept that
    nothing follows from the loss of all of them, None.
    """
    if not old:
        return None
    root, last = old[0].number, old[-1].number
    first = min(root, tip.number + 1) if ancestor is None else ancestor.number + 1
    found = Violation(first, last, ancestor)
    replaced = ancestor is None and root == 0
    return found if replaced or found.depth > finality else None


class CanonicalChain:
    """The newest ``history`` canonical headers, without holes, from ``root`` to ``tip``."""

    def __init__(self, history: int, heads: Iterable[Head] = ()) -> None:
        """``heads`` in any order: kept is the part that hangs together, down from the highest."""
        if history < 1:
            raise ValueError("history: must be at least 1 block")
        self._history = history
        self._heads: list[Head] = []
        self._heads = _linked(sorted(heads, key=lambda head: head.number))[-history:]

    @property
    def heads(self) -> tuple[Head, ...]:
        """All headers, the oldest first."""
        return tuple(self._heads)

    @property
    def tip(self) -> Head | None:
        """The newest header, None while the chain is empty."""
        return self._heads[-1] if self._heads else None

    @property
    def root(self) -> Head | None:
        """The oldest header kept, None while the chain is empty."""
        return self._heads[0] if self._heads else None

    def at(self, number: int) -> Head | None:
        """The canonical header at a height, None if it is not kept."""
        if not self._heads:
            return None
        index = number - self._heads[0].number
        return self._heads[index] if 0 <= index < len(self._heads) else None

    def holds(self, number: int, block: Hash) -> bool:
        """Whether the block with that height and hash is canonical and kept."""
        head = self.at(number)
        return head is not None and head.hash == block

    def fit(self, head: Head) -> Fit:
        """How ``head`` lies to the chain; changes nothing."""
        tip = self.tip
        if tip is None:
            return Fit.FIRST
        if self.holds(head.number, head.hash):
            return Fit.KNOWN
        if not self.holds(head.number - 1, head.parent_hash):
            return Fit.GAP
        return Fit.EXTENDS if head.number == tip.number + 1 else Fit.FORK

    def adopt(self, branch: Sequence[Head]) -> Change:
        """Make the last header of ``branch`` the tip.

        ``branch`` is linked, the oldest first. If the parent of its first header is in the chain, what follows that parent
        is replaced; otherwise the whole chain is. Raises ValueError for a branch that is empty or does not hang together.
        """
        if not branch or len(_linked(branch)) != len(branch):
            raise ValueError("branch: each header must be the parent of the next")
        first = branch[0]
        keep = first.number - self._heads[0].number if self.holds(first.number - 1, first.parent_hash) else 0
        return self._replace(keep, list(branch))

    def rewind(self, number: int) -> Change:
        """Drop every block above a height that is kept. Raises ValueError if it is not."""
        if self.at(number) is None:
            raise ValueError(f"number: block {number} is not kept")
        return self._replace(number + 1 - self._heads[0].number, [])

    def refresh(self, head: Head) -> None:
        """Take the details of a header that is in the chain already (the stored form knows fewer)."""
        if self.holds(head.number, head.hash):
            self._heads[head.number - self._heads[0].number] = head

    def _replace(self, keep: int, branch: list[Head]) -> Change:
        old, ancestor = self._heads[keep:], self._heads[keep - 1] if keep else None
        held = {head.hash for head in old}
        self._heads = self._heads[:keep] + branch
        lowest = self._heads[0].number
        new = {head.hash for head in branch}
        added = tuple(head for head in branch if head.hash not in held)
        removed = tuple(head for head in old if head.hash not in new and head.number >= lowest)
        self._heads = self._heads[-self._history :]
        return Change(added, removed, ancestor)


def _linked(heads: Sequence[Head]) -> list[Head]:
    """The longest end of ``heads`` in which each header is the parent of the next."""
    chain: list[Head] = []
    for head in reversed(heads):
        if chain and (head.hash != chain[-1].parent_hash or head.number != chain[-1].number - 1):
            break
        chain.append(head)
    chain.reverse()
    return chain
