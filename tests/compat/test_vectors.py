"""Facts of v0.6.2: every vector of an adapter or helper that this version has, run as it stands.

Most hold in the default mode. Those that show how v0.6.2 rounded run with ``NUMBERS=v0.6.2``. The rest are in ``DIFFERENT``,
with the reason; docs/compatibility.md tells an operator about them. A vector there that begins to hold fails its test, so the
list stays true.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, Self, cast

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from adyton.adapters import eth_tx
from adyton.adapters.base import ActiveAdapter, AdapterSettings, PureAdapter, TaskContext
from adyton.adapters.http_url import build, check_url
from adyton.adapters.params import json_path, task_params
from adyton.adapters.registry import Registry
from adyton.domain import cbor, data, evm, numbers
from adyton.domain.chain import Log, Receipt
from adyton.domain.data import MergeError
from adyton.domain.errors import Invalid
from adyton.domain.jobs import Initiator, Job, TaskSpec
from adyton.domain.requests import MalformedLog, job_topics, read_run_log
from adyton.domain.runs import Completed, Errored, Outcome, RunStatus, Sends, Waits
from adyton.domain.transactions import Attempt, Fee, Transaction, TransactionState
from adyton.engine.create import RunMaker, RunRules, RunSource
from adyton.ethereum import codec
from adyton.system.clock import SystemClock
from adyton.system.http import AiohttpTransport
from support.compat_differences import AS_V0_6_2, DIFFERENT

VECTORS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "vectors" / "v0.6.2.json").read_text(encoding="utf-8"))
ADAPTERS = [v for v in VECTORS if "adapter" in v]
FUNCTIONS = [v for v in VECTORS if "function" in v and v["function"] != "run_tasks"]
TASK_LISTS = [v for v in VECTORS if v.get("function") == "run_tasks"]
HASH = "0x" + "ab" * 32
NO_HASH = "0x" + "00" * 32
RUN = "0" * 32


def test_every_vector_is_run_and_every_listed_difference_is_a_vector() -> None:
    assert len(ADAPTERS) + len(FUNCTIONS) + len(TASK_LISTS) == len(VECTORS) > 450
    assert set(DIFFERENT) | set(AS_V0_6_2) <= {v["id"] for v in VECTORS}
    assert not set(DIFFERENT) & set(AS_V0_6_2)


# --- adapters --------------------------------------------------------------------------------------------------------


@pytest.fixture
async def transport() -> AsyncIterator[AiohttpTransport]:
    made = AiohttpTransport()
    yield made
    await made.close()


@pytest.mark.parametrize("vector", ADAPTERS, ids=lambda v: v["id"])
async def test_an_adapter_gives_what_v0_6_2_gave(vector: dict[str, Any], transport: AiohttpTransport) -> None:
    async with Source(vector.get("http")) as source:
        await holds(vector, check_adapter(source.filled(vector), transport, source))


@pytest.mark.parametrize("vector", TASK_LISTS, ids=lambda v: v["id"])
async def test_a_task_list_gives_what_v0_6_2_gave(vector: dict[str, Any], transport: AiohttpTransport) -> None:
    async with Source(vector["args"].get("http")) as source:
        await holds(vector, check_task_list(source.filled(vector), transport, source))


async def holds(vector: dict[str, Any], check: Any) -> None:
    """The vector holds, or it is listed as different and does not."""
    if vector["id"] not in DIFFERENT:
        await check
        return
    with pytest.raises((AssertionError, NotImplementedError, ValueError, pytest.fail.Exception)):
        await check


class Source:
    """A real HTTP server on the loopback interface that answers as the vector says, and remembers what it was asked."""

    def __init__(self, answer: dict[str, Any] | None) -> None:
        self._answer = answer or {}
        self.asked: list[dict[str, Any]] = []
        app = web.Application()
        app.router.add_route("*", "/redirected", self._redirected)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._server = TestServer(app)

    async def __aenter__(self) -> Self:
        await self._server.start_server()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.close()

    def filled(self, vector: dict[str, Any]) -> dict[str, Any]:
        """The vector with the server's address in place."""
        return cast(
            "dict[str, Any]", json.loads(json.dumps(vector).replace("{{server}}", str(self._server.make_url("")).rstrip("/")))
        )

    async def _redirected(self, request: web.Request) -> web.Response:
        return web.Response(text=f"redirected:{request.method}:{await request.text()}")

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(
            {"method": request.method, "path": request.path_qs, "body": await request.text(), "headers": request.headers.copy()}
        )
        if len(self.asked) <= self._answer.get("fail_first", 0):
            return web.Response(status=500)
        repeat = self._answer.get("body_repeat", {"char": "", "count": 0})
        body = self._answer.get("body", "") + repeat["char"] * repeat["count"]
        headers = {
            k: v.replace("{{server}}", str(self._server.make_url("")).rstrip("/"))
            for k, v in self._answer.get("headers", {}).items()
        }
        return web.Response(status=self._answer.get("status", 200), body=body.encode(), headers=headers)


