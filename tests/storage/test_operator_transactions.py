"""Wishes, payments and lists, on every database."""

from __future__ import annotations

import pytest

from adyton.domain.chain import Receipt
from adyton.domain.errors import Conflict
from adyton.domain.transactions import Fee, SignedTransaction, Transaction, TransactionRequest
from adyton.domain.transactions import TransactionState as S
from adyton.domain.wishes import Wish
from adyton.storage import keys, transaction_lists
from adyton.storage import operator_transactions as stored
from adyton.storage import transactions as outgoing
from adyton.storage.database import Database
from adyton.storage.lists import Lists
from adyton.storage.operator_transactions import Waiting

SENDER = "0x" + "01" * 20
OTHER = "0x" + "02" * 20
REQUEST = TransactionRequest(to="0x" + "ab" * 20, data="0x", value=2**200)
FEE = Fee(gas_price=2**90)
DEARER = Fee(gas_price=2**91)
BLOCK = "0x" + "bb" * 32


def signed(name: str) -> SignedTransaction:
    return SignedTransaction(raw=f"0x{name.encode().hex()}", hash=f"0x{name.encode().hex():0>64}")


async def paid(db: Database, key: str | None = None, *, sender: str = SENDER) -> int | None:
    await keys.ensure(db, [SENDER, OTHER], 1)
    insert = stored.insert(
        REQUEST, sender=sender, gas_limit=21_000, min_confirmations=3, purpose="transfer", idempotency_key=key, now=5
    )
    (rows,) = await db.write(insert)
    return int(rows[0][0] or 0) if rows else None


async def of(db: Database, transaction_id: int | None) -> Transaction:
    assert transaction_id is not None
    found = await stored.get(db, transaction_id)
    assert found is not None
    return found


async def unconfirmed(db: Database, name: str, nonce: int, *, sender: str = SENDER) -> Transaction:
    transaction = await of(db, await paid(db, sender=sender))
    await db.write(*outgoing.started(transaction, nonce, signed(name), FEE, 7))
    await db.write(keys.advance(sender, nonce), *outgoing.accepted(transaction.id, 9))
    return await of(db, transaction.id)


async def test_a_payment_is_a_transaction_that_no_run_asked_for(database: Database) -> None:
    found = await of(database, await paid(database, "mine"))
    assert (found.state, found.run_id, found.purpose, found.idempotency_key) == (S.UNSTARTED, None, "transfer", "mine")
    assert (found.value, found.gas_limit, found.to_address, found.min_confirmations) == (2**200, 21_000, REQUEST.to, 3)
    assert await stored.by_key(database, "mine") == found
    assert await stored.by_key(database, "yours") is None


async def page(database: Database, *, offset: int = 0, limit: int) -> tuple[list[Transaction], int]:
    """A page of all transactions, and how many there are."""
    found = await transaction_lists.page(Lists(database), transaction_lists.Wanted(), offset=offset, limit=limit)
    return await found.whole(), found.count


async def test_under_one_key_there_is_one_payment_and_without_one_as_many_as_asked(database: Database) -> None:
    first = await paid(database, "mine")
    assert await paid(database, "mine") is None
    assert await paid(database, "another") not in {None, first}
    assert await paid(database) != await paid(database)
    assert (await page(database, limit=10))[1] == 4


async def test_lists_are_newest_first_and_know_how_many_there_are(database: Database) -> None:
    ids = [await paid(database) for _ in range(3)]
    found, count = await page(database, limit=2)
    assert ([each.id for each in found], count) == ([ids[2], ids[1]], 3)
    found, _ = await page(database, offset=2, limit=2)
    assert [each.id for each in found] == [ids[0]]


async def test_attempts_are_listed_with_what_became_of_them(database: Database) -> None:
    first = await unconfirmed(database, "a", 0)
    await unconfirmed(database, "b", 1)
    receipt = Receipt(signed("a").hash, 100, BLOCK, 1, 21_000, 2**90)
    await database.write(*outgoing.confirmed([outgoing.Inclusion(first.id, receipt, 102)]))
    await database.write(outgoing.safe([first.id]))
    found = await transaction_lists.attempts_page(Lists(database), offset=0, limit=10)
    assert found.count == 2
    assert [(each.attempt.hash, each.safe) for each in await found.whole()] == [
        (signed("b").hash, None),
        (signed("a").hash, signed("a").hash),
    ]


async def test_a_transaction_is_found_by_any_of_its_hashes(database: Database) -> None:
    transaction = await unconfirmed(database, "a", 0)
    await database.write(*outgoing.bumped(transaction.id, signed("b"), DEARER, 11))
    for name in ("a", "b"):
        found = await stored.by_hash(database, signed(name).hash)
        assert found is not None
        assert found.id == transaction.id
        assert len(found.attempts) == 2
    assert await stored.by_hash(database, signed("c").hash) is None
    assert await stored.get(database, transaction.id + 1) is None


