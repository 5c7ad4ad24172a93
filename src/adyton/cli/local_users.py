"""``adyton node deleteuser``: a user is deleted in the database of a node that does not run, as v0.6.2 did it.

For who has lost the password: the next start asks for a new user when there is no admin left.
"""

from __future__ import annotations

import asyncio

import click

from adyton import __version__
from adyton.cli.settings import load
from adyton.cli.tree import Failure
from adyton.config import Config
from adyton.domain.credentials import User
from adyton.domain.errors import AdytonError
from adyton.services.audit import record_locally
from adyton.storage import users
from adyton.storage.connect import open_database
from adyton.storage.database import Database
from adyton.system import logs
from adyton.system.clock import SystemClock

ACTION = "node deleteuser"
"""What the audit log calls it."""


def delete_user(email: str | None) -> None:
    """Delete the user of that e-mail, or the only one. Raises Failure."""
    config = load()
    logs.configure(level="warn", json_console=False, file=None)
    try:
        asyncio.run(_delete(config, email))
    except AdytonError as fault:
        raise Failure(str(fault), code=fault.error_code) from None


async def _delete(config: Config, email: str | None) -> None:
    """A crash before the user's write leaves the user; its entry in the audit log comes first, so that it is never missing."""
    clock = SystemClock()
    database = await open_database(
        config.database_url, root=config.root, lock_timeout=config.database_timeout, clock=clock, version=__version__
    )
    try:
        user = await _meant(database, email)
        await record_locally(database, clock, ACTION, user.email)
        await users.delete(database, user.email, keep_an_admin=False)
    finally:
        await database.close()
    click.echo(f"Deleted API user {user.email}")  # scripts look for this line as v0.6.2 wrote it


async def _meant(database: Database, email: str | None) -> User:
    found = await users.every(database)
    if email is not None:
        found = [user for user in found if user.email == email]
    if not found:
        raise Failure(
            "record not found", "There is no such user; `adyton admin users list` shows who there is.", code="ADY-0115"
        )
    if len(found) > 1:
        names = ", ".join(user.email for user in found)
        raise Failure(f"There are {len(found)} users: {names}", "Name one: adyton node deleteuser EMAIL", code="ADY-0122")
    return found[0]
