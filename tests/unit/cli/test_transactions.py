"""The commands about transactions: what they send and print, when they ask, and how they fail."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from support.command_line import Adyton, Asked, StandIn
from support.terminal import Terminal

PAIR = "clsession=abc123"
HASH = "0x" + "ab" * 32
ADDRESS = "0x9CA9d2D5E04012C9Ed24C0e513C9bfAa4A2dD77f"
LOWER = ADDRESS.lower()
TO = "0x514910771AF9Ca656af840dff83E8264EcF986CA"
TRANSACTION: dict[str, Any] = {
    "confirmed": True,
    "from": LOWER,
    "gasLimit": "500000",
    "gasPrice": "20000000000",
    "hash": HASH,
    "rawHex": "0xf86c",
    "nonce": "5",
    "sentAt": "23456",
    "to": TO.lower(),
    "value": "0",
    "txId": 7,
    "state": "safe",
    "createdAt": "2019-06-27T14:05:00Z",
    "waiting": None,
    "error": None,
    "runId": "9f0e",
    "purpose": None,
    "idempotencyKey": None,
    "wish": None,
    "minedIn": "23460",
    "attempts": [
        {
            "hash": HASH,
            "gasPrice": "20000000000",
            "state": "broadcast",
            "createdAt": "2019-06-27T14:05:00Z",
            "sentAt": "23456",
            "noop": True,
        }
    ],
}
WISH: dict[str, Any] = {
    "wish": "bump",
    "dryRun": True,
    "outcome": "it is signed again at 25 wei a gas and sent",
    "gasPrice": "25",
    "mostCost": "12500000000000000",
    "txId": 7,
    "hash": HASH,
    "nonce": "5",
    "from": LOWER,
    "state": "unconfirmed",
    "runId": None,
}
KEY: dict[str, Any] = {
    "address": ADDRESS,
    "blocked": False,
    "latestNonce": 5,
    "pendingNonce": 6,
    "nextNonce": 7,
    "balance": "1000000000000000000",
    "needed": "5",
    "baseFee": "30000000000",
    "unstarted": 3,
    "sent": 2,
    "lowest": None,
    "ageSeconds": None,
    "ageBlocks": None,
    "findings": [],
    "remedies": [],
}


@pytest.fixture(autouse=True)
def logged_in(adyton: Adyton) -> None:
    adyton.is_logged_in()


# --- look ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [["txs", "list"], ["txs"], ["transactions"]])
def test_transactions_are_listed(adyton: Adyton, node: StandIn, words: list[str]) -> None:
    node.answers_many(TRANSACTION, {**TRANSACTION, "confirmed": False, "hash": "", "txId": 8, "state": "unstarted"})
    result = adyton(*words, "--page", "2")
    assert result.exit_code == 0
    assert node.asked == [Asked("GET /v2/transactions?page=2", PAIR, "")]
    lines = [line for line in result.stdout.splitlines() if not line.startswith("╬")]
    assert lines[0] == "╔ Transactions"
    assert [cell.strip() for cell in lines[1].strip("║").split("║")] == [
        "ID",
        "HASH",
        "NONCE",
        "FROM",
        "TO",
        "GASPRICE",
        "SENTAT",
        "CONFIRMED",
        "STATE",
    ]
    assert [cell.strip() for cell in lines[2].strip("║").split("║")] == [
        "7",
        HASH,
        "5",
        ADDRESS,
        TO,
        "20000000000",
        "23456",
        "true",
        "safe",
    ]
    assert [cell.strip() for cell in lines[3].strip("║").split("║")][:3] == ["8", "", ""]


def test_a_transaction_is_shown_with_its_attempts(adyton: Adyton, node: StandIn) -> None:
    node.answers_one(**TRANSACTION)
    result = adyton("txs", "show", HASH)
    assert node.asked[0].line == f"GET /v2/transactions/{HASH}"
    for words in ("╔ Transactions", "╔ Details", "Mined in block", "23460", "╔ Attempts", "no-op"):
        assert words in result.stdout


def test_a_transaction_that_nobody_cancelled_is_shown_as_well(adyton: Adyton, node: StandIn) -> None:
    node.answers_one(**{**TRANSACTION, "attempts": [{**each, "noop": False} for each in TRANSACTION["attempts"]]})
    result = adyton("txs", "show", HASH)
    assert result.exit_code == 0
    assert "╔ Attempts" in result.stdout
    assert "no-op" not in result.stdout


def test_an_unknown_transaction_is_a_failure_that_says_where_to_look(adyton: Adyton, node: StandIn) -> None:
    node.refuses(404, "Transaction not found")
    result = adyton("txs", "show", "7")
    assert result.exit_code == 1
    assert "404 Not Found; Transaction not found" in result.stderr
    assert "adyton txs list" in result.stderr


def test_the_options_of_a_list_choose(adyton: Adyton, node: StandIn) -> None:
    node.answers_many(TRANSACTION)
    assert adyton("txs", "list", "--state", "safe", "--state", "fatal_error", "--from", "0x1", "--run", "2").exit_code == 0
    assert [each.line for each in node.asked] == ["GET /v2/transactions?state=safe%2Cfatal_error&from=0x1&run=2"]


@pytest.mark.parametrize("words", [["txs", "attempts"], ["txattempts"], ["attempts", "list"], ["attempts"], ["txas"]])
def test_attempts_are_listed_in_v0_6_2s_table(adyton: Adyton, node: StandIn, words: list[str]) -> None:
    node.answers_many({"ID": 7, "TxID": 3, "Hash": HASH, "GasPrice": 2 * 10**10, "Confirmed": False, "SentAt": 23456})
    result = adyton(*words)
    assert node.asked[0].line == "GET /v2/tx_attempts"
    assert f"║    3 ║ {HASH} ║ 20000000000 ║  23456 ║ false     ║" in result.stdout
    assert result.stdout.startswith("╔ Tx Attempts\n")


def test_json_is_what_the_node_sent(adyton: Adyton, node: StandIn) -> None:
    node.answers_many(TRANSACTION)
    assert json.loads(adyton("-j", "transactions").stdout) == [TRANSACTION]


# --- wish ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wish", ["bump", "cancel", "resend"])
def test_without_a_terminal_nothing_is_done_unless_it_was_said_beforehand(adyton: Adyton, node: StandIn, wish: str) -> None:
    result = adyton("txs", wish, "7")
    assert result.exit_code == 2
    assert "--yes" in result.stderr
    assert node.asked == []


@pytest.mark.parametrize("wish", ["bump", "cancel", "resend"])
def test_yes_does_it_at_once(adyton: Adyton, node: StandIn, wish: str) -> None:
    node.answers_one(**{**WISH, "wish": wish, "dryRun": False})
    result = adyton("txs", wish, "7", "--yes")
    assert result.exit_code == 0
    assert node.asked == [Asked(f"POST /v2/transactions/7/{wish}", PAIR, "")]
    assert f"{wish} is noted" in result.stdout
    assert "adyton txs show 7" in result.stdout


@pytest.mark.parametrize("wish", ["bump", "cancel"])
def test_a_price_may_be_named(adyton: Adyton, node: StandIn, wish: str) -> None:
    node.answers_one(**WISH)
    adyton("txs", wish, HASH, "--gas-price", "70000000000", "-y")
    assert node.asked == [Asked(f"POST /v2/transactions/{HASH}/{wish}", PAIR, '{"gasPrice":"70000000000"}')]


def test_a_dry_run_says_what_it_would_cost_and_does_nothing(adyton: Adyton, node: StandIn) -> None:
    node.answers_one(**WISH)
    result = adyton("txs", "bump", "7", "--dry-run")
    assert result.exit_code == 0
    assert [each.line for each in node.asked] == ["POST /v2/transactions/7/bump?dryRun=true"]
    assert result.stdout == (
        f"Transaction 7, unconfirmed, nonce 5 of {LOWER}\n"
        "bump: it is signed again at 25 wei a gas and sent.\n"
        "It costs at most 0.012500000000000000 ETH for gas.\n"
    )


def test_a_refused_wish_says_why(adyton: Adyton, node: StandIn) -> None:
    node.refuses(409, "transaction 7 is safe")
    result = adyton("txs", "cancel", "7", "--yes")
    assert result.exit_code == 1
    assert "409 Conflict; transaction 7 is safe" in result.stderr
    assert "adyton txs show 7" in result.stderr


@pytest.mark.parametrize(("typed", "done"), [("y", True), ("YES", True), ("n", False), ("", False), ("maybe", False)])
def test_at_a_terminal_the_cost_is_shown_and_a_person_decides(adyton: Adyton, node: StandIn, typed: str, done: bool) -> None:
    node.answers_one(**WISH)
    node.answers_one(**WISH)
    command = [sys.executable, "-m", "adyton", "txs", "bump", "7"]
    with Terminal(command, adyton.environ) as terminal:
        assert "at most 0.012500000000000000 ETH" in terminal.waits_for("Proceed? [y/N] ")
        terminal.types(typed)
        assert terminal.ends() == (0 if done else 1)
        assert ("Nothing was done." in terminal.said) != done
    lines = ["POST /v2/transactions/7/bump?dryRun=true", "POST /v2/transactions/7/bump"]
    assert [each.line for each in node.asked] == lines[: 1 + done]


def test_a_bad_price_is_a_usage_error(adyton: Adyton, node: StandIn) -> None:
    assert adyton("txs", "bump", "7", "--gas-price", "0").exit_code == 2
    assert adyton("txs", "bump").exit_code == 2
    assert node.asked == []


# --- doctor ----------------------------------------------------------------------------------------------------------


def test_the_doctor_says_that_nothing_is_wrong(adyton: Adyton, node: StandIn) -> None:
    node.answers_many(KEY)
    result = adyton("txs", "doctor")
    assert (result.exit_code, node.asked[0].line) == (0, "GET /v2/transactions/doctor")
    assert result.stdout == (
        f"{ADDRESS}: nothing wrong\n"
        "  next nonce: chain 5, pool 6, ours 7; 2 sent and not mined, 3 not sent; holds 1.000000000000000000 ETH\n"
    )


def test_the_doctor_says_what_blocks_a_key_and_what_to_type(adyton: Adyton, node: StandIn) -> None:
    node.answers_many(
        {
            **KEY,
            "blocked": True,
            "lowest": {**TRANSACTION, "state": "unconfirmed"},
            "ageSeconds": 95.4,
            "ageBlocks": 8,
            "findings": [{"cause": "underpriced", "words": "the base fee is 30 wei a gas"}],
            "remedies": [
                {"help": "bump", "words": "raise it", "command": "adyton txs bump 7", "gasPrice": "25", "mostCost": "5"},
                {"help": "wait", "words": "wait", "command": None, "gasPrice": None, "mostCost": None},
            ],
        },
        KEY,
    )
    result = adyton("txs", "doctor")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[:7] == [
        f"{ADDRESS}: BLOCKED",
        (
            "  lowest: transaction 7, nonce 5, since 95 s, 8 blocks, 20000000000 wei a gas in 1 attempts; "
            "the base fee is 30000000000"
        ),
        "  next nonce: chain 5, pool 6, ours 7; 2 sent and not mined, 3 not sent; holds 1.000000000000000000 ETH",
        "  underpriced: the base fee is 30 wei a gas",
        "  bump: raise it",
        "      adyton txs bump 7",
        "  wait: wait",
    ]


def test_the_doctors_json_fails_as_well(adyton: Adyton, node: StandIn) -> None:
    node.answers_many({**KEY, "blocked": True})
    result = adyton("-j", "txs", "doctor")
    assert (result.exit_code, json.loads(result.stdout)) == (1, [{**KEY, "blocked": True}])


# --- pay -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [["withdraw"], ["w"], ["admin", "withdraw"]])
@pytest.mark.parametrize("option", ["--from-oracle-contract-address", "--from"])
def test_link_is_withdrawn_and_the_answer_printed_as_it_is(
    adyton: Adyton, node: StandIn, words: list[str], option: str
) -> None:
    node.answers('{"data":{"id":"0x1"}}')
    result = adyton(*words, ADDRESS, "20000000000000000000", f"{option}={TO}")
    body = {"amount": "20000000000000000000", "contractAddress": TO.lower(), "address": LOWER}
    assert node.asked[0].line == "POST /v2/withdrawals"
    assert json.loads(node.asked[0].body) == body
    assert result.stdout == '{"data":{"id":"0x1"}}\n'


@pytest.mark.parametrize("option", ["--from", "-f"])
def test_ether_is_sent_with_the_arguments_of_v0_6_2(adyton: Adyton, node: StandIn, option: str) -> None:
    node.answers('{"data":{"id":"0x1"}}')
    result = adyton("sendether", "5", TO, option, ADDRESS, "--id", "rent 7")
    assert node.asked[0].line == "POST /v2/transfers"
    assert json.loads(node.asked[0].body) == {
        "amount": "5",
        "address": TO.lower(),
        "from": LOWER,
        "idempotencyKey": "rent 7",
    }
    assert result.stdout == '{"data":{"id":"0x1"}}\n'


@pytest.mark.parametrize(
    ("amount", "wei"),
    [
        ("0.25", 25 * 10**16),
        ("3", 3 * 10**18),
        ("123456789012345678901234567890.000000000000000001", 123456789012345678901234567890 * 10**18 + 1),
    ],
)
def test_ether_is_sent_in_whole_ones(adyton: Adyton, node: StandIn, amount: str, wei: int) -> None:
    node.answers_one(**TRANSACTION)
    result = adyton("txs", "create", amount, ADDRESS, TO)
    assert result.exit_code == 0
    assert json.loads(node.asked[0].body) == {"amount": str(wei), "from": LOWER, "address": TO.lower()}
    assert HASH in result.stdout


def test_ether_is_sent_in_wei_if_it_is_said(adyton: Adyton, node: StandIn) -> None:
    node.answers_one(**TRANSACTION)
    adyton("txs", "create", "5", ADDRESS, TO, "--wei")
    assert json.loads(node.asked[0].body)["amount"] == "5"


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["withdraw", ADDRESS, "1.5"], 'while parsing LINK withdrawal amount; strconv.ParseInt: parsing "1.5": invalid syntax'),
        (["withdraw", "0x12", "5"], "while parsing withdrawal destination address 0x12; not a valid Ethereum address: 0x12"),
        (
            ["withdraw", ADDRESS, "5", "--from", "0x12"],
            "while parsing source contract withdrawal address; not a valid Ethereum address: 0x12",
        ),
        (["withdraw", LOWER, "5"], f"correctly-capitalized address would be {ADDRESS}"),
        (["sendether", "x", ADDRESS], 'while parsing ETH transfer amount; strconv.ParseInt: parsing "x": invalid syntax'),
        (["sendether", "5", "0x12"], "while parsing withdrawal destination address 0x12; not a valid Ethereum address: 0x12"),
        (
            ["sendether", "5", ADDRESS, "--from", "0x12"],
            "while parsing withdrawal from address 0x12; not a valid Ethereum address: 0x12",
        ),
        (["txs", "create", "1e3", ADDRESS, TO], "1e3 is no amount of ETH"),
        (["txs", "create", "0.0000000000000000001", ADDRESS, TO], "is no amount of ETH"),
    ],
)
def test_what_cannot_be_paid_is_not_asked_for(adyton: Adyton, node: StandIn, words: list[str], text: str) -> None:
    result = adyton(*words)
    assert result.exit_code == 1
    assert text in result.stderr
    assert node.asked == []


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["withdraw", ADDRESS], "withdraw expects two arguments: an address and an amount"),
        (["sendether"], "sendether expects two arguments: an amount and an address"),
        (["txs", "create", "5", ADDRESS], "txs create expects three arguments"),
    ],
)
def test_missing_arguments_are_named(adyton: Adyton, words: list[str], text: str) -> None:
    result = adyton(*words)
    assert result.exit_code == 2
    assert text in result.stderr


@pytest.mark.parametrize(
    "words", [["withdraw", ADDRESS, "5"], ["sendether", "5", ADDRESS], ["txs", "create", "5", ADDRESS, TO]]
)
def test_a_refused_payment_says_why(adyton: Adyton, node: StandIn, words: list[str]) -> None:
    node.refuses(400, "Insufficient link balance.")
    result = adyton(*words)
    assert result.exit_code == 1
    assert "400 Bad Request; Insufficient link balance." in result.stderr
