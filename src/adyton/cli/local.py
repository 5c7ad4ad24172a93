"""``adyton node start``: boot a node and run it until it is told to stop.

The order is v0.6.2's: settings, log, database, keystore, API user, node, server. Whatever fails ends the boot with a message
and exit status 1; nothing is left half-made.
"""

from __future__ import annotations

import asyncio
import dataclasses
import signal
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress

import structlog
import uvloop

from adyton import __version__
from adyton.cli.authenticate import api_user, password_from, unlock
from adyton.cli.settings import bad, load
from adyton.cli.tree import Failure
from adyton.config import Config, settings
from adyton.domain import evm
from adyton.domain.errors import AdytonError, Invalid, Refused, StorageUnavailable
from adyton.domain.proxies import Proxies
from adyton.keystore import Keystore
from adyton.node import Node, build
from adyton.ports import Clock
from adyton.storage.connect import open_database
from adyton.storage.database import Database
from adyton.system import logs, process
from adyton.system.clock import SystemClock
from adyton.system.disk import SystemDisk
from adyton.system.entropy import SystemEntropy
from adyton.system.entry_points import installed
from adyton.system.http import AiohttpTransport
from adyton.system.mail import SmtpTransport
from adyton.system.push import ExplorerTransport
from adyton.system.rpc import EthereumTransport
from adyton.system.secrets import SystemSecrets
from adyton.system.workers import SystemWorkers
from adyton.system.zone import machine_zone
from adyton.web.app import create_app
from adyton.web.listeners import Listener
from adyton.web.server import serve
from adyton.web.settings import WebSettings, listeners

log = structlog.get_logger(__name__)

_CLOSING_SECONDS = 5.0
"""What closing the database may take once everything else has stopped."""


def start(password: str | None, api: str | None, debug: bool) -> None:
    """Run the node. ``password`` and ``api`` are files, ``debug`` overrides LOG_LEVEL. Raises Failure."""
    config = load()
    if debug:
        config = dataclasses.replace(config, log_level="debug")
    _prepare(config)
    try:
        uvloop.run(_boot(config, password_from(password), api))
    except Invalid as invalid:
        raise bad(invalid) from None
    except AdytonError as fault:
        raise Failure(str(fault), code=fault.error_code) from None
    except BaseExceptionGroup as group:
        raise _ended(group) from group


def _prepare(config: Config) -> None:
    process.prepare()
    try:
        config.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The log holds what requesters and sources said, so only this user may read it.
        file = config.root / "log.jsonl" if config.log_to_disk else None
        logs.configure(level=config.log_level, json_console=config.json_console, file=file)
    except OSError as problem:
        raise Failure(
            f'Error creating root directory "{config.root}": {problem.filename or config.root}: {problem.strerror}',
            "ROOT must be a directory that this user may write to.",
            code="ADY-0957",
        ) from None
    for warning in config.warnings:
        log.warning(warning)


def _ended(group: BaseExceptionGroup[BaseException]) -> Failure:
    """What ended the node: errors raised on purpose as their message; anything else is our fault, and in the log."""
    ours, others = group.split((AdytonError, Failure))
    if others is not None or ours is None:
        log.critical("the node ended in a way that it must not", exc_info=group)
        return Failure(
            f"internal error: {group}", "The log has the details; starting again continues where it was.", code="ADY-0958"
        )
    told = list(_flat(ours))
    code = next((code for each in told if (code := _code(each))), "")
    return Failure("; ".join(dict.fromkeys(map(str, told))), code=code)


def _flat(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _flat(error)
        else:
            yield error


def _code(error: BaseException) -> str:
    if isinstance(error, Failure):
        return error.code
    return error.error_code if isinstance(error, AdytonError) else ""


# --- the boot, top down ----------------------------------------------------------------------------------------------


async def _boot(config: Config, password: str | None, api: str | None) -> None:
    clock, entropy = SystemClock(), SystemEntropy()
    _say(f"Starting Adyton {__version__}")
    where = listeners(config)
    async with (
        _database(config, clock) as database,
        AiohttpTransport(Proxies(config.http_proxy, config.https_proxy, config.no_proxy)) as http,
        _workers(config) as workers,
    ):
        keystore = await unlock(config, password, entropy=entropy)
        email = await api_user(config, database, api, clock=clock, entropy=entropy)
        _say(f"API exposed for user {email}")
        node = await build(
            config,
            clock=clock,
            entropy=entropy,
            rpc_transport=EthereumTransport(),
            http_transport=http,
            database=database,
            keystore=keystore,
            secrets=SystemSecrets(config.secrets_dir),
            workers=workers,
            push_transport=ExplorerTransport(),
            mail_transport=SmtpTransport(),
            disk=SystemDisk(config.root),
            machine_zone=machine_zone(),
            levels=logs.Levels(),
        )
        _echo_settings(config, keystore)
        await _run(config, node, database, where)
    _say("Stopped")


async def _run(config: Config, node: Node, database: Database, where: Sequence[Listener]) -> None:
    """Everything at once, until a signal comes or a part fails."""
    web = WebSettings.from_config(config)
    app = create_app(node.services, web)
    process.settle()
    with _signals(config):
        try:
            async with asyncio.TaskGroup() as parts:
                parts.create_task(_until_lock_is_lost(database))
                parts.create_task(node.run())
                parts.create_task(
                    serve(
                        app,
                        where,
                        clock=node.clock,
                        settings=web,
                        edge=node.services.edge,
                        grace=config.shutdown_grace_period,
                        listening=lambda p: _listening(where, p),
                    )
                )
        except asyncio.CancelledError:
            pass  # a signal: what is durable is taken up at the next start
        with suppress(StorageUnavailable):
            await node.services.audit.settle()


def _workers(config: Config) -> SystemWorkers:
    return SystemWorkers(
        installed(),
        timeout=config.python_adapter_timeout,
        answer_limit=config.run_data_limit,
        memory_limit=config.python_adapter_memory_limit,
    )


@asynccontextmanager
async def _database(config: Config, clock: Clock) -> AsyncIterator[Database]:
    timeout = config.database_timeout
    database = await open_database(
        config.database_url, root=config.root, lock_timeout=timeout, clock=clock, version=__version__
    )
    try:
        yield database
    finally:
        await database.close()


async def _until_lock_is_lost(database: Database) -> None:
    """Another process may write now: this one must not send anything more."""
    raise Refused(f"the exclusive hold of the database is lost: {await database.lock_lost()}; the node stops", code="ADY-0914")


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
            _say("Gracefully exiting...")
            process.end_within(config.shutdown_grace_period + _CLOSING_SECONDS, status=1)
            me.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        if asked:
            me.uncancel()


# --- what the log says -----------------------------------------------------------------------------------------------


def _say(line: str) -> None:
    """A line in v0.6.2's words, which scripts look for."""
    log.info(line)


def _listening(where: Sequence[Listener], ports: Sequence[int]) -> None:
    for listener, port in zip(where, ports, strict=True):
        _say(f"Listening and serving {'HTTPS' if listener.tls else 'HTTP'} on port {port}")


def _echo_settings(config: Config, keystore: Keystore) -> None:
    """Every setting, secrets masked, at debug level."""
    lines = [f"ACCOUNT_ADDRESS: {evm.checksum(address)}" for address in keystore.addresses()[:1]]
    for line in ["Environment variables", *lines, *(f"{row.name}: {config.shown(row.field)}" for row in settings())]:
        log.debug(line)
