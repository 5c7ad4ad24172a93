"""The people who may operate the node, and how they prove it: e-mail and password, then a session's token.

Passwords are kept as argon2id hashes. A session's token is 256 random bits, shown to the client once; the node keeps its
SHA-256 only, which is enough because the token cannot be guessed.
"""

from __future__ import annotations

import re
from hashlib import sha256

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from adyton.domain.errors import Fault, Invalid

TOKEN_BYTES = 32
SALT_BYTES = 16
_SHORTEST, _LONGEST = 8, 1028
_TOKEN = re.compile(r"[0-9a-f]{64}")
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
# What browsers accept in <input type="email">, as v0.6.2; a domain without a dot is fine.
_EMAIL = re.compile(rf"[a-zA-Z0-9.!#$%&'*+/=?^_`{{|}}~-]+@{_LABEL}(?:\.{_LABEL})*")
_HASHER = PasswordHasher(time_cost=3, memory_cost=65536, parallelism=4)

NOBODYS_HASH = "$argon2id$v=19$m=65536,t=3,p=4$sYXNTSQEvSwW45k0nyMXFw$+CAkJfW3Y2Dw2ea4ZdG1Dsbl76aK3fpLrt1wS2Zy1Jc"
"""The hash of a password that was thrown away: checked when there is no user, so that it takes as long."""


class User(msgspec.Struct, frozen=True):
    """Someone who may operate the node. ``created_at`` is in microseconds."""

    email: str
    password_hash: str
    created_at: int


class Session(msgspec.Struct, frozen=True):
    """A login that is still open. Times are microseconds."""

    token_hash: str
    email: str
    created_at: int
    last_used: int


def check_email(email: str) -> None:
    """Raises Invalid with the words of v0.6.2."""
    if not email:
        raise Invalid(Fault("Must enter an email", "/email"))
    if not could_be_email(email):
        raise Invalid(Fault("Invalid email format", "/email"))


def could_be_email(text: str) -> bool:
    """Whether a user can have that e-mail."""
    return _EMAIL.fullmatch(text) is not None


def check_password(password: str) -> None:
    """Raises Invalid with the words of v0.6.2; the length counts bytes."""
    if not _SHORTEST <= len(password.encode()) <= _LONGEST:
        raise Invalid(Fault(f"Must enter a password with {_SHORTEST} - {_LONGEST} characters", "/password"))


def hash_password(password: str, salt: bytes) -> str:
    """The argon2id hash, with its parameters and salt inside. Takes about a tenth of a second and 64 MiB: call it in a
    thread."""
    return _HASHER.hash(password, salt=salt)


def password_matches(password_hash: str, password: str) -> bool:
    """Whether a password belongs to a hash; compared in constant time, as slow as hashing: call it in a thread."""
    try:
        return _HASHER.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def token_hash(token: str) -> str | None:
    """What is stored of a session's token; None when the text cannot be one."""
    return sha256(token.encode()).hexdigest() if _TOKEN.fullmatch(token) else None
