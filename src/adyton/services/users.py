"""Users: make one, log in and out, find out who is calling, change what they may do.

What is changed here counts for requests that come after the answer, whatever was read before (see ``trusted``).
"""

from __future__ import annotations

import structlog

from adyton.domain import credentials
from adyton.domain.access import Caller, Role
from adyton.domain.credentials import Session, User
from adyton.domain.errors import Conflict, Forbidden, NotFound, Unauthenticated
from adyton.ports import Clock, Entropy
from adyton.services import passwords
from adyton.services.parts import Parts
from adyton.services.passwords import AT_THE_DOOR
from adyton.storage import users as stored
from adyton.storage.database import Database

log = structlog.get_logger(__name__)

_TRIES = 3
"""How often a login begins again because the password was changed, or hashed anew, while it was checked."""
_LAST_ADMIN = "is the only user with the role admin; give it to another one first"


# --- make ------------------------------------------------------------------------------------------------------------


async def create(db: Database, *, clock: Clock, entropy: Entropy, email: str, password: str, role: Role = Role.ADMIN) -> User:
    """A new user. Raises Invalid (e-mail or password not acceptable), Conflict (the e-mail is taken), TooManyAttempts."""
    credentials.check_email(email)
    credentials.check_password(password)
    user = User(email, await passwords.hashed(password, entropy), clock.now(), role)
    try:
        await stored.create(db, user)
    except Conflict:
        raise Conflict(f"there is a user {email} already", code="ADY-0111") from None
    log.info("user created", email=email, role=role.value)
    return user


async def latest(db: Database) -> User | None:
    """The user created last (as v0.6.2, which had only one); None before the first."""
    return await stored.latest(db)


async def latest_if_any_admin(db: Database) -> User | None:
    """The same; None when nobody may administrate the node."""
    everybody = await stored.every(db)
    return await stored.latest(db) if any(user.role is Role.ADMIN for user in everybody) else None


# --- log in and out --------------------------------------------------------------------------------------------------


async def verify(db: Database, email: str, password: str) -> User | None:
    """The user, if the e-mail (exactly as it was created) and the password are right. Takes as long either way. Raises
    TooManyAttempts when too many passwords are being checked."""
    return await passwords.verified(db, email, password)


async def login(parts: Parts, email: str, password: str, *, address: str = "", instead_of: str | None = None) -> str:
    """Opens a session and returns its token; the session of the token ``instead_of``, which came with the request, ends.

    A hash that was not made as today's are is replaced in the same write. Raises Unauthenticated, which does not say what was
    wrong, and TooManyAttempts, whether the password is right or not.
    """
    with parts.throttle.login(email):
        for _ in range(_TRIES):
            user = await passwords.verified(parts.db, email, password, room=AT_THE_DOOR)
            if user is None:
                break
            rehashed = await passwords.hashed(password, parts.entropy) if credentials.is_dated(user.password_hash) else None
            token = await parts.sessions.open(user, address=address, rehashed=rehashed, instead_of=instead_of)
            if token is not None:
                log.info("logged in", email=user.email)
                return token
        log.warning("login refused")
        raise Unauthenticated("Invalid email or password", code="ADY-0100")


async def logout(parts: Parts, token: str) -> None:
    """Ends a session."""
    await parts.sessions.close(token)


async def current(parts: Parts, token: str) -> Caller | None:
    """The session's user, or None when the session is unknown or over."""
    return await parts.sessions.caller(token)


async def prove(parts: Parts, email: str, password: str) -> User:
    """The user who gives their password once more. Raises Unauthenticated (with the words of v0.7.1), TooManyAttempts."""
    with parts.throttle.prompt(email):
        user = await passwords.verified(parts.db, email, password)
        if user is None:
            log.warning("a wrong password was given by someone who is logged in", email=email)
            raise Unauthenticated("incorrect password", code="ADY-0109")
        return user


# --- one's own -------------------------------------------------------------------------------------------------------


