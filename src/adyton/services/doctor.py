"""Looks at each key and says what keeps it from sending. It only looks: the chain is asked, rows are read, nothing changes."""

from __future__ import annotations

import asyncio

import msgspec

from adyton.domain.chain import Address
from adyton.domain.diagnosis import Diagnosis, Facts, Priced, diagnose
from adyton.domain.errors import Conflict, Invalid, TryAgain
from adyton.domain.transactions import Transaction
from adyton.domain.wishes import Wish
from adyton.ethereum.errors import RpcError
from adyton.services.parts import Parts
from adyton.storage import keys as stored_keys
from adyton.storage import operator_transactions as stored


class Examined(msgspec.Struct, frozen=True):
    """A key, what is known of it, and what follows."""

    facts: Facts
    diagnosis: Diagnosis


async def examine(parts: Parts) -> list[Examined]:
    """Every key of the keystore, and every other key that still has something to send. Raises StorageUnavailable."""
    own = parts.keys.addresses()
    gone = await stored_keys.others(parts.db, own)
    found = [await _facts(parts, address, has_key=True) for address in own]
    found += [facts for facts in [await _facts(parts, address, has_key=False) for address in gone] if facts.waits]
    return [Examined(facts, diagnose(facts)) for facts in found]


async def _facts(parts: Parts, address: Address, *, has_key: bool) -> Facts:
    """What the rows say, and then what the chain says."""
    lowest = await stored.lowest_open(parts.db, address)
    oldest = await stored.oldest_unstarted(parts.db, address)
    waiting = await stored.waiting(parts.db, address)
    head = parts.chain.state.head
    recorded = await stored_keys.recorded(parts.db, address)
    facts = Facts(
        address=address,
        has_key=has_key,
        base_fee=None if head is None else head.base_fee,
        price_max=parts.config.eth_max_gas_price_wei,
        bump_threshold=parts.config.eth_gas_bump_threshold,
        finality_depth=parts.finality_depth,
        next_nonce=max(recorded.next_nonce, 0 if recorded.highest is None else recorded.highest + 1),
        unstarted=waiting.unstarted,
        sent=waiting.sent,
        lowest=lowest,
        held_back=None if oldest is None else oldest.waiting,
        age_seconds=None if lowest is None else _age(parts, lowest),
        age_blocks=None if lowest is None else _blocks(parts, lowest),
    )
    try:
        return await _asked(parts, facts)
    except (TryAgain, RpcError) as fault:
        return msgspec.structs.replace(facts, problem=str(fault))


async def _asked(parts: Parts, facts: Facts) -> Facts:
    """What the chain says as well. Raises RpcError, TryAgain."""
    chain, lowest = parts.balances, facts.lowest
    state = parts.chain.state
    if not state.connected or state.head is None:
        return msgspec.structs.replace(facts, problem=state.problem or "no head of the chain has been seen yet")
    latest, pending, balance = await asyncio.gather(
        chain.transaction_count(facts.address, "latest"),
        chain.transaction_count(facts.address, "pending"),
        chain.balance(facts.address),
    )
    asked = msgspec.structs.replace(
        facts, latest=latest, pending=pending, balance=balance, needed=await parts.outgoing.foresight.cost_now()
    )
    if lowest is None or not lowest.attempts:
        return asked
    newest = lowest.attempts[-1]
    receipts = [await parts.lookup.receipt(each.hash) for each in lowest.attempts] if latest > (lowest.nonce or 0) else []
    return msgspec.structs.replace(
        asked,
        needed=newest.fee.ceiling * lowest.gas_limit + (0 if newest.noop else lowest.value),
        known=await parts.lookup.known(newest.hash),
        mined=any(receipt is not None for receipt in receipts),
        bump=await _priced(parts, lowest, Wish.BUMP),
        cancel=await _priced(parts, lowest, Wish.CANCEL),
    )


async def _priced(parts: Parts, transaction: Transaction, wish: Wish) -> Priced | None:
    """What a wish would be done at; None if it can't be done."""
    try:
        foreseen = await parts.outgoing.foresight.foresee(transaction, wish)
    except (Conflict, Invalid):
        return None
    return None if foreseen.fee is None else Priced(foreseen.fee.ceiling, foreseen.cost)


def _age(parts: Parts, transaction: Transaction) -> float:
    """Seconds since it was first signed."""
    since = transaction.attempts[0].created_at if transaction.attempts else transaction.created_at
    return max(0, parts.clock.now() - since) / 1_000_000


def _blocks(parts: Parts, transaction: Transaction) -> int | None:
    """Blocks since the first head that was seen after a node took it."""
    head = parts.chain.state.head
    since = min((a.broadcast_before for a in transaction.attempts if a.broadcast_before is not None), default=None)
    return None if head is None or since is None else max(0, head.number - since)
