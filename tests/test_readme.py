"""What README.md and its neighbours name is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
PAGES = sorted([*CHECKOUT.glob("*.md"), *(CHECKOUT / "docs").rglob("*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")


def targets() -> set[str]:
    """The targets of the Makefile."""
    return set(re.findall(r"^([a-z]+):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text()) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_make_targets_that_a_page_names_exist(page: Path) -> None:
    named = set(re.findall(r"(?:`|^)make ([a-z]+)", page.read_text(), re.MULTILINE))
    assert named <= targets()


def test_every_target_says_what_it_does() -> None:
    described = set(re.findall(r"^([a-z]+):[^#\n]*## \S", (CHECKOUT / "Makefile").read_text(), re.MULTILINE))
    assert described == targets()


def test_ci_runs_what_the_readme_names_as_the_test_command() -> None:
    test_section = (CHECKOUT / "README.md").read_text().partition("## Test it")[2]
    assert "```sh\nmake check\n```" in test_section
    assert "\nmake check " in (CHECKOUT / ".ci" / "run").read_text()


@pytest.mark.parametrize(
    "lock", ["requirements.lock", "tools/nodejs.lock", "tools/npm/package-lock.json", "ui/package-lock.json"]
)
def test_lock_files_name_no_addresses(lock: str) -> None:
    assert "://" not in (CHECKOUT / lock).read_text()
