"""Which page tells of a run's error."""

from __future__ import annotations

import msgspec
import pytest

from adyton.adapters.base import AdapterSettings
from adyton.adapters.registry import Registry
from adyton.domain.jobs import TaskSpec
from adyton.domain.run_errors import TYPES, code_of
from adyton.domain.runs import Run, RunStatus, TaskRun
from adyton.system.clock import SystemClock
from adyton.system.http import AiohttpTransport


def run(*types: str, error: str | None, at: int | None = 0, **fields: object) -> Run:
    """A run whose task ``at`` failed with the error; None: no task did."""
    tasks = [TaskRun(position=n, spec=TaskSpec(type=name)) for n, name in enumerate(types)]
    if at is not None:
        tasks[at] = msgspec.structs.replace(tasks[at], status=RunStatus.ERRORED, error=error)
    made = Run(
        id="a" * 32,
        job_id="b" * 32,
        initiator_id=1,
        status=RunStatus.ERRORED,
        tasks=tuple(tasks),
        created_at=0,
        updated_at=0,
        input={},
    )
    return msgspec.structs.replace(made, error=error, **fields)


def test_a_run_without_an_error_has_no_code() -> None:
    assert code_of(run("noop", error=None, at=None)) is None


@pytest.mark.parametrize(
    ("kind", "error", "code"),
    [
        ("httpget", '{"message":"no such market"}', "ADY-0312"),
        ("httpget", "", "ADY-0312"),
        ("httpget", "https://a.example/ did not answer within 15 s", "ADY-0401"),
        ("httpget", "https://a.example/ cannot be asked: Connection refused", "ADY-0400"),
        ("httppost", "HTTP request too large, must be less than 32768 bytes", "ADY-0402"),
        ("httpget", "disallowed IP 127.0.0.1, to which http://localhost/ leads: this task does not …", "ADY-0403"),
        ("httpget", "https://a.example/ redirected more than 10 times", "ADY-0404"),
        ("httpget", 'unsupported protocol scheme ""', "ADY-0405"),
        ("jsonparse", "non string result", "ADY-0406"),
        ("jsonparse", "EOF", "ADY-0407"),
        ("jsonparse", "No value could be found for the key 'data'", "ADY-0408"),
        ("multiply", "cannot parse into big.Float: x", "ADY-0409"),
        ("multiply", "cannot parse into float: []", "ADY-0272"),
        ("quotient", "cannot divide by zero", "ADY-0410"),
        ("compare", "the result was not a number", "ADY-0411"),
        ("ethuint256", "error parsing decimal x", "ADY-0412"),
        ("ethtx", "unsupported format: float", "ADY-0412"),
        ("ethtx", f"transaction 0x{'1' * 64} reverted on-chain: no", "ADY-0414"),
        ("ethtx", "intrinsic gas too low", "ADY-0415"),
        ("ethtx", "cancelled by an operator: its nonce was used by a no-op", "ADY-0416"),
        ("wasm", "the module failed: out of fuel", "ADY-0418"),
        ("wasm", "the module failed: unreachable", "ADY-0417"),
        ("median", "median failed: ValueError: no prices", "ADY-0419"),
        ("feed", "ExternalBridge post to external adapter: POST response: 500 no", "ADY-0461"),
        ("feed", "ExternalBridge post to external adapter: POST request: bridge feed did not answer within 15 s", "ADY-0462"),
        ("feed", "ExternalBridge unmarshaling JSON: unexpected EOF", "ADY-0463"),
        ("feed", "the market is closed", "ADY-0464"),
        ("feed", "no answer from bridge feed within 1h (BRIDGE_ANSWER_DEADLINE)", "ADY-0314"),
        ("feed", "feed failed and did not say why", "ADY-0323"),
        ("copy", "copy left 9 bytes of data, more than RUN_DATA_LIMIT allows (8)", "ADY-0320"),
        ("copy", "copy failed: internal error", "ADY-0321"),
        ("gone", "gone is not a supported adapter type", "ADY-0255"),
        ("noop", "Cannot merge, expected object '{}'", "ADY-0322"),
        ("noop", "something else", "ADY-0399"),
    ],
)
def test_a_tasks_error_has_the_code_of_its_cause(kind: str, error: str, code: str) -> None:
    assert code_of(run("noop", kind, "ethtx", error=error, at=1)) == code


@pytest.mark.parametrize("text", ["EOF", "non string result", "cancelled by the operator", "Rejecting job x with payment "])
def test_a_source_cannot_imitate_an_error_of_another_task_or_of_the_run(text: str) -> None:
    assert code_of(run("httpget", error=text)) == "ADY-0312"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("Rejecting job abc with payment 0.000000000000000001 below minimum threshold (2)", "ADY-0318"),
        ("Run Log didn't have have a valid requester: 0x00", "ADY-0319"),
        ("Error parsing CBOR: the log announces 5 bytes and has 3", "ADY-0322"),
        ("cancelled by the operator", "ADY-0316"),
        ("its request left the chain: block 5 is not canonical any more; it goes on if the request comes back", "ADY-0317"),
        ("its request did not get the 3 confirmations of ethtx within 1h (RUN_PENDING_DEADLINE)", "ADY-0315"),
        ("ethtx had no connection to the chain within 1h (RUN_PENDING_DEADLINE)", "ADY-0315"),
        ("internal error", "ADY-0321"),
        ("feed is not a supported adapter type", "ADY-0255"),
        ("times: wrong", "ADY-0324"),
    ],
)
def test_an_error_that_is_no_tasks_has_the_code_of_its_cause(error: str, code: str) -> None:
    assert code_of(run("ethtx", error=error, at=None)) == code


def test_a_complaint_about_the_input_is_one() -> None:
    assert code_of(run("noop", error="no good", at=None, input_error="no good")) == "ADY-0322"


def test_every_task_type_of_the_node_is_known_and_no_other() -> None:
    registry = Registry(http=AiohttpTransport(), clock=SystemClock(), settings=AdapterSettings())
    assert set(registry.names()) == TYPES
