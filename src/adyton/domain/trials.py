"""What it means that a transaction reverts when it is tried before it is sent."""

from __future__ import annotations

from enum import Enum

import msgspec

from adyton.domain.chain import Hash, Head, Hex


class Outcome(Enum):
    """What a trial says."""

    SEND = "send"
    """Nothing against it."""
    REVERTS = "reverts"
    """It reverts at this head, and nothing explains that away."""
    UNDECIDED = "undecided"
    """It reverts, but its request is not where the trial could see it."""
    STALE = "stale"
    """It answers what its request was before a reorganisation moved it; its task would ask for another one now."""
    LOST = "lost"
    """It reverts, and its request left the chain too long ago to come back."""


class Verdict(msgspec.Struct, frozen=True):
    """A trial's outcome; ``reason`` is the contract's, or empty."""

    outcome: Outcome
    reason: str = ""


class Place(msgspec.Struct, frozen=True):
    """Where a run's request is on the chain now, as log intake last saw it, and what an answer to it must repeat ("" if that
    is not known)."""

    block: int
    block_hash: Hash
    prefix: Hex


def judged(data: Hex, place: Place, canonical: Hash | None, head: Head, finality_depth: int) -> Outcome:
    """What a revert means for calldata that answers a request: ``canonical`` is the hash of the canonical block at the height
    of the request's (None: not known), ``head`` the one of the trial."""
    if canonical is not None and canonical != place.block_hash and head.number >= place.block + finality_depth:
        return Outcome.LOST
    if canonical != place.block_hash or place.block > head.number:
        return Outcome.UNDECIDED
    return Outcome.REVERTS if place.prefix in data else Outcome.STALE
