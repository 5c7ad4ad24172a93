"""The task type ``median-price``: the median of what several sources say about one thing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from statistics import median
from typing import Any

import aiohttp
import msgspec

from adyton.sdk import Data, adapter

_LARGEST = 64 * 1024
"""Bytes of an answer."""
_DECODER = msgspec.json.Decoder(float_hook=Decimal)  # no price passes through a float


class Source(msgspec.Struct, forbid_unknown_fields=True):
    """A URL that answers with JSON, and the path of keys to the number in it."""

    url: str
    path: list[str | int]
    headers: dict[str, str] = {}


class Params(msgspec.Struct, forbid_unknown_fields=True):
    """What a task says: the sources, how many of them must answer, and how far the lowest and the highest answer may be apart,
    in percent of the median."""

    sources: list[Source]
    at_least: int = 2
    spread: Decimal = Decimal(10)

    def __post_init__(self) -> None:
        if not 1 <= self.at_least <= len(self.sources):
            raise ValueError(f"at_least must be from 1 to {len(self.sources)}, the number of sources")


class NoAgreement(Exception):
    """Too few sources answered, or they say too different things."""


@adapter(params=Params, timeout=20)
async def median_price(params: Params, _data: Data, /) -> Decimal:
    """Ask all sources at once; one that fails or is slow is left out. What the run brings does not matter here."""
    timeout = aiohttp.ClientTimeout(total=10)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        answers = await asyncio.gather(*(_ask(session, source) for source in params.sources), return_exceptions=True)
    prices = [answer for answer in answers if isinstance(answer, Decimal)]
    faults = [f"source {n}: {answer!r}" for n, answer in enumerate(answers) if isinstance(answer, BaseException)]
    if len(prices) < params.at_least:
        raise NoAgreement(f"{len(prices)} of {len(answers)} sources answered, {params.at_least} must; {'; '.join(faults)}")
    return agreed(prices, params.spread)


async def _ask(session: aiohttp.ClientSession, source: Source) -> Decimal:
    async with session.get(source.url, headers=source.headers) as response:
        response.raise_for_status()
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > _LARGEST:
                raise ValueError(f"the answer has more than {_LARGEST} bytes")
        return number_at(bytes(body), source.path)


def number_at(text: bytes, path: Sequence[str | int]) -> Decimal:
    """The number at a path of a JSON text, with all its digits. Raises LookupError, TypeError, ValueError."""
    value: Any = _DECODER.decode(text)
    for key in path:
        value = value[key]
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise TypeError(f"no number at {list(path)}")
    number = Decimal(value)
    if not number.is_finite():
        raise ValueError(f"no number at {list(path)}")
    return number


def agreed(prices: Sequence[Decimal], spread: Decimal) -> Decimal:
    """The median. Raises NoAgreement when lowest and highest are further apart than ``spread`` percent of it."""
    middle = median(prices)
    apart = max(prices) - min(prices)
    if apart * 100 > spread * abs(middle):
        raise NoAgreement(f"the sources say from {min(prices)} to {max(prices)}, further apart than {spread} %")
    return middle
