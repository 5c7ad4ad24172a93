"""``adyton node start``: boot a node and run it until it is told to stop.

The order is v0.6.2's: settings, log, database, keystore, API user, node, server. Whatever fails ends the boot with a message
and exit status 1; nothing is left half-made.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import click
import structlog

from adyton import __version__
from adyton.cli.files import credentials, unreadable
from adyton.cli.settings import bad, load
from adyton.cli.tree import Failure
from adyton.config import Config
from adyton.domain import evm
from adyton.domain.errors import AdytonError, Invalid, Refused, Unauthenticated
from adyton.keystore import Keystore
from adyton.node import build
from adyton.ports import Clock, Entropy
from adyton.services import users
from adyton.storage.connect import open_database
from adyton.storage.database import Database
from adyton.system import logs
from adyton.system.clock import SystemClock
from adyton.system.entropy import SystemEntropy
from adyton.system.http import AiohttpTransport
from adyton.system.websocket import WebsocketTransport
from adyton.web.app import create_app
from adyton.web.server import serve
from adyton.web.settings import WebSettings, listeners

log = structlog.get_logger(__name__)

FAST_SCRYPT, STANDARD_SCRYPT = 2, 262144
_CLOSING_SECONDS = 5.0
"""What closing the database may take once everything else has stopped."""


def start(password: str | None, api: str | None, debug: bool) -> None:
    """Run the node. Raises Failure."""
    config = load()
    _prepare_process(config, debug=debug)
    try:
        import uvloop

        uvloop.run(_boot(config, _given_password(password), None if api is None else Path(api).expanduser()))
    except Invalid as invalid:
        raise bad(invalid) from None
    except AdytonError as fault:
        raise Failure(str(fault)) from None
    except BaseExceptionGroup as group:
        raise _ended(group) from group


def _ended(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """What ended the node: an error made on purpose as its message, anything else as it is."""
    ours, others = group.split(AdytonError)
    if others is not None or ours is None:
        log.critical("the node ended in a way that it must not", exc_info=group)
        return Failure(f"internal error: {group}", "The log has the details; starting again continues where it was.")
    return Failure("; ".join(str(error) for error in _flat(ours)))


def _flat(group: BaseExceptionGroup[AdytonError]) -> Iterator[AdytonError]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _flat(error)
        else:
            yield error


def _prepare_process(config: Config, *, debug: bool) -> None:
    """Nothing that this process writes is for other users of the machine."""
    os.umask(0o077)
    try:
        config.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as problem:
        raise Failure(f'Error creating root directory "{config.root}": {problem.strerror}') from None
    logs.configure(
        level="debug" if debug else config.log_level,
        console=sys.stderr,
        json_console=config.json_console,
        file=config.root / "log.jsonl" if config.log_to_disk else None,
    )
    for warning in config.warnings:
        log.warning(warning)


# --- the boot, top down ----------------------------------------------------------------------------------------------


async def _boot(config: Config, password: str | None, api: Path | None) -> None:
    clock, entropy = SystemClock(), SystemEntropy()
    log.info(f"Starting Adyton {__version__}")
    where = listeners(config)
    async with _database(config, clock) as database, AiohttpTransport() as http:
        keystore = await _unlock(config, password, entropy)
        email = await _api_user(database, api, clock, entropy)
        node = await build(
            config,
            clock=clock,
            entropy=entropy,
            rpc_transport=WebsocketTransport(),
            http_transport=http,
            database=database,
            keystore=keystore,
        )
        log.info(f"API exposed for user {email}")
        with _signals(config):
            try:
                async with asyncio.TaskGroup() as parts:
                    parts.create_task(_until_lock_is_lost(database))
                    parts.create_task(node.run())
                    parts.create_task(
                        serve(
                            create_app(node.services, WebSettings.from_config(config)),
                            where,
                            grace=config.shutdown_grace_period,
                            listening=_say_listening,
                        )
                    )
            except asyncio.CancelledError:
                log.info("Gracefully exiting...")
    log.info("Stopped")


@asynccontextmanager
async def _database(config: Config, clock: Clock) -> AsyncIterator[Database]:
    database = await open_database(
        config.database_url, root=config.root, lock_timeout=config.database_timeout, clock=clock, version=__version__
    )
    try:
        yield database
    finally:
        await database.close()


async def _until_lock_is_lost(database: Database) -> None:
    """Another process may write now: this one must not send anything more."""
    raise Refused(f"the exclusive hold of the database is lost: {await database.lock_lost()}; the node stops")


def _say_listening(ports: list[int]) -> None:
    for port in ports:
        log.info(f"Listening and serving HTTP on port {port}")


@contextmanager
def _signals(config: Config) -> Iterator[None]:
    """SIGINT and SIGTERM stop the node; if that takes too long it ends all the same, which is a crash like any other."""
    loop, me = asyncio.get_running_loop(), asyncio.current_task()
    assert me is not None
    asked = False

    def stop() -> None:
        nonlocal asked
        if not asked:
            asked = True
            loop.call_later(config.shutdown_grace_period + _CLOSING_SECONDS, os._exit, 1)
            me.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
        if asked:
            me.uncancel()


# --- the keystore ----------------------------------------------------------------------------------------------------


def _given_password(file: str | None) -> str | None:
    """The keystore's password from its file, white space around it removed; None without a file."""
    if file is None:
        return None
    path = Path(file).expanduser()
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError) as problem:
        raise Failure(f"error reading password: {unreadable(path, problem)}") from None


