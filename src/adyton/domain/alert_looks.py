"""How the rules of alerts look at a node: what was seen of it, and what is wrong with that.

A look finds something wrong with some subjects (a key, an endpoint, "" for the node as a whole), with none, or cannot tell.
Nothing here asks anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TypeAlias

import msgspec

from adyton.domain.evm import eighteen

LEAST_RUNS = 10
"""Fewer finished runs in an hour say nothing about a rate."""
_ETHER = Decimal(10**18)
_MEGABYTE = 10**6
_DATABASE = "database"


# --- what is seen ----------------------------------------------------------------------------------------------------


class CheckSeen(msgspec.Struct, frozen=True):
    """A check of /health, as it says it."""

    passing: bool
    output: str = ""
    code: str | None = None


class EndpointSeen(msgspec.Struct, frozen=True):
    """An Ethereum endpoint; ``told`` is how it is, in words."""

    name: str
    usable: bool
    told: str


class AlarmSeen(msgspec.Struct, frozen=True):
    """An alarm that stays until its ``cure``, a command, was applied."""

    name: str
    detail: str
    cure: str
    code: str


class FirstSeen(msgspec.Struct, frozen=True):
    """The first of a key's transactions in a state: ``name`` says which, ``lacks`` what has not happened to it for ``age``
    seconds; ``waiting`` is what it says that it waits for."""

    key: str
    name: str
    lacks: str
    age: float
    waiting: str | None = None


class AccountSeen(msgspec.Struct, frozen=True):
    """What a key (``wei``) or a contract (None) held; ``low`` says what is too little by the node's own measure."""

    name: str
    wei: int | None
    low: str | None


class RunsSeen(msgspec.Struct, frozen=True):
    """Runs that finished within the last hour (of very many the newest)."""

    finished: int
    errored: int


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of the node. None, and a check that is missing while the database fails: it could not be seen.

    ``head_age`` is in seconds, ``head_limit`` that of NODE_NO_NEW_HEADS_THRESHOLD (0: none), ``free`` in bytes."""

    checks: Mapping[str, CheckSeen] = {}
    head_age: float | None = None
    head_limit: float = 0.0
    endpoints: Sequence[EndpointSeen] | None = None
    alarms: Sequence[AlarmSeen] | None = None
    first: Sequence[FirstSeen] | None = None
    accounts: Sequence[AccountSeen] | None = None
    unaccounted: int | None = None
    runs: RunsSeen | None = None
    overflowed: bool | None = None
    free: int | None = None


class Finding(msgspec.Struct, frozen=True):
    """Something wrong, in words for people; ``code`` names its page where that is not the rule's."""

    detail: str
    code: str = ""


Verdict: TypeAlias = Mapping[str, Finding] | None
"""What is wrong, by subject; None: it cannot be told."""
Look: TypeAlias = Callable[[Seen, Decimal | None], Verdict]
_WELL: Verdict = {}


# --- how they look ---------------------------------------------------------------------------------------------------


def check(name: str) -> Look:
    """What a check of /health says."""

    def look(seen: Seen, _threshold: Decimal | None) -> Verdict:
        found = seen.checks.get(name)
        if found is None:
            database = seen.checks.get(_DATABASE)
            return None if database is None or not database.passing else _WELL
        return _WELL if found.passing else {"": Finding(found.output, found.code or "")}

    return look


def head(seen: Seen, threshold: Decimal | None) -> Verdict:
    """The age of the newest block."""
    if seen.head_age is None:
        return None  # without a connection nobody knows; that is told by its own rule
    limit = float(threshold) if threshold is not None else seen.head_limit
    if not limit or seen.head_age <= limit:
        return _WELL
    return {"": Finding(f"the newest block is {seen.head_age:.0f} s old, more than {limit:g} s")}


def endpoints(seen: Seen, _threshold: Decimal | None) -> Verdict:
    """Endpoints that cannot be used."""
    if seen.endpoints is None:
        return None
    return {each.name: Finding(each.told) for each in seen.endpoints if not each.usable}


def alarms(seen: Seen, _threshold: Decimal | None) -> Verdict:
    """Alarms that are raised."""
    if seen.alarms is None:
        return None
    return {each.name: Finding(f"{each.detail}. Then: {each.cure}", each.code) for each in seen.alarms}


def unaccounted(seen: Seen, threshold: Decimal | None) -> Verdict:
    """Requests without an answer and without a reason."""
    if seen.unaccounted is None:
        return None
    if seen.unaccounted <= (threshold or 0):
        return _WELL
    return {"": Finding(f"{seen.unaccounted} have neither an answer nor a reason why not")}


def failing(seen: Seen, threshold: Decimal | None) -> Verdict:
    """The share of runs that fail."""
    if seen.runs is None:
        return None
    finished, errored = seen.runs.finished, seen.runs.errored
    if finished < LEAST_RUNS or 100 * errored <= finished * (threshold or 0):
        return _WELL
    share = 100 * errored / finished
    return {"": Finding(f"{errored} of {finished} runs that finished within the last hour failed: {share:.0f} %")}


def overflowed(seen: Seen, _threshold: Decimal | None) -> Verdict:
    """Whether more runs are due than the queue keeps."""
    if seen.overflowed is None:
        return None
    return {"": Finding("more runs are due than the node can work on; none is lost")} if seen.overflowed else _WELL


def stuck(seen: Seen, threshold: Decimal | None) -> Verdict:
    """Transactions that are not mined in time."""
    if seen.first is None:
        return None
    limit = 60 * float(threshold or 0)
    late = [each for each in seen.first if each.waiting is None and each.age > limit]
    return {each.key: Finding(f"{each.name} {each.lacks} for {each.age / 60:.0f} min") for each in reversed(late)}


def waiting(seen: Seen, _threshold: Decimal | None) -> Verdict:
    """Transactions that say what they wait for."""
    if seen.first is None:
        return None
    waiting = [each for each in seen.first if each.waiting is not None]
    return {each.key: Finding(f"{each.name} waits: {each.waiting}") for each in reversed(waiting)}


def balances(seen: Seen, threshold: Decimal | None) -> Verdict:
    """Keys and contracts that hold too little."""
    if seen.accounts is None:
        return None
    return {each.name: Finding(words) for each in seen.accounts if (words := _low(each, threshold)) is not None}


def _low(account: AccountSeen, threshold: Decimal | None) -> str | None:
    if threshold is None or account.wei is None:
        return account.low
    return f"it holds {eighteen(account.wei)} ETH, less than {threshold:f} ETH" if account.wei < threshold * _ETHER else None


def disk(seen: Seen, threshold: Decimal | None) -> Verdict:
    """Room on the disk."""
    if seen.free is None:
        return None
    if seen.free >= (threshold or 0) * _MEGABYTE:
        return _WELL
    return {"": Finding(f"{seen.free // _MEGABYTE} MB are free, less than {threshold:f} MB")}
