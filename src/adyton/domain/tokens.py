"""API tokens: an access key that names one and a secret that proves it, for programs that act for a user.

The secret is 256 random bits, shown once. The node keeps its SHA-256 only, which is enough because it cannot be guessed.
"""

from __future__ import annotations

import hmac
import re
from hashlib import sha256

import msgspec

from adyton.domain.access import Role
from adyton.domain.errors import Fault, Invalid

ACCESS_KEY_HEADER = "X-API-KEY"
SECRET_HEADER = "X-API-SECRET"  # noqa: S105 - the header's name
ACCESS_KEY_BYTES, SECRET_BYTES = 16, 32
MOST = 100
"""Tokens that a user may have."""

_ACCESS_KEY = re.compile(r"[0-9a-f]{32}")
_LONGEST_NAME = 100
_NOBODYS_HASH = "0" * 64


class ApiToken(msgspec.Struct, frozen=True, kw_only=True):
    """A token. ``name`` is "" for the one that ``POST /v2/user/token`` makes (as v0.7.1, where a user had one). Times are
    microseconds, None for never; ``last_used`` is kept to the minute."""

    access_key: str
    secret_hash: str
    email: str
    role: Role
    name: str = ""
    created_at: int
    last_used: int | None = None
    expires_at: int | None = None

    def expired(self, now: int) -> bool:
        """Whether its time is over."""
        return self.expires_at is not None and now >= self.expires_at


def check_name(name: str) -> None:
    """Raises Invalid."""
    if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
        told = f"name must be 1 to {_LONGEST_NAME} printable characters that say what the token is for"
        raise Invalid(Fault(told, "/name"), code="ADY-0108")


def could_be_access_key(text: str) -> bool:
    """Whether a text has the form of an access key."""
    return _ACCESS_KEY.fullmatch(text) is not None


def hash_of(secret: str) -> str:
    """What is stored of a secret."""
    return sha256(secret.encode(errors="surrogateescape")).hexdigest()


def proves(secret_hash: str | None, secret: str) -> bool:
    """Whether the secret is the one of that hash; compared in constant time, also when there is none."""
    return hmac.compare_digest(hash_of(secret), secret_hash or _NOBODYS_HASH) and secret_hash is not None
