"""``adyton node db``: the schema of the database, seen beside the node, or brought up to date before it starts."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import click
import msgspec

from adyton import __version__
from adyton.cli.output import write_json, write_table
from adyton.cli.progress import progress
from adyton.cli.settings import load
from adyton.cli.tree import wants_json
from adyton.config import Config
from adyton.storage.connect import open_database
from adyton.storage.schema import Schema, look
from adyton.system import logs
from adyton.system.clock import SystemClock


def version() -> None:
    """Print the schema's version, and the program's."""
    schema = _look(load())
    if wants_json():
        write_json(msgspec.json.encode({"version": schema.version, "known": schema.known}))
    else:
        click.echo(f"Schema {schema.version}; this program's is {schema.known}.")


def status() -> None:
    """List the migrations, those that were run and those to run."""
    schema = _look(load())
    rows = [(str(each.version), each.name, _when(each.at)) for each in schema.applied]
    rows += [(str(each.version), each.name, "pending") for each in schema.pending]
    if wants_json():
        keys = ("version", "name", "applied")
        write_json(msgspec.json.encode([dict(zip(keys, (int(row[0]), *row[1:]), strict=True)) for row in rows]))
    else:
        write_table("Migrations", ("Version", "Name", "Applied"), rows, wrap=None)


def migrate() -> None:
    """Run what is pending. The node must not run meanwhile: the database's lock is taken."""
    config = load()
    logs.configure(level="warn", json_console=False, file=None)
    with progress("Migrating the database"):
        asyncio.run(_migrate(config))
    schema = _look(config)
    click.echo(f"Schema {schema.version}: nothing is pending.")


async def _migrate(config: Config) -> None:
    """A crash in here leaves each migration whole or not begun."""
    database = await open_database(
        config.database_url, root=config.root, lock_timeout=config.database_timeout, clock=SystemClock(), version=__version__
    )
    await database.close()


def _look(config: Config) -> Schema:
    return asyncio.run(look(config.database_url, root=config.root, program=__version__))


def _when(microseconds: int) -> str:
    return datetime.fromtimestamp(microseconds // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
