"""A simulated external adapter: it answers at once, later, twice, too late, with an error, with nonsense, or never.

How it treats a run is decided when the run's first question comes, and stays so: a run that asks again after a crash is treated
in the same manner, and each question that is to be answered later gets an answer of its own. Which answer was taken can be read
from the run: each carries a number.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from enum import StrEnum
from typing import Any, NamedTuple

from adyton.domain.errors import NotFound, StorageUnavailable
from adyton.domain.exchanges import Failure
from adyton.ports import HttpFailure, HttpRequest
from adyton.services import callbacks
from adyton.sim.entropy import stream
from adyton.sim.http import Answer, Slow, ok
from adyton.sim.loop import OWNER
from adyton.sim.world import NoAnswer, World

RESULT = "165.42"
"""What it answers, whoever asks."""
DEADLINE = 600.0
"""Seconds that a node in these stories waits for it."""
SAID = "said"
"""The key under which an answer has its number."""
AGAIN = 5.0
"""Seconds between two tries to give a late answer."""


class Manner(StrEnum):
    """How a run is treated."""

    AT_ONCE = "at once"
    SLOWLY = "at once, and slowly"
    LATER = "later"
    QUICKLY = "later, and faster than the node can store that"
    TWICE = "later, and twice"
    LATER_ERROR = "later, and it is an error"
    ERROR = "an error at once"
    NONSENSE = "nonsense"
    REFUSED = "nobody listens"
    TOO_LATE = "after the deadline"
    NEVER = "never"


USUAL = (Manner.AT_ONCE, Manner.SLOWLY, Manner.LATER, Manner.LATER, Manner.LATER, Manner.QUICKLY, Manner.TWICE)
GOOD = frozenset(USUAL)
"""The manners in which a run gets what it asked for."""


class Taken(NamedTuple):
    """A late answer that the node took, or may have taken."""

    number: int
    sure: bool


class SimulatedBridge:
    """One bridge: its route, what it was asked, and what the node made of its late answers."""

    def __init__(self, seed: int | str, world: World, name: str, *, spoilt: float = 0.25) -> None:
        self.name = name
        self.url = f"http://{name}.example/ask"
        self.token = ""
        """What it proves itself with; known once an operator has made the bridge."""
        self.manners: dict[str, Manner] = {}
        self.questions: dict[str, int] = defaultdict(int)
        self.taken: dict[str, list[Taken]] = defaultdict(list)
        self._world = world
        self._spoilt = spoilt
        self._random = stream(seed, f"bridge {name}")
        self._numbers = 0
        self._late: set[asyncio.Task[None]] = set()
        world.http.route(self.url, self._answer)

    def manner_of(self, run_id: str) -> Manner:
        """How it treats a run."""
        if run_id not in self.manners:
            bad = self._random.random() < self._spoilt
            self.manners[run_id] = self._random.choice([each for each in Manner if each not in GOOD] if bad else USUAL)
        return self.manners[run_id]

    async def stop(self) -> None:
        """Give no more late answers."""
        for task in self._late:
            task.cancel()
        await asyncio.gather(*self._late, return_exceptions=True)

    @property
    def busy(self) -> bool:
        """Whether a late answer is still to be given."""
        return any(not task.done() for task in self._late)

    def _answer(self, request: HttpRequest) -> Answer:
        asked: dict[str, Any] = json.loads(request.body or b"{}")
        run_id: str = asked["id"]
        self.questions[run_id] += 1
        manner = self.manner_of(run_id)
        match manner:
            case Manner.AT_ONCE:
                return ok(self._said())
            case Manner.SLOWLY:
                return Slow(self._random.uniform(1.0, 14.0), ok(self._said()))
            case Manner.ERROR:
                return ok('{"error": "the source is closed today"}')
            case Manner.NONSENSE:
                return ok(self._random.choice(("<html>", "[", '{"data": ', "7", '{"error": 7}')))
            case Manner.REFUSED:
                return HttpFailure("connection refused", retriable=True, kind=Failure.REFUSED)
            case Manner.NEVER:
                return ok('{"pending": true}')
            case _:
                self._promise(run_id, manner)
                return ok('{"pending": true}')

    def _said(self, *, error: bool = False) -> str:
        self._numbers += 1
        if error:
            return json.dumps({"error": "the source was closed", "data": {SAID: self._numbers}})
        return json.dumps({"data": {"result": RESULT, SAID: self._numbers}})

    def _promise(self, run_id: str, manner: Manner) -> None:
        """Give the answer later, whoever lives and dies meanwhile."""
        for _ in range(2 if manner is Manner.TWICE else 1):
            body = self._said(error=manner is Manner.LATER_ERROR)
            giving = self._give(run_id, self._delay(manner), self._numbers, body)
            token = OWNER.set(None)  # not the node's: it outlives it
            try:
                task = asyncio.ensure_future(giving)
            finally:
                OWNER.reset(token)
            self._late.add(task)

    def _delay(self, manner: Manner) -> float:
        if manner is Manner.TOO_LATE:
            return DEADLINE + self._random.uniform(60, 300)
        return 0.0 if manner is Manner.QUICKLY else self._random.choice((0.5, 20.0, 120.0)) * self._random.random()

    async def _give(self, run_id: str, delay: float, number: int, body: str) -> None:
        """Until the node has taken or refused it: an adapter that hears nothing cannot know whether it was heard."""
        world, unsure = self._world, False
        await world.clock.sleep(delay)
        while True:
            try:
                await world.ask(lambda node: callbacks.resume(node.services, run_id, self.token, body.encode()))
            except (NoAnswer, StorageUnavailable):
                unsure = True
                await world.clock.sleep(AGAIN)
            except (callbacks.NotPending, NotFound):
                break
            else:
                unsure = False
                self.taken[run_id].append(Taken(number, sure=True))
                break
        if unsure:
            self.taken[run_id].append(Taken(number, sure=False))
        world.trace.note("bridge", f"{self.name} {run_id} answer {number}: {self.taken[run_id]}")
