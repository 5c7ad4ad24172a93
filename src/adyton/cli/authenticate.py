"""Who may use the node: its keystore's password and its API's user, from files or from a person at the terminal.

The order, the questions and the messages are v0.6.2's.
"""

from __future__ import annotations

import asyncio
import stat
from contextlib import suppress
from pathlib import Path

import click
import structlog

from adyton.cli import prompts
from adyton.cli.files import credentials, unreadable
from adyton.cli.tree import Failure
from adyton.config import Config
from adyton.domain import evm
from adyton.domain.errors import AdytonError, Refused, Unauthenticated
from adyton.keystore import Keystore
from adyton.ports import Clock, Entropy
from adyton.services import users
from adyton.services.audit import record_locally
from adyton.storage.database import Database

log = structlog.get_logger(__name__)

STANDARD_SCRYPT, FAST_SCRYPT = 262144, 2
_OTHERS = stat.S_IRGRP | stat.S_IROTH
_AUTHENTICATING = "error authenticating keystore: "


def password_from(file: str | None) -> str | None:
    """The keystore's password from its file, white space around it removed; None without a file. Raises Failure."""
    if file is None:
        return None
    path = Path(file).expanduser()
    try:
        password = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError) as problem:
        raise Failure(f"error reading password: {unreadable(path, problem)}", code="ADY-0960") from None
    _warn_of_mode(path)
    if not password:
        raise Failure(f"error reading password: {path} is empty", "Write the keystore's password into it.", code="ADY-0960")
    return password


async def unlock(config: Config, password: str | None, *, entropy: Entropy) -> Keystore:
    """The keystore, open; a first key is made when there is none. Asks when no password is given. Raises Failure.

    A crash in here leaves the keystore as it was, or with one whole key that nothing has used yet.
    """
    directory = config.root / "keys"
    empty = not await asyncio.to_thread(_has_keys, directory)
    if password is None and not prompts.interactive():
        raise Failure(
            f"{_AUTHENTICATING}No password provided",
            "Give a file with the keystore's password: --password FILE",
            code="ADY-0960",
        )
    if password is not None and empty:
        click.echo("There are no accounts, creating a new account with the specified password")
    while True:
        try:
            keystore = await _open(config, directory, password or _asked(first=empty), entropy)
        except Unauthenticated as wrong:
            if password is not None:
                raise Failure(
                    f"{_AUTHENTICATING}{wrong}; could not decrypt key with given passphrase", code="ADY-0961"
                ) from None
            continue  # as v0.6.2: asked again until it is right
        except AdytonError as broken:
            raise Failure(f"{_AUTHENTICATING}{broken}", code=broken.error_code) from None
        except OSError as problem:
            raise Failure(
                f"{_AUTHENTICATING}cannot use {problem.filename or directory}: {problem.strerror}", code="ADY-0962"
            ) from None
        for address in keystore.addresses():
            unlocked = f"Unlocked account {evm.checksum(address)}"  # scripts find the address in this line
            log.info(unlocked)
        return keystore


async def api_user(config: Config, database: Database, file: str | None, *, clock: Clock, entropy: Entropy) -> str:
    """The e-mail of the API's user: the latest one, else the file's, else one that a person gives. Raises Failure.

    The file is the given one, else ADMIN_CREDENTIALS_FILE if it exists (as v0.10). A node without an admin gets
    a new one in the same way, whoever else there is.
    """

    async def create(email: str, password: str) -> str:
        made = await users.create(database, clock=clock, entropy=entropy, email=email, password=password)
        await record_locally(database, clock, "node start", made.email)
        return made.email

    known = await users.latest_if_any_admin(database)
    if known is not None:
        return known.email
    path = await asyncio.to_thread(_credentials_file, config, file)
    if path is not None:
        await asyncio.to_thread(_warn_of_mode, path)
        try:
            return await create(*await asyncio.to_thread(credentials, path))
        except Refused as refused:
            raise Failure(f"error creating api initializer: {refused}", code=refused.error_code) from None
        except Failure as failure:
            raise Failure(f"error creating api initializer: {failure}", failure.advice, code=failure.code) from None
    if not prompts.interactive():
        raise Failure(
            "API credentials must be supplied", "Give a file with e-mail and password, a line each: --api FILE", code="ADY-0959"
        )
    while True:
        try:
            return await create(prompts.ask("Enter API Email: "), prompts.ask_hidden("Enter API Password: "))
        except Refused as fault:
            click.echo(f"Error creating API user: {fault}")


async def _open(config: Config, directory: Path, password: str, entropy: Entropy) -> Keystore:
    scrypt = FAST_SCRYPT if config.insecure_fast_scrypt else STANDARD_SCRYPT
    return await Keystore.open(directory, password, entropy=entropy, create_if_empty=True, scrypt_n=scrypt)


def _has_keys(directory: Path) -> bool:
    return directory.is_dir() and any(directory.glob("[!.]*"))


def _warn_of_mode(path: Path) -> None:
    """As v0.6.2 such a file is taken, since containers are handed secrets in files that everybody in them may read."""
    with suppress(OSError):
        if path.stat().st_mode & _OTHERS:
            log.warning("other users of this machine can read a file with a password; chmod 600 closes it", file=str(path))


def _credentials_file(config: Config, file: str | None) -> Path | None:
    if file is not None:
        return Path(file).expanduser()
    return config.admin_credentials_file if config.admin_credentials_file.is_file() else None


def _asked(*, first: bool) -> str:
    """A password from a person. Nothing else runs yet, so blocking the loop costs nothing."""
    if not first:
        return prompts.ask_hidden("Enter Password:")
    while True:
        password = prompts.ask_hidden("New Password: ")
        if password and password == prompts.ask_hidden("Confirm Password: "):
            return password
        click.echo("Passwords don't match. Please try again... " if password else "The password is empty. Please try again... ")
