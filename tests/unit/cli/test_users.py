"""The commands about users, sessions, tokens and the audit log."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path

import pytest

from support.command_line import COOKIE, Adyton, StandIn
from support.terminal import Terminal

ADYTON = (sys.executable, "-m", "adyton")
NEW_COOKIE = COOKIE.replace("abc123", "def456")
KEY = "0b7d4a293bff4baf8de852bfa1f1f78a"
TOKEN = {
    "accessKey": KEY,
    "name": "price script",
    "email": "me@example.com",
    "role": "run",
    "createdAt": "2023-11-14T22:13:20Z",
    "lastUsed": None,
    "expiresAt": "2030-01-01T00:00:00Z",
}
USER = {"email": "me@example.com", "createdAt": "2023-11-14T22:13:20Z", "role": "edit"}


@pytest.fixture(autouse=True)
def logged_in(adyton: Adyton) -> None:
    adyton.is_logged_in()


@pytest.fixture
def password(tmp_path: Path) -> str:
    file = tmp_path / "password"
    file.write_text("correct horse\n")
    return str(file)


@pytest.fixture
def new_password(tmp_path: Path) -> str:
    file = tmp_path / "new"
    file.write_text("another one\n")
    return str(file)


# --- oneself ---------------------------------------------------------------------------------------------------------


def test_one_learns_who_one_is(adyton: Adyton, node: StandIn) -> None:
    node.answers_one(**USER, via="session")
    result = adyton("admin", "whoami")
    assert node.asked[0].line == "GET /v2/user"
    assert "║ me@example.com ║ edit ║ session ║" in result.stdout


def test_chpass_asks_as_v062_and_keeps_the_new_session(adyton: Adyton, node: StandIn) -> None:
    node.answers({"data": {"type": "users", "id": "me", "attributes": USER}}, cookie=NEW_COOKIE)
    with Terminal([*ADYTON, "chpass"], adyton.environ) as terminal:
        for answer in ("old password", "new password", "new password"):
            terminal.waits_for("Confirmation:" if terminal.said.count("Password:") == 2 else "Password:")
            terminal.types(answer)
        terminal.waits_for("Password updated.")
        assert terminal.ends() == 0
    assert "old password" not in terminal.said
    assert (node.asked[0].line, json.loads(node.asked[0].body)) == (
        "PATCH /v2/user/password",
        {"oldPassword": "old password", "newPassword": "new password"},
    )
    cookie = adyton.root / "cookie"
    assert cookie.read_text() == NEW_COOKIE
    assert stat.S_IMODE(cookie.stat().st_mode) == 0o600


def test_a_new_password_that_is_not_confirmed_is_not_sent(adyton: Adyton, node: StandIn) -> None:
    with Terminal([*ADYTON, "admin", "chpass"], adyton.environ) as terminal:
        terminal.waits_for("Password:")
        terminal.types("old password")
        terminal.waits_for("Password:")
        terminal.types("new password")
        terminal.waits_for("Confirmation:")
        terminal.types("new passwort")
        terminal.waits_for("New password and confirmation did not match")
        assert terminal.ends() == 1
    assert node.asked == []


def test_a_wrong_old_password_is_told_and_no_failure_as_in_v062(
    adyton: Adyton, node: StandIn, password: str, new_password: str
) -> None:
    node.answers({"errors": [{"detail": "Old password does not match", "code": "ADY-0112"}]}, 409)
    result = adyton("chpass", "--password", password, "--newpassword", new_password)
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "Old password did not match.")
    assert (adyton.root / "cookie").read_text() == COOKIE


def test_a_new_password_that_will_not_do_is_a_failure(adyton: Adyton, node: StandIn, password: str, new_password: str) -> None:
    node.refuses(422, "Must enter a password with 8 - 1028 characters")
    result = adyton("chpass", "--password", password, "--newpassword", new_password)
    assert result.exit_code == 1
    assert "Must enter a password with 8 - 1028 characters" in result.stderr


def test_sessions_are_listed_and_ended(adyton: Adyton, node: StandIn) -> None:
    shown = {
        "createdAt": "2023-11-14T22:13:20Z",
        "lastUsed": "2023-11-14T22:13:20Z",
        "expiresAt": "2023-11-14T22:28:20Z",
        "address": "192.0.2.1",
        "current": True,
    }
    node.answers_many(shown)
    node.answers("", 204)
    node.answers("", 204)
    assert "192.0.2.1" in adyton("admin", "sessions").stdout
    assert adyton("admin", "sessions", "end", "--others").exit_code == 0
    assert (adyton.root / "cookie").exists()
    assert adyton("admin", "sessions", "end").exit_code == 0
    assert not (adyton.root / "cookie").exists()
    assert [asked.line for asked in node.asked[1:]] == ["DELETE /v2/user/sessions?others=true", "DELETE /v2/user/sessions"]


# --- tokens ----------------------------------------------------------------------------------------------------------


def test_a_token_is_made_and_its_secret_shown(adyton: Adyton, node: StandIn, password: str) -> None:
    node.answers_one(**TOKEN, secret="s3cret")
    result = adyton("admin", "tokens", "create", "price script", "--role", "run", "--password", password)
    assert "s3cret" in result.stdout
    assert json.loads(node.asked[0].body) == {"name": "price script", "role": "run", "password": "correct horse"}


def test_a_token_is_rotated_listed_and_deleted(adyton: Adyton, node: StandIn, password: str) -> None:
    node.answers_one(**TOKEN, secret="s3cret")
    node.answers_many(TOKEN)
    node.answers("", 204)
    assert "s3cret" in adyton("admin", "tokens", "rotate", KEY, "-p", password).stdout
    assert f"║ {KEY} ║ price script ║ me@example.com ║ run" in adyton("admin", "tokens").stdout
    assert adyton("admin", "tokens", "delete", KEY).output == ""
    assert [asked.line for asked in node.asked] == [
        f"POST /v2/tokens/{KEY}/secret",
        "GET /v2/tokens",
        f"DELETE /v2/tokens/{KEY}",
    ]


def test_a_password_that_cannot_be_read_is_named(adyton: Adyton, node: StandIn) -> None:
    result = adyton("admin", "tokens", "create", "n", "--password", "/nowhere")
    assert (result.exit_code, node.asked) == (1, [])
    assert "error reading password: open /nowhere: no such file or directory" in result.stderr


# --- everybody -------------------------------------------------------------------------------------------------------


def test_users_are_made_listed_and_given_roles(adyton: Adyton, node: StandIn, password: str) -> None:
    node.answers_one(**USER)
    node.answers_many(USER)
    node.answers_one(**USER)
    assert adyton("admin", "users", "create", "me@example.com", "--role", "edit", "-p", password).exit_code == 0
    assert "║ me@example.com ║ edit ║ 2023-11-14T22:13:20Z ║" in adyton("admin", "users").stdout
    assert adyton("admin", "users", "chrole", "me@example.com", "run").exit_code == 0
    assert [(asked.line, asked.body) for asked in node.asked] == [
        ("POST /v2/users", '{"email":"me@example.com","role":"edit","password":"correct horse"}'),
        ("GET /v2/users", ""),
        ("PATCH /v2/users/me%40example.com", '{"role":"run"}'),
    ]


def test_a_role_that_there_is_not_is_wrong_usage(adyton: Adyton, node: StandIn) -> None:
    assert adyton("admin", "users", "chrole", "me@example.com", "root").exit_code == 2
    assert node.asked == []


def test_a_user_is_deleted_after_a_question(adyton: Adyton, node: StandIn) -> None:
    refused = adyton("admin", "users", "delete", "me@example.com", stdin="n\n")
    assert (refused.exit_code, node.asked) == (1, [])
    node.answers_one(**USER)
    assert adyton("admin", "users", "delete", "me@example.com", "--yes").exit_code == 0
    assert node.asked[0].line == "DELETE /v2/users/me%40example.com"


def test_the_audit_log_is_shown_and_filtered(adyton: Adyton, node: StandIn) -> None:
    entry = {
        "at": "2023-11-14T22:13:20Z",
        "callerKind": "nobody",
        "caller": "",
        "address": "192.0.2.1",
        "action": "POST /sessions",
        "subject": "me@example.com",
        "outcome": "refused",
        "detail": {"code": "ADY-0100", "status": 401},
    }
    node.answers_many(entry, count=1)
    result = adyton("admin", "audit", "--outcome", "refused", "--subject", "me@example.com")
    assert node.asked[0].line == "GET /v2/audit?subject=me%40example.com&outcome=refused"
    assert "║ nobody ║ 192.0.2.1 ║ POST /sessions ║ me@example.com ║ refused ║ code=ADY-0100 status=401 ║" in result.stdout
