"""ABI encoding of JSON values, held against an independent library."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.abi import function_signature_to_4byte_selector
from hypothesis import given
from hypothesis import strategies as st

from adyton.domain import abi, evm
from adyton.domain.abi import AbiError, AbiType

# --- types -----------------------------------------------------------------------------------------------------------

REFUSED = [
    "", "int", "uint", "int0", "int7", "int08", "uint264", "uint 8", "bytes0", "bytes33", "bytes01", "tuple",
    "(uint8)", "function", "string[]", "bytes[]", "bytes[2]", "string[2]", "uint8[][]", "uint8[][2]", "uint8[0]", "uint8[-1]",
    "uint8[", "uint8]", "uint8[1",
    "uint8[2]x", "Uint8", "uint٨", "uint8\n", "address payable", "uint8" + "[1]" * 1000, "uint8[" + "9" * 100 + "]", "\0",
]  # fmt: skip


@pytest.mark.parametrize("name", REFUSED, ids=lambda name: ascii(name)[:24])
def test_what_is_no_type_is_refused(name: str) -> None:
    with pytest.raises(AbiError, match="is not supported") as caught:
        abi.parse_type(name)
    assert "\0" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("name", ["uint8[3]", "int256[2][3][]", "bytes32[2]", "address[]", "bool[1]", "bytes1", "string"])
def test_a_type_is_called_what_it_was_written(name: str) -> None:
    assert abi.parse_type(name).name == name


# --- against the library ---------------------------------------------------------------------------------------------

BASES = st.sampled_from(
    [
        "address",
        "bool",
        *(f"bytes{n}" for n in (1, 4, 20, 31, 32)),
        *(f"{s}int{8 * n}" for s in ("", "u") for n in (1, 6, 7, 16, 32)),
    ]
)
SUFFIXES = st.lists(st.integers(1, 3).map(lambda n: f"[{n}]"), max_size=2).flatmap(
    lambda fixed: st.sampled_from(["", "[]"]).map(lambda last: "".join(fixed) + last)
)
TYPES = st.one_of(st.builds("".join, st.tuples(BASES, SUFFIXES)), st.sampled_from(["string", "bytes"]))


def both(kind: AbiType) -> st.SearchStrategy[tuple[Any, Any]]:
    """A value of a type, as JSON has it and as the library wants it."""
    if kind.kind == "array":
        assert kind.item is not None
        least, most = (0, 3) if kind.length is None else (kind.length, kind.length)
        return st.lists(both(kind.item), min_size=least, max_size=most).map(
            lambda pairs: ([a for a, _ in pairs], [b for _, b in pairs])
        )
    if kind.kind in ("int", "uint"):
        return numbers(kind)
    if kind.kind == "bool":
        return st.booleans().map(lambda value: (value, value))
    if kind.kind == "string":
        return st.text(max_size=70).map(lambda value: (value, value))
    if kind.kind == "address":
        return st.binary(max_size=20).map(lambda value: ("0x" + value.hex(), "0x" + value.rjust(20, b"\0").hex()))
    size = kind.size
    content = st.binary(max_size=70) if size is None else st.binary(min_size=size, max_size=size)
    return content.flatmap(lambda value: st.sampled_from(["0x" + value.hex(), list(value)]).map(lambda given: (given, value)))


def numbers(kind: AbiType) -> st.SearchStrategy[tuple[Any, Any]]:
    assert kind.size is not None
    bits = 8 * kind.size
    within = st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if kind.kind == "int" else st.integers(0, 2**bits - 1)

    def spelled(number: int) -> st.SearchStrategy[tuple[Any, Any]]:
        spellings: list[Any] = [str(number)]
        spellings += [hex(number)] if number >= 0 else []
        spellings += [number, Decimal(number)] if bits <= 48 else []
        return st.sampled_from(spellings).map(lambda given: (given, number))

    return within.flatmap(spelled)


def arguments(names: Sequence[str]) -> st.SearchStrategy[tuple[list[str], list[tuple[Any, Any]]]]:
    return st.tuples(st.just(list(names)), st.tuples(*(both(abi.parse_type(name)) for name in names)).map(list))


@given(st.lists(TYPES, max_size=5).flatmap(arguments))
def test_arguments_are_those_of_the_library(case: tuple[list[str], list[tuple[Any, Any]]]) -> None:
    names, values = case
    inputs = {f"a{n}": abi.parse_type(name) for n, name in enumerate(names)}
    given_values = {f"a{n}": value for n, (value, _) in enumerate(values)}
    assert abi.encode_arguments(inputs, given_values) == encode(names, [value for _, value in values])


@given(st.lists(TYPES, max_size=4))
def test_the_selector_is_that_of_the_library(names: list[str]) -> None:
    signature = abi.signature("transfer", [abi.parse_type(name) for name in names])
    assert evm.selector(signature) == function_signature_to_4byte_selector(signature)


LISTED: dict[str, st.SearchStrategy[tuple[Any, Any]]] = {
    "uint256": st.integers(0, 2**256 - 1).flatmap(
        lambda n: st.sampled_from([n, str(n), Decimal(n)]).map(lambda given: (given, n))
    ),
    "int256": st.integers(-(2**255), 2**255 - 1).flatmap(lambda n: st.sampled_from([n, str(n)]).map(lambda given: (given, n))),
    "bool": st.booleans().map(lambda value: (value, value)),
    "bytes32": st.binary(min_size=32, max_size=32).map(lambda value: ("0x" + value.hex(), value)),
    "bytes4": st.binary(min_size=4, max_size=4).map(lambda value: ("0x" + value.hex(), value)),
    "bytes": st.binary(max_size=70).map(lambda value: ("0x" + value.hex(), value)),
    "address": st.binary(min_size=20, max_size=20).map(lambda value: ("0x" + value.hex().upper(), "0x" + value.hex())),
}


@given(
    st.lists(st.sampled_from(abi.LISTED), max_size=6).flatmap(
        lambda names: st.tuples(st.just(names), st.tuples(*map(LISTED.get, names)))
    )
)
def test_a_list_of_values_is_that_of_the_library(case: tuple[list[str], tuple[tuple[Any, Any], ...]]) -> None:
    names, values = case
    assert abi.encode_list(names, [value for value, _ in values]) == encode(names, [value for _, value in values])


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False, places=2)
    | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)


@given(TYPES, ANYTHING)
def test_any_value_is_encoded_into_whole_words_or_refused_by_name(name: str, value: Any) -> None:
    try:
        said = f"{len(abi.encode_value(abi.parse_type(name), value, 'argument a')) % 32} bytes too many"
    except AbiError as refused:
        said = str(refused)
    assert said == "0 bytes too many" or said.startswith("argument a")


@given(st.sampled_from([*abi.LISTED, "uint8", "string", "\0"]), ANYTHING)
def test_any_listed_value_is_encoded_or_refused(name: str, value: Any) -> None:
    try:
        said = f"{len(abi.encode_list([name], [value])) % 32} bytes too many"
    except AbiError as refused:
        said = str(refused)
    assert said == "0 bytes too many" or said.endswith("invalid abi encoding")
    assert "\0" not in said


# --- what no library says --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("int8", "128", "argument a out of valid range for signed integer with 1 bytes"),
        ("int8", "-129", "argument a out of valid range for signed integer with 1 bytes"),
        ("uint256", str(2**256), "argument a out of valid range for unsigned integer with 32 bytes"),
        ("uint8", True, "argument a is neither a number nor a text with one"),
        ("uint8", "9" * 5000, "argument a doesn't encode valid decimal number"),
        ("uint8", "0x" + "0" * 5000, "argument a starts with '0x', but doesn't encode valid hex number"),
        ("uint8[2]", [1], "argument a has the wrong length: uint8[2] takes 2 items, not 1"),
        ("uint8[2]", [1, 256], "argument a[1] out of valid range for unsigned integer with 1 bytes"),
        ("uint8[]", {}, "argument a is not an array"),
        ("bytes", [1, 256], "argument a[1] is not a byte"),
        ("bytes", "0x123", "argument a is not a hexstring"),
        ("string", 5, "argument a is not a string"),
    ],
    ids=str,
)
def test_a_value_that_does_not_fit_is_refused(name: str, value: Any, complaint: str) -> None:
    with pytest.raises(AbiError) as caught:
        abi.encode_value(abi.parse_type(name), value, "argument a")
    assert str(caught.value) == complaint


@pytest.mark.parametrize(
    ("types", "values", "complaint"),
    [
        (["uint256", "bool"], [1], "number of collectors 1 != number of types in ABI encoding 2"),
        (["uint256"], [-1], "Uint256 cannot be negative: invalid abi encoding"),
        (["uint256"], [True], "can't convert true (True) to uint256: invalid abi encoding"),
        (["bool"], [0], "can't convert 0 (Number) to bool: invalid abi encoding"),
        (["bytes4"], ["0x0102"], "can't convert 0x0102 (String) to bytes4: invalid abi encoding"),
        (["bytes"], ["0102"], "bytes: 0102: bytes should be 0x-prefixed hex strings: invalid abi encoding"),
    ],
    ids=str,
)
def test_a_listed_value_that_does_not_fit_is_refused(types: list[str], values: list[Any], complaint: str) -> None:
    with pytest.raises(AbiError) as caught:
        abi.encode_list(types, values)
    assert str(caught.value) == complaint