def registry(vector: dict[str, Any], transport: AiohttpTransport) -> Registry:
    config = vector.get("config") or vector.get("args", {}).get("config") or {}
    return Registry(
        http=transport,
        clock=SystemClock(),
        settings=AdapterSettings(
            http_limit=int(config.get("DEFAULT_HTTP_LIMIT", 32768)),
            http_attempts=1,
            http_unrestricted=True,
            numbers="v0.6.2" if vector["id"] in AS_V0_6_2 else "exact",
        ),
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
    if "request" in expect and source.asked:
        compare_request(source.asked[0], expect["request"])
    if "tx" in expect:
        compare_transaction(outcome, expect["tx"], params, given)


def context_of(vector: dict[str, Any]) -> TaskContext:
    """Where an ethtx task stands, from the vector's stand-in for the transaction manager."""
    eth = vector.get("eth") or {}
    return TaskContext(
        run_id=RUN,
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
    assert status == expect["status"]
    if "error" in expect:
        assert error == expect["error"]
    if "error_contains" in expect:
        assert expect["error_contains"] in (error or "")
    if expect.get("result_absent"):
        assert "result" not in (shown or {})
    if "result_repeat" in expect:
        assert (shown or {})["result"] == expect["result_repeat"]["char"] * expect["result_repeat"]["count"]
    for key, got in (("result", (shown or {}).get("result")), ("data", shown)):
        if key in expect or f"{key}_json" in expect:
            assert same(got, value_of(expect, key, None)), f"{got!r} is not {expect.get(key, expect.get(f'{key}_json'))!r}"


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
    """Status, data and error as a client reads them: while a transaction is under way the result shows its hash."""
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
            return "pending_confirmations", {**shown, "result": HASH if "adapter" in vector else NO_HASH}, None


def compare_request(asked: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert asked["method"] == wanted["method"]
    assert asked["path"] == wanted["path"]
    assert asked["body"] == wanted["body"] or same(parsed(asked["body"]), parsed(wanted["body"]))
    for name, values in wanted.get("headers", {}).items():
        assert asked["headers"].getall(name) == ([values] if isinstance(values, str) else values)


def compare_transaction(outcome: Outcome, wanted: dict[str, Any], params: Any, given: Any) -> None:
    request = outcome.request if isinstance(outcome, Sends) else eth_tx.request(params, data.merge(given, None))
    assert request.to == wanted["to"].lower()
    assert request.data == wanted["data"]
    if "gas_limit" in wanted:
        assert (request.gas_limit or 0) == wanted["gas_limit"]
        assert request.gas_price == (None if wanted["gas_price"] is None else int(wanted["gas_price"]))


async def check_task_list(vector: dict[str, Any], transport: AiohttpTransport, source: Source) -> None:
    """Run a task list as the engine does: params under the run's data, data of the previous task over them."""
    args, expect = vector["args"], vector["expect"]
    given = value_of(args, "run_data", {})
    types = registry(vector, transport)
    previous: Any = None
    for task, wanted in zip(args["tasks"], expect["steps"], strict=False):
        outcome = await task_outcome(types, task, given, previous)
        compare(outcome, {key: value for key, value in wanted.items() if key != "type"}, vector)
        if not isinstance(outcome, Completed):
            break
        previous = outcome.data
    if "tx" in expect:
        assert isinstance(outcome, Sends)
        compare_transaction(outcome, expect["tx"], {}, {})
    asked = [f"{each['method']} {each['path']} {each['body']}" for each in source.asked]
    assert asked == expect.get("requests", asked)


async def task_outcome(types: Registry, task: dict[str, Any], given: Any, previous: Any) -> Outcome:
    try:
        merged = data.merge(data.merge(given, None), previous)
        params = task_params(task.get("params", {}), data.merge(given, None), ())
        found = cast("PureAdapter", types.find(task["type"].lower()))
        context = TaskContext(run_id=RUN, position=0, status=RunStatus.UNSTARTED, transaction=None, connected=True)
        return await perform(found, params, merged, context)
    except (Invalid, MergeError) as fault:
        return Errored(str(fault), {})


# --- functions -------------------------------------------------------------------------------------------------------


def hexed(content: bytes) -> str:
    return "0x" + content.hex()


def unhexed(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def optional_json(text: str | None) -> Any:
    return None if text is None else data.parse(text)


def log_of(text: dict[str, Any]) -> Log:
    return codec.logs(json.dumps([{"removed": False, **text}]).encode())[0]


def run_log_data(log: dict[str, Any]) -> str:
    found = read_run_log(log_of(log))
    if found.error is not None:
        raise ValueError(found.error)
    return data.encode(found.data)


def run_log_metadata(log: dict[str, Any]) -> dict[str, Any]:
    found = read_run_log(log_of(log))
    return {
        "payment": str(found.payment),
        "requester": evm.checksum(found.requester),
        "request_id": found.request_id,
        "tx_hash": log_of(log).transaction_hash,
    }


def new_run_confirmations(
    creation_height: int | None, current_height: int | None, config: dict[str, int], task_confirmations: int | None
) -> dict[str, Any]:
    spec = TaskSpec(type="noop", confirmations=task_confirmations)
    job = Job(id=RUN, initiators=(), tasks=(spec,))
    settings = AdapterSettings(min_incoming_confirmations=config.get("MIN_INCOMING_CONFIRMATIONS", 3))
    maker = RunMaker(
        types=Registry(http=AiohttpTransport(), clock=SystemClock(), settings=settings),
        rules=RunRules(minimum_contract_payment=0),
        new_id=lambda: RUN,
        now=lambda: 0,
    )
    source = RunSource(given={}, height=creation_height, head=current_height)
    run = maker.new_run(job, Initiator(type="runlog"), source)
    return {"run_status": run.status.value, "minimum_confirmations": run.tasks[0].minimum_confirmations}


CALLS: dict[str, Callable[..., Any]] = {
    "evm_word_uint64": lambda value: hexed(evm.unsigned_word(int(value))),
    "evm_word_unsigned": lambda value: hexed(evm.unsigned_word(int(value))),
    "evm_word_signed": lambda value: hexed(evm.signed_word(int(value))),
    "evm_encode_bytes": lambda hex: hexed(evm.dynamic_bytes(unhexed(hex))),
    "round_to_evm_word_border": evm.padding,
    "evm_transcode_bytes": lambda json: hexed(numbers.dynamic_value(data.parse(json), "bytes")),
    "evm_transcode_bool": lambda json: hexed(numbers.dynamic_value(data.parse(json), "bool")[32:]),
    "evm_transcode_uint256": lambda json: hexed(numbers.dynamic_value(data.parse(json), "uint256")[32:]),
    "evm_transcode_int256": lambda json: hexed(numbers.dynamic_value(data.parse(json), "int256")[32:]),
    "evm_transcode_with_format": lambda json, format: hexed(numbers.dynamic_value(data.parse(json), format)),
    "parse_numeric_string": lambda text: str(numbers.integer_from_text(text)),
    "parse_decimal_string": lambda text: str(numbers.integer_from_text(text)),
    "json_merge": lambda base, over: data.encode(data.merge(optional_json(base), optional_json(over))),
    "json_add": lambda base, key, value_json: data.encode(data.merge(optional_json(base), {key: data.parse(value_json)})),
    "json_value_to_string": lambda json: data.as_text(data.parse(json)),
    "cbor_decode": lambda hex: data.encode(cbor.decode_map(unhexed(hex))) if hex not in ("", "0x") else "",
    "cbor_add_map_delimiters": lambda hex: hexed(cbor.with_delimiters(unhexed(hex))),
    "runlog_parse": run_log_data,
    "runlog_metadata": run_log_metadata,
    "runlog_job_topics": lambda job_id: list(job_topics(job_id)),
    "runlog_matches_job": lambda job_id, topic1: topic1 in job_topics(job_id),
    "event_topic": evm.event_topic,
    "function_selector": lambda json: hexed(evm.selector(data.parse(json) or "")),
    "keccak256": lambda hex: hexed(evm.keccak(unhexed(hex))),
    "parse_ethereum_address": lambda text: evm.checksum(evm.parse_address(text)),
    "hex_to_hash": lambda text: hexed(evm.lenient_hash(text)),
    "web_url": lambda json: build(check_url(data.parse(json)), None, None),
    "json_path": lambda json: list(json_path({"path": data.parse(json)}, "path")),
    "http_request_url": lambda url, extPath_json, queryParams_json: build(
        check_url(url), optional_json(extPath_json), optional_json(queryParams_json)
    ),
    "new_run_confirmations": new_run_confirmations,
}


@pytest.mark.parametrize("vector", FUNCTIONS, ids=lambda v: v["id"])
async def test_a_helper_gives_what_v0_6_2_gave(vector: dict[str, Any]) -> None:
    await holds(vector, check_function(vector))


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
