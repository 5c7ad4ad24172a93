"""Files that nobody but their owner may read: sessions, secrets, the list of nodes."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from adyton.cli.files import unreadable
from adyton.cli.tree import Failure

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def make_directory(path: Path) -> None:
    """Make a directory, and those above that are missing, for this user only. Raises OSError."""
    for missing in reversed([each for each in (path, *path.parents) if not each.exists()]):
        missing.mkdir(mode=0o700, exist_ok=True)


def write(path: Path, text: str) -> None:
    """Write a file beside its place and move it there: it is the old one or the new one, whole, and never another's to read.
    Directories that are missing are made, mode 0700. Raises OSError."""
    make_directory(path.parent)
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")  # another process may write the same file now
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def tighten(path: Path) -> None:
    """Take a file's rights from others, if it is this user's."""
    with suppress(OSError):
        if path.stat().st_mode & _OTHERS:
            path.chmod(0o600)


def read(path: Path) -> str:
    """The text of a file that is its owner's alone. Raises Failure for any other, with what to type."""
    try:
        with path.open(encoding="utf-8") as file:
            found = os.fstat(file.fileno())
            if found.st_mode & _OTHERS:
                mode = stat.S_IMODE(found.st_mode)
                raise Failure(
                    f"{path} can be read or written by others (mode {mode:04o}); it holds what nobody else may know.",
                    f"Type: chmod {'700' if stat.S_ISDIR(found.st_mode) else '600'} {path}",
                    code="ADY-1104",
                )
            return file.read()
    except (OSError, UnicodeError) as problem:
        raise Failure(unreadable(path, problem), code="ADY-1105") from None
