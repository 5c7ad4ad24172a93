"""A bridge: an external adapter, known by a name that tasks use as their type.

What an operator says about one is read as v0.6.2 read it. Two tokens belong to it: with the incoming one the adapter proves
itself to the node, which keeps a hash of it; with the outgoing one the node proves itself to the adapter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha3_256
from hmac import compare_digest
from urllib.parse import urlsplit

import msgspec
from msgspec import UNSET

from adyton.domain.errors import Fault, Invalid
from adyton.domain.request_json import field, first_object, kind_of, text_at
from adyton.domain.secrets import fill_url, is_name, names, spellings

TOKEN_BYTES = 16
"""A token, and the salt of its hash: 32 hex digits, as v0.6.2."""
_NAME = re.compile(r"[a-zA-Z0-9\-_]*")
_DIGITS = re.compile(r"[0-9]{1,78}")
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f]")
_MAX_UINT32 = 2**32 - 1
_MAX_WORD = 2**256 - 1
_LONGEST_URL = 8192
_LONGEST_NAME = 512
_SHORTEST_TOKEN = 8


class Bridge(msgspec.Struct, frozen=True, kw_only=True):
    """A bridge as stored. Times are microseconds since the epoch.

    ``confirmations`` of a request's block are needed at least before a task of this type starts; ``minimum_payment`` is the
    juels that it adds to what a request must pay.
    """

    name: str
    url: str
    confirmations: int = 0
    minimum_payment: int | None = None
    incoming_token_hash: str
    salt: str
    outgoing_token: str
    created_at: int = 0
    updated_at: int = 0


@lru_cache(maxsize=1000)
def token_spellings(token: str) -> tuple[str, ...]:
    """In which forms a token is looked for in what comes back from a bridge; none of one that is short enough to be a word.
    They are kept: making them takes longer than looking."""
    return spellings([token]) if len(token) >= _SHORTEST_TOKEN else ()


class BridgeRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator says about a bridge."""

    name: str
    url: str
    confirmations: int
    minimum_payment: int | None


def read_request(body: bytes) -> BridgeRequest:
    """What a JSON text says about a bridge; an empty name is for the caller to judge. Raises Invalid with every fault."""
    source = first_object(body)
    faults: list[Fault] = []
    name = text_at(source, "name", "", faults)
    if not _NAME.fullmatch(name):
        faults.append(Fault(_bad_name(name), "/name", code="ADY-0450"))
    elif len(name) > _LONGEST_NAME:  # PostgreSQL's index has no room for thousands
        faults.append(Fault(f"name is longer than {_LONGEST_NAME} characters", "/name", code="ADY-0450"))
    asked = BridgeRequest(
        name=name.lower(),
        url=_url(source, faults),
        confirmations=_confirmations(field(source, "confirmations"), faults),
        minimum_payment=_payment(field(source, "minimumContractPayment"), faults),
    )
    if faults:
        raise Invalid(*faults)
    return asked


def read_name(text: str) -> str:
    """The name of a bridge as it stands in a path, in lower case. Raises Invalid."""
    if not _NAME.fullmatch(text):
        raise Invalid(_bad_name(text), code="ADY-0450")
    return text.lower()


def token_hash(token: str, salt: str) -> str:
    """What is stored of an incoming token: the hex digits of its SHA3-256 with the salt, as v0.6.2."""
    return sha3_256(f"{token}-{salt}".encode()).hexdigest()


def token_matches(bridge: Bridge, token: str) -> bool:
    """Whether that is the bridge's incoming token; compared in constant time."""
    return compare_digest(token_hash(token, bridge.salt), bridge.incoming_token_hash)


def bearer(header: str) -> str:
    """The token in an Authorization header; as v0.6.2, ``Bearer`` may be missing."""
    text = header.strip()
    return text[7:] if text[:7].lower() == "bearer " else text


def response_url(base: str, run_id: str) -> str | None:
    """Where a bridge sends its late answer: under the node's own address as bridges see it; None when that is not known. As
    v0.6.2, the path is put behind the address's own as it is, and a query stays behind it."""
    if not base:
        return None
    parts = urlsplit(base)
    return parts._replace(path=f"{parts.path}/v2/runs/{run_id}").geturl()


def _bad_name(name: str) -> str:
    return f"Task Type validation: name {name[:80]} contains invalid characters"


def _url(source: Mapping[str, object], faults: list[Fault]) -> str:
    """The URL, which the messages do not repeat: it can hold a key. (v0.6.2 took none, and paths without a host.)"""
    before = len(faults)
    url = text_at(source, "url", "", faults)
    wrong = None if len(faults) > before else _wrong_with(url)
    if wrong is not None:
        faults.append(Fault(f"url {wrong}; write http://HOST/PATH or https://HOST/PATH", "/url", code="ADY-0451"))
    return url


def _wrong_with(url: str) -> str | None:
    if not url:
        return "is missing"
    if len(url) > _LONGEST_URL:
        return f"is longer than {_LONGEST_URL} characters"
    secrets = names(url)
    if not all(map(is_name, secrets)):
        return "names a secret whose name is not made of letters, digits, _, - and dots"
    # What a secret holds is seen when the bridge is asked; one at the beginning is the scheme and the host.
    begins = "http://secret" if url.startswith("$(secret:") else "secret"
    filled = fill_url(url, dict.fromkeys(secrets, begins))
    if _UNPRINTABLE.search(filled):
        return "holds blanks or control characters"
    try:
        parts = urlsplit(filled)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        return "cannot be taken apart"
    if parts.scheme not in ("http", "https"):
        return "does not begin with http:// or https://"
    return None if host else "names no host"


def _confirmations(value: object, faults: list[Fault]) -> int:
    if value is UNSET or value is None:
        return 0
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MAX_UINT32:
        return value
    faults.append(Fault(f"confirmations must be a whole number from 0 to {_MAX_UINT32}", "/confirmations", code="ADY-0452"))
    return 0


def _payment(value: object, faults: list[Fault]) -> int | None:
    if value is UNSET or value is None:
        return None
    if isinstance(value, str) and _DIGITS.fullmatch(value) and int(value) <= _MAX_WORD:
        return int(value)
    shown = "this text" if isinstance(value, str) else kind_of(value)
    faults.append(
        Fault(
            f'minimumContractPayment must be juels in a string such as "100", not {shown}',
            "/minimumContractPayment",
            code="ADY-0453",
        )
    )
    return None
