"""How the node is, in checks that say in words what is wrong and what to do about it.

Anyone may ask, often: what comes from the database is read once for all who ask at the same time, within a time limit, and what
does not is at hand. A check never waits for the chain.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

import msgspec

from adyton.domain import evm
from adyton.domain.times import rfc3339
from adyton.ethereum.views import EndpointView
from adyton.services.gauges import usable
from adyton.services.parts import Parts
from adyton.services.watch import Numbers, Watch
from adyton.storage.counts import Oldest

_RENEW_BEFORE = 14
"""Days that a certificate must have left: what renews certificates does so with a month left."""
PRIMARY = "primary"
"""The role of an endpoint by which the chain is followed; the others only take transactions."""
_NEEDED_TO_SERVE = frozenset({"database", "keys"})
_EXPLORER_MAY_LAG = 900
"""Seconds that a message to the explorer may wait."""
_STUCK_AFTER = 600.0
"""Seconds after which a key's first transaction counts as one that holds up the others."""


class Status(StrEnum):
    """The words of later Chainlink versions."""

    PASSING = "passing"
    FAILING = "failing"


class Check(msgspec.Struct, frozen=True):
    """One thing looked at; ``output`` says for people what was found, ``code`` names the page about a failure (None if it
    passes)."""

    name: str
    status: Status
    output: str = ""
    code: str | None = None

    @property
    def passing(self) -> bool:
        """Nothing is wrong here."""
        return self.status is Status.PASSING


async def report(parts: Parts, watch: Watch) -> list[Check]:
    """Every check. The node is healthy when all of them pass."""
    unwritable, numbers = await watch.unwritable(), await watch.numbers()
    return [
        _database(parts, unwritable, readable=numbers is not None),
        _chain(parts),
        *_endpoints(parts),
        _head(parts),
        *(_rows(parts, numbers) if numbers is not None else ()),
        _keys(parts),
        _funds(parts),
        _queue(parts),
        *_certificate(parts),
    ]


def ready(checks: list[Check]) -> bool:
    """Whether the API can serve: a chain that is away does not stop it."""
    return all(check.passing for check in checks if check.name in _NEEDED_TO_SERVE)


def _database(parts: Parts, unwritable: str | None, *, readable: bool) -> Check:
    if unwritable is not None:
        return _failing("database", unwritable, "ADY-0917")
    if not readable:
        return _failing("database", "rows cannot be read in time; what depends on them is left out here", "ADY-0917")
    return _passing("database", f"{parts.db.dialect}, writable")


# --- the chain -------------------------------------------------------------------------------------------------------


def _chain(parts: Parts) -> Check:
    state = parts.chain.state
    if not state.connected:
        return _failing("chain", state.problem or "not connected to the Ethereum node", "ADY-0630")
    active = [each.name for each in parts.endpoints() if each.active]
    return _passing("chain", f"connected to {active[0]}" if active else "connected")


def _endpoints(parts: Parts) -> Iterator[Check]:
    """One that is away is only told; that none is left to follow the chain by fails."""
    found = parts.endpoints()
    if not found:
        return
    good = [each for each in found if usable(each)]
    told = "; ".join(_endpoint(each) for each in found)
    if any(each.role == PRIMARY for each in good):
        yield _passing("endpoints", f"{len(good)} of {len(found)} usable: {told}")
    else:
        yield _failing("endpoints", f"none can be used: {told}; see to one of them, or add another to ETH_URL", "ADY-0631")


def _endpoint(each: EndpointView) -> str:
    words = [f"{each.name} ({each.role}) {each.state}"]
    if each.active:
        words.append("in use")
    if each.head is not None:
        words.append(f"at block {each.head}")
    return ", ".join(words) + (f": {each.problem}" if each.problem else "")


