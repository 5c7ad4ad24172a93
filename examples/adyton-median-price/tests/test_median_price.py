"""An adapter is a function: its tests need no node."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal

import msgspec
import pytest
from adyton_median_price import NoAgreement, Params, Source, agreed, median_price, number_at
from aiohttp import web
from aiohttp.test_utils import TestServer


def test_numbers_keep_their_digits() -> None:
    assert number_at(b'{"a": [{"usd": 1234.567890123456789012}]}', ["a", 0, "usd"]) == Decimal("1234.567890123456789012")
    assert number_at(b'{"usd": "1.10"}', ["usd"]) == Decimal("1.10")


@pytest.mark.parametrize("text", [b"{}", b'{"usd": null}', b'{"usd": true}', b'{"usd": "NaN"}', b'{"usd": []}', b"<html>"])
def test_what_is_no_number_is_an_error(text: bytes) -> None:
    with pytest.raises((LookupError, TypeError, ValueError, ArithmeticError)):
        number_at(text, ["usd"])


def test_sources_that_are_too_far_apart_do_not_agree() -> None:
    assert agreed([Decimal(100), Decimal(101), Decimal(99)], Decimal(2)) == 100
    with pytest.raises(NoAgreement):
        agreed([Decimal(100), Decimal(101), Decimal(90)], Decimal(2))


def test_params_that_make_no_sense_are_refused() -> None:
    for text in (b"{}", b'{"sources": []}', b'{"sources": [{"url": "x", "path": []}], "at_least": 2}', b'{"source": []}'):
        with pytest.raises(msgspec.ValidationError):
            median_price.read(text)


async def ask(*bodies: str | int, at_least: int = 2) -> Decimal:
    """The median of a server's answers: a text is a body, a number a status."""

    def answer(body: str | int) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(_request: web.Request) -> web.Response:
            return web.Response(text=body) if isinstance(body, str) else web.Response(status=body)

        return handle

    app = web.Application()
    for n, body in enumerate(bodies):
        app.router.add_get(f"/{n}", answer(body))
    async with TestServer(app) as server:
        sources = [Source(url=str(server.make_url(f"/{n}")), path=["usd"]) for n in range(len(bodies))]
        return await median_price(Params(sources=sources, at_least=at_least), {})


def test_a_source_that_fails_is_left_out() -> None:
    assert asyncio.run(ask('{"usd": 100.5}', 500, '{"usd": 101.5}')) == Decimal("101.0")
    with pytest.raises(NoAgreement, match="1 of 3 sources answered, 2 must"):
        asyncio.run(ask('{"usd": 100.5}', 500, "{}"))
