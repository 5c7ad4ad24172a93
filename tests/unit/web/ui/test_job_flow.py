"""A job as a drawing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from adyton.domain.run_errors import TYPES
from adyton.web.filters import _INITIATORS
from adyton.web.ui.job_flow import KINDS, LONGEST, MOST, drawn, in_short

ADDRESS = "0xf25186b5081ff5ce73482ad761db0eb0d25abfbf"


def facts(kind: str, **params: Any) -> dict[str, tuple[str, str]]:
    (step,) = drawn({"tasks": [{"type": kind, "params": params}]}).steps
    return {fact.name: (fact.value, fact.kind) for fact in step.facts}


def started(kind: str, spec: dict[str, Any] | None = None, **params: Any) -> dict[str, tuple[str, str]]:
    (start,) = drawn({**(spec or {}), "initiators": [{"type": kind, "params": params}]}).starts
    return {fact.name: (fact.value, fact.kind) for fact in start.facts}


def test_every_type_of_the_node_is_in_words() -> None:
    flow = drawn({"tasks": [{"type": kind} for kind in sorted(TYPES)]})
    assert [step.type for step in flow.steps if not step.words or not step.is_known] == []
    assert set(KINDS) == set(_INITIATORS)


def test_a_type_that_is_not_the_nodes_own_is_nothing_known() -> None:
    (step,) = drawn({"tasks": [{"type": "Prices", "confirmations": 3}]}).steps
    assert (step.type, step.words, step.is_known, step.confirmations) == ("prices", "", False, 3)


def test_what_matters_stands_first_and_in_any_case() -> None:
    found = facts("httpget", zeta=1, queryParams=["a", "b", "c", "d"], GET="https://x.example/")
    assert list(found) == ["GET", "queryParams", "zeta"]
    assert found["GET"] == ("https://x.example/", "url")
    assert found["queryParams"] == ("a=b&c=d", "text")


def test_numbers_keep_their_digits_and_paths_are_ways() -> None:
    assert facts("multiply", times=Decimal("1.10"))["times"] == ("1.10", "text")
    assert facts("multiply", times=10**40)["times"] == (str(10**40), "text")
    assert facts("jsonparse", path=["RAW", "0"])["path"] == ("RAW › 0", "text")
    assert facts("jsonparse", path="a.b")["path"] == ("a.b", "text")


def test_a_known_function_is_named() -> None:
    found = facts("ethtx", address=ADDRESS, functionSelector="0x4AB0d190")
    assert found["functionSelector"] == ("fulfillOracleRequest (0x4AB0d190)", "text")
    assert found["address"] == (ADDRESS, "address")
    assert facts("ethtx", functionSelector=5)["functionSelector"] == ("5", "text")


def test_long_values_are_cut_and_many_params_are_counted() -> None:
    assert facts("noop", a="x" * 9999)["a"][0] == "x" * LONGEST + "…"
    (step,) = drawn({"tasks": [{"type": "noop", "params": dict.fromkeys("abcdefg", None)}]}).steps
    assert (len(step.facts), step.more) == (MOST, 2)


def test_a_request_names_contract_payment_and_who_may_ask() -> None:
    found = started("runlog", {"minPayment": "5"}, address=ADDRESS, requesters=[ADDRESS, "0x1"], fromBlock=7)
    assert found == {
        "contract": (ADDRESS, "address"),
        "pays at least": ("5", "link"),
        "only from": (ADDRESS, "address"),
        "or from": ("0x1", "address"),
        "from block": ("7", "text"),
    }
    assert started("runlog")["contract"] == ("any", "text")
    assert started("runlog")["pays at least"] == ("", "link")


def test_times_and_names_are_said() -> None:
    assert started("cron", schedule="0 * * * * *", missed="skip") == {
        "schedule": ("0 * * * * *", "text"),
        "missed times": ("skip", "text"),
    }
    assert started("runat", time="2030-01-01T00:00:00Z", ran=True) == {
        "time": ("2030-01-01T00:00:00Z", "time"),
        "has run": ("yes", "text"),
    }
    assert started("external", name="outside") == {"initiator": ("outside", "text")}
    assert started("web") == {}


@pytest.mark.parametrize(
    ("initiator", "task", "end"),
    [
        ("runlog", "ethtx", "answer"),
        ("execagreement", "ethtxabiencode", "answer"),
        ("cron", "ethtx", "transaction"),
        ("runlog", "noop", "result"),
    ],
)
def test_where_the_answer_goes_is_told(initiator: str, task: str, end: str) -> None:
    assert drawn({"initiators": [{"type": initiator}], "tasks": [{"type": task}]}).end == end


def test_a_list_shows_the_schedule_and_the_chain() -> None:
    starts, chain = in_short(
        {"initiators": [{"type": "cron", "params": {"schedule": "@daily"}}, {"type": "web"}], "tasks": [{"type": "a"}]}
    )
    assert ([start.short for start in starts], chain) == (["schedule @daily", "by hand"], ["a"])
