"""Serves the API inside the node's own event loop. See docs/decisions/0007-http-server.md."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Generator, Sequence
from functools import partial

import structlog
import uvicorn
from starlette.types import ASGIApp

from adyton.ports import Clock
from adyton.services.edge import Edge
from adyton.system import process
from adyton.web.certificates import Certificates
from adyton.web.crowd import Crowd
from adyton.web.listeners import BACKLOG, Listener, bind
from adyton.web.protocol import HEAD_SECONDS, BoundedProtocol
from adyton.web.settings import WebSettings

log = structlog.get_logger(__name__)

_IDLE_CONNECTION_SECONDS = 60


class _Server(uvicorn.Server):
    """A server that leaves signals to the node (being cancelled is its only stop), and looks at who connects."""

    def __init__(self, config: uvicorn.Config, crowd: Crowd, tls: ssl.SSLContext | None) -> None:
        super().__init__(config)
        self._crowd = crowd
        self._tls = tls

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen. Who connects by TLS must say so as soon as who asks."""
        self.lifespan = self.config.lifespan_class(self.config)
        made = partial(BoundedProtocol, self.config, self.server_state, {}, crowd=self._crowd)
        timeout = HEAD_SECONDS if self._tls else None
        loop = asyncio.get_running_loop()
        self.servers = [
            await loop.create_server(made, sock=each, ssl=self._tls, ssl_handshake_timeout=timeout, backlog=BACKLOG)
            for each in sockets or ()
        ]
        self.started = True

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


async def serve(
    app: ASGIApp,
    listeners: Sequence[Listener],
    *,
    clock: Clock,
    settings: WebSettings,
    edge: Edge | None = None,
    grace: float = 2.0,
    listening: Callable[[list[int]], None] | None = None,
) -> None:
    """Serve ``app`` on every listener until cancelled; then let requests finish for ``grace`` seconds.

    ``listening`` is called with the ports once clients can connect; ``edge`` is told how it goes. Raises Refused when an
    address cannot be had or a certificate cannot be used.
    Nothing here is durable: a request that a crash cuts off was either acknowledged (and is stored) or not.
    """
    edge = edge or Edge()
    crowd = Crowd(
        most=settings.connections, most_of_one=settings.connections_per_address, files=process.files_allowed(), edge=edge
    )
    certificates = [Certificates(listener.tls, edge) if listener.tls else None for listener in listeners]
    servers = [_server(app, grace, crowd, held.context if held else None) for held in certificates]
    sockets = _bind_all(listeners)
    ports = [int(bound.getsockname()[1]) for bound in sockets]
    async with asyncio.TaskGroup() as serving:
        for server, bound in zip(servers, sockets, strict=True):
            serving.create_task(_serve(server, bound))
        for held in certificates:
            if held is not None:
                serving.create_task(held.follow(clock, settings.certificate_interval))
        for listener, port in zip(listeners, ports, strict=True):
            log.info("API listening", host=listener.host or "*", port=port, tls=listener.tls is not None)
        if listening is not None:
            listening(ports)


def _server(app: ASGIApp, grace: float, crowd: Crowd, tls: ssl.SSLContext | None) -> _Server:
    config = uvicorn.Config(
        app,
        loop="none",
        lifespan="off",
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        # What a proxy says is judged by ``proxies``, which knows whose proxies they are.
        proxy_headers=False,
        timeout_keep_alive=_IDLE_CONNECTION_SECONDS,
        # Without it a stream that stays open keeps the process alive for ever.
        timeout_graceful_shutdown=max(1, round(grace)),
    )
    config.load()
    return _Server(config, crowd, tls)


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
