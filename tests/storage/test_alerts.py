"""Alerts, their rules, destinations and messages as rows."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace

from adyton.domain.alert_destinations import Destination, Slack, Webhook
from adyton.domain.alert_messages import AlertEvent
from adyton.domain.alert_rules import Severity
from adyton.domain.alerts import Alert, AlertStatus, Change, Changed, Step
from adyton.domain.errors import Conflict
from adyton.storage import alert_deliveries as deliveries
from adyton.storage import alert_destinations as destinations
from adyton.storage import alerts
from adyton.storage.alert_deliveries import How
from adyton.storage.database import Database
from support.builders import NOW

MINUTE = 60_000_000


def alert(number: int = 1, *, severity: Severity = Severity.WARNING, since: int = NOW, subject: str = "") -> Alert:
    return Alert(
        id=f"{number:032x}", rule="head", subject=subject, severity=severity, detail="old", code="ADY-0632", since=since
    )


def place(name: str, *, severity: Severity = Severity.WARNING, enabled: bool = True, created: int = NOW) -> Destination:
    return Destination(
        id=f"id of {name}",
        name=name,
        enabled=enabled,
        severity=severity,
        settings=Webhook(f"https://{name}.example/secret", "s" * 16),
        created_at=created,
        updated_at=created,
    )


async def raise_(database: Database, one: Alert, *, at: int = NOW) -> Alert:
    raised = replace(one, raised_at=at)
    await database.write(*alerts.applied([Change(Step.BEGAN, one), Change(Step.RAISED, raised)], now=at))
    return raised


async def clear(database: Database, one: Alert, *, at: int, because: str = "") -> Alert:
    cleared = replace(one, well_since=at, cleared_at=at, cleared_because=because)
    await database.write(*alerts.applied([Change(Step.CLEARED, cleared)], now=at))
    return cleared


async def messages(database: Database) -> list[tuple[str, str, str]]:
    shown, _ = await deliveries.page(database, offset=0, limit=99)
    return [(each.destination_name, each.message[-8:].split("-")[-1], each.state) for each in reversed(shown)]


async def test_each_step_is_a_row(database: Database) -> None:
    begun = alert()
    await database.write(*alerts.applied([Change(Step.BEGAN, begun)], now=NOW))
    assert await alerts.standing(database) == [begun]
    raised = replace(begun, raised_at=NOW + 1)
    await database.write(*alerts.applied([Change(Step.RAISED, raised)], now=NOW + 1))
    moved = replace(raised, well_since=NOW + 2)
    await database.write(*alerts.applied([Change(Step.MOVED, moved)], now=NOW + 2))
    assert await alerts.standing(database) == [moved]
    cleared = replace(moved, cleared_at=NOW + 3, cleared_because="the rule was switched off")
    await database.write(*alerts.applied([Change(Step.CLEARED, cleared)], now=NOW + 3))
    assert await alerts.standing(database) == []
    assert await alerts.get(database, begun.id) == cleared


async def test_what_was_not_told_is_forgotten_and_what_was_is_not(database: Database) -> None:
    await database.write(*alerts.applied([Change(Step.BEGAN, alert(1))], now=NOW))
    raised = await raise_(database, alert(2, subject="other"))
    await database.write(*alerts.applied([Change(Step.FORGOTTEN, alert(1)), Change(Step.FORGOTTEN, raised)], now=NOW))
    assert await alerts.standing(database) == [raised]


async def test_of_one_rule_and_subject_one_stands(database: Database) -> None:
    first = await raise_(database, alert(1))
    with pytest.raises(Conflict):
        await raise_(database, alert(2))
    await clear(database, first, at=NOW + 1)
    await raise_(database, alert(2))


async def test_the_same_write_twice_tells_once(database: Database) -> None:
    await destinations.create(database, place("a"), now=NOW)
    one = await raise_(database, alert())
    for _ in range(2):
        await database.write(*alerts.applied([Change(Step.RAISED, one)], now=NOW))
        await clear(database, one, at=NOW + 1)
    assert await messages(database) == [("a", "raised", "waiting"), ("a", "cleared", "waiting")]


async def test_each_hears_what_is_for_it_and_the_end_of_what_it_heard(database: Database) -> None:
    await destinations.create(database, place("all"), now=NOW)
    await destinations.create(database, place("grave", severity=Severity.CRITICAL, created=NOW + 1), now=NOW)
    await destinations.create(database, place("off", enabled=False, created=NOW + 2), now=NOW)
    light = await raise_(database, alert(1, subject="a"))
    await raise_(database, alert(2, severity=Severity.CRITICAL, subject="b"))
    await clear(database, light, at=NOW + 1)
    assert await messages(database) == [
        ("all", "raised", "waiting"),
        ("all", "raised", "waiting"),
        ("grave", "raised", "waiting"),
        ("all", "cleared", "waiting"),
    ]


async def test_a_new_one_hears_of_what_stands_and_not_of_the_end_of_what_it_never_heard(database: Database) -> None:
    over = await raise_(database, alert(1, subject="a"))
    await clear(database, over, at=NOW + 1)
    await raise_(database, alert(2, subject="b"))
    await database.write(*alerts.applied([Change(Step.BEGAN, alert(3, subject="c"))], now=NOW))
    await destinations.create(database, place("late"), now=NOW)
    assert await messages(database) == [("late", "raised", "waiting")]


async def test_one_that_is_switched_off_hears_nothing_and_when_it_is_on_what_stands_then(database: Database) -> None:
    one = place("a")
    await destinations.create(database, one, now=NOW)
    told = await raise_(database, alert(1, subject="a"))
    assert await destinations.change(database, replace(one, enabled=False), now=NOW + 1)
    assert await messages(database) == [("a", "raised", "failed")]
    await clear(database, told, at=NOW + 2)
    await raise_(database, alert(2, subject="b"))
    assert len(await messages(database)) == 1
    await destinations.change(database, one, now=NOW + 3)
    assert await messages(database) == [("a", "raised", "failed"), ("a", "raised", "waiting")]


async def test_the_oldest_of_each_is_due_and_nothing_overtakes_it(database: Database) -> None:
    for number, name in enumerate(("a", "b")):
        await destinations.create(database, place(name, created=NOW + number), now=NOW)
    for number in (1, 2):
        await raise_(database, alert(number, subject=str(number)), at=NOW + number)
    first, second = await deliveries.due(database, NOW + MINUTE)
    assert [(one.destination, one.message) for one in (first, second)] == [
        (f"id of {name}", f"{1:032x}-raised") for name in ("a", "b")
    ]
    await database.write(deliveries.postponed(first, until=NOW + 2 * MINUTE, error="refused"))
    await database.write(deliveries.ended(second, sent=True, now=NOW + MINUTE, error=None))
    assert [(one.destination, one.message[:32]) for one in await deliveries.due(database, NOW + MINUTE)] == [
        ("id of b", f"{2:032x}")
    ]
    assert await deliveries.next_at(database) == NOW + 2
    how = await deliveries.how(database)
    assert how["id of a"] == How(2, NOW + 1, NOW + 2 * MINUTE, "refused", None, None)
    assert (how["id of b"].waiting, how["id of b"].last_sent) == (1, NOW + MINUTE)
    (again, _) = await deliveries.due(database, NOW + 2 * MINUTE)
    assert (again.destination, again.attempts) == ("id of a", 1)


async def test_what_is_changed_is_tried_at_once(database: Database) -> None:
    one = place("a")
    await destinations.create(database, one, now=NOW)
    await raise_(database, alert())
    (waiting,) = await deliveries.due(database, NOW)
    await database.write(deliveries.postponed(waiting, until=NOW + MINUTE, error="refused"))
    assert await deliveries.due(database, NOW + 1) == []
    await destinations.change(database, replace(one, settings=Slack("https://b.example/x")), now=NOW + 1)
    assert len(await deliveries.due(database, NOW + 1)) == 1


async def test_destinations_come_back_as_they_were_and_names_are_taken_once(database: Database) -> None:
    one = place("a")
    await destinations.create(database, one, now=NOW)
    with pytest.raises(Conflict):
        await destinations.create(database, replace(one, id="another"), now=NOW)
    assert await destinations.every(database) == [one]
    assert await destinations.get(database, "a") == await destinations.get(database, "id of a") == one
    assert await destinations.get(database, "b") is None
    assert not await destinations.change(database, replace(one, id="nobody", name="b"), now=NOW)


async def test_a_deleted_one_takes_its_messages_with_it(database: Database) -> None:
    await destinations.create(database, place("a"), now=NOW)
    await raise_(database, alert())
    assert await destinations.delete(database, "id of a")
    assert not await destinations.delete(database, "id of a")
    assert await messages(database) == []
    assert await deliveries.next_at(database) is None


async def test_a_test_is_noted_with_what_came_of_it(database: Database) -> None:
    await destinations.create(database, place("a"), now=NOW)
    ((row,),) = await database.write(deliveries.tested("id of a", "1-test", "refused", begun=NOW, now=NOW + 1))
    shown = await deliveries.get(database, int(row[0] or 0))
    assert shown is not None
    assert (shown.event, shown.state, shown.error, shown.alert, shown.finished_at) == (
        AlertEvent.TEST,
        "failed",
        "refused",
        None,
        NOW + 1,
    )
    assert await database.write(deliveries.tested("nobody", "2-test", None, begun=NOW, now=NOW)) == [[]]


async def test_lists_are_chosen_and_paged(database: Database) -> None:
    await destinations.create(database, place("a"), now=NOW)
    for number in range(5):
        one = await raise_(database, alert(number, subject=str(number)), at=NOW + number)
        if number < 3:
            await clear(database, one, at=NOW + 10)
    await database.write(*alerts.applied([Change(Step.BEGAN, alert(9, subject="9"))], now=NOW))
    found, count = await alerts.page(database, None, offset=1, limit=2)
    assert ([each.subject for each in found], count) == (["3", "2"], 5)
    counts = {status: (await alerts.page(database, status, offset=0, limit=1))[1] for status in AlertStatus}
    assert counts == {AlertStatus.PENDING: 1, AlertStatus.RAISED: 2, AlertStatus.CLEARED: 3}
    chosen = await deliveries.page(database, alert=f"{1:032x}", state="waiting", destination="id of a", offset=0, limit=9)
    assert ([each.event for each in chosen[0]], chosen[1]) == (["cleared", "raised"], 2)


async def test_old_ones_are_deleted_and_those_that_somebody_still_waits_for_are_not(database: Database) -> None:
    await destinations.create(database, place("a"), now=NOW)
    one = await clear(database, await raise_(database, alert(1)), at=NOW)
    assert await alerts.forget(database, before=NOW + 1, limit=10) == 0
    for _ in range(2):
        (waiting,) = await deliveries.due(database, NOW)
        await database.write(deliveries.ended(waiting, sent=True, now=NOW, error=None))
    assert await deliveries.forget(database, before=NOW, limit=10) == 0
    assert await deliveries.forget(database, before=NOW + 1, limit=10) == 2
    assert await alerts.forget(database, before=NOW + 1, limit=10) == 1
    assert await alerts.get(database, one.id) is None


async def test_changed_rules_come_back_exactly(database: Database) -> None:
    changed = Changed(enabled=False, threshold=Decimal("0.000000000000000001"), hold=0, clear=None)
    await alerts.change_rule(database, "balance", Changed(hold=9))
    await alerts.change_rule(database, "balance", changed)
    assert await alerts.changed_rules(database) == {"balance": changed}
