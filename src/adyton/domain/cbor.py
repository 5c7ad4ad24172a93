"""The parameters of a request on chain: CBOR from a stranger, as the JSON data of a run.

Read as v0.6.2 did where it was right: key/value pairs may stand without the map around them, keys must be text at every depth,
byte strings become base64, what follows the map is ignored. Integers and bignums are exact (v0.6.2: -2^64 became 0, bignums
unusable). A tag is an object that tells its number and its content, as there; only times (tag 1) become texts.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

import cbor2

from adyton.domain.runs import Data
from adyton.domain.times import rfc3339

_MAP = 0b101
_MAX_DEPTH = 64
_MOST_BITS = 1024
"""Of an integer: four times what a contract can compute with, and what JSON text can still be made of."""
_LARGEST_EXACT = 1 << 53


class CborError(ValueError):
    """The bytes are not CBOR that makes a JSON object; the message says why."""


def with_delimiters(raw: bytes) -> bytes:
    """The bytes as a map: wrapped unless they begin one, or are too few to."""
    if len(raw) < 2 or raw[0] >> 5 == _MAP:
        return raw
    return b"\xbf" + raw + b"\xff"


def decode_map(raw: bytes) -> Data:
    """The JSON object that the bytes of a request stand for; no bytes are an empty object. Raises CborError."""
    if not raw:
        return {}
    try:
        value = cbor2.loads(
            with_delimiters(raw),
            max_depth=_MAX_DEPTH,
            str_errors="replace",  # as v0.6.2: bytes that are no text become U+FFFD
            tag_hook=_any_tag,
            semantic_decoders=_TAGS,
        )
    except Exception as fault:  # noqa: BLE001 - a stranger's bytes: whatever the decoder makes of them is their fault
        ours = fault.__cause__ if isinstance(fault.__cause__, CborError) else fault
        raise CborError(str(ours) or type(ours).__name__) from None
    if isinstance(value, Mapping):
        return _object(value)
    if len(raw) == 1:
        return {}  # as v0.6.2: a single byte that is a whole item is an empty request
    raise CborError("the parameters are not a map")


def _any_tag(tag: cbor2.CBORTag, immutable: bool = False) -> Any:  # noqa: ARG001 - the decoder's signature
    return _tagged(tag.tag, tag.value)


def _tagged(number: int, value: Any, immutable: bool = False) -> Any:  # noqa: ARG001 - the decoder's signature
    return {"Tag": number, "Data": None, "Value": value}


def _text_of_time(value: Any, immutable: bool = False) -> Any:  # noqa: ARG001 - the decoder's signature
    """Tags 0 and 1: a text stays one, seconds become the RFC 3339 text."""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return rfc3339(int(Decimal(repr(value)) * 1_000_000))
        except (ArithmeticError, ValueError):
            pass
    raise CborError("a time is neither a text nor seconds within the years 1 to 9999")


# What the library itself would make of these tags can hold more than the bytes did (references to earlier texts, 25 and 256,
# and values, 28 and 29) or is no JSON (fractions, addresses, patterns, sets). Only bignums (2 and 3) are left to it.
_TAGS: dict[int, Callable[[Any, bool], Any]] = {
    0: _text_of_time,
    1: _text_of_time,
    **{
        number: partial(_tagged, number)
        for number in (4, 5, 25, 28, 29, 30, 35, 36, 37, 100, 256, 258, 260, 261, 1004, 43000, 55799)
    },
}


def _object(value: Mapping[Any, Any]) -> Data:
    return {_key(key): _json(item) for key, item in value.items()}


def _key(key: Any) -> str:
    if isinstance(key, str):
        return key
    if isinstance(key, bytes):
        return key.decode(errors="replace")
    raise CborError(f"Unable to coerce key {_kind(key)} {_shown(key)} to a string")


def _kind(key: Any) -> str:
    if isinstance(key, bool):
        return "bool"
    if isinstance(key, int):
        return "int64" if key < 0 else "uint64"
    return "<nil>" if key is None else type(key).__name__


def _shown(key: Any) -> str:
    if isinstance(key, bool):
        return str(key).lower()
    if isinstance(key, int) and key.bit_length() > _MOST_BITS:
        return f"of {key.bit_length()} bits"
    return "<nil>" if key is None else str(key)[:80]


def _json(value: Any) -> Any:
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        raise CborError(f"an integer of {value.bit_length()} bits is too large")
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Mapping):
        return _object(value)
    if isinstance(value, Sequence):
        return [_json(item) for item in value]
    if value is cbor2.undefined:
        return None
    raise CborError(f"a {type(value).__name__} has no place in JSON")


def _number(value: float) -> int | Decimal:
    if math.isnan(value) or math.isinf(value):
        raise CborError(f"json: unsupported value: {'NaN' if math.isnan(value) else '+Inf' if value > 0 else '-Inf'}")
    # The shortest text that means this double, as v0.6.2 writes it: 1e23, not the 23 digits of the double nearest to it.
    return int(value) if value.is_integer() and abs(value) < _LARGEST_EXACT else Decimal(repr(value))
