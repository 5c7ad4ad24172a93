"""What a node asks of its own process: file modes, limits, and an end that comes even if something hangs."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import resource
import sys
import threading
from pathlib import Path

FILES = 65536
_PR_SET_DUMPABLE = 4


def prepare() -> None:
    """New files are for this user only, connections may be many, and no core dump ever holds a key."""
    os.umask(0o077)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    _keep_to_itself()


def _keep_to_itself() -> None:
    """No other process of this user (a Python adapter, say) may look into this one's memory or environment, where keys and
    the settings' secrets are. Linux only; root always may."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def settle() -> None:
    """Say that what is in memory now stays: garbage is looked for among what comes later only. Else the program itself and
    every job are looked through again and again, 50 ms each time, in which nobody is answered."""
    gc.collect()
    gc.freeze()


def files_allowed() -> int:
    """How many files and connections this process may have open."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft


def memory() -> tuple[int, int]:
    """Bytes of memory that this process uses now, and the most that it has used; twice the latter where only that is told."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    with contextlib.suppress(OSError, IndexError, ValueError):
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize(), most
    return most, most


def end_within(seconds: float, status: int) -> None:
    """End the process with ``status`` after that time, whatever still runs. What is durable stays so, as after a crash."""
    timer = threading.Timer(seconds, os._exit, (status,))
    timer.daemon = True
    timer.start()
