"""The commands about external initiators and service agreements."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.command_line import Adyton, StandIn

NAMED = {
    "name": "outside",
    "url": "https://outside.example/jobs",
    "incomingAccessKey": "0b7d4a293bff4baf8de852bfa1f1f78a",
    "incomingSecret": "In",
    "outgoingToken": "Out",
    "outgoingSecret": "Put",
}
LISTED = {
    "name": "outside",
    "url": "https://outside.example/jobs",
    "accessKey": "0b7d4a293bff4baf8de852bfa1f1f78a",
    "undelivered": 2,
    "undeliveredBecause": "no answer\x1b[31m",
}
AGREEMENT = {
    "id": "0x" + "ab" * 32,
    "createdAt": "2019-06-27T14:10:00.5Z",
    "encumbrance": {"payment": "1500000000000000000", "expiration": 300},
}


def asked(node: StandIn) -> list[tuple[str, str]]:
    return [(each.line, each.body) for each in node.asked]


@pytest.mark.parametrize("words", ["externalinitiators create", "exi create", "initiators create"])
def test_one_without_a_name_is_made_as_in_v062(adyton: Adyton, node: StandIn, words: str) -> None:
    adyton.is_logged_in()
    node.answers_one(AccessKey="Key", Secret="Word")
    shown = adyton(*words.split())
    assert asked(node) == [("POST /v2/external_initiators", "")]
    assert [line.split() for line in shown.output.splitlines() if "Key" in line or "Word" in line] == [
        ["║", "AccessKey", "║", "Key", "║"],
        ["║", "Secret", "║", "Word", "║"],
    ]


@pytest.mark.parametrize(
    ("words", "body"),
    [(["outside"], {"name": "outside"}), (["outside", NAMED["url"]], {"name": "outside", "url": NAMED["url"]})],
)
def test_one_with_a_name_shows_every_secret(adyton: Adyton, node: StandIn, words: list[str], body: dict[str, str]) -> None:
    adyton.is_logged_in()
    node.answers_one(**NAMED)
    shown = adyton("initiators", "create", *words)
    assert [(line, json.loads(sent)) for line, sent in asked(node)] == [("POST /v2/external_initiators", body)]
    assert all(value in shown.output for value in NAMED.values())


def test_initiators_are_listed_with_what_they_have_not_been_told(adyton: Adyton, node: StandIn) -> None:
    adyton.is_logged_in()
    node.answers_many(LISTED, count=1)
    shown = adyton("initiators").output
    assert "outside" in shown
    assert "no answer\N{REPLACEMENT CHARACTER}" in shown


@pytest.mark.parametrize("words", ["exi delete", "externalinitiators delete", "initiators destroy", "initiators delete"])
def test_one_is_deleted(adyton: Adyton, node: StandIn, words: str) -> None:
    adyton.is_logged_in()
    node.answers(status=204)
    node.refuses(404, "external initiator not found")
    assert adyton(*words.split(), "outside").output == ""
    assert asked(node) == [("DELETE /v2/external_initiators/outside", "")]
    refused = adyton(*words.split(), "nobody")
    assert (refused.exit_code, "external initiator not found" in refused.output) == (1, True)


def test_nobody_in_particular_cannot_be_deleted(adyton: Adyton) -> None:
    assert "Must pass the AccessKey for the external initiator to delete" in adyton("exi", "delete").output


@pytest.mark.parametrize("words", ["agree", "createsa", "agree create", "agreements create"])
def test_an_agreement_is_proposed_without_being_logged_in(adyton: Adyton, node: StandIn, tmp_path: Path, words: str) -> None:
    file = tmp_path / "agreement.json"
    file.write_text('{"payment":"1"}')
    node.answers_one(**AGREEMENT)
    shown = adyton(*words.split(), str(file)).output
    assert asked(node) == [("POST /v2/service_agreements", '{"payment":"1"}')]
    for cell in (AGREEMENT["id"], "2019-06-27T14:10:00Z", "1.500000000000000000 LINK", "300 seconds"):
        assert str(cell) in shown


def test_someone_who_is_logged_in_proposes_it_as_an_operator(adyton: Adyton, node: StandIn) -> None:
    adyton.is_logged_in()
    node.answers_one(**AGREEMENT)
    adyton("agree", "{}")
    assert node.asked[0].cookie == "clsession=abc123"


@pytest.mark.parametrize("words", ["agree --help", "agree -h", "createsa --help", "agreements create --help"])
def test_help_about_agreements_says_what_to_pass(adyton: Adyton, words: str) -> None:
    assert "AGREEMENT is JSON, a file with JSON, or - for standard input." in adyton(*words.split()).stdout


@pytest.mark.parametrize("words", ["agree", "createsa", "agreements create"])
def test_an_agreement_needs_terms(adyton: Adyton, words: str) -> None:
    missing = adyton(*words.split())
    assert (missing.exit_code, "Must pass in JSON or filepath" in missing.output) == (2, True)
