"""The small Markdown of pages about errors as HTML: paragraphs, `code`, code blocks and lists; and links to what they name.

Everything is escaped first: nothing of a text becomes markup but what is made here.
"""

from __future__ import annotations

import re

from markupsafe import Markup, escape

from adyton.config import settings

_NAMES = frozenset(row.name for row in settings())
_WORD = re.compile(r"\bADY-[0-9]{4}\b|\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b")
_CODE = re.compile("`([^`]+)`")
_ITEM = re.compile(r"(?:[-*]|[0-9]+\.) +")


def html(text: str) -> Markup:
    """A text as HTML."""
    return Markup("\n").join(_block(block) for block in _blocks(text))


def line(text: str) -> Markup:
    """A text without paragraphs."""
    pieces = _CODE.split(text)
    return Markup("").join(
        Markup("<code>{}</code>").format(_linked(piece)) if index % 2 else _linked(piece) for index, piece in enumerate(pieces)
    )


def _blocks(text: str) -> list[str]:
    """Paragraphs, lists and fenced code, which may have empty lines."""
    blocks: list[str] = []
    for index, part in enumerate(re.split(r"^```.*\n?", text, flags=re.MULTILINE)):
        if index % 2:
            blocks.append(f"```{part}")
        else:
            blocks += [block.strip("\n") for block in re.split(r"\n\s*\n", part) if block.strip()]
    return blocks


def _block(block: str) -> Markup:
    if block.startswith("```"):
        return Markup('<pre class="block" tabindex="0"><code>{}</code></pre>').format(block[3:].rstrip("\n"))
    lines = block.split("\n")
    if not _ITEM.match(lines[0]):
        return Markup("<p>{}</p>").format(line(" ".join(lines)))
    items: list[str] = []
    for each in lines:
        if _ITEM.match(each):
            items.append(_ITEM.sub("", each, count=1))
        else:
            items[-1] += f" {each.strip()}"
    kind = "ol" if lines[0][0].isdigit() else "ul"
    inside = Markup("").join(Markup("<li>{}</li>").format(line(item)) for item in items)
    return Markup(f"<{kind}>{{}}</{kind}>").format(inside)  # noqa: S704 - one of two names


def _linked(text: str) -> Markup:
    """Names of settings, and codes of errors, lead to their pages."""
    made, end = Markup(""), 0
    for found in _WORD.finditer(text):
        word = found[0]
        where = f"/errors/{word}" if word.startswith("ADY-") else f"/config?q={word}" if word in _NAMES else ""
        if where:
            made += escape(text[end : found.start()]) + Markup('<a href="{}">{}</a>').format(where, word)
            end = found.end()
    return made + escape(text[end:])
