"""The node's keys: list, make, bring in, take out, delete; and the keystore's password.

The password is not kept by the node, so each of these but the list asks for it again. Files are the truth: a key is added when
its file is durable, and sends when its row is; a crash between the two is made good at the next start.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from functools import partial
from typing import TypeVar

import msgspec
import structlog

from adyton.domain.chain import Address
from adyton.domain.errors import NotFound
from adyton.domain.evm import checksum
from adyton.services.balances import Kind
from adyton.services.parts import Parts
from adyton.storage import keys as stored

log = structlog.get_logger(__name__)

T = TypeVar("T")

_KEYSTORE = "the keystore"
"""What wrong passwords of it are counted under, whoever gives them."""


class KeyView(msgspec.Struct, frozen=True):
    """A key that sends. ``eth`` wei and ``link`` juels as the balance monitor saw them last, None where it did not;
    ``created_at`` is in microseconds."""

    address: Address
    eth: int | None
    link: int | None
    next_nonce: int
    created_at: int


async def every(parts: Parts) -> list[KeyView]:
    """The keys of the keystore, the oldest first."""
    held = {holding.address: holding for holding in parts.holdings() if holding.kind is Kind.KEY}
    own = set(parts.keys.addresses())
    found = [row for row in await stored.every(parts.db) if row.address in own]
    return [
        KeyView(
            address=row.address,
            eth=held[row.address].eth if row.address in held else None,
            link=held[row.address].link if row.address in held else None,
            next_nonce=row.next_nonce,
            created_at=row.created_at,
        )
        for row in found
    ]


async def create(parts: Parts, password: str) -> KeyView:
    """A new key, which sends from now on. Raises Unauthenticated, TooManyAttempts."""
    return await _whole(_added(parts, partial(parts.keys.create, password, entropy=parts.entropy)))


async def take_in(parts: Parts, content: object, their_password: str, password: str) -> KeyView:
    """A key from a key file, which sends from now on. Raises Unauthenticated, TooManyAttempts, Invalid,
    Conflict."""
    return await _whole(_added(parts, partial(parts.keys.take_in, content, their_password, password)))


async def give_out(parts: Parts, address: Address, password: str, new_password: str) -> Mapping[str, object]:
    """The key file of a key under a password of its own. Raises Unauthenticated, TooManyAttempts, NotFound, Invalid."""
    with parts.throttle.prompt(_KEYSTORE):
        content = await parts.keys.give_out(address, password, new_password)
    log.warning("a key was exported", key=checksum(address))
    return content


async def change_password(parts: Parts, old: str, new: str) -> None:
    """Another password for the keystore. Raises Unauthenticated, TooManyAttempts, Invalid."""
    with parts.throttle.prompt(_KEYSTORE):
        await parts.keys.change_password(old, new)
    log.warning("the keystore has a new password; the file that the node is started with must say it too")


async def delete(parts: Parts, address: Address, password: str, *, hard: bool) -> KeyView:
    """Take a key out of use: its file is moved aside, or with ``hard`` deleted for good. Its rows stay: they are history.

    Raises Unauthenticated, TooManyAttempts, NotFound, Conflict (the last key, or one with transactions that are not safe).
    """
    view = await _one(parts, address)
    with parts.throttle.prompt(_KEYSTORE):
        await parts.keys.check(password)
    await _whole(_taken_out(parts, address, hard=hard))
    log.warning("a key was deleted", key=checksum(address), hard=hard)
    return view


async def _added(parts: Parts, adding: Callable[[], Awaitable[Address]]) -> KeyView:
    with parts.throttle.prompt(_KEYSTORE):
        address = await adding()
    await parts.outgoing.add_sender(address)
    log.info("a key was added", key=checksum(address))
    return await _one(parts, address)


async def _taken_out(parts: Parts, address: Address, *, hard: bool) -> None:
    await parts.outgoing.retire_sender(address)
    try:
        await parts.keys.remove(address, hard=hard)
    except Exception:
        if address in parts.keys.addresses():  # not when somebody else deleted it meanwhile
            await parts.outgoing.add_sender(address)
        raise


async def _whole(work: Coroutine[object, object, T]) -> T:
    """Do all of it, also for a caller who is told meanwhile that it takes too long: what signs must be what the files say."""
    doing = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(doing)
    except asyncio.CancelledError:
        await asyncio.wait([doing])
        raise


async def _one(parts: Parts, address: Address) -> KeyView:
    for view in await every(parts):
        if view.address == address:
            return view
    raise NotFound(f"no key of {checksum(address)} in the keystore", code="ADY-0803")
