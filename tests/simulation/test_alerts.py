"""Alerts of a node that dies at any moment: told in order, and what is told twice is the same message."""

from __future__ import annotations

from decimal import Decimal

from adyton.domain.alert_destinations import Destination, Email, MailSecurity, Webhook
from adyton.domain.alert_messages import EVENT_HEADER, MESSAGE_HEADER
from adyton.domain.alert_rules import Severity
from adyton.domain.alerts import Changed
from adyton.ports import HttpFailure, MailFailure
from adyton.sim.http import ok
from adyton.sim.loop import run
from adyton.sim.world import World
from adyton.storage import alert_destinations as destinations
from adyton.storage import alerts as stored

HOOK = "https://alerts.example/in"
MAIL = Email(
    host="smtp.example",
    port=25,
    security=MailSecurity.NONE,
    sender="node@example.com",
    recipients=("you@example.com",),
)


async def told_to(world: World) -> None:
    """A webhook and a mail server that alerts go to."""
    world.http.route(HOOK, ok("{}"))
    for name, settings in (("hook", Webhook(HOOK)), ("mail", MAIL)):
        made = Destination(
            id=name,
            name=name,
            enabled=True,
            severity=Severity.WARNING,
            settings=settings,
            created_at=world.clock.now(),
            updated_at=world.clock.now(),
        )
        await destinations.create(world.database, made, now=world.clock.now())


async def low_below(world: World, ether: int) -> None:
    """Have the balance of the key count as low below so much."""
    changed = Changed(threshold=Decimal(ether), hold=0, clear=0)
    await stored.change_rule(world.database, "balance", changed)


def by_webhook(world: World) -> list[tuple[str, str]]:
    """What it heard: each event and its message."""
    headers = [dict(request.headers) for request in world.http.requests if request.url == HOOK]
    return [(each[EVENT_HEADER], each[MESSAGE_HEADER]) for each in headers]


def by_mail(world: World) -> list[tuple[str, str]]:
    return [(mail.message_id.partition("@")[0].rpartition("-")[2], mail.message_id) for mail in world.mail.taken]


async def all_told(world: World, count: int) -> bool:
    return await world.rows("SELECT COUNT(*) FROM alert_deliveries WHERE state = 'sent'") == [(count,)]


async def scene(world: World) -> None:
    """The key's balance becomes low, and is enough again."""
    await low_below(world, 1_000_000)
    await world.until(lambda: all_told(world, 2))
    await low_below(world, 0)
    await world.until(lambda: all_told(world, 4))


def check(world: World) -> None:
    for heard in (by_webhook(world), by_mail(world)):
        assert list(dict.fromkeys(event for event, _ in heard)) == ["raised", "cleared"]
        assert [event for event, _ in heard] == sorted((event for event, _ in heard), reverse=True)
        assert len({message for _, message in heard}) == 2


def test_wherever_the_node_is_killed_people_hear_of_the_beginning_and_of_the_end() -> None:
    """Every pass of the crash gate from the change to the last message, one life for each."""

    async def passes() -> tuple[int, int]:
        async with World("alerts") as world:
            await told_to(world)
            await world.pass_blocks(2)
            before = world.gate.passes
            await scene(world)
            check(world)
            assert len(by_webhook(world)) == len(by_mail(world)) == 2
            return before, world.gate.passes

    async def killed_at(fuse: int) -> None:
        async with World("alerts", fuses=[fuse], downtime=(0.5, 40.0)) as world:
            await told_to(world)
            await world.until(lambda: world.node is not None, every=0.1)
            await world.pass_blocks(2)
            await scene(world)
            check(world)

    first, last = run(passes())
    assert last - first > 10
    for fuse in range(first + 1, last + 1):
        run(killed_at(fuse))


def test_receivers_that_are_away_for_hours_hear_everything_in_order() -> None:
    async def main() -> None:
        async with World("away") as world:
            await told_to(world)
            world.http.route(HOOK, HttpFailure("connection refused", retriable=True))
            world.mail.refusal = MailFailure("smtp.example:25 cannot be asked", retriable=True)
            await low_below(world, 1_000_000)
            await world.breathe(3600)
            await low_below(world, 0)
            await world.breathe(3600)
            before = len(world.http.requests)
            world.http.route(HOOK, ok("{}"))
            world.mail.refusal = None
            await world.until(lambda: all_told(world, 4))
            assert [event for event, _ in by_webhook(world)[before:]] == ["raised", "cleared"]
            assert [event for event, _ in by_mail(world)] == ["raised", "cleared"]
            assert len({message for _, message in by_webhook(world)}) == 2
            assert before < 30

    run(main())
