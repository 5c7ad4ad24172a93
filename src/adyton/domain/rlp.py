"""RLP, and the two forms in which a transaction is signed and sent.

A transaction has one encoding, so the same values always give the same bytes; that is what lets a node that lost power send
again exactly what it may have sent before. The forms: legacy with replay protection (EIP-155) and type 2 (EIP-1559, without
an access list).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from adyton.domain.transactions import UnsignedTransaction

Item: TypeAlias = "bytes | Sequence[Item]"

_TYPE_2 = b"\x02"
_SHORT = 55
"""The longest payload whose length fits into the prefix byte itself."""


def encode(item: Item) -> bytes:
    """The RLP of a byte string or of a (nested) list of them."""
    if isinstance(item, bytes):
        if len(item) == 1 and item[0] < 0x80:
            return item
        return _prefix(len(item), 0x80) + item
    payload = b"".join(map(encode, item))
    return _prefix(len(payload), 0xC0) + payload


def integer(value: int) -> bytes:
    """A number as RLP wants it: big-endian without leading zeros, so that 0 is the empty string."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def signing_payload(tx: UnsignedTransaction) -> bytes:
    """The bytes whose keccak-256 is signed."""
    if tx.fee.gas_price is not None:
        return encode([*_legacy_fields(tx), integer(tx.chain_id), b"", b""])
    return _TYPE_2 + encode(_type_2_fields(tx))


def signed_payload(tx: UnsignedTransaction, r: int, s: int, parity: int) -> bytes:
    """The bytes to send. ``parity`` is the signature's recovery id, 0 or 1."""
    if tx.fee.gas_price is not None:
        return encode([*_legacy_fields(tx), integer(tx.chain_id * 2 + 35 + parity), integer(r), integer(s)])
    return _TYPE_2 + encode([*_type_2_fields(tx), integer(parity), integer(r), integer(s)])


def _legacy_fields(tx: UnsignedTransaction) -> list[Item]:
    price = tx.fee.gas_price or 0
    return [integer(tx.nonce), integer(price), integer(tx.gas_limit), _raw(tx.to), integer(tx.value), _raw(tx.data)]


def _type_2_fields(tx: UnsignedTransaction) -> list[Item]:
    tip, cap = tx.fee.tip_cap or 0, tx.fee.fee_cap or 0
    return [
        integer(tx.chain_id),
        integer(tx.nonce),
        integer(tip),
        integer(cap),
        integer(tx.gas_limit),
        _raw(tx.to),
        integer(tx.value),
        _raw(tx.data),
        [],
    ]


def _raw(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def _prefix(length: int, base: int) -> bytes:
    if length <= _SHORT:
        return bytes((base + length,))
    size = integer(length)
    return bytes((base + _SHORT + len(size),)) + size
