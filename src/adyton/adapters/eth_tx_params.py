"""Params of tasks that send a transaction."""

from __future__ import annotations

import re
from collections.abc import Collection
from decimal import Decimal

import msgspec

from adyton.adapters.params import field, present, read, shown
from adyton.domain import abi, evm
from adyton.domain.chain import ZERO_ADDRESS, Address
from adyton.domain.data import as_text
from adyton.domain.errors import Invalid
from adyton.domain.numbers import short
from adyton.domain.runs import Data

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)
_BYTES = re.compile(r"0x([0-9a-fA-F]{2})*", re.ASCII)
_BIG = re.compile(r"(0|[1-9]\d{0,77})|0x(0|[1-9a-fA-F][0-9a-fA-F]{0,63})", re.ASCII)
_GAS_LIMIT = 1 << 63
_PRICE_LIMIT = 1 << 256
_DEEPEST = 100_000
"""Blocks: two weeks of Ethereum's, and far from what the database cannot count."""


class EthTxParams(msgspec.Struct, frozen=True, kw_only=True):
    """Where the answer goes and in which form. ``gas_price`` (wei) and ``gas_limit`` of None are the node's own; ``senders``
    are the keys that may send it, empty: any. ``encoding`` are the types of ``abiEncoding``, None: the value is encoded by
    ``form``. ``confirmations`` is how deep it must be, None: as deep as the node's others."""

    address: Address
    selector: bytes
    prefix: bytes
    form: str
    gas_price: int | None
    gas_limit: int | None
    senders: tuple[Address, ...]
    encoding: tuple[str, ...] | None
    confirmations: int | None


def read_params(params: Data) -> EthTxParams:
    """The params of an ethtx task. Raises Invalid, naming the param."""
    return EthTxParams(
        address=address(params),
        selector=read("functionSelector", lambda: _selector(params), code="ADY-0278"),
        prefix=_prefix(params),
        form=_form(params),
        gas_price=gas_price(params),
        gas_limit=gas_limit(params),
        senders=senders(params),
        encoding=read("abiEncoding", lambda: _encoding(params), code="ADY-0283"),
        confirmations=_confirmations(params),
    )


def address(params: Data) -> Address:
    """``address``, the zero address when there is none (as v0.6.2). Raises Invalid."""
    if not present(params, "address"):
        return ZERO_ADDRESS
    value = field(params, "address")
    if isinstance(value, str) and _ADDRESS.fullmatch(value):
        return value.lower()
    raise Invalid(f"address must be 0x and 40 hex digits, not {shown(value)}", code="ADY-0278")


def _selector(params: Data) -> bytes:
    if not present(params, "functionSelector"):
        return bytes(4)
    value = field(params, "functionSelector")
    if value is None or isinstance(value, str):
        return evm.selector(value or "")
    raise ValueError(f"must be a text, not {shown(value)}")


def _prefix(params: Data) -> bytes:
    if not present(params, "dataPrefix"):
        return b""
    value = field(params, "dataPrefix")
    if isinstance(value, str) and _BYTES.fullmatch(value):
        return bytes.fromhex(value[2:])
    raise Invalid(f"dataPrefix must be 0x and an even number of hex digits, not {shown(value)}", code="ADY-0278")


def _form(params: Data) -> str:
    value = field(params, "format")
    if value is None or isinstance(value, str):
        return value or ""
    raise Invalid(f"format must be a text, not {shown(value)}", code="ADY-0278")


def gas_price(params: Data) -> int | None:
    """``gasPrice`` in wei. Raises Invalid."""
    value = field(params, "gasPrice")
    if value is None:
        return None
    text = str(value).strip("'") if isinstance(value, str | int | Decimal) and not isinstance(value, bool) else as_text(value)
    if not _BIG.fullmatch(text) or int(text, 0) >= _PRICE_LIMIT:
        raise Invalid(f"gasPrice: Unable to convert {short(text)} to Big", code="ADY-0279")
    return int(text, 0)


def gas_limit(params: Data) -> int | None:
    """``gasLimit``; 0 is none. Raises Invalid."""
    value = field(params, "gasLimit")
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _GAS_LIMIT:
        return value or None
    raise Invalid(f"gasLimit must be a whole number of gas, not {shown(value)}", code="ADY-0279")


def senders(params: Data) -> tuple[Address, ...]:
    """``fromAddresses`` (a list, as v0.10) or ``fromAddress`` (one); null and an empty list leave the choice to the node."""
    several, one = field(params, "fromAddresses"), field(params, "fromAddress")
    if several is not None and one is not None:
        raise Invalid("fromAddresses and fromAddress mean the same; give one of them", code="ADY-0280")
    if one is not None:
        return (_sender("fromAddress", one),)
    if several is None:
        return ()
    if not isinstance(several, list):
        raise Invalid(f"fromAddresses must be a list of addresses, not {shown(several)}", code="ADY-0280")
    return tuple(dict.fromkeys(_sender("fromAddresses", each) for each in several))


def _sender(name: str, value: object) -> Address:
    if isinstance(value, str) and _ADDRESS.fullmatch(value):
        return value.lower()
    raise Invalid(f"{name}: an address is 0x and 40 hex digits, not {shown(value)}", code="ADY-0280")


def known(senders: Collection[Address], keys: Collection[Address] | None) -> None:
    """Raises Invalid for senders that are none of the node's ``keys``. None: it is not known which keys there are."""
    strangers = [] if keys is None else [evm.checksum(sender) for sender in senders if sender not in keys]
    if strangers:
        ours = ", ".join(evm.checksum(key) for key in keys or ()) or "it has none"
        raise Invalid(f"fromAddresses: {', '.join(strangers)} is no key of this node; its keys: {ours}", code="ADY-0281")


def _encoding(params: Data) -> tuple[str, ...] | None:
    """Null and an empty list are none (as v0.9.7)."""
    value = field(params, "abiEncoding")
    if value is None or value == []:
        return None
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ValueError(f"must be a list of types, not {shown(value)}")
    for each in value:
        abi.check_listed(each)
    return tuple(value)


def _confirmations(params: Data) -> int | None:
    """0 is none (as v0.8.7)."""
    value = field(params, "minRequiredOutgoingConfirmations")
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _DEEPEST:
        return value or None
    raise Invalid(
        f"minRequiredOutgoingConfirmations must be a whole number from 0 to {_DEEPEST}, not {shown(value)}", code="ADY-0282"
    )
