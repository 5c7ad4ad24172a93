"""Signed transactions, read as a node on the network reads them: RLP, types 0 and 2, the sender from the signature.

Written apart from the package's own encoder, so that a fault there shows here.
"""

from __future__ import annotations

import coincurve
import msgspec
import sha3

Item = bytes | list["Item"]


class Undecodable(Exception):
    """The bytes are not a signed transaction; the text is what geth says."""


class SimTransaction(msgspec.Struct, frozen=True, kw_only=True):
    """A transaction on the simulated chain.

    ``caller`` is who the called contract sees: the sender, or for the requests that tests make, the consumer contract between.
    ``raw`` is empty for those: they come from senders outside the node's world, who pay nothing here.
    """

    hash: str
    sender: str
    nonce: int
    to: str
    value: int = 0
    data: bytes = b""
    gas: int = 500_000
    gas_price: int | None = None
    tip_cap: int = 0
    fee_cap: int = 0
    chain_id: int | None = None
    raw: bytes = b""
    caller: str = ""

    @property
    def is_foreign(self) -> bool:
        """Made by a test, not received as bytes."""
        return not self.raw

    def tip(self, base_fee: int) -> int:
        """What the block's author earns for a unit of gas (negative: cannot be included)."""
        return min(self.tip_cap, self.fee_cap - base_fee)

    def price(self, base_fee: int) -> int:
        """What a unit of gas costs the sender."""
        return self.gas_price if self.gas_price is not None else min(self.fee_cap, base_fee + self.tip_cap)


def keccak(data: bytes) -> bytes:
    """Ethereum's hash."""
    return bytes(sha3.keccak_256(data).digest())


def hexed(data: bytes) -> str:
    """``0x`` and lower-case digits."""
    return "0x" + data.hex()


def unhex(text: str) -> bytes:
    """The bytes of a ``0x`` text."""
    return bytes.fromhex(text.removeprefix("0x"))


def encode(item: Item) -> bytes:
    """RLP."""
    if isinstance(item, bytes):
        return item if len(item) == 1 and item[0] < 0x80 else _prefix(len(item), 0x80) + item
    body = b"".join(encode(part) for part in item)
    return _prefix(len(body), 0xC0) + body


def _prefix(length: int, base: int) -> bytes:
    if length < 56:
        return bytes([base + length])
    digits = number(length)
    return bytes([base + 55 + len(digits)]) + digits


def number(value: int) -> bytes:
    """An integer without leading zeros, as RLP wants it."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def decode(data: bytes) -> Item:
    """One RLP item that fills the bytes exactly. Raises Undecodable."""
    item, end = _decode_at(data, 0)
    if end != len(data):
        raise Undecodable("rlp: input contains more than one value")
    return item


def _decode_at(data: bytes, at: int) -> tuple[Item, int]:
    if at >= len(data):
        raise Undecodable("rlp: value size exceeds available input length")
    first = data[at]
    if first < 0x80:
        return data[at : at + 1], at + 1
    is_list = first >= 0xC0
    start, length = _extent(data, at, first - (0xC0 if is_list else 0x80))
    end = start + length
    if end > len(data):
        raise Undecodable("rlp: value size exceeds available input length")
    return (_decode_list(data, start, end) if is_list else data[start:end]), end


def _extent(data: bytes, at: int, short: int) -> tuple[int, int]:
    if short <= 55:
        return at + 1, short
    size = short - 55
    return at + 1 + size, int.from_bytes(data[at + 1 : at + 1 + size], "big")


def _decode_list(data: bytes, at: int, end: int) -> list[Item]:
    items = []
    while at < end:
        item, at = _decode_at(data, at)
        items.append(item)
    if at != end:
        raise Undecodable("rlp: element is larger than containing list")
    return items


def read_transaction(raw: bytes) -> SimTransaction:
    """The transaction in signed bytes. Raises Undecodable."""
    if not raw:
        raise Undecodable("typed transaction too short")
    if raw[0] >= 0xC0:
        return _read_legacy(raw)
    if raw[0] == 2:
        return _read_dynamic(raw)
    raise Undecodable("transaction type not supported")


def _fields(item: Item, count: int) -> list[bytes]:
    if not isinstance(item, list) or len(item) != count:
        raise Undecodable("rlp: wrong number of elements for a transaction")
    return [field if isinstance(field, bytes) else b"" for field in item]


def _read_legacy(raw: bytes) -> SimTransaction:
    fields = _fields(decode(raw), 9)
    nonce, price, gas, to, value, data, v, r, s = fields
    protected = _int(v)
    if protected in {27, 28}:
        raise Undecodable("only replay-protected (EIP-155) transactions allowed over RPC")
    chain_id, parity = divmod(protected - 35, 2)
    unsigned = encode([*fields[:6], number(chain_id), b"", b""])
    return SimTransaction(
        hash=hexed(keccak(raw)),
        sender=_sender(unsigned, r, s, parity),
        nonce=_int(nonce),
        to=hexed(to),
        value=_int(value),
        data=data,
        gas=_int(gas),
        gas_price=_int(price),
        tip_cap=_int(price),
        fee_cap=_int(price),
        chain_id=chain_id,
        raw=raw,
    )


def _read_dynamic(raw: bytes) -> SimTransaction:
    decoded = decode(raw[1:])
    chain_id, nonce, tip, fee, gas, to, value, data, _access, parity, r, s = _fields(decoded, 12)
    assert isinstance(decoded, list)
    unsigned = b"\x02" + encode(decoded[:9])
    return SimTransaction(
        hash=hexed(keccak(raw)),
        sender=_sender(unsigned, r, s, _int(parity)),
        nonce=_int(nonce),
        to=hexed(to),
        value=_int(value),
        data=data,
        gas=_int(gas),
        tip_cap=_int(tip),
        fee_cap=_int(fee),
        chain_id=_int(chain_id),
        raw=raw,
    )


def _int(data: bytes) -> int:
    if data[:1] == b"\0":
        raise Undecodable("rlp: non-canonical integer (leading zero bytes)")
    return int.from_bytes(data, "big")


def _sender(unsigned: bytes, r: bytes, s: bytes, parity: int) -> str:
    if parity not in {0, 1} or len(r) > 32 or len(s) > 32:
        raise Undecodable("invalid transaction v, r, s values")
    signature = r.rjust(32, b"\0") + s.rjust(32, b"\0") + bytes([parity])
    try:
        public = coincurve.PublicKey.from_signature_and_message(signature, keccak(unsigned), hasher=None)
    except Exception as error:
        raise Undecodable("invalid transaction v, r, s values") from error
    return hexed(keccak(public.format(compressed=False)[1:])[12:])
