"""A simulated mail server: it takes every message, unless a test has it refuse."""

from __future__ import annotations

import asyncio

from adyton.ports import Mail, MailFailure
from adyton.sim.entropy import stream
from adyton.sim.trace import Gate, Trace

LATENCY = (0.020, 0.400)
"""Seconds that handing over takes, drawn anew for each."""


class SimulatedMail:
    """Implements ``MailTransport``. ``taken`` is what was handed over, in order; ``refusal`` is what it answers instead."""

    def __init__(self, seed: int | str, trace: Trace, gate: Gate) -> None:
        self._random = stream(seed, "mail")
        self._trace = trace
        self._gate = gate
        self.taken: list[Mail] = []
        self.refusal: MailFailure | None = None

    async def send(self, mail: Mail) -> str:
        """Take one, or raise what the test says."""
        await self._gate.before(f"mail {mail.host}")
        await asyncio.sleep(self._random.uniform(*LATENCY))
        if self.refusal is not None:
            self._trace.note("mail<", f"failed: {self.refusal}")
            raise MailFailure(str(self.refusal), retriable=self.refusal.retriable)
        self.taken.append(mail)
        self._trace.note("mail>", f"{mail.message_id} {mail.subject}")
        await self._gate.after(f"mail {mail.host}")
        return ""
