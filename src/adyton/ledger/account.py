"""What the ledger comes to: counts, findings, and their text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum

import msgspec

from adyton.domain import evm
from adyton.domain.chain import Address


class End(StrEnum):
    """How a request ended, or where it stands."""

    ANSWERED = "answered"
    ANSWERED_BY_ANOTHER = "answered by another"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REFUSED = "refused"
    IN_PROGRESS = "in progress"
    NEW = "not deep enough yet"
    UNACCOUNTED = "unaccounted"


class Kind(StrEnum):
    """What can be wrong. Each is a fault."""

    LOST = "lost"
    DOUBLED = "answered more than once"
    TWO_ENDS = "in two ends"
    NO_REASON = "refused without a reason"
    ONLY_IN_DATABASE = "ended in the database, not on the chain"
    ONLY_ON_CHAIN = "ended on the chain, not in the database"
    UNREAD = "an unreadable log that was not written down"
    UNFINISHED = "not finished"
    OVERDUE = "past its deadline"
    OWNERLESS = "a transaction that nothing waits for"
    NONCE_GAP = "a gap in the nonces"
    NONCE_TWICE = "a nonce used twice"
    NONCE_UNKNOWN = "a nonce used by something unknown"
    MINED_DIFFERENTLY = "mined in the database, not on the chain"
    LINK_OFF = "LINK does not add up"
    GAS_OFF = "gas does not add up"


class Finding(msgspec.Struct, frozen=True):
    """One thing that is wrong: with what, and in words."""

    kind: Kind
    subject: str
    words: str


class Money(msgspec.Struct, frozen=True):
    """An account's movement between the two blocks, in wei or juels. ``expected`` is what the transactions come to."""

    address: Address
    moved: int
    expected: int

    @property
    def adds_up(self) -> bool:
        """Whether the chain's balance agrees with the transactions."""
        return self.moved == self.expected


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of it. ``reverted`` counts our transactions that were paid for and did nothing, ``noops`` those that were to
    do nothing; ``notes`` are worth knowing and no faults; ``unchecked`` says what could not be looked at, and why."""

    first: int
    last: int
    requests: int
    ends: Mapping[End, int]
    transactions: int
    reverted: int
    noops: int
    earned: tuple[Money, ...]
    spent: tuple[Money, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()

    @property
    def sound(self) -> bool:
        """Nothing was found."""
        return not self.findings


def text(account: Account) -> str:
    """The account for a person to read."""
    lines = [f"Blocks {account.first} to {account.last}", f"{'requests':<24}{account.requests:>10,}"]
    lines += [f"  {end:<22}{account.ends.get(end, 0):>10,}" for end in End]
    lines.append(f"{'transactions':<24}{account.transactions:>10,}")
    lines.append(f"  {'paid for and reverted':<22}{account.reverted:>10,}")
    lines.append(f"  {'no-ops':<22}{account.noops:>10,}")
    lines += [f"LINK earned   {_money(money, 'LINK')}" for money in account.earned]
    lines += [f"ETH spent     {_money(money, 'ETH')}" for money in account.spent]
    lines += [f"note          {note}" for note in account.notes]
    lines += [f"not checked   {what}" for what in account.unchecked]
    if account.sound:
        return "\n".join([*lines, "Everything adds up."])
    counted = Counter(finding.kind for finding in account.findings)
    lines += ["", *(f"{kind}: {count}" for kind, count in sorted(counted.items()))]
    lines += [f"  {finding.kind}: {finding.subject}: {finding.words}" for finding in account.findings]
    return "\n".join([*lines, f"{len(account.findings)} findings."])


def _money(money: Money, unit: str) -> str:
    verdict = "adds up" if money.adds_up else f"but the transactions come to {evm.eighteen(money.expected)}"
    return f"{evm.checksum(money.address)}  {evm.eighteen(money.moved)} {unit}, {verdict}"