async def _unlock(config: Config, password: str | None, entropy: Entropy) -> Keystore:
    """The keystore, open; a first key is made when there is none. Without a password it asks, if there is a terminal."""
    directory = config.root / "keys"
    has_keys = directory.is_dir() and any(directory.glob("*.json"))
    if password is None and not sys.stdin.isatty():
        raise Failure("error authenticating keystore: No password provided", "Give a file with the password: --password FILE")
    while True:
        tried = password if password is not None else _ask_known() if has_keys else _ask_new()
        if not tried:
            raise Failure("error authenticating keystore: the password is empty")
        try:
            return await _open_keystore(config, directory, tried, entropy, first=not has_keys)
        except Unauthenticated as wrong:
            if password is not None:
                raise Failure(f"error authenticating keystore: {wrong}") from None
            click.echo(str(wrong), err=True)
        except Invalid as broken:
            raise Failure(f"error authenticating keystore: {broken}") from None


async def _open_keystore(config: Config, directory: Path, password: str, entropy: Entropy, *, first: bool) -> Keystore:
    if first:
        click.echo("There are no accounts, creating a new account with the specified password", err=True)
    scrypt = FAST_SCRYPT if config.insecure_fast_scrypt else STANDARD_SCRYPT
    keystore = await Keystore.open(directory, password, entropy=entropy, create_if_empty=True, scrypt_n=scrypt)
    for address in keystore.addresses():
        log.info(f"Unlocked account {evm.checksum(address)}")
    return keystore


def _ask_known() -> str:
    return _hidden("Enter Password:")


def _ask_new() -> str:
    while True:
        first = _hidden("New Password: ")
        if first == _hidden("Confirm Password: "):
            return first
        click.echo("Passwords don't match. Please try again... ", err=True)


def _hidden(words: str) -> str:
    """Ask without echo. Nothing else runs yet, so blocking the loop here costs nothing."""
    return str(click.prompt(words, hide_input=True, prompt_suffix="", err=True, default="", show_default=False))


# --- the API's user --------------------------------------------------------------------------------------------------


async def _api_user(database: Database, file: Path | None, clock: Clock, entropy: Entropy) -> str:
    """The e-mail of the API's user: the one there is, else the file's, else one that a person gives."""
    known = await users.latest(database)
    if known is not None:
        return known.email
    if file is not None:
        email, password = credentials(file)
        try:
            return (await users.create(database, clock=clock, entropy=entropy, email=email, password=password)).email
        except Refused as fault:
            raise Failure(f"error creating api initializer: {fault}") from None
    if not sys.stdin.isatty():
        raise Failure("API credentials must be supplied", "Give a file with e-mail and password, a line each: --api FILE")
    while True:
        email = str(click.prompt("Enter API Email: ", prompt_suffix="", err=True, default="", show_default=False))
        try:
            password = _hidden("Enter API Password: ")
            return (await users.create(database, clock=clock, entropy=entropy, email=email, password=password)).email
        except Refused as fault:
            click.echo(f"Error creating API user: {fault}", err=True)
