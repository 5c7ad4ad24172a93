"""A key's transactions that wait for a nonce, oldest first: read ahead by the page, and tried before they are handed out.

What a trial has something against is set aside, here in memory; its row stays ``unstarted`` and says why. It is tried again at
the next head. A crash forgets what was set aside, and it is tried anew.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import structlog

from adyton.domain.chain import Address, Hash, Head
from adyton.domain.errors import Conflict
from adyton.domain.transactions import Transaction
from adyton.domain.trials import Outcome, Verdict
from adyton.storage import transaction_runs
from adyton.storage import transactions as stored
from adyton.storage.database import Statement
from adyton.transactions.parts import Parts

PAGE = 100
"""Rows read ahead, and tried in one go."""
POLL = 30.0
"""Seconds after which an idle loop looks by itself: a wake-up may have been lost with the process that owed it."""
AGAIN = 10.0
"""Seconds after which what was set aside is tried again without a new head: some chains make blocks only on demand."""
FRESH = 5.0
"""Seconds for which a trial counts, should those before it take that long."""
LOOKS = 2
"""So many trials in a row must say that a transaction reverts, before it is given up."""

log = structlog.get_logger(__name__)


class Aside(NamedTuple):
    """A row that was set aside at a head and a (monotonic) time; ``looks`` trials have said that it reverts."""

    head: Hash
    at: float
    looks: int


class Ahead:
    """Hands out one key's waiting rows. ``ended`` is told the runs whose transaction ended here."""

    def __init__(self, address: Address, parts: Parts, ended: Callable[[str | None], None]) -> None:
        self._address = address
        self._parts = parts
        self._ended = ended
        self._rows: deque[Transaction] = deque()
        self._aside: dict[int, Aside] = {}
        self._more = True
        self._tried_at: float | None = None

    def wake(self) -> None:
        """There are new rows."""
        self._more = True

    def forget(self) -> None:
        """What was read ahead is out of date."""
        self._rows.clear()
        self._more = True

    @property
    def ready(self) -> bool:
        """Whether ``next`` answers without asking the chain."""
        return bool(self._rows) and self._fresh

    @property
    def more(self) -> bool:
        """Whether there may be something to hand out."""
        return bool(self._rows) or self._more or any(self._due(each) for each in self._aside.values())

    @property
    def patience(self) -> float:
        """Seconds after which to look again if nobody calls."""
        return AGAIN + 1 if self._aside else POLL  # a second more, so that it is due then

    async def next(self) -> Transaction | None:
        """The oldest waiting transaction that nothing speaks against; None if there is none. Raises Disconnected,
        StorageUnavailable."""
        while True:
            if not self._rows and self.more:
                await self._read()
            if not self._rows:
                return None
            if self._fresh:
                return self._rows.popleft()
            await self._try()

    async def _read(self) -> None:
        self._more = False  # before the read, so that a wake-up during it counts
        aside = {found for found, each in self._aside.items() if not self._due(each)}
        page = await stored.unstarted(self._parts.db, self._address, PAGE + len(aside))
        if len(page) == PAGE + len(aside):
            self._more = True
        else:
            there = {row.id for row in page}
            self._aside = {found: each for found, each in self._aside.items() if found in there}
        self._rows.extend(row for row in page if row.id not in aside)
        self._tried_at = None

    # --- trying ------------------------------------------------------------------------------------------------------

    @property
    def _fresh(self) -> bool:
        if self._parts.trial is None:
            return True
        return self._tried_at is not None and self._parts.clock.monotonic() < self._tried_at + FRESH

    def _due(self, aside: Aside) -> bool:
        head = self._parts.heads.state.head
        return (head is not None and head.hash != aside.head) or self._parts.clock.monotonic() >= aside.at + AGAIN

    async def _try(self) -> None:
        """Try what was read ahead; keep what is to be sent."""
        trial = self._parts.trial
        assert trial is not None, "without a trial every row is fresh"
        head, rows = self._parts.head(), list(self._rows)
        verdicts = await trial.judge(rows, head)
        self._rows.clear()
        self._tried_at = self._parts.clock.monotonic()
        statements: list[Statement] = []
        ended: list[tuple[Transaction, str | None]] = []
        for transaction, verdict in zip(rows, verdicts, strict=True):
            error = self._error(transaction, verdict)
            if verdict.outcome is Outcome.SEND:
                self._aside.pop(transaction.id, None)
                self._rows.append(transaction)
            elif verdict.outcome is Outcome.STALE:
                statements += transaction_runs.withdrawn(transaction.id)
                ended.append((transaction, None))
            elif error is not None:
                statements.append(stored.rejected(transaction.id, error))
                ended.append((transaction, error))
            else:
                statements += self._set_aside(transaction, verdict, head)
        await self._write(statements)
        for transaction, error in ended:
            self._tell_end(transaction, error)

    def _error(self, transaction: Transaction, verdict: Verdict) -> str | None:
        """Why the transaction certainly is not to be sent; None: that is not certain yet."""
        before = self._aside.get(transaction.id)
        if verdict.outcome is Outcome.LOST:
            return "its request has left the chain; not sent"
        if verdict.outcome is Outcome.REVERTS and before is not None and before.looks >= LOOKS - 1:
            return f"would revert{_because(verdict)}; not sent"
        return None

    def _tell_end(self, transaction: Transaction, error: str | None) -> None:
        self._aside.pop(transaction.id, None)
        if error is None:
            log.info("its request moved; asked for anew", transaction=transaction.id, run=transaction.run_id)
        else:
            log.warning("a transaction is not sent", transaction=transaction.id, run=transaction.run_id, because=error)
            self._parts.metrics.transactions_spared.inc()
        self._ended(transaction.run_id)

    def _set_aside(self, transaction: Transaction, verdict: Verdict, head: Head) -> tuple[Statement, ...]:
        """Keep it back until the next head, and say why."""
        before = self._aside.get(transaction.id)
        looks = 0 if before is None else before.looks
        looks += verdict.outcome is Outcome.REVERTS
        self._aside[transaction.id] = Aside(head.hash, self._parts.clock.monotonic(), looks)
        why = "it is tried again" if verdict.outcome is Outcome.REVERTS else "its request is not in the chain now"
        waiting = f"would revert{_because(verdict)}; {why}"
        return () if waiting == transaction.waiting else (stored.says(transaction.id, waiting),)

    async def _write(self, statements: list[Statement]) -> None:
        if not statements:
            return
        try:
            # A crash before this is durable tries them anew.
            await self._parts.db.write(*statements)
        except Conflict:
            self.forget()
            raise


def _because(verdict: Verdict) -> str:
    return f": {verdict.reason}" if verdict.reason else ""
