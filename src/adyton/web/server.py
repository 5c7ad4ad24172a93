"""Serves the API inside the node's own event loop. See docs/decisions/0007-http-server.md."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Generator, Sequence

import structlog
import uvicorn
from starlette.types import ASGIApp

from adyton.domain.errors import Refused
from adyton.web.listeners import Listener, bind
from adyton.web.protocol import BoundedProtocol

log = structlog.get_logger(__name__)

_IDLE_CONNECTION_SECONDS = 60


class _Server(uvicorn.Server):
    """A server that leaves signals to the node: being cancelled is its only stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


async def serve(
    app: ASGIApp,
    listeners: Sequence[Listener],
    *,
    grace: float = 2.0,
    listening: Callable[[list[int]], None] | None = None,
) -> None:
    """Serve ``app`` on every listener until cancelled; then let requests finish for ``grace`` seconds.

    ``listening`` is called with the ports once clients can connect. Raises Refused when an address cannot be had or a
    certificate cannot be used.
    Nothing here is durable: a request that a crash cuts off was either acknowledged (and is stored) or not.
    """
    servers = [_server(app, listener, grace) for listener in listeners]
    sockets = _bind_all(listeners)
    ports = [int(bound.getsockname()[1]) for bound in sockets]
    async with asyncio.TaskGroup() as serving:
        for server, bound in zip(servers, sockets, strict=True):
            serving.create_task(_serve(server, bound))
        for listener, port in zip(listeners, ports, strict=True):
            log.info("API listening", host=listener.host or "*", port=port, tls=listener.tls is not None)
        if listening is not None:
            listening(ports)


def _server(app: ASGIApp, listener: Listener, grace: float) -> _Server:
    tls = listener.tls
    config = uvicorn.Config(
        app,
        loop="none",
        lifespan="off",
        http=BoundedProtocol,
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        # Who a client is must not be forgeable by a header: limits are counted by address.
        proxy_headers=False,
        timeout_keep_alive=_IDLE_CONNECTION_SECONDS,
        # Without it a stream that stays open keeps the process alive for ever.
        timeout_graceful_shutdown=max(1, round(grace)),
        ssl_certfile=tls.certificate if tls else None,
        ssl_keyfile=tls.key if tls else None,
    )
    try:
        config.load()
    except OSError as fault:
        assert tls is not None
        raise Refused(
            f"TLS_CERT_PATH = {tls.certificate}, TLS_KEY_PATH = {tls.key}: this pair cannot be used ({fault.strerror}); "
            "both must be PEM files that belong together"
        ) from fault
    return _Server(config)


def _bind_all(listeners: Sequence[Listener]) -> list[socket.socket]:
    """All of them or, when one cannot be had, none."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(bind(listener)) for listener in listeners]
        held.pop_all()
    return sockets


async def _serve(server: _Server, bound: socket.socket) -> None:
    serving = asyncio.create_task(server.serve(sockets=[bound]))
    try:
        await asyncio.shield(serving)
    finally:
        server.should_exit = True
        await serving
