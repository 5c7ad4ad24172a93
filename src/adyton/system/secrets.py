"""The operator's secrets: files in a directory, or the environment.

A value is read each time it is used, so that it can be changed without a restart; what was read is hidden in log lines from
then on.
"""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Collection, Mapping
from pathlib import Path

from adyton.domain import secrets
from adyton.domain.errors import Fault, Invalid
from adyton.system import hidden

_LARGEST = 64 * 1024
_PREFIX = "ADYTON_SECRET_"


class SystemSecrets:
    """Implements ``Secrets``: the file ``directory/NAME``, else the variable ``ADYTON_SECRET_NAME`` (also with NAME in capitals
    and underscores for its dots and dashes)."""

    def __init__(self, directory: Path, environ: Mapping[str, str] | None = None) -> None:
        self._directory = directory
        self._environ = os.environ if environ is None else environ

    async def values(self, names: Collection[str]) -> dict[str, str]:
        """The value of each name. Raises Invalid with a fault for each that cannot be read."""
        if not names:
            return {}
        found, faults = await asyncio.to_thread(self._read_all, list(names))
        hidden.hide(found.values())
        if faults:
            raise Invalid(*faults)
        return found

    def _read_all(self, names: list[str]) -> tuple[dict[str, str], list[Fault]]:
        found: dict[str, str] = {}
        faults: list[Fault] = []
        for name in names:
            try:
                found[name] = self._read(name)
            except ValueError as fault:
                faults.append(Fault(f"secret {name[:100]!r}: {fault}", code="ADY-0289"))
        return found, faults

    def _read(self, name: str) -> str:
        if not secrets.is_name(name):
            raise ValueError("a name has at most 100 letters, digits, dots, dashes and underscores, no dot or dash first")
        file = self._directory / name
        value = _of_file(file)
        if value is None:
            value = self._environ.get(_PREFIX + name) or self._environ.get(_variable(name))
        if value is None:
            raise ValueError(
                f"there is none: write it to the file {file}, which only the node's user may read (chmod 600), "
                f"or to the environment variable {_variable(name)}"
            )
        if len(value) < secrets.SHORTEST:
            raise ValueError(f"it has fewer than {secrets.SHORTEST} characters, too few to be found in what a source says")
        return value


def _variable(name: str) -> str:
    return _PREFIX + name.upper().replace("-", "_").replace(".", "_")


def _of_file(file: Path) -> str | None:
    """What the file holds, without the line break at its end; None when there is no file."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe must not hold the reader
    except FileNotFoundError:
        return None
    except OSError as problem:
        raise ValueError(f"the file {file} cannot be read: {problem.strerror}") from None
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise ValueError(f"{file} is not a file")
        if mode & 0o077:
            raise ValueError(f"the file {file} has mode {stat.S_IMODE(mode):04o}, so that others may use it: chmod 600 {file}")
        content = os.read(descriptor, _LARGEST + 1)
    finally:
        os.close(descriptor)
    if len(content) > _LARGEST:
        raise ValueError(f"the file {file} has more than {_LARGEST} bytes")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise ValueError(f"the file {file} is not UTF-8 text") from None
    return text.removesuffix("\n").removesuffix("\r")
