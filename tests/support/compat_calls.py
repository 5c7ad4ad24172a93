"""What answers each function that the vectors name: the node's own code, never a second writing of it."""

from __future__ import annotations

import json as texts
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from adyton.adapters import eth_tx_params, json_parse
from adyton.adapters.base import AdapterSettings, TaskContext
from adyton.adapters.bridge import BridgeAdapter
from adyton.adapters.http_url import build, check_url
from adyton.adapters.params import json_path
from adyton.adapters.registry import Registry
from adyton.domain import abi, addresses, any_time, bridge_answers, bridges, cbor, data, evm, job_requests, numbers
from adyton.domain.bridges import Bridge
from adyton.domain.chain import Log
from adyton.domain.event_logs import event_data
from adyton.domain.jobs import Initiator, Job, TaskSpec
from adyton.domain.normalise import normalise
from adyton.domain.requests import job_topics, read_run_log
from adyton.domain.runs import Errored, RunStatus, Waits
from adyton.engine.create import RunMaker, RunRules, RunSource
from adyton.ethereum import codec
from adyton.storage.bridges import Bridges
from adyton.system.clock import SystemClock
from adyton.system.http import AiohttpTransport

RUN = "0" * 32


def hexed(content: bytes) -> str:
    return "0x" + content.hex()


