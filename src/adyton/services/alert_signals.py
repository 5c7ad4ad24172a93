"""What those who watch, tell and change alerts say to one another. Nothing in it has to survive the process."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class AlertSignals:
    """``look``: a rule was changed, so look now. ``send``: there is something to be told."""

    look: asyncio.Event = field(default_factory=asyncio.Event)
    send: asyncio.Event = field(default_factory=asyncio.Event)
