"""wasm: what a module is given and answers, and that no module harms the node."""

from __future__ import annotations

import asyncio
import builtins
import subprocess
import sys
from decimal import Decimal
from typing import Any

import pytest

from adyton.adapters import wasm as wasm_adapter
from adyton.adapters.base import TaskContext
from adyton.adapters.wasm import Wasm
from adyton.domain.errors import Invalid
from adyton.domain.runs import Completed, Errored, Outcome, RunStatus
from adyton.system.clock import SystemClock

ABOVE_450 = "AGFzbQEAAAABBgFgAXwBfwMCAQAHCwEHcGVyZm9ybQAAChABDgBEAAAAAAAgfEAgAGML"
"""Is the number larger than 450? The example of v0.6.2."""
CONTEXT = TaskContext(run_id="0" * 32, position=0, status=RunStatus.UNSTARTED, transaction=None, connected=True)


def adapter(timeout: float = 30.0, memory_limit: int = 1 << 20) -> Wasm:
    return Wasm(clock=SystemClock(), timeout=timeout, memory_limit=memory_limit)


@pytest.fixture
def wasm() -> Wasm:
    return adapter()


async def answer(wasm: Wasm, module: str, value: Any = None) -> Outcome:
    return await wasm.perform({"wasm": module}, {"result": value, "keep": 1}, CONTEXT)


def function(body: str, result: str = "i32", params: str = "") -> str:
    return f'(module (func (export "perform") {params} (result {result}) {body}))'


@pytest.mark.parametrize(
    ("value", "result"),
    [(Decimal("449.9"), "0"), (450, "0"), (Decimal("450.1"), "1"), ([451], "1"), ("450.5", "1"), (10**300, "1")],
    ids=str,
)
async def test_the_example_of_v0_6_2(wasm: Wasm, value: Any, result: str) -> None:
    assert await answer(wasm, ABOVE_450, value) == Completed({"result": result, "keep": 1})


@pytest.mark.parametrize(
    ("kind", "value", "result"),
    [
        ("i32", -1, "-1"),
        ("i32", 2**32 - 1, "-1"),
        ("i32", 2**31 - 1, "2147483647"),
        ("i64", 2**53 + 1, "9007199254740993"),
        ("i64", -(2**63), "-9223372036854775808"),
        ("i64", "12", "12"),
        ("f64", Decimal("0.1"), "0.1"),
        ("f64", Decimal("-1.50"), "-1.5"),
        ("f64", 10**22, "10000000000000000000000"),
        ("f32", Decimal("0.5"), "0.5"),
        ("f32", 2**128 - 2**104, "340282346638528860000000000000000000000"),
    ],
    ids=str,
)
async def test_numbers_go_in_and_come_out_in_plain_digits(wasm: Wasm, kind: str, value: Any, result: str) -> None:
    same = function("(local.get 0)", kind, f"(param {kind})")
    assert await answer(wasm, same, value) == Completed({"result": result, "keep": 1})


async def test_a_list_is_several_arguments_and_null_is_none(wasm: Wasm) -> None:
    difference = function("(i64.sub (local.get 0) (local.get 1))", "i64", "(param i64 i64)")
    assert await answer(wasm, difference, [5, 8]) == Completed({"result": "-3", "keep": 1})
    assert await answer(wasm, function("(i32.const 7)"), None) == Completed({"result": "7", "keep": 1})


@pytest.mark.parametrize(
    ("kind", "value", "complaint"),
    [
        ("f64", None, "perform takes 1 arguments; the result has 0"),
        ("f64", [1, 2], "perform takes 1 arguments; the result has 2"),
        ("f64", "x", "an argument must be a number"),
        ("f64", True, "an argument must be a number"),
        ("f64", {}, "an argument must be a number"),
        ("f64", [[1]], "an argument must be a number"),
        ("f64", 10**400, "too large for an f64"),
        ("f32", -(2**128) + 2**103, "too large for an f32"),
        ("i32", 2**32, "is no i32"),
        ("i32", Decimal("1.5"), "is no i32"),
        ("i64", -(2**63) - 1, "is no i64"),
    ],
    ids=str,
)
async def test_what_is_no_argument_fails_the_task_and_keeps_the_data(wasm: Wasm, kind: str, value: Any, complaint: str) -> None:
    outcome = await answer(wasm, function("(i32.const 1)", "i32", f"(param {kind})"), value)
    assert isinstance(outcome, Errored)
    assert complaint in outcome.error
    assert outcome.data == {"result": value, "keep": 1}


HARMFUL: list[tuple[str, str]] = [
    (function("(loop (br 0)) (i32.const 1)"), "out of fuel"),
    ('(module (func $again (export "perform") (result i32) (call $again)))', "stack overflow"),
    (function("(i32.div_s (i32.const 1) (i32.const 0))"), "integer divi"),
    (function("(unreachable)"), "the module failed"),
    ('(module (memory 1000) (func (export "perform") (result i32) (i32.const 1)))', "memory"),
    ('(module (table 100000 funcref) (func (export "perform") (result i32) (i32.const 1)))', "table"),
    ('(module (func $s (loop (br 0))) (start $s) (func (export "perform") (result i32) (i32.const 1)))', "out of fuel"),
    (function("(f64.div (f64.const 0) (f64.const 0))", "f64"), "which is no number"),
    (function("(f64.const inf)", "f64"), "which is no number"),
]


