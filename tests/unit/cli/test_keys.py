"""The commands about keys."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from eth_account import Account

from support.command_line import Adyton, StandIn

ADDRESS = "0x9CA9d2D5E04012C9Ed24C0e513C9bfAa4A2dD77f"
KEY = {"address": ADDRESS, "ethBalance": "256", "linkBalance": None, "nextNonce": 7}


@pytest.fixture(autouse=True)
def logged_in(adyton: Adyton) -> None:
    adyton.is_logged_in()


@pytest.fixture
def password(tmp_path: Path) -> str:
    path = tmp_path / "password"
    path.write_text("the keystore's\n")
    return str(path)


@pytest.mark.parametrize("words", [["keys", "eth"], ["keys", "eth", "list"]])
def test_keys_are_listed(adyton: Adyton, node: StandIn, words: list[str]) -> None:
    node.answers_many(KEY)
    result = adyton(*words)
    assert node.asked[0].line == "GET /v2/keys/eth"
    assert f"║ {ADDRESS} ║ 0.000000000000000256 ║      ║          7 ║" in result.stdout


@pytest.mark.parametrize("words", [["keys", "eth", "create"], ["createextrakey"]])
def test_a_key_is_made_with_the_password_of_a_file(adyton: Adyton, node: StandIn, password: str, words: list[str]) -> None:
    node.answers_one(**KEY)
    assert adyton(*words, "--password", password).exit_code == 0
    assert (node.asked[0].line, json.loads(node.asked[0].body)) == (
        "POST /v2/keys/eth",
        {"currentPassword": "the keystore's"},
    )


def test_a_key_comes_in_from_a_file(adyton: Adyton, node: StandIn, password: str, tmp_path: Path) -> None:
    (tmp_path / "key.json").write_text('{"version": 3}')
    node.answers_one(**KEY)
    result = adyton("keys", "eth", "import", str(tmp_path / "key.json"), "-p", password, "--oldpassword", password)
    assert result.exit_code == 0
    assert json.loads(node.asked[0].body) == {
        "keyJSON": {"version": 3},
        "oldPassword": "the keystore's",
        "currentPassword": "the keystore's",
    }


def test_an_exported_key_is_for_its_owners_eyes_only(adyton: Adyton, node: StandIn, password: str, tmp_path: Path) -> None:
    target = tmp_path / "out.json"
    words = ("keys", "eth", "export", ADDRESS, "--output", str(target), "-p", password, "--newpassword", password)
    node.answers('{"version":3}')
    assert adyton(*words).exit_code == 0
    assert (target.read_text(), stat.S_IMODE(target.stat().st_mode)) == ('{"version":3}', 0o600)
    assert node.asked[0].line == f"POST /v2/keys/eth/export/{ADDRESS}"
    again = adyton(*words)
    assert (again.exit_code, len(node.asked)) == (1, 1)
    assert "File exists" in again.stderr


def test_a_refused_export_leaves_no_file(adyton: Adyton, node: StandIn, password: str, tmp_path: Path) -> None:
    target = tmp_path / "out.json"
    node.refuses(401, "invalid password")
    result = adyton("keys", "eth", "export", ADDRESS, "-o", str(target), "-p", password, "--newpassword", password)
    assert (result.exit_code, target.exists()) == (1, False)


def test_a_key_is_deleted_only_when_it_is_meant(adyton: Adyton, node: StandIn, password: str) -> None:
    words = ("keys", "eth", "delete", ADDRESS, "--hard", "-p", password)
    assert adyton(*words, stdin="n\n").exit_code == 1
    unasked = adyton(*words, stdin="")
    assert (unasked.exit_code, "Error: There is no terminal to ask at: give --yes" in unasked.stderr) == (2, True)
    assert node.asked == []
    node.answers_one(**KEY)
    assert adyton(*words, "-y").exit_code == 0
    assert node.asked[0].line == f"DELETE /v2/keys/eth/{ADDRESS}?hard=true"


def test_the_keystore_gets_another_password(adyton: Adyton, node: StandIn, password: str) -> None:
    node.answers(None, 204)
    result = adyton("keys", "password", "-p", password, "--newpassword", password)
    assert "Password updated" in result.stdout
    assert node.asked[0].line == "PATCH /v2/keys/password"


@pytest.mark.parametrize("content", ["", None])
def test_a_password_file_that_cannot_be_used_is_named(adyton: Adyton, tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "empty"
    if content is not None:
        path.write_text(content)
    result = adyton("keys", "eth", "create", "-p", str(path))
    assert (result.exit_code, "More: adyton explain ADY-0813" in result.stderr) == (1, True)
    assert str(path) in result.stderr


@pytest.mark.parametrize("words", [("node", "import"), ("local", "import"), ("local", "i")])
def test_a_key_file_joins_the_keystore_of_a_stopped_node(adyton: Adyton, tmp_path: Path, words: tuple[str, str]) -> None:
    source = tmp_path / "key.json"
    made = dict(Account.encrypt(bytes.fromhex("51" * 32), "theirs", kdf="pbkdf2", iterations=2))
    source.write_text(json.dumps(made))
    assert "it is used from the next start on" in adyton(*words, str(source)).stdout
    [kept] = (adyton.root / "keys").iterdir()
    assert (json.loads(kept.read_text()), stat.S_IMODE(kept.stat().st_mode)) == (made, 0o600)
    assert "is in the keystore already" in adyton(*words, str(source)).stdout


def test_what_is_no_key_file_does_not_join(adyton: Adyton, tmp_path: Path) -> None:
    (tmp_path / "key.json").write_text("{}")
    result = adyton("node", "import", str(tmp_path / "key.json"))
    assert (result.exit_code, (adyton.root / "keys").exists()) == (1, False)
    assert '"version" must be 3' in result.stderr
