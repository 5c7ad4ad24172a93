"""docs/compatibility.md names every vector that does not hold as it stands, and no other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from support.compat_differences import AS_V0_6_2, DIFFERENT

PAGE = (Path(__file__).parents[2] / "docs" / "compatibility.md").read_text(encoding="utf-8")
NAMES = re.compile(r"\b([a-z0-9]+(?:-[a-z0-9]+)*)-(\d{3}(?: \d{3})*)\b")
"""``multiply-020 023`` stands for multiply-020 and multiply-023."""


def named(text: str) -> Iterator[str]:
    for family, numbers in NAMES.findall(text):
        yield from (f"{family}-{number}" for number in numbers.split())


def rows(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("|")]


def test_the_page_names_the_vectors_that_do_not_hold_and_no_others() -> None:
    listed = [name for row in rows(PAGE) for name in named(row)]
    assert sorted(listed) == sorted({*DIFFERENT, *AS_V0_6_2})


def test_the_vectors_that_hold_with_the_switch_stand_beside_it() -> None:
    switched = [row for row in rows(PAGE) if "`NUMBERS=v0.6.2`" in row]
    assert {name for row in switched for name in named(row)} == AS_V0_6_2
