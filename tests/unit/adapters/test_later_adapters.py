"""The adapters that later versions added, and the ones that wait: what the vectors do not say."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.adapters.base import AdapterSettings, PureAdapter, TaskContext
from adyton.adapters.params import task_params
from adyton.adapters.registry import Registry
from adyton.adapters.sleep import Sleep
from adyton.domain import numbers
from adyton.domain.errors import Invalid
from adyton.domain.numbers import Unencodable
from adyton.domain.requests import RESERVED
from adyton.domain.runs import Completed, Data, Errored, Outcome, RunStatus, Sends, Waits
from adyton.system.clock import SystemClock
from adyton.system.http import AiohttpTransport
from support.builders import NOW, TestClock
from support.outgoing import desk, simulated

CONTEXT = TaskContext(run_id="0" * 32, position=0, status=RunStatus.UNSTARTED, transaction=None, connected=True)
COLLECTION = "__chainlink_result_collection__"
REQUEST_ID = "0x" + "11" * 32
CONTRACT = "0x00000000000000000000000000000000000000aa"


def registry(numbers: str = "exact") -> Registry:
    return Registry(http=AiohttpTransport(), clock=SystemClock(), settings=AdapterSettings(numbers=numbers))


def perform(task_type: str, params: Data, given: Data, numbers: str = "exact") -> Outcome:
    return cast("PureAdapter", registry(numbers).find(task_type)).perform(params, given, CONTEXT)


def result(outcome: Outcome) -> Any:
    assert isinstance(outcome, Completed), outcome
    return outcome.data["result"]


def error(outcome: Outcome) -> str:
    assert isinstance(outcome, Errored), outcome
    return outcome.error


# --- compare ---------------------------------------------------------------------------------------------------------


def test_numbers_are_compared_exactly_or_as_later_versions_did() -> None:
    params = {"operator": "gt", "value": "9007199254740992"}
    assert result(perform("compare", params, {"result": "9007199254740993"})) is True
    assert result(perform("compare", params, {"result": "9007199254740993"}, "v0.6.2")) is False


@given(st.integers(), st.integers(), st.sampled_from(["gt", "gte", "lt", "lte"]))
def test_an_order_is_that_of_the_numbers(left: int, right: int, named: str) -> None:
    wanted = {"gt": left > right, "gte": left >= right, "lt": left < right, "lte": left <= right}[named]
    assert result(perform("compare", {"operator": named, "value": str(right)}, {"result": left})) is wanted


def test_compare_keeps_the_other_keys_and_an_error_the_data() -> None:
    assert perform("compare", {"operator": "eq", "value": "1"}, {"result": 1, "keep": 2}) == Completed(
        {"result": True, "keep": 2}
    )
    assert perform("compare", {"operator": "gt", "value": "1"}, {"result": "x"}) == Errored(
        "the result was not a number", {"result": "x"}
    )


@pytest.mark.parametrize("params", [{"operator": "GT", "value": "1"}, {"operator": 5}, {"value": 5}], ids=str)
def test_a_job_that_compares_wrongly_is_refused(params: Data) -> None:
    with pytest.raises(Invalid, match=r"operator must be|value must be a text"):
        registry().check("compare", params)


def test_a_job_may_leave_the_operator_to_the_run() -> None:
    registry().check("compare", {})


# --- quotient --------------------------------------------------------------------------------------------------------

NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**40), max_value=10**40, places=20)


@given(NUMBERS, NUMBERS.filter(bool))
def test_a_quotient_is_right_to_the_78th_digit(dividend: Decimal, divisor: Decimal) -> None:
    exact = Fraction(dividend) / Fraction(divisor)
    got = Fraction(result(perform("quotient", {"dividend": str(dividend)}, {"result": str(divisor)})))
    assert abs(got - exact) <= abs(exact) * Fraction(1, 10**77)


@given(st.integers(1, 10**20), st.integers(1, 10**20))
def test_a_quotient_that_ends_is_exact(factor: int, divisor: int) -> None:
    assert result(perform("quotient", {"dividend": factor * divisor}, {"result": divisor})) == str(factor)


@given(st.floats(1e-200, 1e200), st.floats(1e-100, 1e100))
def test_a_quotient_as_later_versions_had_it_has_the_ten_digits_of_the_exact_one(dividend: float, divisor: float) -> None:
    """Where 64 bits and ten digits do not round differently, which is nearly always."""
    got = result(perform("quotient", {"dividend": repr(dividend)}, {"result": repr(divisor)}, "v0.6.2"))
    exact = Fraction(Decimal(repr(dividend))) / Fraction(Decimal(repr(divisor)))
    assert abs(Fraction(Decimal(got)) - exact) <= abs(exact) * Fraction(51, 10**11)


@pytest.mark.parametrize("zero", ["0", "-0", "0.00", 0, "0x0", "1e-1001"], ids=str)
def test_nothing_is_divided_by_zero(zero: Any) -> None:
    assert error(perform("quotient", {"dividend": 1}, {"result": zero})) == "cannot divide by zero"


def test_a_dividend_that_is_no_number_is_refused_when_the_job_is_made() -> None:
    with pytest.raises(Invalid, match="cannot parse into float: x"):
        registry().check("quotient", {"dividend": "x"})


# --- numbers as v0.6.2 rounded ---------------------------------------------------------------------------------------


@given(st.fractions(-(10**30), 10**30), st.sampled_from([53, 64]))
def test_a_mantissa_is_the_nearest_number_with_so_many_bits(number: Fraction, bits: int) -> None:
    got = numbers.to_mantissa(number, bits)
    assert abs(got - number) <= abs(number) / 2**bits
    assert abs(got.numerator).bit_length() - (abs(got.numerator) & -abs(got.numerator)).bit_length() < bits


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_ten_digits_are_those_of_c(number: float) -> None:
    assert numbers.ten_digits(Fraction(number), negative_zero=str(number) == "-0.0") == f"{number:.10g}"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_fifty_three_bits_are_a_double(number: float) -> None:
    text = Decimal(number)
    if abs(number) > 1e-290:  # below, a double has fewer bits
        assert numbers.to_mantissa(Fraction(text), numbers.DOUBLE_BITS) == Fraction(number)


@given(st.fractions(-(10**20), 10**20), st.integers(0, 30))
def test_a_text_is_rounded_half_to_even(number: Fraction, places: int) -> None:
    text = f"{Decimal(number.numerator) / Decimal(number.denominator):.{places}f}"
    assert numbers.integer_from_text(text) == round(Fraction(text))


@given(st.text(max_size=20))
def test_any_text_is_a_number_or_not(text: str) -> None:
    try:
        numbers.factor(text)
    except Unencodable:
        return
    assert text.lstrip("+-")[:1].isascii()


# --- resultcollect, and abiEncoding ----------------------------------------------------------------------------------


def test_results_are_collected_and_sent_together() -> None:
    data: Data = {"result": "0x1234", "keep": 1}
    for value in ("0x1234", True, 2**255):
        outcome = perform("resultcollect", {}, {**data, "result": value})
        assert isinstance(outcome, Completed)
        data = outcome.data
    assert data == {"result": 2**255, "keep": 1, COLLECTION: ["0x1234", True, 2**255]}
    params = {"address": CONTRACT, "dataPrefix": REQUEST_ID, "abiEncoding": ["bytes32", "bytes", "bool", "uint256"]}
    sent = perform("ethtx", params, data)
    assert isinstance(sent, Sends)
    assert f"{2**255:064x}" in sent.request.data


def test_collecting_does_not_change_what_was_collected_before() -> None:
    before: Data = {"result": 1, COLLECTION: [0]}
    perform("resultcollect", {}, before)
    assert before == {"result": 1, COLLECTION: [0]}


def test_an_encoding_needs_the_id_of_a_request() -> None:
    outcome = perform("ethtx", {"abiEncoding": ["bytes32"], "dataPrefix": "0x1234"}, {"result": 1})
    assert "needs the id of a request, the first 32 bytes of dataPrefix; it has 2 bytes" in error(outcome)


def test_a_collection_of_another_length_is_refused() -> None:
    params = {"abiEncoding": ["bytes32", "bool"], "dataPrefix": REQUEST_ID}
    assert "number of collectors 1 != number of types in ABI encoding 2" in error(perform("ethtx", params, {}))


@pytest.mark.parametrize("encoding", [["uint8"], "uint256", [5], {"a": 1}], ids=str)
def test_an_encoding_that_is_not_known_is_refused_when_the_job_is_made(encoding: Any) -> None:
    with pytest.raises(Invalid, match=r"^abiEncoding: "):
        registry().check("ethtx", {"abiEncoding": encoding})


@pytest.mark.parametrize("text", ["0x123", "zz", "0X12"])
def test_what_is_no_hex_is_not_preformatted(text: str) -> None:
    assert "preformatted takes an even number of hex digits" in error(
        perform("ethtx", {"format": "preformatted"}, {"result": text})
    )


# --- how deep a transaction must be ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("given_value", "asked"), [(None, None), (0, None), (1, 1), (100_000, 100_000)], ids=str)
def test_a_task_may_ask_for_a_depth_of_its_own(given_value: Any, asked: int | None) -> None:
    sent = perform("ethtx", {"minRequiredOutgoingConfirmations": given_value}, {"result": "0x1"})
    assert isinstance(sent, Sends)
    assert sent.request.confirmations == asked


@pytest.mark.parametrize("value", [-1, 100_001, "5", Decimal("1.5"), True, [], 2**64], ids=str)
def test_a_depth_that_is_none_is_refused(value: Any) -> None:
    with pytest.raises(Invalid, match="minRequiredOutgoingConfirmations must be a whole number from 0 to 100000"):
        registry().check("ethtx", {"minRequiredOutgoingConfirmations": value})


@simulated
async def test_the_depth_is_kept_with_the_transaction() -> None:
    async with desk() as at:
        await at.ask("deep", confirmations=7)
        await at.ask("usual")
        usual = (await at.of("usual")).min_confirmations
        assert (await at.of("deep")).min_confirmations == 7 != usual


def test_a_stranger_can_choose_neither_the_depth_nor_the_function_nor_the_module() -> None:
    given: Data = {"minRequiredOutgoingConfirmations": 9, "FUNCTIONABI": {}, "wasm": "AA==", "times": 2, "address": CONTRACT}
    assert task_params({}, given, RESERVED) == {"times": 2, "address": CONTRACT}
    assert task_params({}, given, RESERVED, requester_wins=True) == {"times": 2, "address": CONTRACT}


# --- ethtxabiencode --------------------------------------------------------------------------------------------------

TRANSFER = {"name": "transfer", "inputs": [{"name": "to", "type": "address"}, {"name": "amount", "type": "uint256"}]}


def test_a_call_is_encoded_and_sent_to_the_jobs_contract() -> None:
    params = {"address": CONTRACT, "functionABI": TRANSFER, "gasLimit": 90_000, "dataPrefix": "0x12", "times": 5}
    sent = perform("ethtxabiencode", params, {"result": {"amount": "5", "to": CONTRACT}, "keep": 1})
    assert isinstance(sent, Sends)
    assert (sent.request.to, sent.request.gas_limit, sent.data["keep"]) == (CONTRACT, 90_000, 1)
    assert sent.request.data == "0xa9059cbb" + CONTRACT[2:].rjust(64, "0") + f"{5:064x}"


def test_what_the_function_cannot_take_fails_the_task() -> None:
    outcome = perform("ethtxabiencode", {"functionABI": TRANSFER}, {"result": {"amount": "-1", "to": CONTRACT}})
    assert error(outcome).startswith("while constructing EthTxABIEncode data: argument amount out of valid range")
    assert "json result is not an object" in error(perform("ethtxabiencode", {"functionABI": TRANSFER}, {"result": "x"}))


@pytest.mark.parametrize(
    ("params", "complaint"),
    [
        ({}, "functionABI: must be a function's ABI"),
        ({"functionABI": "transfer(address)"}, "functionABI: must be a function's ABI"),
        ({"functionABI": {"inputs": []}}, "functionABI: name must be"),
        ({"functionABI": {"name": "a b"}}, "functionABI: name must be"),
        ({"functionABI": {"name": "a", "inputs": {}}}, "functionABI: inputs must be a list"),
        ({"functionABI": {"name": "a", "inputs": [5]}}, "functionABI: must be an argument"),
        (
            {"functionABI": {"name": "a", "inputs": [{"type": "bool"}]}},
            "functionABI: each argument must have a name of its own",
        ),
        (
            {"functionABI": {"name": "a", "inputs": [{"name": "x", "type": "bool"}] * 2}},
            "each argument must have a name of its own",
        ),
        ({"functionABI": {"name": "a", "inputs": [{"name": "x", "type": "int"}]}}, "type int is not supported"),
        ({"functionABI": {"name": "a", "inputs": [{"name": "x"}]}}, "is not supported"),
        ({"functionABI": {"name": "a", "outputs": []}}, "functionABI.outputs is not known to ethtxabiencode"),
        ({"functionABI": {"name": "a"}, "functionSelector": "0x12345678"}, "functionSelector is not known to ethtxabiencode"),
        ({"functionABI": {"name": "a"}, "fromAddress": "0x12"}, "fromAddress: an address is"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_job_whose_function_cannot_be_read_is_refused(params: Data, complaint: str) -> None:
    with pytest.raises(Invalid) as caught:
        registry().check("ethtxabiencode", params)
    assert complaint in str(caught.value)


# --- what waits ------------------------------------------------------------------------------------------------------


def sleeping(until: Any, *, status: RunStatus = RunStatus.UNSTARTED) -> Any:
    context = TaskContext(run_id="0" * 32, position=0, status=status, transaction=None, connected=True)
    return Sleep(TestClock()).perform({"until": until}, {"keep": 1}, context)


async def test_a_sleep_ends_at_its_time() -> None:
    second = NOW // 1_000_000
    assert await sleeping(second + 60) == Waits(RunStatus.PENDING_SLEEP, {"keep": 1}, NOW + 60_000_000)
    for past in (second - 60, second, None, "", "2001-01-01"):
        assert await sleeping(past) == Completed({"keep": 1})
    assert await sleeping(second, status=RunStatus.PENDING_SLEEP) == Completed({"keep": 1})


@pytest.mark.parametrize("until", [True, [], "soon", Decimal("1.5"), -1], ids=str)
def test_what_is_no_time_is_refused_when_the_job_is_made(until: Any) -> None:
    with pytest.raises(Invalid, match=r"^until: "):
        registry().check("sleep", {"until": until})


@pytest.mark.parametrize("name", ["nooppend", "nooppendoutgoing"])
def test_a_pending_noop_waits_whenever_it_is_asked(name: str) -> None:
    assert perform(name, {"any": 1}, {"keep": 1}) == Waits(RunStatus.PENDING_CONFIRMATIONS, {"keep": 1})


def test_random_is_refused_and_says_what_it_lacks() -> None:
    with pytest.raises(Invalid, match="random needs a VRF key; this version has none"):
        registry().check("random", {"publicKey": "0x00"})


def test_what_sends_a_transaction_asks_for_a_payment() -> None:
    types = registry()
    paid = {name: types.cost(name) for name in types.names() if types.cost(name)}
    assert paid == {"ethtx": 10**18, "ethtxabiencode": 10**18}