async def test_a_wish_is_left_for_the_state_that_it_was_meant_for(database: Database) -> None:
    waiting = await of(database, await paid(database))
    with pytest.raises(Conflict):
        await database.write(stored.wish(waiting, Wish.CANCEL, None))
    transaction = await unconfirmed(database, "a", 0)
    await database.write(stored.wish(transaction, Wish.BUMP, 2**100))
    found = await of(database, transaction.id)
    assert (found.wish, found.wish_price, found.state) == ("bump", 2**100, S.UNCONFIRMED)
    assert [each.id for each in await stored.wished(database, SENDER)] == [transaction.id]
    assert await stored.wished(database, OTHER) == []
    receipt = Receipt(signed("a").hash, 100, BLOCK, 1, 21_000, 2**90)
    await database.write(*outgoing.confirmed([outgoing.Inclusion(transaction.id, receipt, 102)]))
    assert (await of(database, transaction.id)).wish is None
    with pytest.raises(Conflict):
        await database.write(stored.wish(transaction, Wish.CANCEL, None))


async def test_what_takes_a_transactions_place_is_stored_with_the_end_of_the_wish(database: Database) -> None:
    transaction = await unconfirmed(database, "a", 0)
    await database.write(*outgoing.bumped(transaction.id, signed("b"), DEARER, 11))
    await database.write(stored.wish(transaction, Wish.CANCEL, None))
    transaction = await of(database, transaction.id)
    assert transaction.unwanted
    assert not transaction.cancelling
    await database.write(*stored.replaced(transaction, signed("c"), Fee(gas_price=2**92), 12, noop=True))
    found = await of(database, transaction.id)
    assert (found.wish, found.cancelling) == (None, True)
    assert [(each.noop, each.state) for each in found.attempts] == [
        (False, "broadcast"),
        (False, "broadcast"),
        (True, "in_progress"),
    ]


async def test_a_wish_that_was_changed_meanwhile_is_not_forgotten(database: Database) -> None:
    transaction = await unconfirmed(database, "a", 0)
    await database.write(stored.wish(transaction, Wish.BUMP, 5))
    obeyed = await of(database, transaction.id)
    await database.write(stored.wish(transaction, Wish.BUMP, 7))
    await database.write(stored.done(obeyed))
    assert (await of(database, transaction.id)).wish_price == 7
    await database.write(stored.wish(transaction, Wish.CANCEL, None))
    await database.write(stored.done(obeyed))
    assert (await of(database, transaction.id)).wish == "cancel"
    await database.write(stored.done(await of(database, transaction.id)))
    assert (await of(database, transaction.id)).wish is None


async def test_what_has_no_nonce_is_cancelled_at_once_and_only_then(database: Database) -> None:
    waiting = await of(database, await paid(database))
    await database.write(stored.cancelled(waiting.id))
    found = await of(database, waiting.id)
    assert (found.state, found.error) == (S.FATAL_ERROR, "cancelled by an operator")
    transaction = await unconfirmed(database, "a", 0)
    with pytest.raises(Conflict):
        await database.write(stored.cancelled(transaction.id))


async def test_what_is_to_be_cancelled_does_not_start_over(database: Database) -> None:
    transaction = await unconfirmed(database, "a", 0)
    await database.write(stored.wish(transaction, Wish.CANCEL, None))
    with pytest.raises(Conflict):
        await database.write(*outgoing.displaced(transaction.id))
    await database.write(*outgoing.given_up(transaction.id, "cancelled"))
    found = await of(database, transaction.id)
    assert (found.state, found.wish, found.attempts) == (S.FATAL_ERROR, None, ())


async def test_the_lowest_open_nonce_and_what_waits_behind_it(database: Database) -> None:
    assert await stored.lowest_open(database, SENDER) is None
    first = await unconfirmed(database, "a", 0)
    second = await unconfirmed(database, "b", 1)
    await unconfirmed(database, "c", 0, sender=OTHER)
    oldest = await paid(database)
    await paid(database)
    assert await stored.lowest_open(database, SENDER) == first
    assert await stored.waiting(database, SENDER) == Waiting(unstarted=2, sent=2)
    found = await stored.oldest_unstarted(database, SENDER)
    assert found is not None
    assert found.id == oldest
    receipt = Receipt(signed("a").hash, 100, BLOCK, 1, 21_000, 2**90)
    await database.write(*outgoing.confirmed([outgoing.Inclusion(first.id, receipt, 102)]))
    assert await stored.lowest_open(database, SENDER) == second
    await database.write(*outgoing.started(found, 2, signed("d"), FEE, 7))
    assert await stored.waiting(database, SENDER) == Waiting(unstarted=1, sent=2)
