"""What the rules of alerts look at, gathered from the node: checks, states, rows. Nothing is asked of the chain."""

from __future__ import annotations

from collections.abc import Sequence

from adyton.domain import evm
from adyton.domain.alert_looks import AccountSeen, AlarmSeen, CheckSeen, EndpointSeen, FirstSeen, RunsSeen, Seen
from adyton.domain.runs import RunStatus
from adyton.services import health
from adyton.services.balances import Holding
from adyton.services.gauges import usable
from adyton.services.parts import Parts
from adyton.services.recent import Recent
from adyton.services.watch import Numbers, Watch
from adyton.storage import alerts as stored
from adyton.storage.counts import Oldest

SELDOM = 60.0
"""Seconds for which an answer serves that costs a write, or reads many rows."""
MOST_RUNS = 10_000
"""Finished runs that are counted for a rate."""
_HOUR = 3600 * 1_000_000
_LACKS = {"unstarted": "has not been sent", "in_progress": "has not been taken by an Ethereum node"}


class Eyes:
    """Looks at the node of ``parts``."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._watch = Watch(parts, seldom=SELDOM)
        self._runs = Recent(self._read_runs, clock=parts.clock, seconds=SELDOM)
        self._free = Recent(parts.disk.free, clock=parts.clock, seconds=SELDOM)

    async def look(self) -> Seen:
        """What there is to see now. Raises StorageUnavailable only for rows of runs."""
        checks = await health.report(self._parts, self._watch)
        numbers = await self._watch.numbers()
        return Seen(
            checks={check.name: CheckSeen(check.passing, check.output, check.code) for check in checks},
            head_age=self._head_age(),
            head_limit=self._parts.config.node_no_new_heads_threshold,
            endpoints=self._endpoints(),
            alarms=None if numbers is None else [AlarmSeen(a.name, a.detail, a.cure, a.code) for a in numbers.alarms],
            first=None if numbers is None else self._first(numbers),
            accounts=_accounts(self._parts.holdings()),
            unaccounted=None if numbers is None or numbers.requests is None else numbers.requests.unaccounted,
            runs=None if numbers is None else await self._runs.value(),
            overflowed=self._parts.engine.queue.behind,
            free=await self._free.value(),
        )

    def _head_age(self) -> float | None:
        state = self._parts.chain.state
        if not state.connected or state.head is None:
            return None
        return max(0.0, self._parts.clock.now() / 1e6 - state.head.timestamp)

    def _endpoints(self) -> Sequence[EndpointSeen] | None:
        found = self._parts.endpoints()
        return [EndpointSeen(each.name, usable(each), each.problem or f"it is {each.state}") for each in found] or None

    def _first(self, numbers: Numbers) -> list[FirstSeen]:
        now = self._parts.clock.now()
        return [_first(each, (now - each.since) / 1e6) for each in numbers.oldest]

    async def _read_runs(self) -> RunsSeen:
        ends = await stored.finished_runs(self._parts.db, since=self._parts.clock.now() - _HOUR, most=MOST_RUNS)
        return RunsSeen(sum(ends.values()), ends.get(RunStatus.ERRORED, 0))


def _first(found: Oldest, age: float) -> FirstSeen:
    nonce = "" if found.nonce is None else f" (nonce {found.nonce})"
    key = evm.checksum(found.address)
    lacks = _LACKS.get(found.state, "has not been mined")
    return FirstSeen(key, f"transaction {found.id}{nonce}", lacks, age, found.waiting)


def _accounts(held: Sequence[Holding]) -> Sequence[AccountSeen] | None:
    """None before the first look at balances."""
    return [AccountSeen(f"{each.kind.value} {evm.checksum(each.address)}", each.eth, each.low) for each in held] or None
