"""API tokens: make, list, rotate, delete; and find out whose one is."""

from __future__ import annotations

import msgspec
import structlog

from adyton.domain import tokens
from adyton.domain.access import Caller, Role
from adyton.domain.errors import Conflict, Fault, Forbidden, Invalid, NotFound, Unauthenticated
from adyton.domain.tokens import ACCESS_KEY_BYTES, MOST, SECRET_BYTES, ApiToken
from adyton.services import users
from adyton.services.parts import Parts
from adyton.storage import tokens as stored

log = structlog.get_logger(__name__)


class Wanted(msgspec.Struct, frozen=True):
    """What a new token is to be; ``role`` None is the user's, ``expires_at`` in microseconds, None is never."""

    name: str
    role: Role | None = None
    expires_at: int | None = None


async def recognise(parts: Parts, access_key: str, secret: str, address: str) -> Caller | None:
    """Who has this access key and this secret; None when nobody has. Raises TooManyAttempts."""
    try:
        with parts.throttle.secret(f"token {access_key}", address):
            return await _proven(parts, access_key, secret)
    except Unauthenticated:
        return None


async def _proven(parts: Parts, access_key: str, secret: str) -> Caller:
    caller = await parts.tokens.caller(access_key, secret)
    if caller is None:
        raise Unauthenticated("no token has this access key and this secret")  # no page: an empty 401, or the session counts
    return caller


async def create(parts: Parts, caller: Caller, password: str, wanted: Wanted) -> tuple[ApiToken, str]:
    """Make a token for the caller's user, who gives the password again; returns it with its secret, which is kept nowhere.

    Raises Invalid, Unauthenticated, TooManyAttempts, Forbidden (a role above the user's), Conflict (too many).
    """
    tokens.check_name(wanted.name)
    if wanted.expires_at is not None and wanted.expires_at <= parts.clock.now():
        raise Invalid(Fault("expiresAt must be a time to come", "/expiresAt"), code="ADY-0108")
    return await _made(parts, caller, password, wanted)


async def create_unnamed(parts: Parts, caller: Caller, password: str) -> tuple[ApiToken, str]:
    """Make the user's token without a name in the place of the one before (as v0.7.1, where a user had one); it may what its
    user may. Raises Unauthenticated, TooManyAttempts, Conflict."""
    return await _made(parts, caller, password, Wanted(""))


async def page(parts: Parts, caller: Caller, *, offset: int, limit: int) -> tuple[list[ApiToken], int]:
    """A page of the caller's tokens, of an admin's everybody's, by age; and how many there are in all."""
    return await stored.page(parts.db, email=None if caller.role is Role.ADMIN else caller.email, offset=offset, limit=limit)


async def rotate(parts: Parts, caller: Caller, password: str, access_key: str) -> tuple[ApiToken, str]:
    """Give a token of the caller's user another secret; the old one ends. Raises Unauthenticated, TooManyAttempts, NotFound."""
    await users.prove(parts, caller.email, password)
    secret = parts.entropy.token(SECRET_BYTES).hex()
    try:
        known = tokens.could_be_access_key(access_key)
        token = await stored.rotate(parts.db, access_key, caller.email, tokens.hash_of(secret)) if known else None
    finally:
        parts.tokens.forget(caller.email)
    if token is None:
        raise _unknown(access_key)
    log.info("API token rotated", access_key=access_key, email=caller.email)
    return token, secret


async def delete(parts: Parts, caller: Caller, access_key: str) -> None:
    """Delete a token: one's own, or as an admin anybody's. A token may always delete itself. Raises NotFound, Forbidden."""
    found = await stored.get(parts.db, access_key) if tokens.could_be_access_key(access_key) else None
    if found is None or (found[0].email != caller.email and caller.role is not Role.ADMIN):
        raise _unknown(access_key)
    if found[0].email == caller.email and caller.name != access_key:
        await users.check_as_strong_as_user(parts, caller)
    try:
        await stored.delete(parts.db, access_key)
    finally:
        parts.tokens.forget(found[0].email)
    log.info("API token deleted", access_key=access_key, email=found[0].email)


async def delete_unnamed(parts: Parts, caller: Caller, password: str) -> None:
    """Delete the user's token without a name, if there is one (as v0.7.1). Raises Unauthenticated, TooManyAttempts."""
    await users.prove(parts, caller.email, password)
    try:
        await stored.delete_unnamed(parts.db, caller.email)
    finally:
        parts.tokens.forget(caller.email)
    log.info("API token deleted", email=caller.email)


async def _made(parts: Parts, caller: Caller, password: str, wanted: Wanted) -> tuple[ApiToken, str]:
    user = await users.prove(parts, caller.email, password)
    role = wanted.role or user.role
    if not user.role.covers(role):
        raise Forbidden(f"a token may not have a role above its user's, which is {user.role}", code="ADY-0110")
    secret = parts.entropy.token(SECRET_BYTES).hex()
    token = ApiToken(
        access_key=parts.entropy.token(ACCESS_KEY_BYTES).hex(),
        secret_hash=tokens.hash_of(secret),
        email=user.email,
        role=role,
        name=wanted.name,
        created_at=parts.clock.now(),
        expires_at=wanted.expires_at,
    )
    try:
        made = await stored.create(parts.db, token)
    finally:
        parts.tokens.forget(user.email)  # one without a name has taken another's place
    if not made:
        raise Conflict(f"a user may have {MOST} tokens; delete one that is not used any more", code="ADY-0117")
    log.info("API token created", access_key=token.access_key, email=user.email, role=role.value)
    return token, secret


def _unknown(access_key: str) -> NotFound:
    return NotFound(f"there is no token with the access key {access_key[:64]}", code="ADY-0118")
