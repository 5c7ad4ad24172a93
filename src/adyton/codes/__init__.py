"""The pages about errors: one for each code, with the cause and the cure. They stand beside this module, ``ADY-0312.md``, in
the package: reading one needs neither a network nor settings.

::

    # ADY-0312: An HTTP source answered with an error
    Where: a task of type `httpget` or `httppost`

    ## Cause
    …
    ## Cure
    …
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

PAGES = Path(__file__).parent
_ASKED = re.compile(r"(?:ADY-?)?([0-9]{1,4})", re.IGNORECASE)
_TITLE = re.compile(r"# (ADY-[0-9]{4}): (.+)")
_LINES = re.compile(r"```|[-*] |[0-9]+\. ")
"""How a list or a block of code begins."""
_NEAR = 3


class UnknownCode(LookupError):
    """No page has that code; ``nearest`` are the codes that come close to it."""

    def __init__(self, code: str, nearest: Sequence[str]) -> None:
        super().__init__(f"There is no error {code}.")
        self.code = code
        self.nearest = tuple(nearest)


class Page(NamedTuple):
    """What a page says; ``where`` is "" when its title says it already. The text is Markdown."""

    code: str
    title: str
    where: str
    cause: str
    cure: str


def asked(what: str) -> str | None:
    """The code that a person means: ``ADY-0312``, ``ady0312`` and ``312`` are one. None when it cannot be a code."""
    found = _ASKED.fullmatch(what.strip())
    return None if found is None else f"ADY-{int(found.group(1)):04d}"


def known() -> list[str]:
    """Every code that has a page, in order."""
    return sorted(file.stem for file in PAGES.glob("ADY-*.md"))


def text(code: str) -> str:
    """A page as it is written. Raises UnknownCode."""
    try:
        return (PAGES / f"{code}.md").read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UnknownCode(code, nearest(code)) from None


def page(code: str) -> Page:
    """A page, taken apart; a paragraph is one line. Raises UnknownCode, and ValueError when the page has another form."""
    head, _, rest = text(code).partition("\n## Cause\n")
    cause, _, cure = rest.partition("\n## Cure\n")
    title, _, where = head.strip().partition("\n")
    where = where.strip().removeprefix("Where: ")
    found = _TITLE.fullmatch(title)
    if found is None or found.group(1) != code or not cause.strip() or not cure.strip():
        raise ValueError(f"{code}.md: the title, the cause or the cure is not where it belongs")
    return Page(code, found.group(2), _unbroken(where), _unbroken(cause), _unbroken(cure))


def _unbroken(text: str) -> str:
    """Each paragraph on one line, an empty line between two. Lists and code keep their lines."""
    return "\n\n".join(
        paragraph if _LINES.match(paragraph) else " ".join(paragraph.split()) for paragraph in text.strip().split("\n\n")
    )


def title(code: str) -> str:
    """The line that a list shows of a page. Raises UnknownCode."""
    first = text(code).partition("\n")[0]
    return first.partition(": ")[2]


def nearest(code: str) -> list[str]:
    """The codes whose numbers are nearest, in order: a digit was mistyped, or the code is of another version."""
    number = int(code[-4:])
    return sorted(sorted(known(), key=lambda one: abs(int(one[-4:]) - number))[:_NEAR])
