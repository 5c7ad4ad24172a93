"""``make bench``: says what machine this is, then runs every ``bench/*_bench.py``, or those whose names are given.

A bench is a script that prints its own figures; each runs in a process of its own, so that none warms another up.
"""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent


def machine() -> list[str]:
    """The machine, a line each: processor, memory, disk's sync, versions."""
    return [
        f"processor  {processor()}, {cores()} cores",
        f"memory     {memory()}",
        f"disk       {sync_time():.2f} ms to write and sync 4 KiB",
        f"system     {platform.system()} {platform.release()}",
        f"versions   Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}",
    ]


def processor() -> str:
    """Its name, where the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def cores() -> int | None:
    """Those that we may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def memory() -> str:
    """All of it, in GiB."""
    return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"


def sync_time(rounds: int = 100) -> float:
    """Median milliseconds of a small durable write: what a commit costs at least."""
    path = HERE / ".sync"
    times = []
    try:
        with path.open("wb", buffering=0) as file:
            for _ in range(rounds):
                began = time.perf_counter()
                file.write(b"\0" * 4096)
                os.fsync(file.fileno())
                times.append(time.perf_counter() - began)
    finally:
        path.unlink(missing_ok=True)
    return sorted(times)[rounds // 2] * 1000


def main(wanted: list[str]) -> int:
    """Run the benches; the exit status is non-zero if one failed."""
    print("\n".join(machine()), flush=True)
    found = sorted(HERE.glob("*_bench.py"))
    chosen = [bench for bench in found if not wanted or bench.stem.removesuffix("_bench") in wanted]
    unknown = set(wanted) - {bench.stem.removesuffix("_bench") for bench in chosen}
    if unknown:
        print(f"no such bench: {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    failed = 0
    for bench in chosen:
        print(f"\n{bench.stem.removesuffix('_bench')}", flush=True)
        failed |= subprocess.run([sys.executable, bench], check=False).returncode != 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
