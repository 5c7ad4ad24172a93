"""What a node asks of its own process: file modes, limits, and an end that comes even if something hangs."""

from __future__ import annotations

import os
import resource
import threading

FILES = 65536


def prepare() -> None:
    """New files are for this user only, connections may be many, and no core dump ever holds a key."""
    os.umask(0o077)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def end_within(seconds: float, status: int) -> None:
    """End the process with ``status`` after that time, whatever still runs. What is durable stays so, as after a crash."""
    timer = threading.Timer(seconds, os._exit, (status,))
    timer.daemon = True
    timer.start()
