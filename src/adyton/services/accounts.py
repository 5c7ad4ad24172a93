"""The node's own accounts and what they hold."""

from __future__ import annotations

import msgspec

from adyton.domain import evm
from adyton.domain.chain import Address
from adyton.domain.errors import TryAgain
from adyton.ethereum.errors import RpcError
from adyton.services.parts import Parts

_BALANCE_OF = "0x70a08231"
"""Selector of ``balanceOf(address)``."""


class BalanceUnknown(TryAgain):
    """The Ethereum node could not say what an account holds."""

    usual = "ADY-0620"


class Balance(msgspec.Struct, frozen=True):
    """What an account holds: ``eth`` in wei, ``link`` in juels (None where the LINK token is not known)."""

    address: Address
    eth: int
    link: int | None


async def balances(parts: Parts) -> list[Balance]:
    """What each of the node's accounts holds. Raises BalanceUnknown, Disconnected."""
    return [Balance(address, await _eth(parts, address), await _link(parts, address)) for address in parts.keys.addresses()]


async def _eth(parts: Parts, address: Address) -> int:
    try:
        return await parts.balances.balance(address)
    except RpcError as fault:
        raise BalanceUnknown(f"Error calling getEthBalance on Ethereum node: {fault}", code="ADY-0620") from fault


async def _link(parts: Parts, address: Address) -> int | None:
    token = parts.link_contract()
    if token is None:
        return None
    try:
        answer = await parts.balances.call(token, f"{_BALANCE_OF}{address[2:]:0>64}")
    except RpcError as fault:
        raise BalanceUnknown(f"Error calling getLINKBalance on Ethereum node: {fault}", code="ADY-0620") from fault
    if len(answer) != 66:
        raise BalanceUnknown(
            f"Error calling getLINKBalance on Ethereum node: {evm.checksum(token)} answered no balance; "
            "is LINK_CONTRACT_ADDRESS the LINK token of this chain?",
            code="ADY-0621",
        )
    return int(answer, 16)
