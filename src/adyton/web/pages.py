"""Which page of a list is wanted, and where its neighbours are."""

from __future__ import annotations

from typing import Self
from urllib.parse import parse_qsl, urlencode

import msgspec
from msgspec import UNSET
from starlette.requests import Request

from adyton.web.failures import Unprocessable
from adyton.web.jsonapi import Links

_MOST = 2**63 - 1


class Page(msgspec.Struct, frozen=True):
    """The ``number``-th page (from 1) of ``size`` items, newest first if ``descending``."""

    number: int
    size: int
    descending: bool

    @classmethod
    def of(cls, request: Request) -> Self:
        """Read ``size`` (default 25), ``page`` (default 1) and ``sort``. Raises Unprocessable with the words of v0.6.2."""
        query = request.query_params
        size = _positive("size", query.get("size", ""), 25)
        return cls(_positive("page", query.get("page", ""), 1), size, query.get("sort") == "-createdAt")

    @property
    def offset(self) -> int:
        """How many items stand before the page; never more than a database can count."""
        return min((self.number - 1) * self.size, _MOST)

    def links(self, request: Request, count: int) -> Links | None:
        """The neighbouring pages of a list of ``count`` items; None when all fit on one page (as v0.6.2)."""
        if count <= self.size:
            return None
        following = self._link(request, self.number + 1) if self.number * self.size < count else UNSET
        return Links(following, self._link(request, self.number - 1) if self.number > 1 else UNSET)

    def _link(self, request: Request, number: int) -> str:
        kept = [pair for pair in parse_qsl(request.url.query, keep_blank_values=True) if pair[0] not in {"page", "size"}]
        query = sorted([*kept, ("page", str(number)), ("size", str(self.size))], key=lambda pair: pair[0])
        return f"{request.url.path}?{urlencode(query)}"


def _positive(name: str, text: str, default: int) -> int:
    if not text:
        return default
    digits = text[1:] if text[0] in "+-" else text
    if not (digits.isascii() and digits.isdigit()):
        raise Unprocessable(f'invalid {name} param, error: strconv.Atoi: parsing "{text}": invalid syntax')
    number = int(text) if len(digits) < 20 else _MOST + 1
    if number > _MOST:
        raise Unprocessable(f'invalid {name} param, error: strconv.Atoi: parsing "{text}": value out of range')
    if number < 1:
        raise Unprocessable(f"invalid {name} param, error: <nil>")
    return number
