"""The options that may stand anywhere in the line: before the command, between its words, behind it.

Imports click and nothing else, as ``tree``. What they say is noted in click's ``meta``, which all contexts of a line share.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import click

_META = "adyton."


class Wishes(NamedTuple):
    """What was asked for: ``form`` is "json", "yaml" or "" (for people); ``node`` a profile's name, a URL or ""."""

    form: str = ""
    node: str = ""
    credentials: str = ""
    insecure: bool = False


def wishes() -> Wishes:
    """What this line asks for."""
    context = click.get_current_context(silent=True)
    meta = {} if context is None else context.meta
    return Wishes(**{name: meta[_META + name] for name in Wishes._fields if _META + name in meta})


def _note(name: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def note(ctx: click.Context, _parameter: click.Parameter, value: Any) -> None:
        if value:
            ctx.meta[_META + name] = value

    return note


def _note_form(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value and ctx.meta.setdefault(f"{_META}form", parameter.name) != parameter.name:
        raise click.UsageError("--json and --yaml exclude each other.", ctx)


def offered(what: str) -> Callable[[click.Context, click.Parameter, str], list[Any]]:
    """What a shell offers for a parameter: see the table in ``completing``."""

    def complete(ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[Any]:
        from adyton.cli import completing

        return completing.offers(ctx, what, incomplete)

    return complete


_HIDDEN: dict[str, Any] = {"hidden": True, "expose_value": False}

FORMS: tuple[click.Option, ...] = (
    click.Option(
        ["-j", "--json"], is_flag=True, expose_value=False, is_eager=True, callback=_note_form, help="JSON instead of tables."
    ),
    click.Option(
        ["--yaml"], is_flag=True, expose_value=False, is_eager=True, callback=_note_form, help="YAML instead of tables."
    ),
)
"""How the answer is written."""

NODES: tuple[click.Option, ...] = (
    click.Option(
        ["--node", "_node"],
        metavar="NAME|URL",
        expose_value=False,
        callback=_note("node"),
        shell_complete=offered("profiles"),
        help="Which node to ask: see `adyton profiles --help`.",
    ),
    # The names of later Chainlink versions.
    click.Option(["--remote-node-url", "_url"], metavar="URL", callback=_note("node"), **_HIDDEN),
    click.Option(["--admin-credentials-file", "_credentials"], metavar="FILE", callback=_note("credentials"), **_HIDDEN),
    click.Option(["--insecure-skip-verify", "_insecure"], is_flag=True, callback=_note("insecure"), **_HIDDEN),
)
"""Whom to ask, and as whom."""

EVERYWHERE = FORMS + NODES
_TAKES = {name: 1 if option.is_flag else 2 for option in EVERYWHERE for name in option.opts}


def leading(args: Sequence[str]) -> int:
    """How many of the first words are such options and their values."""
    count = 0
    while count < len(args):
        name, equals, _ = args[count].partition("=")
        if name not in _TAKES:
            return count
        count += 1 if equals else _TAKES[name]
    return min(count, len(args))
