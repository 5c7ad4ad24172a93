"""Alerts: how what rules find becomes something that is told once when it begins, and once when it is over.

::

    (well) ──wrong──► pending ──wrong for `hold` seconds──► raised ──well for `clear` seconds──► cleared
                        │ well                                ▲  │ well
                        ▼                                     │  ▼
                      (forgotten)                     wrong ──┴─ recovering

Each state is a row, so a restart in any of them goes on where it was. What cannot be told changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from enum import Enum, StrEnum, auto

import msgspec
from msgspec.structs import replace

from adyton.domain.alert_looks import Finding, Seen, Verdict
from adyton.domain.alert_rules import BY_NAME, LONGEST_DETAIL, LONGEST_HOLD, RULES, Rule, Severity, Unit
from adyton.domain.errors import Fault, Invalid

_SECOND = 1_000_000
_LARGEST = Decimal(10**9)
_HUNDRED = Decimal(100)
_PLACES = 18

SWITCHED_OFF = "the rule was switched off"
_GONE = "there is no such rule any more"


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """What operators changed of a rule; None: it is as the program has it."""

    enabled: bool | None = None
    threshold: Decimal | None = None
    hold: int | None = None
    clear: int | None = None


class InForce(msgspec.Struct, frozen=True):
    """A rule as it counts now: with what was changed."""

    rule: Rule
    changed: Changed = Changed()

    @property
    def enabled(self) -> bool:
        """Whether it is looked at."""
        return self.rule.enabled if self.changed.enabled is None else self.changed.enabled

    @property
    def threshold(self) -> Decimal | None:
        """What counts as wrong; None: the node's own measure, or nothing to set."""
        return self.rule.threshold if self.changed.threshold is None else self.changed.threshold

    @property
    def hold(self) -> int:
        """Seconds until it is raised."""
        return self.rule.hold if self.changed.hold is None else self.changed.hold

    @property
    def clear(self) -> int:
        """Seconds until it is cleared."""
        return self.rule.clear if self.changed.clear is None else self.changed.clear

    def verdict(self, seen: Seen) -> Verdict:
        """What is wrong."""
        return self.rule.look(seen, self.threshold)


def in_force(changed: Mapping[str, Changed]) -> list[InForce]:
    """Every rule with what was changed of it."""
    return [InForce(rule, changed.get(rule.name, Changed())) for rule in RULES]


def check(rule: Rule, wanted: Changed) -> None:
    """Raises Invalid, with every fault, unless a rule can be changed like that."""
    faults = [*_threshold_faults(rule, wanted.threshold)]
    for name, seconds in (("holdSeconds", wanted.hold), ("clearSeconds", wanted.clear)):
        if seconds is not None and not 0 <= seconds <= LONGEST_HOLD:
            faults.append(Fault(f"{name} must be from 0 to {LONGEST_HOLD} seconds, not {seconds}", f"/{name}"))
    if faults:
        raise Invalid(*faults, code="ADY-1371")


def _threshold_faults(rule: Rule, threshold: Decimal | None) -> Iterator[Fault]:
    if threshold is None:
        return
    if rule.unit is None:
        yield Fault(f"{rule.name} has no threshold; leave it out", "/threshold")
        return
    most = _HUNDRED if rule.unit is Unit.PERCENT else _LARGEST
    exponent = threshold.as_tuple().exponent
    if not threshold.is_finite() or not 0 <= threshold <= most:
        yield Fault(f"threshold must be from 0 to {most:f} {rule.unit}", "/threshold")
    elif isinstance(exponent, int) and -exponent > _PLACES:
        yield Fault(f"threshold has more than {_PLACES} digits behind the point", "/threshold")


# --- states ----------------------------------------------------------------------------------------------------------


