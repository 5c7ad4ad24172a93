"""Many stories, and what they come to: figures, and the seeds that failed.

A story is decided by its plan and its seed, so a failed one is played again, byte for byte, by the command that ``replay``
gives.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from itertools import islice
from multiprocessing import get_context
from typing import Any

import msgspec

from adyton.sim.engine_story import EngineStory
from adyton.sim.episodes import ALL
from adyton.sim.loop import run
from adyton.sim.story import Story

LOST = ("lost", "not settled", "settled and unsettled", "stuck")
DOUBLED = ("doubled", "answered more than once")
OUTCOMES = ("answered", "cancelled", "refused", "reverted transactions")
"""Counts that say what the node did, not what was done to it."""

CHUNK = 5
"""Seeds that a process is given at once."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What the stories of a campaign have in common. ``depth``: how many blocks a reorganisation replaces at most;
    ``engine``: everything that starts runs and that runs wait for plays a part, not only requests."""

    faults: frozenset[str] = ALL
    depth: int = 5
    requests: int = 3
    engine: bool = False

    def story(self, seed: int | str) -> Story:
        """The story of a seed."""
        kind = EngineStory if self.engine else Story
        return kind(seed, faults=self.faults, depth=self.depth, requests=self.requests)

    def replay(self, seed: int | str) -> str:
        """The command that plays a seed again."""
        chosen = "all" if self.faults == ALL else ",".join(sorted(self.faults)) or "none"
        command = f"adyton sim --seed {seed} --faults {chosen} --depth {self.depth} --requests {self.requests}"
        return f"{command} --engine" if self.engine else command


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one seed. ``failure`` is the first thing that was wrong, or None; ``simulated`` is in seconds; ``digest``
    names the trace."""

    seed: int | str
    failure: str | None
    simulated: float
    requests: int
    counts: dict[str, int]
    digest: str


class Figures:
    """What a campaign has come to so far."""

    def __init__(self) -> None:
        self.seeds = 0
        self.simulated = 0.0
        self.requests = 0
        self.counts: dict[str, int] = {}
        self.failures: list[Result] = []
        self._began = time.perf_counter()

    def add(self, result: Result) -> None:
        """Count a story in."""
        self.seeds += 1
        self.simulated += result.simulated
        self.requests += result.requests
        for name, count in result.counts.items():
            self.counts[name] = self.counts.get(name, 0) + count
        if result.failure is not None:
            self.failures.append(result)

    @property
    def real(self) -> float:
        """Seconds since the campaign began."""
        return time.perf_counter() - self._began

    @property
    def injected(self) -> int:
        """Everything that was done to the node."""
        return sum(count for name, count in self.counts.items() if name not in OUTCOMES)

    @property
    def doubles(self) -> int:
        """Seeds in which a request was answered more than once."""
        return sum(result.failure is not None and result.failure.startswith(DOUBLED) for result in self.failures)

    @property
    def losses(self) -> int:
        """Seeds in which a request or a run came to no end."""
        return sum(result.failure is not None and result.failure.startswith(LOST) for result in self.failures)

    def facts(self) -> dict[str, Any]:
        """Everything as plain values, for programs."""
        return {
            "seeds": self.seeds,
            "simulatedHours": round(self.simulated / 3600, 2),
            "realSeconds": round(self.real, 2),
            "requests": self.requests,
            "faultsInjected": self.injected,
            "counts": dict(sorted(self.counts.items())),
            "losses": self.losses,
            "doubles": self.doubles,
            "failing": [{"seed": each.seed, "first": each.failure} for each in self.failures],
        }

    def text(self) -> str:
        """A table for a person to read."""
        rows = [
            ("seeds", f"{self.seeds:,}"),
            ("simulated hours", f"{self.simulated / 3600:,.1f}"),
            ("real seconds", f"{self.real:,.1f}"),
            ("simulated hours per real second", f"{self.simulated / 3600 / max(self.real, 0.001):,.2f}"),
            ("requests", f"{self.requests:,}"),
            ("faults injected", f"{self.injected:,}"),
            *((f"  {name}", f"{count:,}") for name, count in sorted(self.counts.items()) if name not in OUTCOMES),
            *((name, f"{self.counts.get(name, 0):,}") for name in OUTCOMES),
            ("losses", f"{self.losses:,}"),
            ("doubles", f"{self.doubles:,}"),
            ("failing seeds", f"{len(self.failures):,}"),
        ]
        return "\n".join(f"{name:<34}{figure:>12}" for name, figure in rows)


def play(plan: Plan, seed: int | str) -> tuple[Result, list[str]]:
    """Live through one seed: what became of it, and its trace. Whatever ends the story is its failure."""
    story = plan.story(seed)
    failure = None
    try:
        run(story.play())
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the seed's failure
        failure = _first_line(error)
    trace = story.trace
    result = Result(
        seed=seed,
        failure=failure,
        simulated=story.seconds,
        requests=len(story.asked),
        counts=story.counts,
        digest=trace.digest(),
    )
    return result, trace.lines


def _first_line(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    words = str(error).partition("\n")[0]
    return words if isinstance(error, AssertionError) and words else f"{type(error).__name__}: {words}"


def results(plan: Plan, seeds: Iterable[int | str], *, jobs: int = 1) -> Iterator[Result]:
    """The result of each seed, in the order in which they are done; with ``jobs`` above 1 in as many processes."""
    if jobs == 1:
        for seed in seeds:
            yield play(plan, seed)[0]
        return
    todo = iter(seeds)
    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_deaf)
    try:
        running = {pool.submit(_play_some, plan, chunk) for chunk in _chunks(todo, 2 * jobs)}
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield from future.result()
            running |= {pool.submit(_play_some, plan, chunk) for chunk in _chunks(todo, len(done))}
    finally:
        pool.shutdown(cancel_futures=True)


def _deaf() -> None:
    """Ctrl-C is for the process that counts; it stops the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _chunks(seeds: Iterator[int | str], count: int) -> Iterator[list[int | str]]:
    for _ in range(count):
        chunk = list(islice(seeds, CHUNK))
        if chunk:
            yield chunk


def _play_some(plan: Plan, seeds: list[int | str]) -> list[Result]:
    return [play(plan, seed)[0] for seed in seeds]
