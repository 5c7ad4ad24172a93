"""How many attempts one has, and who is not stopped by the attempts of others."""

from __future__ import annotations

import pytest

from adyton.domain.errors import StorageUnavailable, Unauthenticated
from adyton.services import throttle
from adyton.services.throttle import ADDRESS_LIMIT, ADDRESS_PERIOD, Failures, Throttle, TooManyAttempts
from support.builders import TestClock

OWNER, HERE, THERE = "owner@example.com", "192.0.2.1", "192.0.2.2"


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture
def limits(clock: TestClock) -> Throttle:
    return Throttle(clock, limit=3, period=900)


def wrong_login(limits: Throttle, email: str = OWNER) -> None:
    with pytest.raises(Unauthenticated), limits.login(email):
        raise Unauthenticated("no")


def wrong_secret(limits: Throttle, key: str, address: str) -> None:
    with pytest.raises(Unauthenticated), limits.secret(key, address):
        raise Unauthenticated("no")


async def test_an_account_waits_after_so_many_wrong_passwords_right_or_wrong(limits: Throttle, clock: TestClock) -> None:
    for _ in range(3):
        wrong_login(limits)
        await clock.sleep(10)

    with pytest.raises(TooManyAttempts) as refused, limits.login(OWNER):
        pass
    assert refused.value.retry_after == 870
    with limits.login("other@example.com"):
        pass

    await clock.sleep(870)
    with limits.login(OWNER):
        pass


def test_right_passwords_do_not_count(limits: Throttle) -> None:
    for _ in range(10):
        with limits.login(OWNER):
            pass


def test_what_is_not_the_callers_fault_does_not_count(limits: Throttle) -> None:
    for _ in range(10):
        with pytest.raises(StorageUnavailable), limits.login(OWNER):
            raise StorageUnavailable("the disk is full")


def test_many_at_once_are_no_way_around(limits: Throttle) -> None:
    begun = [limits.login(OWNER) for _ in range(4)]
    for each in begun[:3]:
        each.__enter__()
    with pytest.raises(TooManyAttempts):
        begun[3].__enter__()


def test_a_stranger_at_the_door_does_not_stop_who_is_inside(limits: Throttle) -> None:
    for _ in range(3):
        wrong_login(limits)
    with limits.prompt(OWNER):
        pass


def test_who_guesses_inside_is_stopped_inside_and_at_the_door(limits: Throttle) -> None:
    for _ in range(3):
        with pytest.raises(Unauthenticated), limits.prompt(OWNER):
            raise Unauthenticated("no")
    with pytest.raises(TooManyAttempts), limits.prompt(OWNER):
        pass
    with pytest.raises(TooManyAttempts), limits.login(OWNER):
        pass


def test_a_key_waits_but_not_where_it_was_used_rightly(limits: Throttle) -> None:
    with limits.secret("key", HERE):
        pass
    for _ in range(3):
        wrong_secret(limits, "key", THERE)

    with pytest.raises(TooManyAttempts), limits.secret("key", THERE):
        pass
    with limits.secret("key", HERE):
        pass
    with limits.secret("other key", THERE):
        pass


async def test_an_address_that_sends_many_wrong_secrets_waits(limits: Throttle, clock: TestClock) -> None:
    for n in range(ADDRESS_LIMIT):
        wrong_secret(limits, f"invented {n}", HERE)

    with pytest.raises(TooManyAttempts), limits.secret("right", HERE):
        pass
    with limits.secret("right", THERE):
        pass
    await clock.sleep(ADDRESS_PERIOD)
    with limits.secret("right", HERE):
        pass


def test_invented_names_do_not_free_one_that_waits_and_take_no_more_memory(
    clock: TestClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "_KEPT", 100)
    failures = Failures(clock, limit=3, period=900)
    for _ in range(3):
        failures.add(OWNER)
    for n in range(1000):
        failures.add(f"invented {n}" * 1000)

    assert failures.wait(OWNER) == 900
    assert len(failures._windows) <= 100


async def test_a_clock_that_is_set_back_locks_nobody_out_for_long(clock: TestClock) -> None:
    failures = Failures(clock, limit=1, period=10)
    failures.add(OWNER)
    clock.micros -= 3600 * 1_000_000
    assert failures.wait(OWNER) == 0
