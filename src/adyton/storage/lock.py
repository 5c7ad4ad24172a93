"""One node at a time on an SQLite file. (PostgreSQL's lock lives in the writing session, see ``postgres``.)"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from adyton.domain.errors import Conflict, Refused
from adyton.ports import Clock

RETRY = 0.05
"""Seconds between two tries."""


class FileLock:
    """An exclusive ``flock`` on ``<database>.lock``, held until ``release`` or the end of the process, however it ends."""

    def __init__(self, database: Path) -> None:
        self.path = database.with_name(database.name + ".lock")
        self._file: int | None = None

    async def acquire(self, *, clock: Clock, timeout: float) -> None:
        """Take the lock, waiting up to ``timeout`` seconds (0: for ever).

        Raises Conflict, naming the file, when another process still holds it, and Refused when there can be no such file.
        """
        self._file = _open(self.path)
        deadline = clock.monotonic() + timeout if timeout > 0 else None
        while not _try(self._file):
            if deadline is not None and clock.monotonic() >= deadline:
                holder = _holder(self._file)
                self.release()
                raise Conflict(
                    f"file locking strategy timed out for {self.path}: another node{holder} uses this database; "
                    f"stop it, or choose another file with DATABASE_URL (waited {timeout:g} s, DATABASE_TIMEOUT)",
                    code="ADY-0908",
                )
            await clock.sleep(RETRY)
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, str(os.getpid()).encode(), 0)

    def release(self) -> None:
        """Give the lock back; may be called twice. The file stays: removing it would let two nodes lock two files."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Refused(f"cannot open the lock file {path}: {error.strerror}", code="ADY-0906") from error


def _try(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(file: int) -> str:
    holder = os.pread(file, 20, 0).decode("ascii", "replace").strip()
    return f" (process {holder})" if holder.isdecimal() else ""
