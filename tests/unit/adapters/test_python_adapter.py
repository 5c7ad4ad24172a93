"""Adapters of installed packages as task types: what they are given, and what becomes of what they answer."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from adyton.adapters.base import AdapterSettings, TaskContext
from adyton.adapters.python_adapter import PythonAdapter
from adyton.adapters.registry import Registry
from adyton.domain.errors import Invalid
from adyton.domain.jobs import TaskSpec
from adyton.domain.runs import Completed, Data, Errored, Outcome, RunStatus
from adyton.ports import WorkerFailure
from support.builders import TestClock, TestHttp
from support.plugins import TestSecrets, TestWorkers

CONTEXT = TaskContext(run_id="0" * 32, position=0, status=RunStatus.UNSTARTED, transaction=None, connected=True)
DATA: Data = {"result": "before", "b": 1}


async def perform(adapter: Any, params: Data | None = None, secrets: TestSecrets | None = None) -> Outcome:
    workers = TestWorkers(price=adapter)
    context = msgspec.structs.replace(CONTEXT, spec=params or {})
    return await PythonAdapter("price", workers=workers, secrets=secrets or TestSecrets()).perform(params or {}, DATA, context)


async def test_a_value_becomes_the_result_and_a_dict_is_laid_over_the_data() -> None:
    assert await perform(lambda p, d: 42) == Completed({"result": 42, "b": 1})
    assert await perform(lambda p, d: None) == Completed({"result": None, "b": 1})
    assert await perform(lambda p, d: [d["b"], p]) == Completed({"result": [1, {}], "b": 1})
    assert await perform(lambda p, d: {"c": 3}) == Completed({"result": "before", "b": 1, "c": 3})
    assert await perform(lambda p, d: {"result": {"x": 1}}) == Completed({"result": {"x": 1}, "b": 1})


def fails(fault: Exception) -> Any:
    def adapter(params: Data, data: Data) -> Any:
        raise fault

    return adapter


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (KeyError("x"), "price failed: KeyError: 'x'"),
        (WorkerFailure("its process ended by SIGKILL"), "price failed: its process ended by SIGKILL"),
        (ValueError("a\0b"), "price failed: ValueError: a\ufffdb"),
    ],
)
async def test_what_goes_wrong_is_the_tasks_error_and_the_data_stay(fault: Exception, error: str) -> None:
    assert await perform(fails(fault)) == Errored(error, DATA)


@pytest.mark.parametrize("raw", [b"1e999999", b"NaN", b"[" * 5000, b"nothing"])
async def test_an_answer_that_is_no_json_of_ours_fails_the_task(raw: bytes) -> None:
    outcome = await perform(lambda p, d: raw)
    assert isinstance(outcome, Errored)
    assert outcome.error.startswith("price failed: ")


async def test_secrets_are_put_into_the_jobs_params_and_hidden_in_what_comes_back() -> None:
    secrets = TestSecrets(KEY="hush!")
    spec = {"key": "Bearer $(secret:KEY)", "list": [{"k": "$(secret:KEY)"}]}
    outcome = await perform(lambda p, d: {"result": p["key"], p["list"][0]["k"]: [p]}, spec, secrets)
    assert outcome == Completed({"result": "Bearer ***", "b": 1, "***": [{"key": "Bearer ***", "list": [{"k": "***"}]}]})
    assert await perform(lambda p, d: fails(ValueError(p["key"]))(p, d), spec, secrets) == Errored(
        "price failed: ValueError: Bearer ***", DATA
    )


async def test_words_that_come_with_a_run_name_no_secret() -> None:
    workers, secrets = TestWorkers(price=lambda p, d: p), TestSecrets(KEY="hush!")
    adapter = PythonAdapter("price", workers=workers, secrets=secrets)
    given: Data = {"key": "$(secret:KEY)"}
    assert await adapter.perform(given, DATA, msgspec.structs.replace(CONTEXT, spec={})) == Completed({**DATA, **given})
    assert await adapter.perform(given, DATA, CONTEXT) == Completed({**DATA, **given})
    assert secrets.asked == []


# --- among the other task types --------------------------------------------------------------------------------------


def registry(workers: TestWorkers, secrets: TestSecrets | None = None) -> Registry:
    return Registry(
        http=TestHttp(), clock=TestClock(), settings=AdapterSettings(), secrets=secrets or TestSecrets(), workers=workers
    )


def test_an_installed_adapter_is_a_task_type_that_costs_nothing() -> None:
    known = registry(TestWorkers(price=lambda p, d: 1))
    assert "price" in known.names()
    known.check("price", {"anything": 1})
    assert known.cost("price") == 0
    assert known.min_confirmations("price") == 3


def test_the_nodes_own_task_types_keep_their_names() -> None:
    known = registry(TestWorkers(ethtx=lambda p, d: 1, noop=lambda p, d: 1))
    assert not isinstance(known.find("ethtx"), PythonAdapter)
    assert not isinstance(known.find("noop"), PythonAdapter)


async def test_the_params_of_a_new_job_are_checked_by_the_package() -> None:
    workers = TestWorkers(price=lambda p, d: 1)
    workers.checks["price"] = lambda params: params["symbol"]
    known = registry(workers)
    await known.verify([TaskSpec(type="price", params={"symbol": "ETH"}), TaskSpec(type="noop")])
    with pytest.raises(Invalid) as caught:
        await known.verify([TaskSpec(type="noop"), TaskSpec(type="price"), TaskSpec(type="price")])
    assert [(fault.detail, fault.pointer) for fault in caught.value.faults] == [
        ("price: KeyError: 'symbol'", "/tasks/1/params"),
        ("price: KeyError: 'symbol'", "/tasks/2/params"),
    ]


async def test_a_package_that_cannot_be_loaded_is_found_out_when_the_job_is_made() -> None:
    workers = TestWorkers(price=lambda p, d: 1)
    workers.checks["price"] = fails_once
    with pytest.raises(Invalid, match="price: it cannot be loaded: ImportError: x"):
        await registry(workers).verify([TaskSpec(type="price")])


def fails_once(params: Data) -> None:
    raise WorkerFailure("it cannot be loaded: ImportError: x")


async def test_every_secret_that_is_not_there_is_named_when_the_job_is_made() -> None:
    secrets = TestSecrets(A="hush!")
    tasks = [
        TaskSpec(type="httpget", params={"get": "https://h.test/$(secret:A)$(secret:B)"}),
        TaskSpec(type="httppost", params={"post": "https://h.test", "headers": {"X": ["$(secret:C)"]}}),
    ]
    with pytest.raises(Invalid) as caught:
        await registry(TestWorkers(), secrets).verify(tasks)
    assert [(fault.detail, fault.pointer) for fault in caught.value.faults] == [
        ("secret 'B': there is none: write it to the file /secrets/B", "/tasks/0/params"),
        ("secret 'C': there is none: write it to the file /secrets/C", "/tasks/1/params"),
    ]


@pytest.mark.parametrize("kind", ["copy", "ethtx", "jsonparse", "multiply", "sleep"])
async def test_a_task_that_could_not_use_a_secret_is_refused_one(kind: str) -> None:
    with pytest.raises(Invalid, match=f"a task of type {kind} takes no secrets"):
        await registry(TestWorkers(), TestSecrets(A="hush!")).verify([TaskSpec(type=kind, params={"x": "$(secret:A)"})])
