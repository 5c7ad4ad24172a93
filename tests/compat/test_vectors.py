"""Facts of v0.6.2 and of later versions: every vector of the adapters and their helpers, run as it stands.

Most hold in the default mode. Those that show how v0.6.2 rounded run with ``NUMBERS=v0.6.2``. The rest are in ``DIFFERENT``,
with the reason; docs/compatibility.md tells an operator about them. A vector there that begins to hold fails its test, so the
list stays true.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Coroutine
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest

from adyton.adapters import eth_tx, eth_tx_abi_encode
from adyton.adapters.base import ActiveAdapter, AdapterSettings, PureAdapter, TaskContext
from adyton.adapters.params import task_params
from adyton.adapters.registry import Registry
from adyton.domain import data
from adyton.domain.chain import Receipt
from adyton.domain.data import MergeError
from adyton.domain.errors import Invalid
from adyton.domain.requests import MalformedLog
from adyton.domain.runs import Completed, Errored, Outcome, RunStatus, Sends, Waits
from adyton.domain.transactions import Attempt, Fee, Transaction, TransactionState
from adyton.storage.bridges import Bridges
from adyton.system.clock import SystemClock
from adyton.system.http import AiohttpTransport
from support.compat_calls import CALLS, RUN, a_bridge
from support.compat_differences import AS_V0_6_2, DIFFERENT
from support.compat_source import Source

VECTORS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "vectors" / "adapters.json").read_text(encoding="utf-8"))
ELSEWHERE = ("bridge_callback", "validate_bridge_name")
"""They need the API: test_bridges.py runs them."""
ADAPTERS = [v for v in VECTORS if "adapter" in v]
FUNCTIONS = [v for v in VECTORS if "function" in v and v["function"] not in (*ELSEWHERE, "run_tasks")]
TASK_LISTS = [v for v in VECTORS if v.get("function") == "run_tasks"]
BRIDGES = [v for v in VECTORS if v.get("function") in ELSEWHERE]
HASH = "0x" + "ab" * 32
NO_HASH = "0x" + "00" * 32
LATER_WORDS = {"pending_outgoing_confirmations": "pending_confirmations"}
"""A status that v0.8.4 split in two is one here, as in v0.6.2."""


def test_every_vector_is_run_and_every_listed_difference_is_a_vector() -> None:
    assert len(ADAPTERS) + len(FUNCTIONS) + len(TASK_LISTS) + len(BRIDGES) == len(VECTORS) == 880
    assert set(DIFFERENT) | set(AS_V0_6_2) <= {v["id"] for v in VECTORS}
    assert not set(DIFFERENT) & set(AS_V0_6_2)


# --- adapters --------------------------------------------------------------------------------------------------------


@pytest.fixture
async def transport() -> AsyncIterator[AiohttpTransport]:
    made = AiohttpTransport()
    yield made
    await made.close()


@pytest.mark.parametrize("vector", ADAPTERS, ids=lambda v: v["id"])
async def test_an_adapter_gives_what_the_vector_says(vector: dict[str, Any], transport: AiohttpTransport) -> None:
    async with Source(vector.get("http")) as source:
        filled = source.filled(vector)
        await holds(vector, lambda: check_adapter(filled, transport, source))


@pytest.mark.parametrize("vector", TASK_LISTS, ids=lambda v: v["id"])
async def test_a_task_list_gives_what_the_vector_says(vector: dict[str, Any], transport: AiohttpTransport) -> None:
    async with Source(vector["args"].get("http")) as source:
        filled = source.filled(vector)
        await holds(vector, lambda: check_task_list(filled, transport, source))


async def holds(vector: dict[str, Any], check: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """The vector holds, or it is listed as different and does not."""
    if vector["id"] not in DIFFERENT:
        await check()
        return
    with pytest.raises((AssertionError, NotImplementedError, ValueError, Invalid, MalformedLog, pytest.fail.Exception)):
        await check()


def registry(vector: dict[str, Any], transport: AiohttpTransport) -> Registry:
    """The adapters of a node with the vector's settings and its bridge. Where later versions and v0.6.2 part, local addresses
    are open as in v0.6.2: that is one setting."""
    asked = vector.get("args", vector)
    config = asked.get("config") or {}
    bridges = Bridges()
    if "bridge" in asked:
        bridges.put(a_bridge("bridge", **asked["bridge"]))
    return Registry(
        http=transport,
        clock=SystemClock(),
        settings=AdapterSettings(
            http_limit=int(config.get("DEFAULT_HTTP_LIMIT", 32768)),
            http_attempts=int(config.get("MAX_HTTP_ATTEMPTS", 1)),
            http_unrestricted="0.6.2" in vector["versions"] or vector.get("function") == "run_tasks",
            numbers="v0.6.2" if vector["id"] in AS_V0_6_2 else "exact",
            bridge_response_url=config.get("BRIDGE_RESPONSE_URL", ""),
        ),
        bridges=bridges,
    )


def value_of(vector: dict[str, Any], key: str, missing: object) -> Any:
    if f"{key}_json" in vector:
        return data.parse(vector[f"{key}_json"])
    return data.parse(json.dumps(vector[key])) if key in vector else missing


async def perform(found: PureAdapter | ActiveAdapter, params: Any, given: Any, context: TaskContext) -> Outcome:
    if found.pure:
        return cast("PureAdapter", found).perform(params, given, context)
    return await cast("ActiveAdapter", found).perform(params, given, context)


async def check_adapter(vector: dict[str, Any], transport: AiohttpTransport, source: Source) -> None:
    expect = vector["expect"]
    found = registry(vector, transport).find((vector.get("type") or vector["adapter"]).lower())
    params, given = value_of(vector, "params", {}), value_of(vector, "input", None)
    try:
        assert isinstance(params, dict), "params must be an object"
        if expect.get("stage") == "params":
            found.check(params)
            raise AssertionError("the params were accepted")
        outcome = await perform(cast("PureAdapter", found), params, data.merge(given, None), context_of(vector))
    except (Invalid, MergeError) as fault:
        outcome = Errored(str(fault), given)
    except AssertionError:
        if not isinstance(params, dict) and expect["status"] == "errored":
            return
        raise
    compare(outcome, expect, vector)
    if "request" in expect:
        compare_request(source.asked[0], expect["request"])
    if "tx" in expect:
        compare_transaction(found.name, outcome, expect["tx"], params, given)


def context_of(vector: dict[str, Any]) -> TaskContext:
    """Where a task stands; of ethtx from the vector's stand-in for the transaction manager."""
    eth = vector.get("eth") or {}
    return TaskContext(
        run_id=vector.get("run_id", ""),
        position=0,
        status=RunStatus(vector.get("input_status", "")),
        transaction=transaction_of(eth["resume"]) if "resume" in eth else None,
        connected=eth.get("connected", True),
    )


