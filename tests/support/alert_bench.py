"""A node's parts with real ways out, for tests of alerts: on a clock that the test moves, with a database that may be full."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from adyton.domain.alerts import Changed
from adyton.domain.errors import StorageUnavailable
from adyton.services import alerts
from adyton.services.alert_sender import AlertSender
from adyton.services.alert_watcher import AlertWatcher
from adyton.services.parts import Parts
from adyton.storage.connect import open_memory
from adyton.storage.database import Row, Statement
from adyton.system.http import AiohttpTransport
from adyton.system.mail import SmtpTransport
from support.alerting import Hook, MailServer, hook_at_work, mail_at_work
from support.api import Api, PassingDatabase
from support.builders import SENDER

SECOND = 1_000_000


class Disk(PassingDatabase):
    """A database whose disk may be full."""

    def __init__(self) -> None:
        super().__init__(open_memory())
        self.full = self.gone = False

    async def write(self, *statements: Statement) -> list[list[Row]]:
        if self.full or self.gone:
            raise StorageUnavailable("the disk is full")
        return await super().write(*statements)

    async def read(self, sql: str, params: Row = ()) -> list[Row]:
        if self.gone:
            raise StorageUnavailable("the server is away")
        return await super().read(sql, params)


class Bench:
    """A node's parts with real ways out, on a clock that the test moves; a key that comes and goes makes it unwell."""

    def __init__(self, api: Api, parts: Parts, hook: Hook, mail: MailServer, db: Disk) -> None:
        self.api, self.parts, self.hook, self.mail, self.db = api, parts, hook, mail, db
        self.restart()

    def restart(self) -> None:
        """A new process on the same rows."""
        self.watcher = AlertWatcher(self.parts)
        self.sender = AlertSender(self.parts)

    async def told_by_webhook(self, name: str = "hook", **more: Any) -> None:
        await alerts.create_destination(self.parts, {"name": name, "type": "webhook", "url": self.hook.url, **more})

    async def told_by_mail(self) -> None:
        body = {"name": "mail", "type": "email", "host": self.mail.host, "port": self.mail.port, "security": "none"}
        await alerts.create_destination(self.parts, {**body, "from": "node@example.com", "to": ["you@example.com"]})

    async def after(self, seconds: float) -> None:
        """Look after some time, and tell what is due."""
        self.api.bench.clock.micros += round(seconds * SECOND)
        await self.watcher.look()
        while await self.sender.deliver_due():
            pass

    async def unwell(self) -> None:
        """Lose the key for long enough to raise an alert."""
        self.api.keys.held = ()
        await self.after(0)
        await self.after(60)

    async def well(self) -> None:
        """Have it again for long enough to clear it."""
        self.api.keys.held = (SENDER,)
        await self.after(0)
        await self.after(60)

    async def states(self) -> list[tuple[str, str]]:
        shown, _ = await alerts.told(self.parts, destination="", alert="", state="", offset=0, limit=99)
        return [(f"{each.destination_name}: {each.event}", each.state) for each in reversed(shown)]


@asynccontextmanager
async def bench() -> AsyncIterator[Bench]:
    db = Disk()
    async with Api(db=db) as api, AiohttpTransport() as http, hook_at_work() as hook, mail_at_work() as mail:
        parts = dataclasses.replace(api.parts, http=http, mail=SmtpTransport())
        node = Bench(api, parts, hook, mail, db)
        await alerts.change_rule(parts, "head", Changed(enabled=False), ["enabled"])  # the chain stands still here
        yield node