class AlertStatus(StrEnum):
    """Where an alert is."""

    PENDING = "pending"
    RAISED = "raised"
    CLEARED = "cleared"


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """Something wrong with a ``subject`` ("": the node). Times are microseconds: ``since`` when it was first seen to be wrong,
    ``well_since`` since when it is seen to be well. ``cleared_because`` says why it is over, where that is not because all is
    well."""

    id: str
    rule: str
    subject: str
    severity: Severity
    detail: str
    code: str
    since: int
    raised_at: int | None = None
    well_since: int | None = None
    cleared_at: int | None = None
    cleared_because: str = ""

    @property
    def status(self) -> AlertStatus:
        """Where it is."""
        if self.cleared_at is not None:
            return AlertStatus.CLEARED
        return AlertStatus.PENDING if self.raised_at is None else AlertStatus.RAISED

    @property
    def title(self) -> str:
        """What is wrong, in a few words."""
        known = BY_NAME.get(self.rule)
        return self.rule if known is None else known.title

    @property
    def to_do(self) -> str:
        """What to do about it."""
        known = BY_NAME.get(self.rule)
        return "" if known is None else known.to_do


class Step(Enum):
    """What becomes of an alert. The first adds it."""

    BEGAN = auto()
    RAISED = auto()
    FORGOTTEN = auto()
    MOVED = auto()
    CLEARED = auto()


class Change(msgspec.Struct, frozen=True):
    """A step, and the alert behind it."""

    step: Step
    alert: Alert


def changes(
    rules: Sequence[InForce], standing: Sequence[Alert], seen: Seen, *, now: int, new_id: Callable[[], str]
) -> list[Change]:
    """What becomes of the alerts that are ``standing`` (not cleared), and of what is seen to be wrong."""
    by_rule: dict[str, list[Alert]] = {}
    for alert in standing:
        by_rule.setdefault(alert.rule, []).append(alert)
    found: list[Change] = []
    for rule in rules:
        own = by_rule.pop(rule.rule.name, [])
        found += _of_rule(rule, own, rule.verdict(seen), now, new_id) if rule.enabled else _ended(own, now, SWITCHED_OFF)
    for rest in by_rule.values():
        found += _ended(rest, now, _GONE)
    return found


def _of_rule(rule: InForce, own: Sequence[Alert], verdict: Verdict, now: int, new_id: Callable[[], str]) -> Iterator[Change]:
    if verdict is None:
        return
    known = {alert.subject for alert in own}
    for alert in own:
        yield from _wrong(rule, alert, now) if alert.subject in verdict else _well(rule, alert, now)
    for subject, finding in verdict.items():
        if subject not in known:
            begun = _begun(rule.rule, subject, finding, now, new_id())
            yield Change(Step.BEGAN, begun)
            yield from _wrong(rule, begun, now)


def _begun(rule: Rule, subject: str, finding: Finding, now: int, name: str) -> Alert:
    detail = finding.detail if len(finding.detail) <= LONGEST_DETAIL else f"{finding.detail[:LONGEST_DETAIL]}…"
    return Alert(
        id=name,
        rule=rule.name,
        subject=subject,
        severity=rule.severity,
        detail=detail,
        code=finding.code or rule.code,
        since=now,
    )


def _wrong(rule: InForce, alert: Alert, now: int) -> Iterator[Change]:
    if alert.raised_at is None and now - alert.since >= rule.hold * _SECOND:
        yield Change(Step.RAISED, replace(alert, raised_at=now))
    elif alert.well_since is not None:
        yield Change(Step.MOVED, replace(alert, well_since=None))


def _well(rule: InForce, alert: Alert, now: int) -> Iterator[Change]:
    if alert.raised_at is None:
        yield Change(Step.FORGOTTEN, alert)
        return
    well_since = now if alert.well_since is None else alert.well_since
    if now - well_since >= rule.clear * _SECOND:
        yield Change(Step.CLEARED, replace(alert, well_since=well_since, cleared_at=now))
    elif alert.well_since is None:
        yield Change(Step.MOVED, replace(alert, well_since=now))


def _ended(own: Sequence[Alert], now: int, because: str) -> Iterator[Change]:
    """Alerts of a rule that does not count any more end at once."""
    for alert in own:
        if alert.raised_at is None:
            yield Change(Step.FORGOTTEN, alert)
        else:
            yield Change(Step.CLEARED, replace(alert, cleared_at=now, cleared_because=because))
