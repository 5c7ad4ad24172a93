"""What is said to an operator about a transaction that cannot go on."""

from __future__ import annotations

from adyton.domain.chain import Address
from adyton.domain.evm import checksum
from adyton.domain.gas import GasRules
from adyton.domain.send_errors import Meaning
from adyton.transactions.sending import Reply

ALARMING = frozenset({Meaning.FATAL, Meaning.NO_FUNDS, Meaning.FEE_CAP, Meaning.REPLACEMENT_UNDERPRICED})
"""Answers that an operator has to do something about."""


def at_ceiling(rules: GasRules) -> str:
    """It pays the most that is allowed."""
    return f"at the price ceiling of {rules.price_max} wei a gas (ETH_MAX_GAS_PRICE_WEI)"


def waiting(reply: Reply, sender: Address, rules: GasRules) -> str:
    """Why a transaction that was refused is tried again."""
    match reply.meaning:
        case Meaning.FATAL:
            return f"the ethereum node refuses it at a higher price: {reply.words}"
        case Meaning.NO_FUNDS:
            return f"{checksum(sender)} is out of funds: {reply.words}"
        case Meaning.UNDERPRICED:
            return f"{at_ceiling(rules)}; the ethereum node says: {reply.words}"
        case Meaning.FEE_CAP:
            return (
                f"the ethereum node's own limit on fees refuses it: {reply.words}; raise that limit (geth: --rpc.txfeecap) or "
                "lower ETH_MAX_GAS_PRICE_WEI"
            )
        case Meaning.NONCE_TOO_HIGH:
            return f"the ethereum node misses an earlier transaction of {checksum(sender)}, which is sent again: {reply.words}"
        case _:
            return f"it is not known whether the ethereum node has it; it is sent again: {reply.words}"
