"""How much room a text takes on a terminal, and how it breaks into lines.

A terminal gives a sign none, one or two columns: marks that combine with the sign before them take none, East Asian wide signs
and emoji two. What joins into one picture (a family, a flag, a skin tone) is one emoji, as current terminals draw it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import IntEnum
from functools import cache

_CONTROL = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)
"""Signs that move the cursor, change the direction of writing, or cannot be seen."""
_JOINER, _AS_EMOJI = "\u200d", "\ufe0f"
_SKIN = range(0x1F3FB, 0x1F400)
_FLAG = range(0x1F1E6, 0x1F200)
_SOFT = re.compile(r"(?<=[,;])(?=.)|(?<=[a-z]_)(?=[a-z])|(?<=\d)(?=T\d\d:)")
"""Where a long word may break without harm to who reads or copies it: JSON, a status, a time."""


class Break(IntEnum):
    """Where a line may break, each kind including those before it."""

    BLANKS = 0
    SOFT = 1
    ANYWHERE = 2


def clean(text: str) -> str:
    """A text without anything that could move the cursor, change the direction of writing, or hide."""
    return _CONTROL.sub("�", text)


def escaped(text: str, *, yaml: bool = False) -> str:
    """JSON or YAML in which such signs are written by their numbers: they can only stand inside texts there."""
    return _CONTROL.sub(lambda found: found[0] if found[0] == "\n" else _number(ord(found[0]), yaml=yaml), text)


def width(text: str) -> int:
    """Columns that a line takes."""
    return len(text) if text.isascii() else sum(size for _, size in pictures(text))


def pictures(text: str) -> Iterator[tuple[str, int]]:
    """The parts of a line that cannot be taken apart, each with its columns."""
    part, size, flag = "", 0, False
    for sign in text:
        joined = part.endswith(_JOINER) or (flag and ord(sign) in _FLAG)
        own = _size(sign)
        if part and (joined or own == 0 or (ord(sign) in _SKIN and size == 2)):
            part += sign
            # A blank is no emoji, whatever stands behind it: such a blank may be padding.
            size = 2 if (sign == _AS_EMOJI and not part[0].isspace()) or (flag and ord(sign) in _FLAG) else size
            flag = False
            continue
        if part:
            yield part, size
        part, size, flag = sign, own, ord(sign) in _FLAG
    if part:
        yield part, size


@cache
def _size(sign: str) -> int:
    import unicodedata  # a table of its own, loaded for texts beyond ASCII

    if unicodedata.category(sign) in {"Mn", "Me", "Cf"} or "\u1160" <= sign <= "\u11ff":
        return 0
    return 2 if unicodedata.east_asian_width(sign) in {"W", "F"} else 1


def lines(text: str, size: int | None, where: Break = Break.BLANKS) -> list[str]:
    """A cell's lines, none wider than ``size`` if it may break so; ``size`` None: only where the text has line ends."""
    found = text.split("\n")
    if size is None:
        return found
    return [part for line in found for part in (_wrapped(line, max(size, 1), where) if width(line) > size else [line])]


def least(text: str) -> int:
    """The least columns that a cell takes unless a word breaks where it should not."""
    words = (word for line in text.split("\n") for word in line.split(" "))
    return max((width(part) for word in words for part in _SOFT.split(word)), default=0)


def filled(text: str, size: int, *, right: bool = False, centre: bool = False) -> str:
    """A line with blanks around it to fill ``size``."""
    blanks = max(size - width(text), 0)
    # Python centres with the odd blank on a side that depends on both lengths; tables have looked so since the beginning.
    before = blanks if right else (blanks // 2 + (blanks & size & 1) if centre else 0)
    return " " * before + text + " " * (blanks - before)


def _wrapped(line: str, size: int, where: Break) -> list[str]:
    """Fill line after line. Blanks at a break vanish."""
    done, current = [], ""
    for piece, blank in _pieces(line, size, where):
        together = f"{current} {piece}" if blank and current else current + piece
        if not current or width(together) <= size:
            current = together
        else:
            done.append(current)
            current = piece
        while where is Break.ANYWHERE and width(current) > size:
            head = _head(current, size)
            if len(head) == len(current):
                break  # one picture that is wider than the column
            done.append(head)
            current = current[len(head) :]
    return [*done, current]


def _pieces(line: str, size: int, where: Break) -> Iterator[tuple[str, bool]]:
    """What stays together, each with whether a blank stands before it."""
    for word in line.split():
        pieces = _SOFT.split(word) if where and width(word) > size else [word]
        yield from ((piece, number == 0) for number, piece in enumerate(pieces))


def _head(text: str, size: int) -> str:
    """As much of a text as fits, at least one picture."""
    head, taken = "", 0
    for picture, columns in pictures(text):
        if head and taken + columns > size:
            break
        head, taken = head + picture, taken + columns
    return head


def _number(code: int, *, yaml: bool) -> str:
    if code < 0x10000:
        return f"\\u{code:04x}"
    if yaml:
        return f"\\U{code:08x}"
    code -= 0x10000  # JSON writes the halves that UTF-16 has
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
