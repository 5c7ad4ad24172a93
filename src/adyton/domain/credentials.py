"""The people who may operate the node, and how they prove it: e-mail and password, then a session's token.

Passwords are kept as argon2id hashes. Those of v0.6.2's databases are bcrypt: they are believed, and hashed anew at the next
login. A session's token is 256 random bits, shown to the client once; the node keeps its SHA-256 only, which is enough because
the token cannot be guessed.
"""

from __future__ import annotations

import re
from hashlib import sha256

import bcrypt
import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from adyton.domain.access import Role
from adyton.domain.errors import Fault, Invalid

TOKEN_BYTES = 32
SALT_BYTES = 16
_SHORTEST, _LONGEST = 8, 1028
_LONGEST_EMAIL = 254
_TOKEN = re.compile(r"[0-9a-f]{64}")
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
# What browsers accept in <input type="email">, as v0.6.2; a domain without a dot is fine.
_EMAIL = re.compile(rf"[a-zA-Z0-9.!#$%&'*+/=?^_`{{|}}~-]+@{_LABEL}(?:\.{_LABEL})*")
_HASHER = PasswordHasher(time_cost=3, memory_cost=65536, parallelism=4)
_BCRYPT = ("$2a$", "$2b$", "$2y$")
_BCRYPT_READS = 72
"""Bytes of a password that bcrypt looks at; v0.6.2 let longer ones be cut."""

NOBODYS_HASH = "$argon2id$v=19$m=65536,t=3,p=4$sYXNTSQEvSwW45k0nyMXFw$+CAkJfW3Y2Dw2ea4ZdG1Dsbl76aK3fpLrt1wS2Zy1Jc"
"""The hash of a password that was thrown away: checked when there is no user, so that it takes as long."""
_NOBODYS_BCRYPT = "$2b$10$MHejf9i0cYLXt2YXa8GbbumeseQCuW8awUI2tqJNNsQYY7srQYuau"
"""The same for bcrypt, with the cost that v0.6.2 took."""


class User(msgspec.Struct, frozen=True):
    """Someone who may operate the node. ``created_at`` is in microseconds."""

    email: str
    password_hash: str
    created_at: int
    role: Role = Role.ADMIN


class Session(msgspec.Struct, frozen=True):
    """A login that is still open, and the address that it came from. Times are microseconds."""

    token_hash: str
    email: str
    created_at: int
    last_used: int
    address: str = ""

    @property
    def id(self) -> str:
        """What it is called where it is listed: not enough to find the token by."""
        return self.token_hash[:16]


def check_email(email: str) -> None:
    """Raises Invalid with the words of v0.6.2."""
    if not email:
        raise Invalid(Fault("Must enter an email", "/email"), code="ADY-0103")
    if not could_be_email(email):
        raise Invalid(Fault("Invalid email format", "/email"), code="ADY-0103")


def could_be_email(text: str) -> bool:
    """Whether a user can have that e-mail."""
    return len(text) <= _LONGEST_EMAIL and _EMAIL.fullmatch(text) is not None


def check_password(password: str, field: str = "password") -> None:
    """Raises Invalid with the words of v0.6.2; the length counts bytes. ``field`` is where it was given."""
    if not _SHORTEST <= len(_bytes(password)) <= _LONGEST:
        told = f"Must enter a password with {_SHORTEST} - {_LONGEST} characters"
        raise Invalid(Fault(told, f"/{field}"), code="ADY-0104")


def hash_password(password: str, salt: bytes) -> str:
    """The argon2id hash, with its parameters and salt inside. Takes about a tenth of a second and 64 MiB: call it in a
    thread."""
    return _HASHER.hash(_bytes(password), salt=salt)


def password_matches(password_hash: str, password: str) -> bool:
    """Whether a password belongs to a hash; compared in constant time, as slow as hashing: call it in a thread."""
    given = _bytes(password)
    try:
        if password_hash.startswith(_BCRYPT):
            return bcrypt.checkpw(given[:_BCRYPT_READS], password_hash.encode())
        return _HASHER.verify(password_hash, given)
    except (VerificationError, InvalidHashError, ValueError):
        return False


def as_slow_for_all(password_hash: str | None, password: str, *, also_bcrypt: bool) -> bool:
    """``password_matches``, with the same work whoever is asked for: nobody (None) costs what a user does, and as long as
    somebody has a hash of v0.6.2 (``also_bcrypt``) everybody costs one of each kind. Call it in a thread."""
    hashed = password_hash or NOBODYS_HASH
    matches = password_matches(hashed, password)
    if hashed.startswith(_BCRYPT):
        password_matches(NOBODYS_HASH, password)
    elif also_bcrypt:
        password_matches(_NOBODYS_BCRYPT, password)
    return matches and password_hash is not None


def is_dated(password_hash: str) -> bool:
    """Whether a hash was not made as ``hash_password`` makes it now."""
    try:
        return _HASHER.check_needs_rehash(password_hash)
    except InvalidHashError:
        return True


def token_hash(token: str) -> str | None:
    """What is stored of a session's token; None when the text cannot be one."""
    return sha256(token.encode()).hexdigest() if _TOKEN.fullmatch(token) else None


def _bytes(password: str) -> bytes:
    """What is hashed. Half of a surrogate pair, which JSON can hold, is no text: it becomes bytes that no password has."""
    return password.encode(errors="surrogatepass")
