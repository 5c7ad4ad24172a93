"""``adyton sim``: a whole node in a simulated world, with everything that can go wrong, by the number of its seed."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import click
import msgspec

from adyton.cli.output import write_json
from adyton.cli.tree import CONTEXT, Failure, wants_json
from adyton.config.parsers import duration
from adyton.sim.campaign import Figures, Plan, Result, play, results
from adyton.sim.episodes import ALL, FAULTS, named

SHOWN = 20
"""Failing seeds that are told in full."""


class Seeds(NamedTuple):
    """A range of seeds, both ends included; without a last one it never ends."""

    first: int
    last: int | None

    def numbers(self) -> Iterable[int]:
        """The seeds in their order."""
        return itertools.count(self.first) if self.last is None else range(self.first, self.last + 1)


class SeedRange(click.ParamType[Seeds]):
    """``1-300``, or ``1-`` for ever."""

    name = "seeds"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Seeds:
        """Read the range."""
        found = re.fullmatch(r"(\d+)-(\d*)", str(value))
        if found is None or (found[2] and int(found[2]) < int(found[1])):
            self.fail(f"{value!r} is not a range of seeds; write 1-300, or 1- to go on until Ctrl-C", param, ctx)
        return Seeds(int(found[1]), int(found[2]) if found[2] else None)


class FaultNames(click.ParamType[frozenset[str]]):
    """Names with commas between them, ``all`` or ``none``."""

    name = "faults"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> frozenset[str]:
        """Read the names."""
        if isinstance(value, frozenset):
            return value
        if value in {"all", "none"}:
            return ALL if value == "all" else frozenset()
        try:
            return named(str(value).split(","))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Duration(click.ParamType[float]):
    """``90s``, ``10m``, ``2h``."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read it, as seconds."""
        try:
            return duration(str(value))
        except ValueError as error:
            self.fail(f"{value!r} is not a duration: {error}", param, ctx)


@click.command("sim", context_settings=CONTEXT)
@click.option("--seed", metavar="SEED", help="Play the story of this seed; any text.")
@click.option("--seeds", type=SeedRange(), metavar="FIRST-[LAST]", help="Play many; without LAST until Ctrl-C.")
@click.option("--for", "longest", type=Duration(), metavar="DURATION", help="Begin no new seed after this long, such as 10m.")
@click.option(
    "--faults",
    type=FaultNames(),
    default="all",
    show_default=True,
    metavar="NAMES|all|none",
    help="What may go wrong: see --list.",
)
@click.option(
    "--depth", type=click.IntRange(1, 50), default=5, show_default=True, help="Blocks that a reorganisation replaces, at most."
)
@click.option("--requests", type=click.IntRange(1), default=3, show_default=True, help="Requests in each story.")
@click.option(
    "--engine", is_flag=True, help="Beside the requests: schedules, logs, clients, bridges and sleeps, each exactly once."
)
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="Processes that play at the same time.")
@click.option("--trace", is_flag=True, help="Print everything that happens. Only with --seed.")
@click.option("--list", "listing", is_flag=True, help="Print the names of the faults.")
def sim(
    seed: str | None,
    seeds: Seeds | None,
    longest: float | None,
    faults: frozenset[str],
    depth: int,
    requests: int,
    jobs: int,
    *,
    engine: bool,
    trace: bool,
    listing: bool,
) -> None:
    """A whole node in a simulated world, where everything goes wrong that can: each request must come to exactly one end.

    A seed decides everything. Fails when a story does, with the command that plays it again.
    """
    plan = Plan(faults=faults, depth=depth, requests=requests, engine=engine)
    if listing:
        for name, fault in FAULTS.items():
            click.echo(f"{name:<20}{fault.words}")
    elif seed is not None and seeds is None:
        _one(plan, seed, trace=trace)
    elif seeds is not None and seed is None and not trace:
        _many(plan, seeds, longest=longest, jobs=jobs)
    else:
        raise click.UsageError("give either --seed (with or without --trace) or --seeds")


def _one(plan: Plan, seed: str, *, trace: bool) -> None:
    figures = Figures()
    result, lines = play(plan, seed)
    figures.add(result)
    if trace:
        click.echo("\n".join(lines))
    # The trace alone goes where it can be compared byte for byte.
    _show(figures, err=trace)
    click.echo(f"trace {result.digest}", err=trace or wants_json())
    if result.failure is not None:
        raise Failure(f"seed {seed}: {result.failure}", f"Play it again: {plan.replay(seed)} --trace", code="ADY-1256")


def _many(plan: Plan, seeds: Seeds, *, longest: float | None, jobs: int) -> None:
    figures = Figures()
    try:
        for result in results(plan, _until(figures, seeds.numbers(), longest), jobs=jobs):
            figures.add(result)
            if result.failure is not None:
                click.echo(f"seed {result.seed}: {result.failure}", err=True)
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
    _show(figures)
    if figures.failures:
        raise Failure(f"{len(figures.failures)} seeds failed.", "\n".join(_advice(plan, figures.failures)), code="ADY-1256")


def _show(figures: Figures, *, err: bool = False) -> None:
    if wants_json() and not err:
        write_json(msgspec.json.encode(figures.facts()))
    else:
        click.echo(figures.text(), err=err)


def _until(figures: Figures, numbers: Iterable[int], longest: float | None) -> Iterator[int]:
    for number in numbers:
        if longest is not None and figures.real > longest:
            return
        yield number


def _advice(plan: Plan, failures: list[Result]) -> Iterator[str]:
    for result in sorted(failures, key=lambda each: int(each.seed))[:SHOWN]:
        yield f"{plan.replay(result.seed)}    # {result.failure}"
    if len(failures) > SHOWN:
        yield f"and {len(failures) - SHOWN} more"