async def change_password(
    parts: Parts, email: str, old: str, new: str, *, stays: bool, address: str = ""
) -> tuple[User, str | None]:
    """Give a user another password. Every session of theirs ends, and if one ``stays`` it goes on under a new token, which is
    returned; all of it in one write. API tokens stay, as in v0.7: they have secrets of their own.

    Raises Invalid, TooManyAttempts, and Conflict when the old password is wrong (v0.6.2's words) or not the user's any more.
    """
    credentials.check_password(new, "newPassword")
    try:
        user = await prove(parts, email, old)
    except Unauthenticated:
        raise Conflict("Old password does not match", code="ADY-0112") from None
    hashed = await passwords.hashed(new, parts.entropy)
    token, session = parts.sessions.draw(email, address)
    try:
        changed = await stored.change_password(parts.db, user, hashed, session if stays else None)
    except Conflict:
        raise Conflict("the password was changed by somebody else just now; log in again", code="ADY-0113") from None
    finally:
        parts.sessions.forget(email)
    if not changed:
        raise _nobody(email)
    log.warning("password changed, other sessions ended", email=email)
    return user, token if stays else None


async def sessions_of(parts: Parts, email: str) -> list[Session]:
    """A user's open sessions, the newest first."""
    return await parts.sessions.of(email)


async def end_sessions(parts: Parts, caller: Caller, *, but: str | None = None) -> None:
    """End the caller's sessions, but that of a token. Raises Forbidden for an API token that may not what its user may."""
    await check_as_strong_as_user(parts, caller)
    await parts.sessions.close_all(caller.email, but=but)
    log.info("sessions ended", email=caller.email)


async def end_session(parts: Parts, caller: Caller, session_id: str) -> Session:
    """End one of the caller's sessions, by the id that lists show. Raises NotFound, and Forbidden as ``end_sessions``."""
    await check_as_strong_as_user(parts, caller)
    found = next((each for each in await sessions_of(parts, caller.email) if each.id == session_id), None)
    if found is None:
        raise NotFound(f"no session {session_id[:40]} of yours is open", code="ADY-1390")
    await parts.sessions.close_hashed(found.token_hash)
    log.info("session ended", email=caller.email, session=found.id)
    return found


async def check_as_strong_as_user(parts: Parts, caller: Caller) -> None:
    """An API token with a lesser role than its user may not touch what else the user has. Raises Forbidden."""
    user = await get(parts, caller.email)
    if caller.role is None or not caller.role.covers(user.role):
        raise Forbidden(
            f"this token has the role {caller.role}, and its user {user.role}; use a session, or a token with the user's role",
            code="ADY-0114",
        )


# --- others' ---------------------------------------------------------------------------------------------------------


async def get(parts: Parts, email: str) -> User:
    """The user with that e-mail. Raises NotFound."""
    user = await stored.get(parts.db, email) if credentials.could_be_email(email) else None
    if user is None:
        raise _nobody(email)
    return user


async def page(parts: Parts, *, offset: int, limit: int) -> tuple[list[tuple[User, int | None]], int]:
    """A page of the users, the oldest first, each with when they were last seen (microseconds; None if that is not known), and
    how many there are in all."""
    return await stored.page(parts.db, offset=offset, limit=limit)


async def set_role(parts: Parts, email: str, role: Role) -> User:
    """Give a user another role. Raises NotFound, Conflict (it is the last admin)."""
    await get(parts, email)
    try:
        user = await stored.set_role(parts.db, email, role)
    except Conflict:
        raise Conflict(f"{email} {_LAST_ADMIN}", code="ADY-0106") from None
    finally:
        _forget(parts, email)
    if user is None:
        raise _nobody(email)
    log.warning("a user has another role", email=email, role=role.value)
    return user


async def delete(parts: Parts, email: str) -> User:
    """Delete a user, with their sessions and API tokens in the same write. Raises NotFound, Conflict (it is the last admin)."""
    user = await get(parts, email)
    try:
        deleted = await stored.delete(parts.db, email, keep_an_admin=True)
    except Conflict:
        raise Conflict(f"{email} {_LAST_ADMIN}", code="ADY-0106") from None
    finally:
        _forget(parts, email)
    if not deleted:
        raise _nobody(email)
    log.warning("user deleted", email=email)
    return user


def _forget(parts: Parts, email: str) -> None:
    parts.sessions.forget(email)
    parts.tokens.forget(email)


def _nobody(email: str) -> NotFound:
    return NotFound(f"there is no user {email[:254]}", code="ADY-0115")
