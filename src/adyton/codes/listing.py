"""docs/errors.md, from the pages."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from adyton.codes import known, title

AREAS = (
    (1, "What every part can say"),
    (100, "Users, sessions, tokens"),
    (150, "Lists and pages"),
    (170, "Requests to the API"),
    (200, "Jobs"),
    (250, "What a job says"),
    (300, "Runs"),
    (400, "Tasks while they run"),
    (450, "Bridges"),
    (500, "External initiators and service agreements"),
    (600, "The chain, its logs, and requests"),
    (700, "Transactions, gas, payments"),
    (800, "Keys"),
    (900, "The database"),
    (950, "Settings and the start"),
    (1000, "Who may connect"),
    (1050, "The edge of the API"),
    (1100, "The command line"),
    (1200, "Live updates and the explorer"),
    (1250, "Ledger, simulation, development"),
    (1300, "Statistics, alerts, and what the pages do"),
    (1400, ""),
)
"""Where each area begins, and the heading above it."""

_HEAD = """# Errors

Written by `python -m adyton.codes`; do not edit it by hand.

Each error has a code. It stands beside the error in the API (`code`), on the command line and in the log.
`adyton explain ADY-0312` prints the page of a code, with the cause and the cure; it needs no node and no network.
"""


def area(code: str) -> str:
    """The heading that a code stands under."""
    return next(heading for first, heading in reversed(AREAS) if first <= int(code[-4:]))


def listing() -> str:
    """Every code with its title, below the heading of its area; a link leads to the page."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield _HEAD.rstrip("\n")
    codes = known()
    for (first, heading), (after, _) in pairwise(AREAS):
        own = [code for code in codes if first <= int(code[-4:]) < after]
        if own:
            yield f"\n## {heading}\n\n| code | what is wrong |\n|---|---|"
        for code in own:
            yield f"| [{code}](../src/adyton/codes/{code}.md) | {title(code)} |"