def unhexed(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def optional_json(text: str | None) -> Any:
    return None if text is None else data.parse(text)


def a_bridge(name: str, **said: Any) -> Bridge:
    """A bridge as a vector describes it."""
    return Bridge(
        name=name,
        url=said.get("url", "http://bridge.example"),
        confirmations=said.get("confirmations", 0),
        minimum_payment=None if said.get("minimumContractPayment") is None else int(said["minimumContractPayment"]),
        incoming_token_hash="",
        salt="",
        outgoing_token=said.get("outgoing_token", ""),
    )


def task_types(settings: AdapterSettings, *known: Bridge) -> Registry:
    """The adapters of a node that has these bridges."""
    found = Bridges()
    for bridge in known:
        found.put(bridge)
    return Registry(http=AiohttpTransport(), clock=SystemClock(), settings=settings, bridges=found)


# --- requests on chain -----------------------------------------------------------------------------------------------


def log_of(text: dict[str, Any]) -> Log:
    return codec.logs(texts.dumps([{"removed": False, **text}]).encode())[0]


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


# --- new runs --------------------------------------------------------------------------------------------------------


def new_run_confirmations(
    creation_height: int | None, current_height: int | None, config: dict[str, int], task_confirmations: int | None
) -> dict[str, Any]:
    types = task_types(AdapterSettings(min_incoming_confirmations=config.get("MIN_INCOMING_CONFIRMATIONS", 3)))
    job = Job(id=RUN, initiators=(), tasks=(TaskSpec(type="noop", confirmations=task_confirmations),))
    source = RunSource(given={}, height=creation_height, head=current_height)
    run = maker(types).new_run(job, Initiator(type="runlog"), source)
    return {"run_status": run.status.value, "minimum_confirmations": run.tasks[0].minimum_confirmations}


def new_run_payment(payment: str | None, config: dict[str, str], tasks: list[dict[str, Any]]) -> dict[str, Any]:
    known = [
        a_bridge(task["type"], minimumContractPayment=task["bridge_minimum_payment"])
        for task in tasks
        if "bridge_minimum_payment" in task
    ]
    least = int(config["MINIMUM_CONTRACT_PAYMENT"])
    types = task_types(AdapterSettings(minimum_contract_payment=least), *known)
    job = Job(id=RUN, initiators=(), tasks=tuple(TaskSpec(type=task["type"]) for task in tasks))
    source = RunSource(given={}, payment=None if payment is None else int(payment))
    return {"run_status": maker(types, least).new_run(job, Initiator(type="runlog"), source).status.value}


def maker(types: Registry, least: int = 0) -> RunMaker:
    return RunMaker(types=types, rules=RunRules(minimum_contract_payment=least), new_id=lambda: RUN, now=lambda: 0)


# --- values ----------------------------------------------------------------------------------------------------------


def adapter_lookup(type: str, bridges: list[dict[str, Any]], config: dict[str, Any]) -> dict[str, Any]:
    settings = AdapterSettings(
        min_incoming_confirmations=config["MIN_INCOMING_CONFIRMATIONS"],
        minimum_contract_payment=int(config["MINIMUM_CONTRACT_PAYMENT"]),
    )
    types, name = task_types(settings, *(a_bridge(**known) for known in bridges)), type.lower()
    found = types.find(name)
    bridge = found.bridge if isinstance(found, BridgeAdapter) else None
    return {
        "adapter": found.name if bridge is None else "bridge",
        "min_confirmations": types.min_confirmations(name) if bridge is None else bridge.confirmations,
        "min_payment": str(types.cost(name)),
    }


def result_string(data: str) -> str:
    context = TaskContext(run_id=RUN, position=0, status=RunStatus.UNSTARTED, transaction=None, connected=True)
    outcome = json_parse.adapter.perform({}, optional_json(data), context)
    if isinstance(outcome, Errored):
        raise ValueError(outcome.error)
    raise NotImplementedError("a text that is JSON is read")


def run_result_merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    answer = bridge_answers.Answer(RunStatus(over["status"]), over["error"], over["data"])
    outcome = bridge_answers.at_once(answer, base["data"])
    return {
        "data": cast("Any", outcome).data,
        "error": outcome.error if isinstance(outcome, Errored) else None,
        "status": outcome.status.value if isinstance(outcome, Waits) else over["status"],
    }


def task_type(name: str) -> str:
    body = texts.dumps({"initiators": [{"type": "web"}], "tasks": [{"type": name}]}).encode()
    return job_requests.decode(body, job_id=RUN, now=0).tasks[0].type


def big(text: str) -> str:
    """As the param reads it: JSON where it is JSON, else a text."""
    try:
        value = data.parse(text)
    except ValueError:
        value = text
    return str(eth_tx_params.gas_price({"gasPrice": value}))


def link_amount(json: str) -> dict[str, str]:
    said = f'{{"name": "x", "url": "http://bridge.example", "minimumContractPayment": {json}}}'
    juels = bridges.read_request(said.encode()).minimum_payment
    assert juels is not None
    return {"juels": str(juels), "display": evm.eighteen(juels)}


def time_text(json: str) -> str | None:
    micros = any_time.parse(data.parse(json))
    if micros is None:
        return None
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + f".{moment.microsecond:06d}".rstrip("0").rstrip(".") + "Z"


def is_abi_type(type: str) -> bool:
    try:
        abi.parse_type(type)
    except abi.AbiError:
        return False
    return True


def content_of(text: str) -> str:
    """The bytes of a text as ethtx encodes it, without their length and padding."""
    encoded = numbers.dynamic_value(text, "bytes")
    return hexed(encoded[evm.WORD : evm.WORD + int.from_bytes(encoded[: evm.WORD])])


def with_format(json: str, format: str) -> str:
    value = data.parse(json)
    return hexed(numbers.preformatted(value) if format == "preformatted" else numbers.dynamic_value(value, format))


def nobody(**_: Any) -> Any:
    raise NotImplementedError("nothing here does that")


CALLS: dict[str, Callable[..., Any]] = {
    "evm_word_uint64": lambda value: hexed(evm.unsigned_word(int(value))),
    "evm_word_unsigned": lambda value: hexed(evm.unsigned_word(int(value))),
    "evm_word_signed": lambda value: hexed(evm.signed_word(int(value))),
    "evm_word_uint128": nobody,
    "evm_encode_bytes": lambda hex: hexed(evm.dynamic_bytes(unhexed(hex))),
    "round_to_evm_word_border": evm.padding,
    "evm_transcode_bytes": lambda json: hexed(numbers.dynamic_value(data.parse(json), "bytes")),
    "evm_transcode_bool": lambda json: hexed(numbers.dynamic_value(data.parse(json), "bool")[32:]),
    "evm_transcode_uint256": lambda json: hexed(numbers.dynamic_value(data.parse(json), "uint256")[32:]),
    "evm_transcode_int256": lambda json: hexed(numbers.dynamic_value(data.parse(json), "int256")[32:]),
    "evm_transcode_with_format": with_format,
    "abi_encode_values": lambda types, values_json: hexed(abi.encode_list(types, data.parse(values_json))),
    "abi_type_supported": is_abi_type,
    "parse_numeric_string": lambda text: str(numbers.integer_from_text(text)),
    "parse_decimal_string": lambda text: str(numbers.integer_from_text(text)),
    "normalize_json": lambda json: normalise(json.encode()),
    "json_merge": lambda base, over: data.encode(data.merge(optional_json(base), optional_json(over))),
    "json_merge_except_result": nobody,
    "json_add": lambda base, key, value_json: data.encode(data.merge(optional_json(base), {key: data.parse(value_json)})),
    "json_delete": nobody,
    "json_value_to_string": lambda json: data.as_text(data.parse(json)),
    "result_string": result_string,
    "run_result_merge": run_result_merge,
    "cbor_decode": lambda hex: data.encode(cbor.decode_map(unhexed(hex))) if hex not in ("", "0x") else "",
    "cbor_encode": nobody,
    "cbor_add_map_delimiters": lambda hex: hexed(cbor.with_delimiters(unhexed(hex))),
    "runlog_parse": run_log_data,
    "runlog_metadata": run_log_metadata,
    "ethlog_json": lambda log: event_data(log_of(log)),
    "runlog_job_topics": lambda job_id: list(job_topics(job_id)),
    "runlog_matches_job": lambda job_id, topic1: topic1 in job_topics(job_id),
    "event_topic": evm.event_topic,
    "function_selector": lambda json: hexed(evm.selector(data.parse(json) or "")),
    "keccak256": lambda hex: hexed(evm.keccak(unhexed(hex))),
    "string_to_hex": content_of,
    "bridge_token_hash": bridges.token_hash,
    "parse_ethereum_address": lambda text: evm.checksum(evm.parse_address(text)),
    "hex_to_hash": lambda text: hexed(evm.lenient_hash(text)),
    "task_type": task_type,
    "adapter_lookup": adapter_lookup,
    "web_url": lambda json: build(check_url(data.parse(json)), None, None),
    "any_time": time_text,
    "big_from_text": big,
    "link_amount": link_amount,
    "json_path": lambda json: list(json_path({"path": data.parse(json)}, "path")),
    "http_request_url": lambda url, extPath_json, queryParams_json: build(
        check_url(url), optional_json(extPath_json), optional_json(queryParams_json)
    ),
    "is_restricted_ip": lambda ip: addresses.is_restricted(address=ip),
    "new_run_confirmations": new_run_confirmations,
    "new_run_payment": new_run_payment,
    "vrf_key_hash": nobody,
    "vrf_final_seed": nobody,
}
