"""Room on a disk."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path


class SystemDisk:
    """The disk that a directory is on (``ports.Disk``)."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def free(self) -> int | None:
        """Bytes that the node may still write; None when the system does not say. Asked in a thread: a disk over the network
        can hang."""
        return await asyncio.to_thread(self._free)

    def _free(self) -> int | None:
        try:
            return shutil.disk_usage(self._directory).free
        except OSError:
            return None
