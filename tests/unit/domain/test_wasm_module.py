"""What is read of a WebAssembly module without running it."""

from __future__ import annotations

import base64
import contextlib

import pytest
import wasmtime
from hypothesis import given
from hypothesis import strategies as st

from adyton.domain import wasm_module
from adyton.domain.wasm_module import BadModule, Signature


def module(text: str) -> bytes:
    return bytes(wasmtime.wat2wasm(text))


ANSWER = module('(module (func (export "perform") (param f64) (result i32) (i32.const 1)))')

MANY = """
    (module
      (type (func (result f32))) (func) (memory (export "m") 1) (func (export "x")) (data (i32.const 0) "a")
      (func (export "perform") (param i64 f32) (result i64) (i64.const 1)))
"""


@pytest.mark.parametrize(
    ("text", "params", "results"),
    [
        ('(module (func (export "perform") (param f64) (result i32) (i32.const 1)))', ("f64",), ("i32",)),
        ('(module (func (export "perform")))', (), ()),
        (
            MANY,
            ("i64", "f32"),
            ("i64",),
        ),
        ('(module (func (export "perform") (param externref)))', ("other",), ()),
    ],
    ids=["example", "nothing", "among others", "reference"],
)
def test_the_signature_of_what_it_exports(text: str, params: tuple[str, ...], results: tuple[str, ...]) -> None:
    assert wasm_module.entry(module(text)) == Signature(params, results)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "does not begin with"),
        (b"\0asm\2\0\0\0", "does not begin with"),
        (module("(module)"), "exports no function perform"),
        (module('(module (memory (export "perform") 1))'), "exports no function perform"),
        (module('(module (import "env" "log" (func)) (func (export "perform")))'), "imports env.log"),
        (module('(module (import "env" "perform" (func)) (export "perform" (func 0)))'), "imports env.perform"),
        (ANSWER[:-20], "ends too early"),
        (b"\0asm\1\0\0\0" + b"\1\xff\xff\xff\xff\x7f", "ends too early"),
        (b"\0asm\1\0\0\0" + b"\1\x80\x80\x80\x80\x80\x80", "more than 32 bits"),
        (b"\0asm\1\0\0\0" + bytes(wasm_module.LARGEST), "are allowed"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_the_node_does_not_run_is_refused(content: bytes, complaint: str) -> None:
    with pytest.raises(BadModule, match=complaint):
        wasm_module.entry(content)


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(tail: bytes) -> None:
    said = ""
    try:
        wasm_module.entry(b"\0asm\1\0\0\0" + tail)
    except BadModule as refused:
        said = str(refused)
    assert "\0" not in said


@given(st.integers(8, len(ANSWER) - 1), st.integers(0, 255))
def test_a_spoiled_module_is_read_or_refused(at: int, byte: int) -> None:
    with contextlib.suppress(BadModule):
        wasm_module.entry(ANSWER[:at] + bytes([byte]) + ANSWER[at + 1 :])


def test_a_module_is_spelled_in_base64_hex_or_text() -> None:
    assert wasm_module.spelled(base64.b64encode(ANSWER).decode()) == ANSWER
    assert wasm_module.spelled("0x" + ANSWER.hex()) == ANSWER
    assert wasm_module.spelled(" (module)") == " (module)"


@pytest.mark.parametrize("text", ["123is", "0xabc", "0xzz", "AGFz bQ==", "é", "A" * (4 << 20)], ids=lambda text: text[:10])
def test_what_is_no_spelling_is_refused(text: str) -> None:
    with pytest.raises(BadModule):
        wasm_module.spelled(text)
