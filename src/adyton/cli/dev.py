"""``adyton dev``: a local chain, the official contracts, a price source and a node, to play with; and the demo."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from adyton.cli.tree import CONTEXT, Failure
from adyton.dev.report import Report
from adyton.dev.world import Real
from adyton.domain.errors import AdytonError
from adyton.ports import HttpFailure
from adyton.system.clock import SystemClock
from adyton.system.entropy import SystemEntropy
from adyton.system.http import AiohttpTransport

T = TypeVar("T")
STOPPED = 130


@click.group("dev", invoke_without_command=True, context_settings=CONTEXT)
@click.option("--faults", metavar="SEED", help="Let the node's connections to chain and price source break now and then.")
@click.pass_context
def dev(ctx: click.Context, faults: str | None) -> None:
    """A local chain, contracts and a node to play with; they stay up until Ctrl-C.

    Works in a checkout of Adyton after `make setup`.
    """
    if ctx.invoked_subcommand is None:
        from adyton.dev import playground

        _play(lambda report, real: playground.stay_up(report, real, command=sys.argv[0], faults=faults))


@dev.command("demo")
def demo() -> None:
    """Play one request from the contract to the confirmed answer, then take everything down."""
    from adyton.dev import demo as play

    with tempfile.TemporaryDirectory(prefix="adyton-demo-") as directory:
        right = _play(lambda report, real: play.run(Path(directory), report, real))
    if not right:
        raise click.exceptions.Exit(1)


@dev.command("request")
@click.option("--job", metavar="JOBID", help="The job to ask for; else the one that came with the world.")
@click.option("--url", metavar="URL", help="What the job shall fetch, if it names no address itself.")
@click.option("--path", metavar="KEY[,KEY...]", default="USD", show_default=True, help="Where the value is in the answer.")
@click.option("--times", metavar="NUMBER", type=int, default=100, show_default=True, help="What to multiply it with.")
def request(job: str | None, url: str | None, path: str, times: int) -> None:
    """Send a request to the world that `adyton dev` keeps up, and wait for its answer."""
    from adyton.dev import playground

    parameters: dict[str, Any] = ({"get": url} if url else {}) | {"path": path.split(","), "times": times}
    _play(lambda report, real: playground.request(report, real, parameters=parameters, job_id=job))


def _play(scene: Callable[[Report, Real], Awaitable[T]]) -> T:
    """Run a scene in the real world. SIGTERM and SIGHUP end it as Ctrl-C does: everything it started is stopped."""

    async def played() -> T:
        me = asyncio.current_task()
        assert me is not None
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, _end, me)
        clock = SystemClock()
        report = Report(_write, clock=clock, colour=sys.stdout.isatty() and "NO_COLOR" not in os.environ)
        async with AiohttpTransport() as http:
            return await scene(report, Real(clock=clock, entropy=SystemEntropy(), http=http))

    try:
        return asyncio.run(played())
    except asyncio.CancelledError:
        click.echo("\nStopped; nothing is left running.", err=True)
        raise click.exceptions.Exit(STOPPED) from None
    except AdytonError as fault:
        raise Failure(str(fault), code=fault.error_code) from None
    except HttpFailure as failure:
        raise Failure(str(failure), code="ADY-0400") from None


def _end(scene: asyncio.Task[Any]) -> None:
    """A second Ctrl-C must not interrupt the taking down."""
    if not scene.cancelling():
        scene.cancel()


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
