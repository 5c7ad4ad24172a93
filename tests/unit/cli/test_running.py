"""What a node that runs is set to: shown and changed from the command line; and the schemas, without a node."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator

from support.command_line import Adyton, Asked, StandIn

PAIR = "clsession=abc123"
LOG = {"serviceName": ["Global", "IsSqlEnabled"], "logLevel": ["debug", "true"], "defaultLogLevel": "info"}
NODE = {
    "name": "mainnet.example", "evmChainID": "1", "role": "primary", "state": "connected", "active": True, "head": 7654321,
    "headAge": 1.5, "problem": None, "calls": 120, "errors": 2, "latency": 0.0125,
}  # fmt: skip


@pytest.fixture(autouse=True)
def logged_in(adyton: Adyton) -> None:
    adyton.is_logged_in()


def test_the_settings_of_the_node_are_those_that_count_there(adyton: Adyton, node: StandIn) -> None:
    node.answers_many({"name": "LOG_LEVEL", "value": "debug", "source": "set at run time"})
    result = adyton("config", "node")
    assert result.exit_code == 0
    assert node.asked == [Asked("GET /v2/config/settings", PAIR, "")]
    assert "║ LOG_LEVEL ║ debug ║ set at run time ║" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "wei"),
    [
        (("40000000000",), "40000000000"),
        (("40", "--gwei"), "40000000000"),
        (("--gwei", "1.5"), "1500000000"),
    ],
)
def test_the_gas_price_is_set_in_wei_or_gwei(adyton: Adyton, node: StandIn, arguments: tuple[str, ...], wei: str) -> None:
    node.answers_one(ethGasPriceDefault={"old": "20000000000", "new": wei})
    result = adyton("config", "setgasprice", *arguments)
    assert result.exit_code == 0, result.stderr
    assert node.asked == [Asked("PATCH /v2/config", PAIR, json.dumps({"ethGasPriceDefault": wei}).replace(" ", ""))]
    assert result.stdout == f"ETH_GAS_PRICE_DEFAULT was 20000000000 wei, and is {wei} wei.\n"


@pytest.mark.parametrize("amount", ["much", "0", "1.5", "-1", "NaN", "Infinity"])
def test_what_is_no_price_is_not_sent(adyton: Adyton, node: StandIn, amount: str) -> None:
    result = adyton("config", "setgasprice", "--", amount)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"{amount} is no price of gas.\n")
    assert node.asked == []


def test_without_an_amount_nothing_is_set(adyton: Adyton, node: StandIn) -> None:
    assert "Must specify the gas price" in adyton("config", "setgasprice").stderr
    assert node.asked == []


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        (("loglevel",), ("GET /v2/log", "")),
        (("loglevel", "--level", "DEBUG"), ("PATCH /v2/log", '{"level":"debug"}')),
        (("logsql", "--enable"), ("PATCH /v2/log", '{"sqlEnabled":true}')),
        (("logsql", "--disable"), ("PATCH /v2/log", '{"sqlEnabled":false}')),
    ],
)
def test_what_is_logged_is_shown_and_set(
    adyton: Adyton, node: StandIn, arguments: tuple[str, ...], asked: tuple[str, str]
) -> None:
    node.answers_one(**LOG)
    result = adyton("config", *arguments)
    assert result.exit_code == 0, result.stderr
    assert node.asked == [Asked(asked[0], PAIR, asked[1])]
    assert "║ debug ║ true ║ info" in result.stdout


def test_sql_is_logged_or_not_but_never_by_accident(adyton: Adyton, node: StandIn) -> None:
    unsaid = adyton("config", "logsql")
    assert (unsaid.exit_code, "Error: Give --enable or --disable" in unsaid.stderr) == (2, True)
    assert node.asked == []


def test_the_chain_and_its_nodes_are_listed(adyton: Adyton, node: StandIn) -> None:
    node.answers_many({"id": "1", "enabled": True, "connected": True, "head": 7654321, "finalityDepth": 50, "problem": None})
    node.answers_many(NODE)

    chains, nodes = adyton("chains"), adyton("nodes")

    assert node.asked == [Asked("GET /v2/chains", PAIR, ""), Asked("GET /v2/nodes", PAIR, "")]
    assert "║ 1 ║ yes ║ 7654321 ║ 50 ║" in " ".join(chains.stdout.split())
    assert "║ connected (asked) ║ 7654321 ║ 120 ║ 2 ║ 12.5 ms ║" in " ".join(nodes.stdout.split())
    assert (chains.stderr, nodes.stderr) == ("", "")


@pytest.mark.parametrize("noun", ["jobs", "bridges"])
def test_a_schema_is_printed_without_a_node(adyton: Adyton, node: StandIn, noun: str) -> None:
    result = adyton(noun, "schema")
    Draft202012Validator.check_schema(json.loads(result.stdout))
    assert (result.exit_code, node.asked) == (0, [])
