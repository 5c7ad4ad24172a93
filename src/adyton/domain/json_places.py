"""Where the parts of a JSON text stand, for whoever writes it by hand: a fault's pointer becomes a line.

Nothing is judged here. Keys are found in any case and of several the last one counts, as ``request_json`` reads them.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import NamedTuple

from adyton.domain import data

# Strings are possessive, so that no text is scanned twice, however many quotes it has.
_TOKEN = re.compile(
    r'(?P<mark>[{}\[\],:])|(?P<text>"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+")'
    r"|(?P<plain>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null)"
)
_BLANKS = re.compile(r"[ \t\r\n]*")
_ENDS = {"{": "}", "[": "]"}


class Spot(NamedTuple):
    """A place of a text; the first line and the first column have the number 1."""

    line: int
    column: int


class Repeated(NamedTuple):
    """A key that stands again in its object: only this one counts."""

    key: str
    pointer: str


class _Place:
    """A value, and what it holds: by keys of any case, or by position."""

    __slots__ = ("children", "keys", "kind", "name", "offset")

    def __init__(self, offset: int, name: str, kind: str = "") -> None:
        self.offset = offset
        self.name = name
        self.kind = kind
        self.children: dict[str, _Place] = {}
        self.keys: set[str] = set()


class Places:
    """The places of a text. ``stopped`` is where it ceases to be JSON, None if it never does; ``rest`` where something stands
    behind the end of its first value; ``repeated`` are keys that stand twice."""

    def __init__(self, text: str, root: _Place | None, stopped: int | None, rest: int | None, repeated: list[Repeated]) -> None:
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self._root = root
        self.stopped = None if stopped is None else self._spot(stopped)
        self.rest = None if rest is None else self._spot(rest)
        self.repeated = repeated

    def find(self, pointer: str, *, exactly: bool = False) -> Spot | None:
        """Where the value of a JSON pointer stands (a member at its key); of one that is missing, where it should: the nearest
        thing around it, or None if it is wanted ``exactly``. None where nothing stands at all."""
        place = self._root
        if place is None:
            return None
        for name in pointer.split("/")[1:]:
            inner = place.children.get(name.replace("~1", "/").replace("~0", "~").casefold())
            if inner is None and exactly:
                return None
            if inner is None:
                break
            place = inner
        return self._spot(place.offset)

    def _spot(self, offset: int) -> Spot:
        line = bisect_right(self._starts, offset)
        return Spot(line, offset - self._starts[line - 1] + 1)


def read(text: str) -> Places:
    """The places of the first value of a text, as far as it is JSON."""
    return _Reader(text).read()


class _Reader:
    """Goes through a text once; what it is in at the moment are the ``open`` values, the outermost first."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._open: list[_Place] = []
        self._root: _Place | None = None
        self._key: tuple[str, int] | None = None
        self._repeated: list[Repeated] = []

    def read(self) -> Places:
        """All of it."""
        wanted = "value"
        while wanted:
            self._at = self._past_blanks()
            token = _TOKEN.match(self._text, self._at)
            following = None if token is None else self._step(token, wanted)
            if token is None or following is None:
                stopped = min(self._at, max(0, len(self._text.rstrip()) - 1))
                return Places(self._text, self._root, stopped, None, self._repeated)
            self._at, wanted = token.end(), following
        rest = self._past_blanks()
        return Places(self._text, self._root, None, rest if rest < len(self._text) else None, self._repeated)

    def _past_blanks(self) -> int:
        found = _BLANKS.match(self._text, self._at)
        return self._at if found is None else found.end()

    def _step(self, token: re.Match[str], wanted: str) -> str | None:
        """What is wanted behind a token, "" for nothing more; None if another was wanted here."""
        mark = token["mark"] or ""
        if wanted == "colon":
            return "value" if mark == ":" else None
        if wanted in {"key", "first key"} and token["text"]:
            name = _read_text(token["text"])
            self._key = None if name is None else (name, token.start())
            return None if name is None else "colon"
        if wanted in {"value", "first item"} and (mark in _ENDS or not mark):
            return self._value(token, mark)
        if wanted == "more" and mark == ",":
            return "key" if self._open[-1].kind == "{" else "value"
        ends = {"more", "first key" if self._open and self._open[-1].kind == "{" else "first item"}
        if wanted in ends and self._open and mark == _ENDS[self._open[-1].kind]:
            self._open.pop()
            return "more" if self._open else ""
        return None

    def _value(self, token: re.Match[str], mark: str) -> str | None:
        self._begin(token.start(), mark)
        if not mark:
            return "more" if self._open else ""
        if len(self._open) > data.DEEPEST_OF_A_SOURCE:
            return None
        return "first key" if mark == "{" else "first item"

    def _begin(self, offset: int, mark: str) -> None:
        """Note a value, in what it stands in."""
        around = self._open[-1] if self._open else None
        if around is None:
            place = self._root = _Place(offset, "", mark)
        elif around.kind == "[":
            name = str(len(around.children))
            place = around.children[name] = _Place(offset, name, mark)
        else:
            name, at = self._key or ("", offset)
            place = around.children[name.casefold()] = _Place(at, name, mark)
            if name in around.keys:
                self._repeated.append(Repeated(name, self._pointer(name)))
            around.keys.add(name)
        if mark:
            self._open.append(place)

    def _pointer(self, name: str) -> str:
        names = [*(each.name for each in self._open[1:]), name]
        return "".join(f"/{each.replace('~', '~0').replace('/', '~1')}" for each in names)


def _read_text(text: str) -> str | None:
    """A string of JSON; None for half a surrogate, which stands for nothing."""
    try:
        return str(data.parse(text)) if "\\" in text else text[1:-1]
    except ValueError:
        return None
