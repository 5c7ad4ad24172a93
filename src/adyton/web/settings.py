"""What the operator may decide about the HTTP server."""

from __future__ import annotations

from math import ceil
from typing import Self

import msgspec

from adyton.config import Config
from adyton.domain.errors import Invalid
from adyton.web.listeners import Listener, Tls


class WebSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of the API.

    ``allow_origins`` holds lower-case origins, or ``*`` for all. Limits are requests in a number of seconds, counted for each
    client address; ``body_limit`` is in bytes. ``redirect_to_tls`` is the TLS port to which plain requests are sent, on
    ``tls_host`` or the host they asked for. ``allowed_hosts`` are names, with a port if only that one is meant;
    ``trusted_proxies`` are networks; ``hsts``, ``answer_seconds`` (until an answer begins) and ``certificate_interval``
    (between looks at the certificate's files) are seconds.
    """

    allow_origins: tuple[str, ...] = ("http://localhost:3000", "http://localhost:6688")
    body_limit: int = 32768
    secure_cookies: bool = True
    request_limit: int = 1000
    request_period: int = 60
    login_limit: int = 5
    login_period: int = 20
    redirect_to_tls: int | None = None
    tls_host: str = ""
    bridge_response_url: str = ""
    allowed_hosts: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    hsts: int = 0
    answer_seconds: float = 60.0
    connections: int = 10_000
    connections_per_address: int = 6_000
    certificate_interval: float = 60.0

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """The settings of a node. Raises Invalid when a TLS file is missing that was asked for."""
        tls = config.tls_files() is not None and config.chainlink_tls_redirect
        return cls(
            allow_origins=config.allow_origins,
            body_limit=config.default_http_limit,
            secure_cookies=config.secure_cookies,
            request_limit=config.authenticated_rate_limit,
            request_period=ceil(config.authenticated_rate_limit_period),
            login_limit=config.unauthenticated_rate_limit,
            login_period=ceil(config.unauthenticated_rate_limit_period),
            redirect_to_tls=config.chainlink_tls_port if tls else None,
            tls_host=config.chainlink_tls_host,
            bridge_response_url=config.bridge_response_url or "",
            allowed_hosts=config.allowed_hosts,
            trusted_proxies=config.trusted_proxies,
            hsts=int(config.hsts_max_age),
            answer_seconds=config.http_server_write_timeout,
            connections=config.http_server_connections,
            connections_per_address=config.http_server_connections_per_address,
            certificate_interval=config.tls_reload_interval,
        )


def listeners(config: Config) -> tuple[Listener, ...]:
    """Where the API listens: plain HTTP unless its port is 0, HTTPS when there are a certificate and a key.

    Raises Invalid when nothing is left to listen on.
    """
    files, host = config.tls_files(), config.chainlink_listen_ip
    found = []
    if config.chainlink_port:
        found.append(Listener(host, config.chainlink_port))
    if files is not None:
        found.append(Listener(host, config.chainlink_tls_port, Tls(*files)))
    if not found:
        raise Invalid(
            "You must specify at least one port to listen on: set CHAINLINK_PORT, or CHAINLINK_TLS_PORT and its files",
            code="ADY-1010",
        )
    return tuple(found)