def transaction_of(seen: dict[str, Any]) -> Transaction:
    """The row that stands for what v0.6.2 saw when it looked for receipts."""
    states = {"unconfirmed": "unconfirmed", "confirmed": "confirmed", "safe": "safe"}
    if seen["state"] not in states:
        raise NotImplementedError("a look-up that failed: rows cannot fail to be found")
    receipt = seen.get("receipt")
    mined = None if receipt is None else Receipt(receipt["hash"], receipt["block"], HASH, 1, 0, None)
    attempt = Attempt(id=1, transaction_id=1, hash=HASH, fee=Fee(gas_price=1), raw="0x", state="broadcast", created_at=0)
    return Transaction(
        id=1,
        from_address="0x" + "00" * 20,
        to_address="0x" + "00" * 20,
        data="0x",
        value=0,
        gas_limit=1,
        gas_price=None,
        state=TransactionState(states[seen["state"]]),
        created_at=0,
        receipt=mined,
        attempts=(attempt,),
    )


def compare(outcome: Outcome, expect: dict[str, Any], vector: dict[str, Any]) -> None:
    status, shown, error = seen_from_outside(outcome, vector)
    wanted = expect.get("status", "pending_confirmations")  # where only a transaction is expected
    assert status == LATER_WORDS.get(wanted, wanted), error
    if "error" in expect:
        assert error == expect["error"]
    if "error_contains" in expect:
        assert expect["error_contains"] in (error or ""), error
    if expect.get("result_absent"):
        assert "result" not in (shown or {})
    if "result_repeat" in expect:
        assert (shown or {})["result"] == expect["result_repeat"]["char"] * expect["result_repeat"]["count"]
    for key, got in (("result", (shown or {}).get("result")), ("data", shown)):
        if key in expect or f"{key}_json" in expect:
            assert same(got, value_of(expect, key, None)), f"{got!r} is not {expect.get(key, expect.get(f'{key}_json'))!r}"
    if "data_by_version" in expect:
        compare_data(shown, expect["data_by_version"], vector["versions"])


def compare_data(shown: Any, by_version: dict[str, Any], versions: list[str]) -> None:
    """v0.6.2's data where the vector is about it, else those of the version that it is about."""
    wanted = by_version["0.6.2" if "0.6.2" in versions else versions[-1]]
    text = wanted["json"] if isinstance(wanted, dict) and set(wanted) == {"json"} else json.dumps(wanted)
    assert same(shown, data.parse(text)), f"{shown!r} is not {text}"


