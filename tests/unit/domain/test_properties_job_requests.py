"""Any JSON as a job: read, or refused with every fault at its field; and what is read is the same however it is spelled."""

from __future__ import annotations

import json
import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from adyton.adapters.base import AdapterSettings
from adyton.adapters.registry import Registry
from adyton.domain.errors import Fault, Invalid
from adyton.domain.job_requests import read_job
from adyton.domain.jobs import Job
from support.builders import TestClock, TestHttp

NOW = 1_561_644_191_000_000
HASH, ADDRESS = "0x" + "ab" * 32, "0x356a04bCe728ba4c62A30294A55E6A8600a320B3"

anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def mostly(*good: Any) -> st.SearchStrategy[Any]:
    """One of the good values, or now and then anything."""
    return st.integers(0, 29).flatmap(lambda chance: anything if chance == 0 else st.sampled_from(good))


def now_and_then(good: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """As the strategy says, or now and then anything."""
    return st.integers(0, 29).flatmap(lambda chance: anything if chance == 0 else good)


params = st.fixed_dictionaries(
    {},
    optional={
        "address": mostly(ADDRESS, ADDRESS.lower()),
        "requesters": mostly([ADDRESS], []),
        "topics": mostly([HASH], [[HASH, HASH], None], []),
        "fromBlock": mostly(12, "0x4b0", "latest", "unanswered"),
        "schedule": mostly(
            "* * * * *", "0 0 12 * * 1", "@every 1h30m", "@hourly", "CRON_TZ=Europe/Berlin 0 0 2 * * *", "0 0 0 30 2 *"
        ),
        "missed": mostly("skip", "latest", "all"),
        "overlap": mostly("allow", "skip"),
        "time": mostly("2031-06-19T22:17:19Z", 1_561_644_191, "2018"),
        "ran": mostly(True, False),
        "name": mostly("oracle-clock"),
        "body": mostly({"endpoint": "x"}),
    },
)
initiators = st.fixed_dictionaries(
    {"type": mostly("web", "cron", "runat", "runlog", "ethlog", "execagreement", "external", "RunLog")},
    optional={"params": now_and_then(params)},
)
task_params = st.fixed_dictionaries(
    {},
    optional={
        "get": mostly("https://example.com/price"),
        "path": mostly(["a", "b"], "a.b"),
        "times": mostly(100, "1.5"),
        "until": mostly(1_561_644_191),
        "operator": mostly("gt"),
        "value": mostly("12"),
        "format": mostly("uint256"),
    },
)
tasks = st.fixed_dictionaries(
    {"type": mostly("noop", "httpget", "HttpPost", "jsonparse", "multiply", "sleep", "ethtx", "compare")},
    optional={
        "confirmations": mostly(0, 3, "7", None),
        "params": now_and_then(task_params),
    },
)
jobs = st.fixed_dictionaries(
    {
        "initiators": now_and_then(st.lists(initiators, min_size=1, max_size=2)),
        "tasks": now_and_then(st.lists(tasks, min_size=1, max_size=3)),
    },
    optional={
        "startAt": mostly("2019-06-27T16:00:00+02:00", None),
        "endAt": mostly("2030-06-27T16:00:00Z", None),
        "minPayment": mostly("100", 5),
        "externalJobID": mostly("0eec7e1d-d0d2-476c-a1a8-72dfb6633f46"),
    },
)


def read(spec: Any) -> Job | tuple[Fault, ...]:
    registry = Registry(http=TestHttp(), clock=TestClock(), settings=AdapterSettings())
    try:
        return read_job(json.dumps(spec).encode(), job_id="a" * 32, now=NOW, check=registry.check)
    except Invalid as refused:
        return tuple(refused.faults)


@given(jobs)
def test_a_job_is_read_or_refused_with_every_fault_at_a_field(spec: dict[str, Any]) -> None:
    found = read(spec)
    if isinstance(found, Job):
        assert found.initiators
        assert found.tasks
        return
    assert found
    for fault in found:
        assert fault.detail.strip()
        assert "\n" not in fault.detail
        assert there(spec, fault.pointer), fault


def there(spec: Any, pointer: str) -> bool:
    """Whether the pointer leads to a field of the job, or to one that it lacks."""
    place: Any = spec
    *way, last = pointer.strip("/").split("/") if pointer else [""]
    for part in way:
        if isinstance(place, list):
            place = place[int(part)]
        elif isinstance(place, dict):
            place = place.get(part)
    return not isinstance(place, list) or last == "" or int(last) < len(place)


@given(jobs, st.integers())
def test_the_order_and_the_case_of_the_keys_say_nothing(spec: dict[str, Any], seed: int) -> None:
    assert read(respelled(spec, random.Random(seed))) == read(spec)


def respelled(spec: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """The same job, its own keys in another order and case; what is inside of params is left alone."""
    keys = list(spec)
    chance.shuffle(keys)
    return {
        "".join(chance.choice((letter.upper(), letter.lower())) for letter in key): [
            respelled_item(item, chance) for item in spec[key]
        ]
        if key in {"initiators", "tasks"} and isinstance(spec[key], list)
        else spec[key]
        for key in keys
    }


def respelled_item(item: Any, chance: random.Random) -> Any:
    if not isinstance(item, dict) or not {"type"} <= set(item) <= {"type", "params", "confirmations"}:
        return item
    keys = list(item)
    chance.shuffle(keys)
    return {chance.choice((key.upper(), key.capitalize(), key)): item[key] for key in keys}
