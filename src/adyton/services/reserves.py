"""What the node's keys and contracts held when the balance monitor looked last, and what the keys have under way.

Nobody is asked: a page may show it as often as it likes.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from adyton.domain.chain import Address
from adyton.domain.transactions import TransactionState
from adyton.services.balances import Holding, Kind
from adyton.services.parts import Parts
from adyton.storage import counts


class Reserve(msgspec.Struct, frozen=True):
    """One account. ``holding`` is None before the first look. ``open`` is how many transactions of it are in each state that is
    not final, ``waiting`` how many of them say what they wait for."""

    address: Address
    kind: Kind
    holding: Holding | None
    open: Mapping[str, int] = {}
    waiting: int = 0

    @property
    def unsent(self) -> int:
        """Transactions that no Ethereum node has been given yet."""
        return self.open.get(TransactionState.UNSTARTED, 0)

    @property
    def in_flight(self) -> int:
        """Transactions that have a nonce and are not mined."""
        return self.open.get(TransactionState.IN_PROGRESS, 0) + self.open.get(TransactionState.UNCONFIRMED, 0)

    @property
    def mined(self) -> int:
        """Transactions that are mined and not final."""
        return self.open.get(TransactionState.CONFIRMED, 0)


async def every(parts: Parts) -> list[Reserve]:
    """The keys of the keystore, the oldest first, then the contracts that jobs answer through. Raises StorageUnavailable."""
    seen = {(each.kind, each.address): each for each in parts.holdings()}
    found: dict[Address, dict[str, int]] = {}
    waiting: dict[Address, int] = {}
    for each in await counts.open_transactions(parts.db):
        found.setdefault(each.address, {})[each.state] = each.count
        waiting[each.address] = waiting.get(each.address, 0) + each.waiting
    keys = [
        Reserve(address, Kind.KEY, seen.get((Kind.KEY, address)), found.get(address, {}), waiting.get(address, 0))
        for address in parts.keys.addresses()
    ]
    return keys + [Reserve(each.address, each.kind, each) for each in parts.holdings() if each.kind is Kind.CONTRACT]