def _head(parts: Parts) -> Check:
    head = parts.chain.state.head
    if head is None:
        return _failing("head", "no block seen yet", "ADY-0632")
    age = max(0, parts.clock.now() // 1_000_000 - head.timestamp)
    shown = f"block {head.number} is {age} s old"
    limit = parts.config.node_no_new_heads_threshold
    if limit and age > limit:
        return _failing("head", f"{shown}; more than {limit:g} s means that the Ethereum node lags or stands still", "ADY-0632")
    return _passing("head", shown)


# --- what rows say ---------------------------------------------------------------------------------------------------


def _rows(parts: Parts, numbers: Numbers) -> Iterator[Check]:
    yield _logs(parts, numbers)
    yield _alarms(numbers)
    yield _transactions(parts, numbers)
    yield _requests(numbers)
    yield from _explorer(parts, numbers)


def _logs(parts: Parts, numbers: Numbers) -> Check:
    if numbers.cursor is None:
        return _passing("logs", "no block has been read yet")
    lag = numbers.lag
    told = f"read through block {numbers.cursor.block_number}" + ("" if lag is None else f", {lag} behind the newest")
    if numbers.rereads.count:
        told += f"; {numbers.rereads.count} re-reads of old blocks are open, {numbers.rereads.blocks} blocks to go"
    if lag is not None and lag > parts.finality_depth:
        return _failing("logs", f"{told}; unless that number falls, the node's log says why blocks cannot be read", "ADY-0633")
    return _passing("logs", told)


def _alarms(numbers: Numbers) -> Check:
    told = [f"{each.name} since {rfc3339(each.since)}: {each.detail}. Then: {each.cure}" for each in numbers.alarms]
    return _failing("alarms", "; ".join(told), numbers.alarms[0].code) if told else _passing("alarms", "none")


def _transactions(parts: Parts, numbers: Numbers) -> Check:
    now = parts.clock.now()
    stuck = [told for each in numbers.oldest if (told := _stuck(each, (now - each.since) / 1e6)) is not None]
    if stuck:
        return _failing("transactions", f"{'; '.join(stuck)}. `adyton txs doctor` says why, and what can be done", "ADY-0723")
    open_ones: dict[str, int] = {}
    for each in numbers.transactions:
        open_ones[each.state] = open_ones.get(each.state, 0) + each.count
    told = ", ".join(f"{count} {state}" for state, count in open_ones.items())
    return _passing("transactions", told or "none open")


def _stuck(first: Oldest, age: float) -> str | None:
    """What is wrong with the first of a key's transactions in a state; None if nothing is."""
    nonce = "" if first.nonce is None else f" (nonce {first.nonce})"
    name = f"transaction {first.id}{nonce} of {evm.checksum(first.address)}"
    if first.waiting is not None:
        return f"{name} waits: {first.waiting}"
    if age <= _STUCK_AFTER:
        return None
    missing = {"unstarted": "has not been sent", "in_progress": "has not been taken by an Ethereum node"}
    return f"{name} {missing.get(first.state, 'has not been mined')} for {age:.0f} s"


def _requests(numbers: Numbers) -> Check:
    if numbers.requests is None:
        return _passing("requests", "they are still being counted; ask again")
    if numbers.requests.unaccounted:
        return _failing(
            "requests",
            f"{numbers.requests.unaccounted} have neither an answer nor a reason why not: `adyton requests list --unanswered` "
            "shows them, `adyton requests run ID` runs one again",
            "ADY-0636",
        )
    return _passing("requests", "every one is accounted for")


def _explorer(parts: Parts, numbers: Numbers) -> Iterator[Check]:
    """Only where there is one. That it is away for a while does not matter: nothing is lost."""
    waiting = numbers.explorer
    if waiting is None:
        return
    line = "connected" if parts.explorer.connected else f"no line: {parts.explorer.problem}"
    told = f"{line}; {waiting.waiting} messages wait"
    late = waiting.since is not None and parts.clock.now() - waiting.since > _EXPLORER_MAY_LAG * 1_000_000
    if waiting.parked:
        yield _failing(
            "explorer", f"{told}, {waiting.parked} were refused and put aside, the newest because {waiting.error}", "ADY-1203"
        )
    elif late:
        yield _failing("explorer", f"{told}, since {rfc3339(waiting.since or 0)}", "ADY-1204")
    else:
        yield _passing("explorer", told)


# --- the rest --------------------------------------------------------------------------------------------------------


def _keys(parts: Parts) -> Check:
    count = len(parts.keys.addresses())
    if count == 0:
        return _failing("keys", "there is no key to sign answers with", "ADY-0724")
    return _passing("keys", f"{count} unlocked")


def _funds(parts: Parts) -> Check:
    """As the balance monitor saw it last: nothing is asked here."""
    held = parts.holdings()
    low = [f"{each.kind.value} {evm.checksum(each.address)}: {each.low}" for each in held if each.low is not None]
    if low:
        return _failing(
            "funds", f"{'; '.join(low)}. What cannot be paid for waits, and is sent when there is enough", "ADY-0725"
        )
    return _passing("funds", "enough" if held else "no balance has been read yet")


def _queue(parts: Parts) -> Check:
    queue = parts.engine.queue
    more = "; more are due than it keeps, they are taken from the database" if queue.behind else ""
    return _passing("queue", f"{queue.depth} runs queued or under way{more}")


def _certificate(parts: Parts) -> Iterator[Check]:
    """Only where there is one."""
    held = parts.edge.certificate
    if held is None:
        return
    left = held.days_left(parts.clock.now())
    told = f"valid until {rfc3339(held.expires * 1_000_000)}, {left:.0f} days"
    if held.problem:
        yield _failing("certificate", f"{told}; a newer one is there and cannot be used: {held.problem}", "ADY-1006")
    elif left < 0:
        yield _failing("certificate", f"ended {-left:.0f} days ago; put a new one in its place, without a restart", "ADY-1011")
    elif left < _RENEW_BEFORE:
        yield _failing("certificate", f"{told}; what renews it has not done so: put a new one in its place", "ADY-1011")
    else:
        yield _passing("certificate", told)


def _passing(name: str, output: str) -> Check:
    return Check(name, Status.PASSING, output)


def _failing(name: str, output: str, code: str) -> Check:
    return Check(name, Status.FAILING, output, code)
