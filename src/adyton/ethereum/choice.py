"""Which endpoint is asked: a rule of values. ``rpc`` gathers what it says about each, and does what comes out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

RETURN = 60.0
"""Seconds for which a preferred endpoint must have been sound and level before it is asked again."""


class Standing(NamedTuple):
    """How an endpoint stands. ``faults`` are what is wrong with it, worst first; ``sound_for`` is for how many seconds it has
    been sound, and at most a block behind the others. ``tried`` is False while its first connection is being made."""

    usable: bool
    tried: bool = True
    faults: tuple[Fault, ...] = ()
    head: int = -1
    sound_for: float = 0.0

    @property
    def badness(self) -> int:
        """0 for a sound one."""
        return max((fault.weight for fault in self.faults), default=0)

    @property
    def settled(self) -> bool:
        """Whether it has been sound for so long that it may be asked again."""
        return self.usable and self.badness == 0 and self.sound_for >= RETURN


class Fault(NamedTuple):
    """What is wrong with an endpoint that is connected. One of the greatest ``weight`` is asked last."""

    weight: int
    words: str


THROTTLED, BEHIND, FAILING = 1, 2, 3
"""Weights: it answers in time but not always; it answers with what is old; it does not answer."""


class Choice(NamedTuple):
    """``place`` is the endpoint that is asked from now on, None for none. ``because`` says why another is not."""

    place: int | None
    because: str = ""


def choose(standings: Sequence[Standing], active: int | None, *, waiting: bool = False) -> Choice:
    """The endpoint to ask. ``standings`` are in the order of preference; ``active`` is the one that is asked now. While
    ``waiting`` (the node has just begun), the preferred ones may still finish connecting."""
    now = None if active is None or not standings[active].usable else active
    best = _best(standings)
    if best is None:
        return Choice(None, "none can be used")
    if now is None:
        if waiting and any(not each.usable and not each.tried for each in standings[:best]):
            return Choice(None, "the preferred one is being connected to")
        return Choice(best, "not connected")
    if standings[best].badness < standings[now].badness:
        return Choice(best, standings[now].faults[0].words)
    preferred = next((place for place in range(now) if standings[place].settled), None)
    if preferred is not None:
        return Choice(preferred, "the preferred one is sound again")
    return Choice(now)


def _best(standings: Sequence[Standing]) -> int | None:
    """The soundest; of equals the preferred, or where none is sound, the highest."""
    usable = [(place, each) for place, each in enumerate(standings) if each.usable]
    if not usable:
        return None
    least = min(each.badness for _, each in usable)
    equals = [(place, each) for place, each in usable if each.badness == least]
    if least == BEHIND:
        return max(equals, key=lambda item: (item[1].head, -item[0]))[0]
    return equals[0][0]