def same(left: object, right: object) -> bool:
    """Equal as JSON values: 1 and 1.0 are the same number, true and 1 are not the same value."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, int | Decimal) and isinstance(right, int | Decimal):
        return left == right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(same(a, b) for a, b in zip(left, right, strict=True))
    return type(left) is type(right) and left == right


def seen_from_outside(outcome: Outcome, vector: dict[str, Any]) -> tuple[str, Any, str | None]:
    """Status, data and error as a client reads them: while a transaction is under way the result shows its hash. (Later
    versions left the result as it was, so those vectors say the same of the data as they were before.)"""
    match outcome:
        case Completed(shown):
            return "completed", shown, None
        case Errored(error, shown):
            return "errored", shown, error
        case Waits(status, shown, _):
            waiting = context_of(vector).transaction
            return status.value, shown if waiting is None else eth_tx.pending_data(shown, waiting), None
        case Sends(_, shown):
            check = (vector.get("eth") or {}).get("check", {"state": "unconfirmed"})
            if "create_error" in (vector.get("eth") or {}) or "error" in check or check["state"] == "safe":
                raise NotImplementedError("sending at once: a transaction is a row that is sent later")
            if "0.6.2" not in vector["versions"]:
                return "pending_confirmations", shown, None
            return "pending_confirmations", {**shown, "result": HASH if "adapter" in vector else NO_HASH}, None


def compare_request(asked: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert asked["method"] == wanted["method"]
    assert asked["path"] == wanted["path"]
    assert asked["body"] == wanted["body"] or same(parsed(asked["body"]), parsed(wanted["body"]))
    for name, values in wanted.get("headers", {}).items():
        assert asked["headers"].getall(name) == ([values] if isinstance(values, str) else values)


def compare_transaction(name: str, outcome: Outcome, wanted: dict[str, Any], params: Any, given: Any) -> None:
    make = eth_tx_abi_encode.request if name == eth_tx_abi_encode.NAME else eth_tx.request
    request = outcome.request if isinstance(outcome, Sends) else make(params, data.merge(given, None))
    assert request.to == wanted["to"].lower()
    assert request.data == wanted["data"]
    if "gas_limit" in wanted:
        assert (request.gas_limit or 0) == wanted["gas_limit"]
    if "gas_price" in wanted:
        assert request.gas_price == (None if wanted["gas_price"] is None else int(wanted["gas_price"]))


async def check_task_list(vector: dict[str, Any], transport: AiohttpTransport, source: Source) -> None:
    """Run a task list as the engine does: params under the run's data, data of the previous task over them."""
    args, expect = vector["args"], vector["expect"]
    given = value_of(args, "run_data", {})
    types = registry(vector, transport)
    previous: Any = None
    for task, wanted in zip(args["tasks"], expect["steps"], strict=False):
        outcome = await task_outcome(types, task, given, previous, args.get("run_id", RUN))
        compare(outcome, {key: value for key, value in wanted.items() if key != "type"}, vector)
        if not isinstance(outcome, Completed):
            break
        previous = outcome.data
    if "tx" in expect:
        assert isinstance(outcome, Sends)
        compare_transaction("ethtx", outcome, expect["tx"], {}, {})
    asked = [f"{each['method']} {each['path']} {each['body']}" for each in source.asked]
    assert asked == expect.get("requests", asked)


async def task_outcome(types: Registry, task: dict[str, Any], given: Any, previous: Any, run_id: str) -> Outcome:
    try:
        merged = data.merge(data.merge(given, None), previous)
        params = task_params(task.get("params", {}), data.merge(given, None), None)
        found = cast("PureAdapter", types.find(task["type"].lower()))
        context = TaskContext(run_id=run_id, position=0, status=RunStatus.UNSTARTED, transaction=None, connected=True)
        return await perform(found, params, merged, context)
    except (Invalid, MergeError) as fault:
        return Errored(str(fault), {})


# --- functions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vector", FUNCTIONS, ids=lambda v: v["id"])
async def test_a_helper_gives_what_the_vector_says(vector: dict[str, Any]) -> None:
    await holds(vector, lambda: check_function(vector))


async def check_function(vector: dict[str, Any]) -> None:
    expect = vector["expect"]
    call = CALLS[vector["function"]]
    if expect.get("error"):
        with pytest.raises((ValueError, Invalid, MalformedLog)) as caught:
            call(**vector["args"])
        assert expect.get("error_contains", "") in str(caught.value)
        return
    wanted = expect.get("value", expect)
    got = call(**vector["args"])
    assert got == wanted or parsed(got) == parsed(wanted), f"{got!r} is not {wanted!r}"


def parsed(value: Any) -> Any:
    """JSON texts are compared as values."""
    try:
        return data.parse(value) if isinstance(value, str) and value[:1] in "{[" else object()
    except ValueError:
        return object()
