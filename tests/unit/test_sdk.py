"""What the author of a Python adapter works with."""

from __future__ import annotations

import math
import subprocess
import sys
from decimal import Decimal
from importlib.metadata import EntryPoint
from typing import Any

import msgspec
import pytest

from adyton.domain.python_adapters import task_type
from adyton.sdk import Data, adapter
from adyton.system.entry_points import chosen


class Params(msgspec.Struct):
    symbol: str
    times: Decimal = Decimal(1)


@adapter(params=Params, timeout=5)
def price(params: Params, data: Data, /) -> Decimal:
    """A price."""
    return Decimal(data["result"]) * params.times


def test_an_adapter_is_called_like_its_function() -> None:
    assert price(Params("ETH", Decimal("1.10")), {"result": "3"}) == Decimal("3.30")
    assert (price.timeout, price.params, price.__doc__, price.__name__) == (5, Params, "A price.", "price")


def test_its_params_are_read_from_json_without_losing_digits() -> None:
    read = price.read(b'{"symbol": "ETH", "times": 1.123456789012345678901234567890, "other": 1}')
    assert read == Params("ETH", Decimal("1.123456789012345678901234567890"))
    assert price.fields == frozenset({"symbol", "times"})


@pytest.mark.parametrize("timeout", [0, -1, math.inf, math.nan])
def test_a_time_that_is_none_is_refused_when_the_module_is_imported(timeout: float) -> None:
    with pytest.raises(ValueError, match="timeout must be a number of seconds above zero"):
        adapter(params=Params, timeout=timeout)(lambda params, data: None)


def test_params_of_no_type_that_json_can_be_read_into_are_refused_then_too() -> None:
    class Unreadable(msgspec.Struct):
        value: int | list[int] | set[int]

    with pytest.raises(TypeError):
        adapter(params=Unreadable)(lambda params, data: None)


def test_it_imports_nothing_heavy() -> None:
    code = "import sys, adyton.sdk; print(sorted(n for n in sys.modules if n.startswith(('adyton', 'aiohttp', 'structlog'))))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "['adyton', 'adyton.sdk']"


# --- entry points ----------------------------------------------------------------------------------------------------


def entry(name: str, package: str = "p") -> EntryPoint:
    """An entry point of a package."""
    made: Any = EntryPoint(name, f"{package}:{name}", "adyton.adapters")
    vars(made)["dist"] = type("Distribution", (), {"name": package, "version": "1.0"})()
    return made  # type: ignore[no-any-return]


def test_entry_points_become_task_types_in_small_letters() -> None:
    found = chosen([entry("Median-Price"), entry("a_1")])
    assert [(each.name, each.package, each.version, each.target) for each in found] == [
        ("a_1", "p", "1.0", "p:a_1"),
        ("median-price", "p", "1.0", "p:Median-Price"),
    ]


@pytest.mark.parametrize("name", ["a b", "ä", "a.b", "a/b", ""])
def test_a_name_that_no_task_type_can_have_is_left_out(name: str) -> None:
    assert task_type(name) is None
    assert chosen([entry(name), entry("ok")]) == chosen([entry("ok")])


def test_of_two_packages_with_the_same_name_the_first_in_the_alphabet_counts() -> None:
    assert [each.package for each in chosen([entry("price", "z"), entry("PRICE", "a")])] == ["a"]
