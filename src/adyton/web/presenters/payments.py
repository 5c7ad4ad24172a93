"""What payments would be, and what there is to withdraw, as the API shows them. The forms are our own."""

from __future__ import annotations

import msgspec

from adyton.domain.evm import checksum
from adyton.services.payments import Foreseen, Withdrawable
from adyton.web.jsonapi import Resource


class ForeseenPayment(msgspec.Struct, frozen=True, kw_only=True):
    """What a payment would be. ``amount`` and ``available`` are juels of a withdrawal, wei of a transfer; ``mostCost`` wei."""

    purpose: str
    dryRun: bool  # noqa: N815 - the API's own name
    from_: str = msgspec.field(name="from")
    contract: str | None
    to: str
    amount: str
    available: str
    mostCost: str  # noqa: N815 - the API's own name


class WithdrawableLink(msgspec.Struct, frozen=True):
    """What the key ``owner`` may withdraw from a contract, in juels; null where the contract does not tell us, and why."""

    contract: str
    juels: str | None
    owner: str | None
    refusal: str | None


def foreseen_resource(foreseen: Foreseen) -> Resource:
    """A payment that was not made."""
    attributes = ForeseenPayment(
        purpose=foreseen.purpose,
        dryRun=True,
        from_=checksum(foreseen.sender),
        contract=None if foreseen.contract is None else checksum(foreseen.contract),
        to=checksum(foreseen.to),
        amount=str(foreseen.amount),
        available=str(foreseen.available),
        mostCost=str(foreseen.cost),
    )
    return Resource("foreseenPayments", foreseen.purpose, attributes)


def withdrawable_resource(found: Withdrawable) -> Resource:
    """What a contract holds for us."""
    attributes = WithdrawableLink(
        contract=checksum(found.contract),
        juels=None if found.juels is None else str(found.juels),
        owner=None if found.owner is None else checksum(found.owner),
        refusal=found.refusal,
    )
    return Resource("withdrawables", attributes.contract, attributes)
