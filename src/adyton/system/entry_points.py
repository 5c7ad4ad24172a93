"""Which Python adapters the installed packages bring."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable

import structlog

from adyton.domain.python_adapters import Installed, task_type
from adyton.sdk import GROUP

log = structlog.get_logger(__name__)


def installed() -> list[Installed]:
    """The adapters behind entry points of the group ``adyton.adapters``, by name. One whose name a package before it in the
    alphabet provides too, or cannot be a task type, is left out with a warning. Nothing is imported."""
    return chosen(importlib.metadata.entry_points(group=GROUP))


def chosen(entries: Iterable[importlib.metadata.EntryPoint]) -> list[Installed]:
    """The entry points that become task types."""
    found: dict[str, Installed] = {}
    for entry in sorted(set(entries), key=lambda entry: (_package(entry), entry.name)):
        name = task_type(entry.name)
        if name is None:
            _warn(entry, "its name has other characters than letters, digits, - and _")
        elif name in found:
            _warn(entry, f"the package {found[name].package} has one of the same name")
        else:
            found[name] = Installed(name=name, package=_package(entry), version=_version(entry), target=entry.value)
    return [found[name] for name in sorted(found)]


def _warn(entry: importlib.metadata.EntryPoint, because: str) -> None:
    log.warning("an installed Python adapter is not used", adapter=entry.name, package=_package(entry), because=because)


def _package(entry: importlib.metadata.EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else "unknown"


def _version(entry: importlib.metadata.EntryPoint) -> str:
    return entry.dist.version if entry.dist is not None else ""
