"""Why a connection failed, in words that cannot hold its URL (aiohttp puts it into most of its messages)."""

from __future__ import annotations

import os
import ssl

import aiohttp


def reason(error: BaseException) -> str:
    """What happened, for people."""
    if isinstance(error, aiohttp.WSServerHandshakeError):
        return f"answered HTTP {error.status} instead of opening a websocket"
    if isinstance(error, aiohttp.ServerTimeoutError):
        return "did not answer a ping"
    if isinstance(error, aiohttp.InvalidURL):
        return "not a valid URL"
    if isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientPayloadError):
        return "the connection was closed before the answer was complete"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        cause = error.certificate_error
        return _of_tls(cause) if isinstance(cause, ssl.SSLError) else str(cause)
    if isinstance(error, aiohttp.ClientConnectorSSLError) and isinstance(error.os_error, ssl.SSLError):
        return _of_tls(error.os_error)
    if isinstance(error, ssl.SSLError):
        return _of_tls(error)
    if isinstance(error, aiohttp.WebSocketError):
        return f"spoke no proper websocket: {error.args[-1]}"
    if isinstance(error, OSError):
        # aiohttp's and asyncio's own texts name the address; a failed name look-up has numbers of its own, below zero
        return (
            os.strerror(error.errno) if error.errno is not None and error.errno > 0 else error.strerror or type(error).__name__
        )
    return type(error).__name__


def _of_tls(error: ssl.SSLError) -> str:
    """Its number is OpenSSL's, and no errno."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate refused: {error.verify_message}"
    return f"TLS failed: {error.reason.replace('_', ' ').lower()}" if error.reason else "TLS failed"
