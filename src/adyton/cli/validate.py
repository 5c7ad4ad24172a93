"""``adyton node validate``: everything that a start would stumble over, without starting.

Nothing is changed, no lock is taken and no password is asked for, so it may run beside the node.
"""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from adyton import __version__
from adyton.cli.output import write_json, write_table
from adyton.cli.settings import load
from adyton.cli.tree import Failure, wants_json
from adyton.config import Config
from adyton.domain.errors import AdytonError, NotFound
from adyton.domain.evm import checksum
from adyton.keystore.files import claimed, key_files
from adyton.storage.connect import SqliteFile, parse
from adyton.storage.schema import look
from adyton.system import logs
from adyton.web.settings import listeners

_OK, _WARNING, _WRONG = "ok", "warning", "wrong"


class Finding(NamedTuple):
    """What was looked at, how it is, and what to do."""

    check: str
    status: str
    output: str


def run() -> None:
    """Print what was found. Raises Failure when something is wrong."""
    logs.configure(level="error", json_console=False, file=None)
    config = load()
    found = [finding for check in _CHECKS for finding in check(config)]
    if wants_json():
        write_json(msgspec.json.encode([finding._asdict() for finding in found]))
    else:
        write_table("Validation", ("Check", "Status", "Output"), found, wrap=120)
    wrong = sum(finding.status == _WRONG for finding in found)
    if wrong:
        raise Failure(f"{wrong} of {len(found)} checks failed.", "The node would not start, or not be safe.", code="ADY-1110")


def _settings(config: Config) -> Iterator[Finding]:
    """They could be read, or this would not be reached."""
    yield Finding("settings", _OK, f"{sum(source != 'default' for source in config.sources.values())} given")
    yield from (Finding("settings", _WARNING, warning) for warning in config.warnings)


def _ports(config: Config) -> Iterator[Finding]:
    try:
        where = listeners(config)
    except AdytonError as fault:
        yield Finding("listeners", _WRONG, str(fault))
        return
    ports = (f"{'HTTPS' if each.tls else 'HTTP'} on port {each.port}" for each in where)
    yield Finding("listeners", _OK, ", ".join(ports))


def _database(config: Config) -> Iterator[Finding]:
    try:
        schema = asyncio.run(look(config.database_url, root=config.root, program=__version__))
    except NotFound:
        yield Finding("database", _OK, "there is none yet; the first start makes it")
    except AdytonError as fault:
        yield Finding("database", _WRONG, str(fault))
    else:
        todo = f"; {len(schema.pending)} migrations are run at the next start" if schema.pending else ""
        yield Finding("database", _OK, f"schema {schema.version}{todo}")


def _keystore(config: Config) -> Iterator[Finding]:
    directory = config.root / "keys"
    files = key_files(directory)
    if not files:
        yield Finding("keystore", _OK, f"no key in {directory}; the first start makes one")
    for file in files:
        try:
            yield Finding("keystore", _OK, f"{checksum(claimed(file))} in {file.name}")
        except AdytonError as fault:
            yield Finding("keystore", _WRONG, str(fault))


def _modes(config: Config) -> Iterator[Finding]:
    """Files that hold what others must not know. What stands outside ROOT may be a group's, as certificates often are."""
    inside, outside = stat.S_IRWXG | stat.S_IRWXO, stat.S_IRWXO
    found = [
        (path, mode)
        for path in _private(config)
        if (mode := _mode(path)) & (inside if path.is_relative_to(config.root) else outside)
    ]
    for path, mode in found:
        right = "700" if path.is_dir() else "600"
        yield Finding("file modes", _WRONG, f"{path} is open to others (mode {mode:04o}); type:\nchmod {right} {path}")
    if not found:
        yield Finding("file modes", _OK, "nothing secret is open to others")


def _private(config: Config) -> Iterator[Path]:
    root = config.root
    target = parse(config.database_url, root=root)
    places = [root, root / "keys", *key_files(root / "keys"), root / "cookie", root / "log.jsonl", root / "nodes.toml"]
    places += [config.admin_credentials_file, config.tls_key_path]
    if isinstance(target, SqliteFile):
        places += [target.path.with_name(target.path.name + end) for end in ("", "-wal", "-shm")]
    yield from (place for place in places if place.exists())


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


_CHECKS: tuple[Callable[[Config], Iterator[Finding]], ...] = (_settings, _ports, _database, _keystore, _modes)
