"""The process that ends those of Python adapters when the node is killed: ``python -I -S guard.py``, started by the node only.

They notice by themselves that the node is gone, unless an adapter holds the interpreter (an endless regular expression, for
example) or a package is being imported; and what they have started does not notice it. Each line that comes in is ``+`` or
``-`` and the number of a process group; when the node's end of the pipe closes, every group that is left is killed.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Iterable


def left(lines: Iterable[bytes]) -> set[int]:
    """The groups that were named and not taken back, once there are no more lines."""
    groups: set[int] = set()
    for line in lines:
        group = int(line[1:])
        if line.startswith(b"+"):
            groups.add(group)
        else:
            groups.discard(group)
    return groups


def main() -> None:
    """Wait for the end of the node."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):  # whoever stops a service may tell all its processes
        signal.signal(number, signal.SIG_IGN)
    for group in left(sys.stdin.buffer):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
