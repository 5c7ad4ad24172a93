"""``adyton config``, and the settings as every command reads them."""

from __future__ import annotations

import os

import click
import msgspec

from adyton.cli.output import write_json, write_table
from adyton.cli.tree import Failure, wants_json
from adyton.config import Config, settings
from adyton.domain.errors import Invalid


def load() -> Config:
    """The settings of this process. Raises Failure with every fault."""
    try:
        return Config.load(os.environ)
    except Invalid as invalid:
        raise bad(invalid) from None


def bad(invalid: Invalid) -> Failure:
    """The message about wrong settings, a line for each."""
    return Failure(
        "\n".join(fault.detail for fault in invalid.faults),
        "Correct the settings above and start again.",
        code=invalid.error_code,
    )


def show() -> None:
    """Every setting, its value (secrets masked) and where it came from."""
    config = load()
    rows = [(row.name, config.shown(row.field), config.sources[row.field]) for row in settings()]
    if wants_json():
        write_json(msgspec.json.encode([{"name": name, "value": value, "source": source} for name, value, source in rows]))
    else:
        write_table("Configuration", ("Setting", "Value", "Source"), rows, wrap=None)
    for warning in config.warnings:
        click.echo(f"Warning: {warning}", err=True)
