"""Receivers of alerts that are really there: a small HTTP server and an SMTP server, on addresses of their own."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from typing import Any

from aiohttp import web
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


@dataclass
class Hook:
    """Takes webhooks. ``heard`` are the headers and bodies of what was answered well; it answers ``status``."""

    status: int = 200
    url: str = ""
    asked: int = 0
    answer: str = "ok"
    headers: dict[str, str] = field(default_factory=dict)
    heard: list[tuple[Mapping[str, str], bytes]] = field(default_factory=list)
    wait: asyncio.Event = field(default_factory=asyncio.Event)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.wait.set()

    @property
    def bodies(self) -> list[Any]:
        """What it heard, read."""
        return [json.loads(body) for _, body in self.heard]

    @property
    def messages(self) -> list[str]:
        """The events that it heard, each with its rule."""
        return [f"{body['event']} {(body['alert'] or {}).get('rule', '')}".strip() for body in self.bodies]

    async def take(self, request: web.Request) -> web.Response:
        """Take one, or not."""
        self.asked += 1
        await self.wait.wait()
        if self.status < 300:
            self.heard.append((dict(request.headers), await request.read()))
        self.news.set()
        return web.Response(status=self.status, text=self.answer, headers=self.headers)


@asynccontextmanager
async def hook_at_work() -> AsyncIterator[Hook]:
    """A receiver that listens."""
    hook = Hook()
    application = web.Application()
    application.router.add_route("*", "/{rest:.*}", hook.take)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    hook.url = f"http://127.0.0.1:{runner.addresses[0][1]}/secret-path"
    try:
        yield hook
    finally:
        await runner.cleanup()


@dataclass
class MailServer:
    """Takes mail. ``refuse`` is what it answers to each message, if anything; ``users`` may log in."""

    host: str = "127.0.0.1"
    port: int = 0
    refuse: str = ""
    refused_recipients: tuple[str, ...] = ()
    users: dict[str, str] = field(default_factory=dict)
    taken: list[tuple[Envelope, Message]] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Take a recipient, or not."""
        if address in self.refused_recipients:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Take a message, or not."""
        if self.refuse:
            return self.refuse
        assert isinstance(envelope.content, bytes)
        self.taken.append((envelope, message_from_bytes(envelope.content)))
        self.news.set()
        return "250 taken"

    def check(self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any) -> AuthResult:
        """Let a user in, or not."""
        assert isinstance(data, LoginPassword)
        name = data.login.decode()
        self.logins.append(name)
        return AuthResult(success=self.users.get(name) == data.password.decode(), handled=False)


@asynccontextmanager
async def mail_at_work(tls: ssl.SSLContext | None = None) -> AsyncIterator[MailServer]:
    """A mail server that listens; with ``tls`` it offers STARTTLS and lets users in behind it."""
    server = MailServer()
    loop = asyncio.get_running_loop()

    def protocol() -> SMTP:
        more: dict[str, Any] = {"tls_context": tls, "authenticator": server.check} if tls is not None else {}
        return SMTP(server, hostname="mail.example", loop=loop, **more)

    listening = await loop.create_server(protocol, server.host, 0)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        await listening.wait_closed()
