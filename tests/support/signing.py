"""Transactions signed by an implementation that is not the node's."""

from __future__ import annotations

from typing import Any

from eth_account import Account

from adyton.sim.chain import GWEI
from adyton.sim.contracts import ORACLE

KEY = "0x" + "46" * 32
NODE = "0x9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f"
"""The address of ``KEY``."""


def signed(nonce: int = 0, *, data: bytes = b"", fee: int = 30, tip: int = 2, gas: int = 500_000, **fields: Any) -> bytes:
    """A type 2 transaction; ``fee`` and ``tip`` are in gwei."""
    key = fields.pop("key", KEY)
    wanted: dict[str, Any] = {"chainId": 1337, "nonce": nonce, "to": bytes.fromhex(ORACLE[2:]), "value": 0, "data": data}
    prices = {"maxFeePerGas": fee * GWEI, "maxPriorityFeePerGas": tip * GWEI, "gas": gas, "type": 2}
    return bytes(Account.sign_transaction(wanted | prices | fields, key).raw_transaction)
