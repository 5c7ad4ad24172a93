"""Metrics stand below the headings that docs/metrics.md has for them."""

from __future__ import annotations

import re
from pathlib import Path

from adyton.services.metric_list import GROUPS, group_of

PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"


def test_each_name_is_below_the_heading_that_the_page_has() -> None:
    sections = re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE)[1:]
    found = {
        name: section.partition("\n")[0]
        for section in sections
        for name in re.findall(
            r"`((?:adyton|process)_[a-z_]+)`", "\n".join(re.findall(r"^\| (`.+?) \|", section, re.MULTILINE))
        )
    }
    assert len(found) > 50
    assert {name: group_of(name) for name in found} == found
    assert set(found.values()) == {title for title, _ in GROUPS}
