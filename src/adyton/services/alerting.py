"""Alerts at work: one part watches, another tells."""

from __future__ import annotations

import asyncio

from adyton.services.alert_sender import AlertSender
from adyton.services.alert_watcher import AlertWatcher
from adyton.services.parts import Parts


class Alerting:
    """Both, for a node. What they have written survives a crash; see each."""

    def __init__(self, parts: Parts) -> None:
        self.watcher = AlertWatcher(parts)
        self.sender = AlertSender(parts)

    async def run(self) -> None:
        """Watch and tell, for ever."""
        async with asyncio.TaskGroup() as parts:
            parts.create_task(self.watcher.run(), name="alert watcher")
            parts.create_task(self.sender.run(), name="alert sender")