@pytest.mark.parametrize(("module", "complaint"), HARMFUL, ids=[complaint for _, complaint in HARMFUL])
async def test_a_module_that_would_harm_fails_its_task(module: str, complaint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wasm_adapter, "_FUEL", 10_000)
    outcome = await answer(adapter(), module)
    assert isinstance(outcome, Errored)
    assert complaint in outcome.error


async def test_a_module_that_asks_for_more_memory_is_told_that_there_is_none(wasm: Wasm) -> None:
    grow = '(module (memory 1) (func (export "perform") (result i32) (memory.grow (i32.const 100))))'
    assert await answer(wasm, grow) == Completed({"result": "-1", "keep": 1})


async def test_a_module_that_runs_too_long_is_stopped_and_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wasm_adapter, "_FUEL", 10**15)
    wasm = adapter(timeout=0.1)
    slow = function("(loop (br 0)) (i32.const 1)")
    outcomes = await asyncio.gather(*(answer(wasm, slow) for _ in range(3)), answer(wasm, function("(i32.const 7)")))
    assert outcomes[:3] == [Errored("the module ran longer than WASM_TIMEOUT (0.1 s)", {"result": None, "keep": 1})] * 3
    assert outcomes[3] == Completed({"result": "7", "keep": 1})


async def test_the_loop_goes_on_while_a_module_runs() -> None:
    wasm = adapter(timeout=0.5)
    slow = asyncio.create_task(answer(wasm, function("(loop (br 0)) (i32.const 1)")))
    turns = 0
    while not slow.done():
        await asyncio.sleep(0.001)
        turns += 1
    assert turns > 10


STOPPED = """
import asyncio
from adyton.adapters.base import TaskContext
from adyton.adapters.wasm import Wasm
from adyton.domain.runs import RunStatus
from adyton.system.clock import SystemClock

ENDLESS = '(module (func (export "perform") (result i32) (loop $again (br $again)) (i32.const 1)))'
CONTEXT = TaskContext(run_id="0" * 32, position=0, status=RunStatus.UNSTARTED, transaction=None, connected=True)

async def node():
    wasm = Wasm(clock=SystemClock(), timeout=3600, memory_limit=1 << 20)
    run = asyncio.create_task(wasm.perform({"wasm": ENDLESS}, {}, CONTEXT))
    await asyncio.sleep(0.5)
    run.cancel()
    await asyncio.wait([run])
    await asyncio.sleep(0.5)

asyncio.run(node())
"""


def test_a_node_that_stops_does_not_wait_for_a_module() -> None:
    subprocess.run([sys.executable, "-c", STOPPED], timeout=30, check=True)


async def test_an_abandoned_module_does_not_disturb_the_next() -> None:
    wasm = adapter(timeout=0.5)
    abandoned = asyncio.create_task(answer(wasm, function("(loop (br 0)) (i32.const 1)")))
    await asyncio.sleep(0.01)
    abandoned.cancel()
    with pytest.raises(asyncio.CancelledError):
        await abandoned
    assert await answer(wasm, ABOVE_450, 451) == Completed({"result": "1", "keep": 1})


@pytest.mark.parametrize(
    ("module", "complaint"),
    [
        (None, "wasm must be a WebAssembly module in base64"),
        ("", "wasm must be a WebAssembly module in base64"),
        (5, "wasm must be a WebAssembly module in base64"),
        ("123is", "wasm: must be a WebAssembly module in base64, in hex behind 0x, or in the text form"),
        ("AAAA", "wasm: is no WebAssembly module"),
        ("(module", "wasm: is no WebAssembly text"),
        ("(module)", "wasm: exports no function perform"),
        ('(module (import "env" "now" (func)) (func (export "perform")))', "wasm: imports env.now"),
        ('(module (func (export "perform")))', "wasm: perform must take numbers and answer with one number"),
        (function("(i32.const 1) (i32.const 2)", "i32 i32"), "wasm: perform must take numbers and answer with one number"),
        (function("(i32.const 1)", "i32", "(param v128)"), "wasm: perform must take numbers and answer with one number"),
        (function(""), "wasm: is no valid WebAssembly module"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_module_that_cannot_run_is_refused_when_the_job_is_made(module: Any, complaint: str) -> None:
    with pytest.raises(Invalid) as caught:
        adapter().check({"wasm": module})
    assert str(caught.value).startswith(complaint)


def test_a_node_without_the_library_refuses_the_job_and_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    importing = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "wasmtime":
            raise ImportError(name)
        return importing(name, *rest)

    wasm = adapter()
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(Invalid, match=r"pip install 'adyton\[wasm\]'"):
        wasm.check({"wasm": ABOVE_450})


async def test_the_modules_that_are_kept_compiled_are_few() -> None:
    wasm = adapter()
    for number in range(70):
        assert await answer(wasm, function(f"(i32.const {number})")) == Completed({"result": str(number), "keep": 1})
    assert len(wasm._machine._compiled) == 64
