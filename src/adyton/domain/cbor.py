"""The parameters of a request on chain: CBOR from a stranger, as the JSON data of a run.

Read as v0.6.2 did where it was right: key/value pairs may stand without the map around them, keys must be text at every depth,
byte strings become base64, what follows the map is ignored. Integers and bignums are exact (v0.6.2: -2^64 became 0, bignums
unusable).
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import cbor2

from adyton.domain.runs import Data

_MAP = 0b101
_MAX_DEPTH = 64
_MOST_BITS = 1024
"""Of an integer: four times what a contract can compute with, and what JSON text can still be made of."""
_KEEP_AS_TAG = (0, 1, 4, 5, 28, 29, 30, 35, 36, 37, 100, 258, 260, 261, 1004, 43000, 55799)


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
            tag_hook=_tag,
            semantic_decoders=dict.fromkeys(_KEEP_AS_TAG, _content),
        )
    except CborError:
        raise
    except Exception as fault:  # noqa: BLE001 - a stranger's bytes: whatever the decoder makes of them is their fault
        raise CborError(str(fault) or type(fault).__name__) from None
    if isinstance(value, Mapping):
        return _object(value)
    if len(raw) == 1:
        return {}  # as v0.6.2: a single byte that is a whole item is an empty request
    raise CborError("the parameters are not a map")


def _tag(tag: cbor2.CBORTag, immutable: bool = False) -> Any:  # noqa: ARG001 - the decoder's signature
    return {"Tag": tag.tag, "Data": None, "Value": tag.value}


def _content(value: Any, immutable: bool = False) -> Any:  # noqa: ARG001 - the decoder's signature
    return value


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
    return int(value) if value.is_integer() else Decimal(repr(value))
