"""The certificate of the API: read at the start, and again when its files were replaced, without a restart.

New connections get the new one. A pair that cannot be used (half copied, not belonging together) changes nothing but the log
and /health; the next look reads it again if it has changed.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from typing import Any

import structlog

from adyton.domain.certificates import expiry
from adyton.domain.errors import Refused
from adyton.domain.times import rfc3339
from adyton.ports import Clock
from adyton.services.edge import Certificate, Edge
from adyton.web.listeners import Tls

log = structlog.get_logger(__name__)

_OTHERS_MAY_READ = 0o004


class Certificates:
    """Holds what is served. ``context`` is for the listener, and stays the same; each handshake uses the newest pair."""

    def __init__(self, files: Tls, edge: Edge) -> None:
        """Raises Refused when the files cannot be used."""
        self._files = files
        self._edge = edge
        self._seen = _signature(files)
        self._current, self._expires = _load(files)
        self.context = _bare_context()
        self.context.load_cert_chain(files.certificate, files.key, password=_no_password)
        self.context.sni_callback = self._choose
        self._show()
        _warn_of_mode(files)

    async def follow(self, clock: Clock, interval: float) -> None:
        """Look at the files every ``interval`` seconds, for ever."""
        while True:
            await clock.sleep(interval)
            await self.look()

    async def look(self) -> None:
        """Take what the files hold, if they have changed. Nothing here is durable: a start reads the files anyway."""
        signature = await asyncio.to_thread(_signature, self._files)
        if signature == self._seen:
            return
        self._seen = signature
        try:
            self._current, self._expires = await asyncio.to_thread(_load, self._files)
        except Refused as fault:
            log.error("the new certificate cannot be used; the old one is served on", because=str(fault))
            self._show(str(fault))
            return
        log.info("a new certificate is served", valid_until=rfc3339(self._expires * 1_000_000))
        self._show()

    def _show(self, problem: str = "") -> None:
        self._edge.certificate = Certificate(self._expires, problem)

    def _choose(self, connection: Any, _name: str | None, _context: ssl.SSLContext) -> None:
        # OpenSSL asks this in every handshake, also when the client names no host.
        connection.context = self._current


def _load(files: Tls) -> tuple[ssl.SSLContext, int]:
    """A context with the pair, and the Unix second at which the certificate ends. Raises Refused."""
    context = _bare_context()
    try:
        context.load_cert_chain(files.certificate, files.key, password=_no_password)
        return context, expiry(files.certificate.read_text(encoding="ascii", errors="replace"))
    except (OSError, ValueError) as fault:  # ssl.SSLError is an OSError
        reason = getattr(fault, "strerror", None) or str(fault)
        raise Refused(
            f"TLS_CERT_PATH = {files.certificate}, TLS_KEY_PATH = {files.key}: this pair cannot be used ({reason}); "
            "both must be PEM files that belong together, the key without a password",
            code="ADY-1006",
        ) from fault


def _bare_context() -> ssl.SSLContext:
    """TLS 1.2 and 1.3, ciphers as OpenSSL and this machine's policy have them."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _no_password() -> str:
    """Without this OpenSSL would ask at the terminal, and wait."""
    raise ValueError("the key is encrypted")


def _signature(files: Tls) -> tuple[tuple[int, ...], ...]:
    """What changes when a file is written or replaced; also through a link, which tools that renew certificates move."""
    return tuple(_stat(os.fspath(path)) for path in (files.certificate, files.key))


def _stat(path: str) -> tuple[int, ...]:
    try:
        found = os.stat(path)  # noqa: PTH116 - called in a thread, on a plain text
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_ino, found.st_size, found.st_dev


def _warn_of_mode(files: Tls) -> None:
    try:
        if files.key.stat().st_mode & _OTHERS_MAY_READ:
            log.warning("every user of this machine can read the key of the certificate", file=str(files.key))
    except OSError:
        return
