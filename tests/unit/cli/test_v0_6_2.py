"""Every command of v0.6.2 under each of its names: the request that it makes, what it prints, what it says when an argument is
missing, how it ends. The rows are those of its reference, sections 3 and 4."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest

from adyton.cli.commands import COMMANDS
from support.command_line import COOKIE, Adyton, StandIn

ID = "c5f0e0f5c4e34d1b9f9d7ad0f3e4a111"
FROM, TO = "0x9CA9d2D5E04012C9Ed24C0e513C9bfAa4A2dD77f", "0x514910771AF9Ca656af840dff83E8264EcF986CA"
JOB: dict[str, Any] = {"id": ID, "createdAt": None, "startAt": None, "endAt": None, "initiators": [], "tasks": []}
RUN: dict[str, Any] = {"id": ID, "status": "completed", "createdAt": "2019-06-27T14:05:00Z", "finishedAt": None, "result": {}}
BRIDGE = {"name": "b", "url": "http://h", "confirmations": 0, "incomingToken": "in", "outgoingToken": "out"}
TX: dict[str, Any] = {
    "txId": 1, "hash": "0xab", "nonce": "0", "from": FROM, "to": TO, "gasPrice": "1", "sentAt": "2", "confirmed": True,
    "state": "safe", "value": "0", "data": "0x", "gasLimit": "1",
}  # fmt: skip
ATTEMPT = {"TxID": 1, "Hash": "0xab", "GasPrice": "1", "SentAt": 2, "Confirmed": True}
AGREEMENT = {
    "id": "0xaa",
    "createdAt": "2019-06-27T14:05:00Z",
    "encumbrance": {"payment": "1000000000000000000", "expiration": 300},
}
BALANCE = {"address": FROM, "ethBalance": "1000000000000000000", "linkBalance": "1"}
KEYS = {"AccessKey": "ak", "Secret": "sk"}
PAYMENT = {"address": TO, "amount": "5"}


class Row(NamedTuple):
    """``names`` as they were typed; ``request`` as it arrives; ``answer`` one thing, a list, or a text; ``shown`` the titles of
    tables with their columns, or a text."""

    names: tuple[str, ...]
    arguments: tuple[str, ...]
    request: str
    answer: object
    shown: tuple[str, ...] = ()
    body: str = ""
    missing: str = ""


TX_COLUMNS = "ID HASH NONCE FROM TO GASPRICE SENTAT CONFIRMED STATE"
ROWS = (
    Row(("account", "a"), (), "GET /v2/user/balances", [BALANCE], ("Account Balance: ADDRESS ETH LINK",)),
    Row(("jobspecs", "jobs", "j", "specs"), (), "GET /v2/specs", [JOB], ("Jobs: ID CREATED AT INITIATORS TASKS",)),
    Row(("jobspecs", "j"), ("--page", "2"), "GET /v2/specs?page=2", [JOB], ("Jobs: ID CREATED AT INITIATORS TASKS",)),
    Row(
        ("show", "s"),
        (ID,),
        f"GET /v2/specs/{ID}",
        JOB,
        ("Job: ID CREATED AT START AT END AT", "Initiators: TYPE SCHEDULE RUN AT ADDRESS", "Tasks: TYPE CONFIG VALUE"),
        missing="Must pass the job id to be shown",
    ),
    Row(
        ("create", "c"),
        ("{}",),
        "POST /v2/specs",
        JOB,
        ("Job: ID CREATED AT START AT END AT", "Initiators: TYPE SCHEDULE RUN AT ADDRESS", "Tasks: TYPE CONFIG VALUE"),
        body="{}",
        missing="Must pass in JSON or filepath",
    ),
    Row(("archivejob",), (ID,), f"DELETE /v2/specs/{ID}", "", missing="Must pass the job id to be archived"),
    Row(
        ("run", "r"),
        (ID, '{"a":1}'),
        f"POST /v2/specs/{ID}/runs",
        RUN,
        ("Runs: ID STATUS CREATED COMPLETED RESULT ERROR",),
        body='{"a":1}',
        missing="Must pass in SpecID [JSON blob | JSON filepath]",
    ),
    Row(("run", "r"), (ID,), f"POST /v2/specs/{ID}/runs", RUN, ("Runs: ID STATUS CREATED COMPLETED RESULT ERROR",)),
    Row(
        ("showrun", "sr"),
        (ID,),
        f"GET /v2/runs/{ID}",
        RUN,
        ("Runs: ID STATUS CREATED COMPLETED RESULT ERROR",),
        missing="Must pass the RunID to show",
    ),
    Row(
        ("listruns", "lr"),
        ("--jobid", ID),
        f"GET /v2/runs?jobSpecId={ID}",
        [RUN],
        ("Runs: ID STATUS CREATED COMPLETED RESULT ERROR",),
    ),
    Row(("listruns",), (), "GET /v2/runs", [RUN], ("Runs: ID STATUS CREATED COMPLETED RESULT ERROR",)),
    Row(
        ("bridge",),
        ("{}",),
        "POST /v2/bridge_types",
        BRIDGE,
        ("Bridge: NAME URL DEFAULT CONFIRMATIONS INCOMING TOKEN OUTGOING TOKEN",),
        body="{}",
        missing="Must pass in the bridge's parameters [JSON blob | JSON filepath]",
    ),
    Row(("getbridges",), (), "GET /v2/bridge_types", [BRIDGE], ("Bridges: NAME URL CONFIRMATIONS",)),
    Row(
        ("showbridge",),
        ("b",),
        "GET /v2/bridge_types/b",
        BRIDGE,
        ("Bridge: NAME URL DEFAULT CONFIRMATIONS OUTGOING TOKEN",),
        missing="Must pass the name of the bridge to be shown",
    ),
    Row(
        ("removebridge",),
        ("b",),
        "DELETE /v2/bridge_types/b",
        BRIDGE,
        ("Bridge: NAME URL DEFAULT CONFIRMATIONS OUTGOING TOKEN",),
        missing="Must pass the name of the bridge to be removed",
    ),
    Row(
        ("externalinitiators create", "exi create"),
        (),
        "POST /v2/external_initiators",
        KEYS,
        ("External Initiator Credentials: ID VALUE",),
    ),
    Row(
        ("externalinitiators delete", "exi delete"),
        ("ak",),
        "DELETE /v2/external_initiators/ak",
        "",
        missing="Must pass the AccessKey for the external initiator to delete",
    ),
    Row(
        ("agree", "createsa"),
        ("{}",),
        "POST /v2/service_agreements",
        AGREEMENT,
        ("Service Agreement: ID CREATED AT PAYMENT EXPIRATION",),
        body="{}",
        missing="Must pass in JSON or filepath",
    ),
    Row(
        ("withdraw", "w"),
        (TO, "5", f"--from-oracle-contract-address={FROM}"),
        "POST /v2/withdrawals",
        PAYMENT,
        body=json.dumps({"amount": "5", "contractAddress": FROM.lower(), "address": TO.lower()}, separators=(",", ":")),
        missing="withdraw expects two arguments: an address and an amount",
    ),
    Row(
        ("sendether",),
        ("5", TO, "-f", FROM),
        "POST /v2/transfers",
        PAYMENT,
        body=json.dumps({"amount": "5", "address": TO.lower(), "from": FROM.lower()}, separators=(",", ":")),
        missing="sendether expects two arguments: an amount and an address",
    ),
    Row(("transactions",), (), "GET /v2/transactions", [TX], (f"Transactions: {TX_COLUMNS}",)),
    Row(
        ("txattempts",),
        ("--page=3",),
        "GET /v2/tx_attempts?page=3",
        [ATTEMPT],
        ("Tx Attempts: TXID HASH GASPRICE SENTAT CONFIRMED",),
    ),
)
CASES = [(row, name) for row in ROWS for name in row.names]
REFUSED = "418 I'm a Teapot; because"


def named(part: object) -> str:
    """How a case is called."""
    return part if isinstance(part, str) else " ".join(part.arguments)[:20] if isinstance(part, Row) else ""


def answered(node: StandIn, row: Row) -> None:
    if isinstance(row.answer, list):
        node.answers_many(*row.answer)
    elif row.answer == "":
        node.answers("", status=204)
    else:
        node.answers({"data": {"attributes": row.answer}})


@pytest.fixture(autouse=True)
def logged_in(adyton: Adyton) -> None:
    adyton.is_logged_in()


@pytest.mark.parametrize(("row", "name"), CASES, ids=named)
def test_a_command_makes_its_request_and_shows_the_answer(adyton: Adyton, node: StandIn, row: Row, name: str) -> None:
    answered(node, row)
    result = adyton(*name.split(), *row.arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    (asked,) = node.asked
    assert (asked.line, asked.body, asked.cookie) == (row.request, row.body, "clsession=abc123")
    assert node.headers[0]["Content-Type"] == "application/json"
    if row.shown:
        assert titles(result.stdout) == list(row.shown)
    elif row.answer == "":
        assert result.stdout == ""
    else:
        assert json.loads(result.stdout) == {"data": {"attributes": row.answer}}, "the answer as it came"


def titles(output: str) -> list[str]:
    """Of each table the title and the columns."""
    tables = output.split("╔ ")[1:]
    heads = [table.splitlines() for table in tables]
    return [f"{head[0]}: {' '.join(head[2].replace('║', ' ').split())}" for head in heads]


@pytest.mark.parametrize(("row", "name"), [case for case in CASES if case[0].shown], ids=named)
def test_json_is_the_attributes_wherever_it_is_asked_for(adyton: Adyton, node: StandIn, row: Row, name: str) -> None:
    for words in (["-j", *name.split(), *row.arguments], [*name.split(), *row.arguments, "--json"]):
        answered(node, row)
        result = adyton(*words)
        assert json.loads(result.stdout) == row.answer
        assert result.stdout.startswith(("[\n  ", "{\n  "))


@pytest.mark.parametrize(("row", "name"), [case for case in CASES if case[0].missing], ids=named)
def test_a_missing_argument_is_said_in_the_old_words(adyton: Adyton, node: StandIn, row: Row, name: str) -> None:
    result = adyton(*name.split())
    assert result.exit_code == 2
    assert f"Error: {row.missing}\n" in result.stderr
    assert node.asked == []


@pytest.mark.parametrize(("row", "name"), CASES, ids=named)
def test_a_refusal_is_shown_with_its_reason_and_ends_with_1(adyton: Adyton, node: StandIn, row: Row, name: str) -> None:
    node.refuses(418, "because")
    result = adyton(*name.split(), *row.arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines()[0] in {REFUSED, f"parseResponse error: {REFUSED}"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("local node", "node start"),
        ("local n", "node start"),
        ("local deleteuser", "node deleteuser"),
        ("local import", "node import"),
        ("local i", "node import"),
        ("login", "admin login"),
        ("chpass", "admin chpass"),
        ("account", "admin info"),
        ("jobspecs", "jobs list"),
        ("show", "jobs show"),
        ("create", "jobs create"),
        ("archivejob", "jobs archive"),
        ("jobs delete", "jobs archive"),
        ("run", "runs create"),
        ("jobs run", "runs create"),
        ("showrun", "runs show"),
        ("listruns", "runs list"),
        ("bridge", "bridges create"),
        ("getbridges", "bridges list"),
        ("showbridge", "bridges show"),
        ("removebridge", "bridges destroy"),
        ("exi create", "initiators create"),
        ("exi delete", "initiators destroy"),
        ("agree create", "agreements create"),
        ("withdraw", "admin withdraw"),
        ("transactions", "txs list"),
        ("txattempts", "txs attempts"),
        ("attempts list", "txs attempts"),
        ("txas", "txs attempts"),
        ("createextrakey", "keys eth create"),
        ("node status", "health"),
        ("config show", "config list"),
    ],
)
def test_an_old_name_is_another_word_for_a_new_one(old: str, new: str) -> None:
    meant = {synonym: entry.path for entry in COMMANDS for synonym in entry.synonyms}
    assert meant[old] == new


LATER = (
    "runs cancel", "txs show", "txs create", "initiators list", "config setgasprice", "config loglevel", "config logsql",
    "blocks replay", "node db version", "node db status", "node db migrate", "node validate", "admin logout", "keys eth list",
    "keys eth delete", "keys eth import", "keys eth export", "agreements show", "health", "apply", "jobs validate", "jobs try",
    "watch", "explain", "chains list", "nodes list",
)  # fmt: skip


@pytest.mark.parametrize("path", LATER)
def test_the_commands_of_later_versions_are_there(path: str) -> None:
    assert path in {entry.path for entry in COMMANDS}


def test_login_saves_the_cookie_as_it_was_received(adyton: Adyton, node: StandIn, tmp_path: object) -> None:
    file = adyton.root / "credentials"
    file.write_text("me@example.com\nsecret\nmore\n")
    node.answers("{}", cookie=COOKIE)
    assert adyton("login", "-f", str(file)).output == ""
    assert (adyton.root / "cookie").read_text() == COOKIE


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("withdraw", TO.lower(), "5"), f"while parsing withdrawal destination address {TO.lower()}; {TO.lower()} treated as "),
        (("withdraw", TO, "x"), 'while parsing LINK withdrawal amount; strconv.ParseInt: parsing "x": invalid syntax'),
        (("withdraw", TO, "5", "--from-oracle-contract-address", "x"), "while parsing source contract withdrawal address; "),
        (("sendether", "x", TO), 'while parsing ETH transfer amount; strconv.ParseInt: parsing "x": invalid syntax'),
        (("sendether", "5", "x"), "while parsing withdrawal destination address x; "),
        (("sendether", "5", TO, "-f", "x"), "while parsing withdrawal from address x; "),
        (("create", "nowhere.json"), "Invalid JSON or file not found 'nowhere.json'"),
    ],
)
def test_a_wrong_argument_is_said_in_the_old_words(adyton: Adyton, node: StandIn, words: tuple[str, ...], message: str) -> None:
    result = adyton(*words)
    assert result.exit_code == 1
    assert result.stderr.startswith(message)
    assert node.asked == []
