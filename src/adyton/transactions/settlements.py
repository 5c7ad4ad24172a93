"""Who waits for a transaction hears that it came to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable


class Listener:
    """What was told since it was last asked. A slow listener gets it all at once."""

    def __init__(self) -> None:
        self._told: list[str] = []
        self._some = asyncio.Event()

    def tell(self, run_ids: Iterable[str]) -> None:
        """Add to what the listener gets next."""
        self._told.extend(run_ids)
        if self._told:
            self._some.set()

    def __aiter__(self) -> Listener:
        return self

    async def __anext__(self) -> list[str]:
        # Cancelled while it waits, nothing is lost: what was told stays.
        await self._some.wait()
        told, self._told = self._told, []
        self._some.clear()
        return told


class Settlements:
    """Tells every listener the runs whose transaction is safe or can never be mined. A hint: nothing is kept for those who do
    not listen yet, and nothing survives a crash; the rows are the truth."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def tell(self, run_ids: Iterable[str | None]) -> None:
        """Tell it. Transactions that no run asked for (None) concern nobody."""
        known = [run_id for run_id in run_ids if run_id is not None]
        for listener in self._listeners:
            listener.tell(known)

    def listen(self) -> Listener:
        """Everything told from this call on."""
        listener = Listener()
        self._listeners.append(listener)
        return listener
