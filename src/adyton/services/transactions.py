"""Outgoing transactions, for an operator: look, and wish."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec
import structlog

from adyton.domain import evm
from adyton.domain.errors import Conflict, Fault, Invalid, NotFound
from adyton.domain.request_json import field, first_object
from adyton.domain.transactions import Attempt, Transaction, TransactionState
from adyton.domain.wishes import Wish
from adyton.services.parts import Parts
from adyton.storage import operator_transactions as stored
from adyton.storage import transaction_lists
from adyton.storage.paged import Paged
from adyton.storage.transaction_lists import AttemptOf, Wanted
from adyton.transactions.wishes import Foreseen

_ID = re.compile(r"[0-9]{1,18}")
_WEI = re.compile(r"[0-9]{1,77}")
_TRIES = 5

log = structlog.get_logger(__name__)


class Shown(msgspec.Struct, frozen=True):
    """A transaction, and the attempt that stands for it: the one that was asked for, or mined, else the newest. None: it is not
    signed."""

    transaction: Transaction
    attempt: Attempt | None


class Wished(msgspec.Struct, frozen=True):
    """What was wished, or would be, and what comes of it."""

    transaction: Transaction
    wish: Wish
    foreseen: Foreseen
    dry: bool


# --- look ------------------------------------------------------------------------------------------------------------


async def page(parts: Parts, wanted: Wanted, *, offset: int, limit: int, descending: bool = True) -> Paged[Shown]:
    """A page of the transactions that are wanted, newest first unless told otherwise."""
    found = await transaction_lists.page(parts.lists, wanted, offset=offset, limit=limit, descending=descending)
    return found.of(_shown)


async def _shown(part: Sequence[Transaction]) -> list[Shown]:
    return [shown(each) for each in part]


async def attempts_page(parts: Parts, *, offset: int, limit: int) -> Paged[AttemptOf]:
    """A page of attempts, newest first."""
    return await transaction_lists.attempts_page(parts.lists, offset=offset, limit=limit)


async def get(parts: Parts, name: str) -> Shown:
    """The transaction of a row's id, or of an attempt's hash, read as leniently as v0.6.2 reads hashes. Raises NotFound."""
    if _ID.fullmatch(name):
        transaction = await stored.get(parts.db, int(name))
        if transaction is not None:
            return shown(transaction)
    else:
        wanted = f"0x{evm.lenient_hash(name).hex()}"
        transaction = await stored.by_hash(parts.db, wanted)
        if transaction is not None:
            return Shown(transaction, next(each for each in transaction.attempts if each.hash == wanted))
    raise NotFound("Transaction not found", code="ADY-0700")


def shown(transaction: Transaction) -> Shown:
    """A transaction with its newest attempt, or the one that was mined."""
    mined = None if transaction.receipt is None else transaction.receipt.transaction_hash
    newest = transaction.attempts[-1] if transaction.attempts else None
    return Shown(transaction, next((each for each in transaction.attempts if each.hash == mined), newest))


# --- wish ------------------------------------------------------------------------------------------------------------


async def wish(parts: Parts, name: str, wanted: Wish, body: bytes, *, dry: bool) -> Wished:
    """Leave a wish, to be obeyed at once; with ``dry`` only say what it would do. It is durable when this returns.

    ``body`` may name a ``gasPrice`` (wei). Raises NotFound; Conflict, naming the state, when the wish makes no sense; Invalid
    for a price that would not do; Disconnected when the price cannot be told.
    """
    price = _price(body, wanted)
    for _ in range(_TRIES):
        transaction = (await get(parts, name)).transaction
        foreseen = await parts.outgoing.foresight.foresee(transaction, wanted, price)
        if dry:
            return Wished(transaction, wanted, foreseen, dry=True)
        try:
            await _leave(parts, transaction, wanted, price)
        except Conflict:
            continue  # it went on meanwhile: look again whether the wish makes sense now
        log.warning("an operator wishes", wish=wanted.value, transaction=transaction.id, price=price)
        return Wished((await get(parts, str(transaction.id))).transaction, wanted, foreseen, dry=False)
    raise Conflict(f"transaction {name} changes too fast; try again", code="ADY-0701")


async def _leave(parts: Parts, transaction: Transaction, wanted: Wish, price: int | None) -> None:
    """Write the wish down; what was never sent is cancelled by that alone. A crash before the write leaves no wish, after it
    the confirmer finds it."""
    if transaction.state is TransactionState.UNSTARTED:
        await parts.db.write(stored.cancelled(transaction.id))
        parts.outgoing.ended(transaction.run_id)
    else:
        await parts.db.write(stored.wish(transaction, wanted, price))
        parts.outgoing.wished()


def _price(body: bytes, wanted: Wish) -> int | None:
    given = field(first_object(body), "gasPrice") if body.strip() else None
    if given is None or given is msgspec.UNSET or given == "":
        return None
    if wanted is Wish.RESEND:
        raise Invalid(
            Fault("gasPrice: the same bytes are sent again, at their own price; bump raises it", "/gasPrice", code="ADY-0703")
        )
    text = str(given) if isinstance(given, str | int) and not isinstance(given, bool) else ""
    if not _WEI.fullmatch(text) or int(text) == 0:
        raise Invalid(Fault('gasPrice must be wei a gas in digits, such as "50000000000"', "/gasPrice", code="ADY-0702"))
    return int(text)
