from __future__ import annotations

import time
from uuid import UUID

import pytest

from adyton.system.entropy import SystemEntropy


def test_ids_sort_by_the_order_of_their_making() -> None:
    entropy = SystemEntropy()

    ids = [entropy.new_id() for _ in range(20_000)]

    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)


def test_an_id_is_a_uuid_of_version_7_that_begins_with_the_time() -> None:
    before = time.time_ns() // 1_000_000
    made = UUID(hex=SystemEntropy().new_id())
    after = time.time_ns() // 1_000_000

    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert before <= made.int >> 80 <= after


def test_an_id_is_32_lower_case_hex_digits() -> None:
    made = SystemEntropy().new_id()

    assert len(made) == 32
    assert set(made) <= set("0123456789abcdef")


def test_ids_go_on_growing_when_the_clock_is_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([5_000_000_000, 5_000_000_000, 1_000_000_000, 6_000_000_000])
    monkeypatch.setattr("adyton.system.entropy.time.time_ns", lambda: next(times))
    entropy = SystemEntropy()

    ids = [entropy.new_id() for _ in range(4)]

    assert ids == sorted(ids)
    assert [int(made[:12], 16) for made in ids] == [5_000, 5_000, 5_000, 6_000]


def test_more_ids_than_the_counter_holds_borrow_from_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adyton.system.entropy.time.time_ns", lambda: 5_000_000_000)
    entropy = SystemEntropy()

    ids = [entropy.new_id() for _ in range(5000)]

    assert ids == sorted(ids)
    assert int(ids[-1][:12], 16) == 5_001


def test_tokens_have_the_size_asked_for_and_differ() -> None:
    entropy = SystemEntropy()

    assert {len(entropy.token(size)) for size in (16, 16, 16)} == {16}
    assert entropy.token(16) != entropy.token(16)


def test_jitter_is_a_fraction() -> None:
    entropy = SystemEntropy()

    assert all(0 <= entropy.jitter() < 1 for _ in range(1000))
