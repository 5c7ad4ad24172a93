"""Watching the endpoints: how each stands, and when one must be looked at that says nothing by itself.

Notifications tell most of it for nothing. What they leave open is asked for: of an endpoint that stands by, now and then; of
all of them, when the one in use is silent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

import structlog

from adyton.ethereum.choice import BEHIND, FAILING, THROTTLED, Fault, Standing, choose
from adyton.ethereum.endpoint import Endpoint
from adyton.ethereum.endpoint_parts import Rules
from adyton.ports import Clock

TICK = 0.5
"""Seconds between looks at the watch."""
UNANSWERED = 2.0
"""Seconds that a call may wait, while none is answered, before the endpoint is asked whether it is there."""
BLOCKS_OF_SILENCE, LEAST_SILENCE = 1.5, 2.0
"""The time of so many blocks, or so many seconds, may pass without a head before others are asked for theirs."""
LASTING = 1.0
"""Seconds for which another endpoint must have been ahead: the same block reaches them one after the other."""
GRACE = 2.0
"""Seconds in which the preferred endpoint may connect after the start, before another one is taken."""
LEVEL = 1
"""Blocks that a preferred endpoint may be behind when it is to be asked again."""

log = structlog.get_logger(__name__)


class Pick(NamedTuple):
    """The endpoint that is to be asked, and why not the one before."""

    endpoint: Endpoint
    because: str


class Watch:
    """Knows how endpoints stand; they are given in the order of preference."""

    def __init__(self, endpoints: Sequence[Endpoint], *, rules: Rules, clock: Clock) -> None:
        self._endpoints = tuple(endpoints)
        self._rules = rules
        self._clock = clock
        self._began = clock.monotonic()
        self._active: Endpoint | None = None
        self._active_since = 0.0
        self._ahead: dict[Endpoint, float] = {}
        self._overtaken: float | None = None
        self._sound_since: dict[Endpoint, float] = {}
        self._looked_at: dict[Endpoint, float] = {}
        self._looks: dict[Endpoint, asyncio.Task[None]] = {}
        self._complained = ""

    # --- choosing ----------------------------------------------------------------------------------------------------

    def choose(self, active: Endpoint | None) -> Pick | None:
        """The endpoint that is to be asked now; None if none can be."""
        now = self._clock.monotonic()
        standings = [self._standing(each, now) for each in self._endpoints]
        place = None if active is None else self._endpoints.index(active)
        waiting = self._active is None and now - self._began < GRACE
        choice = choose(standings, place, waiting=waiting)
        if choice.place is None:
            return None
        self._complain(choice.place, standings[choice.place])
        return Pick(self._endpoints[choice.place], choice.because)

    def activated(self, endpoint: Endpoint) -> None:
        """This one is asked from now on."""
        self._active, self._active_since = endpoint, self._clock.monotonic()
        self._ahead.clear()
        self._overtaken = None

    def mute(self, endpoint: Endpoint) -> bool:
        """Whether it says so little that a new connection to it should be tried."""
        return endpoint.failing is not None or endpoint.height.age >= self._patience

    def saw(self, endpoint: Endpoint, number: int) -> None:
        """An endpoint has said how high it is."""
        highest = max(
            (each.height.number for each in self._endpoints if each.usable and each.height.number is not None), default=number
        )
        active = self._active
        if endpoint is not active:
            endpoint.behind = max(0, highest - number)
            if active is not None and active.usable and active.height.number is not None:
                self._compare(active, active.height.number, endpoint, number)
        elif number >= highest:
            endpoint.behind = 0
            self._ahead.clear()

    def _compare(self, active: Endpoint, height: int, other: Endpoint, number: int) -> None:
        """What another one says is fresh, what it said before may be old: so only then is the active one measured, and it is
        behind when it is found so twice."""
        if number - height <= self._rules.sync_threshold:
            self._ahead.pop(other, None)
            active.behind = 0 if not self._ahead else active.behind
        elif self._clock.monotonic() - self._ahead.setdefault(other, self._clock.monotonic()) >= LASTING:
            active.behind = number - height

    def _standing(self, endpoint: Endpoint, now: float) -> Standing:
        if not endpoint.usable:
            self._sound_since.pop(endpoint, None)
            return Standing(usable=False, tried=endpoint.tried.is_set())
        faults = tuple(self._faults(endpoint, now))
        if faults or endpoint.behind > LEVEL:
            self._sound_since.pop(endpoint, None)
        sound_since = self._sound_since.setdefault(endpoint, now)
        head = -1 if endpoint.height.number is None else endpoint.height.number
        return Standing(usable=True, faults=faults, head=head, sound_for=now - sound_since)

    def _faults(self, endpoint: Endpoint, now: float) -> list[Fault]:
        """What is wrong, worst first."""
        faults = []
        if endpoint.failing is not None:
            faults.append(Fault(FAILING, endpoint.failing))
        if endpoint.behind > self._rules.sync_threshold:
            faults.append(Fault(BEHIND, f"{endpoint.behind} blocks behind another one"))
        if endpoint is self._active and self._is_overtaken(endpoint, now):
            faults.append(Fault(BEHIND, f"no new block for {endpoint.height.age:.1f} s, and another one has some"))
        if endpoint.budget.exhausted:
            faults.append(Fault(THROTTLED, "it wants to be asked less often"))
        return faults

    def _is_overtaken(self, active: Endpoint, now: float) -> bool:
        known = [
            each.height.number
            for each in self._others
            if each.usable and each.failing is None and each.height.number is not None
        ]
        if not self._silent or active.height.number is None or not any(head > active.height.number for head in known):
            self._overtaken = None
            return False
        if self._overtaken is None:
            self._overtaken = now
        return now - self._overtaken >= LASTING

    def _complain(self, place: int, standing: Standing) -> None:
        """That an endpoint stays in use although something is wrong with it must be heard, once for each reason."""
        complaint = "" if not standing.faults else f"{place} {standing.faults[0].weight}"
        if complaint and complaint != self._complained:
            log.error(
                "an ethereum node stays in use although it should not: there is no better one",
                endpoint=self._endpoints[place].name,
                because=standing.faults[0].words,
                cure="see to it, or add another one to ETH_URL",
            )
        self._complained = complaint

    # --- looking -----------------------------------------------------------------------------------------------------

    async def run(self, decide: Callable[[], None]) -> None:
        """Look where it is needed, and have it decided what follows; for ever."""
        try:
            while True:
                await self._clock.sleep(TICK)
                for endpoint, gap in self._due():
                    self._look(endpoint, gap, decide)
                decide()
        finally:
            looks = set(self._looks.values())
            for look in looks:
                look.cancel()
            if looks:
                await asyncio.wait(looks)

    def _due(self) -> list[tuple[Endpoint, float]]:
        """Whom to look at, and how many seconds must have passed since the last look at them."""
        active = self._active
        if active is None or not active.usable:
            return []
        due = [(each, UNANSWERED) for each in self._others if each.height.number is None]
        due += [(each, self._rules.poll_interval) for each in self._others if each.height.unseen >= self._rules.poll_interval]
        due += [(each, LASTING) for each in self._ahead]
        if self._silent:
            # One that has shown no head yet may only have had none to tell of.
            asked = self._endpoints if active.height.number is None else self._others
            due += [(each, max(LASTING, self._patience / 3)) for each in asked]
        if active.failing is not None or active.tally.unanswered >= UNANSWERED:
            due += [(each, UNANSWERED) for each in (active, *self._others)]
        return due

    def _look(self, endpoint: Endpoint, gap: float, decide: Callable[[], None]) -> None:
        now = self._clock.monotonic()
        if not endpoint.usable or endpoint in self._looks or now - self._looked_at.get(endpoint, -gap) < gap:
            return
        self._looked_at[endpoint] = now
        self._looks[endpoint] = asyncio.create_task(self._looking(endpoint, decide))

    async def _looking(self, endpoint: Endpoint, decide: Callable[[], None]) -> None:
        try:
            await endpoint.look()
            decide()
        finally:
            del self._looks[endpoint]

    @property
    def _others(self) -> Sequence[Endpoint]:
        return [each for each in self._endpoints if each is not self._active]

    @property
    def _silent(self) -> bool:
        """Whether the one in use has shown no head for longer than blocks take."""
        if self._active is None:
            return False
        return min(self._active.height.age, self._clock.monotonic() - self._active_since) >= self._patience

    @property
    def _patience(self) -> float:
        """Seconds that may pass without a head."""
        known = [
            each.height.block_time for each in (self._active, *self._endpoints) if each is not None and each.height.block_time
        ]
        return max(LEAST_SILENCE, BLOCKS_OF_SILENCE * known[0]) if known else LEAST_SILENCE
