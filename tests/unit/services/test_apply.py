"""Applying twice changes nothing: whatever a job holds, the node knows it again."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from adyton.domain import data
from adyton.domain.job_differences import differences
from adyton.domain.job_requests import read_object
from adyton.domain.job_specs import spec_of
from adyton.domain.jobs import Job
from adyton.domain.plans import Action
from adyton.services import apply
from support.api import Api

ADDRESSES = st.sampled_from(["0x" + "ab" * 20, "0X" + "CD" * 20])
HASHES = st.sampled_from(["0x" + "12" * 32, "0x" + "EF" * 32])
TIMES = st.sampled_from(["2035-05-06T07:08:09.123456Z", "2035-05-06T07:08:09+02:00", None])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.text(max_size=8) | st.floats(allow_nan=False, width=16),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(st.text(max_size=6), VALUES, max_size=4)
BLOCKS = st.sampled_from([0, 7, "0x10", "latest", None])
INITIATORS = st.one_of(
    st.fixed_dictionaries({"type": st.sampled_from(["web", "WEB"])}),
    st.fixed_dictionaries(
        {
            "type": st.just("cron"),
            "params": st.fixed_dictionaries(
                {"schedule": st.sampled_from(["0 0 * * * *", "@every 90s"])},
                optional={"missed": st.sampled_from(["all", "", None]), "overlap": st.just("SKIP")},
            ),
        }
    ),
    st.fixed_dictionaries(
        {
            "type": st.just("runat"),
            "params": st.fixed_dictionaries(
                {"time": st.sampled_from(["2031-05-06T07:08:09Z", 1936000000])}, optional={"ran": st.booleans()}
            ),
        }
    ),
    st.fixed_dictionaries(
        {
            "type": st.just("RunLog"),
            "params": st.fixed_dictionaries(
                {}, optional={"address": ADDRESSES, "requesters": st.lists(ADDRESSES, max_size=2), "fromBlock": BLOCKS}
            ),
        }
    ),
    st.fixed_dictionaries(
        {
            "type": st.just("ethlog"),
            "params": st.fixed_dictionaries(
                {},
                optional={
                    "address": ADDRESSES,
                    "topics": st.lists(HASHES | st.none() | st.lists(HASHES, max_size=2), max_size=4),
                },
            ),
        }
    ),
)
TASKS = st.fixed_dictionaries(
    {"type": st.sampled_from(["noop", "NoOpPend"])},
    optional={"confirmations": st.sampled_from([3, "4", "", None]), "params": OBJECTS},
)
SPECS = st.fixed_dictionaries(
    {"initiators": st.lists(INITIATORS, min_size=1, max_size=3), "tasks": st.lists(TASKS, min_size=1, max_size=3)},
    optional={
        "name": st.sampled_from(["x", "", 7, None]),
        "minPayment": st.sampled_from([5, "6", "", None]),
        "endAt": TIMES,
        "_comment": VALUES,
    },
)


def parsed(spec: Any) -> Any:
    return data.parse(msgspec.json.encode(spec))


def read(spec: Any) -> Job:
    return read_object(spec, job_id="a" * 32, now=1)


@given(SPECS)
@settings(max_examples=300, deadline=None)
def test_a_spec_is_read_back_as_the_same_job(spec: Any) -> None:
    job = read(parsed(spec))
    again = read(data.parse(data.encode(spec_of(job))))
    assert data.encode(spec_of(again)) == data.encode(spec_of(job))
    assert again.initiators == job.initiators
    assert (again.name, again.start_at, again.end_at, again.min_payment) == (
        job.name,
        job.start_at,
        job.end_at,
        job.min_payment,
    )


@given(SPECS, SPECS)
@settings(max_examples=200, deadline=None)
def test_specs_that_differ_have_lines_that_say_so(left: Any, right: Any) -> None:
    old, new = spec_of(read(parsed(left))), spec_of(read(parsed(right)))
    assert bool(differences(old, new)) == (data.encode(old) != data.encode(new))


@given(st.lists(SPECS, min_size=1, max_size=3), st.lists(SPECS, max_size=3))
@settings(max_examples=40, deadline=None)
async def test_the_same_jobs_again_are_unchanged(before: list[Any], wanted: list[Any]) -> None:
    async with Api() as api:
        await _applied(api, before)
        await _applied(api, wanted)
        again = await _applied(api, wanted)
        assert {change.action for change in again.changes} <= {Action.UNCHANGED}
        assert not again.applied
        assert len(api.parts.jobs.jobs) == len(wanted)


async def _applied(api: Api, specs: list[Any]) -> apply.Plan:
    listed = [{"key": f"job {n}", "spec": spec} for n, spec in enumerate(specs)]
    return await apply.apply(api.parts, msgspec.json.encode({"jobs": listed, "prune": True}))


def test_an_entry_put_between_others_is_one_line() -> None:
    old = {"tasks": [{"type": "a"}, {"type": "c"}], "minPayment": "1"}
    new = {"tasks": [{"type": "a"}, {"type": "b"}, {"type": "c"}], "name": "x"}
    assert differences(old, new) == ('+ tasks[1]: {"type":"b"}', '+ name: "x"', '- minPayment: "1"')


def test_a_param_that_changes_is_one_line() -> None:
    old = {"tasks": [{"type": "a", "params": {"get": "x", "n": 1}}]}
    new = {"tasks": [{"type": "a", "params": {"get": "y", "n": True}}]}
    assert differences(old, new) == ('~ tasks[0].params.get: "x" -> "y"', "~ tasks[0].params.n: 1 -> true")
