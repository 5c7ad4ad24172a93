"""Questions at a terminal, asked by the real command line."""

from __future__ import annotations

import sys

from support.command_line import COOKIE, Adyton, StandIn
from support.terminal import Terminal

ADYTON = (sys.executable, "-m", "adyton")
WIPED = "\r" + " " * 60 + "\r"


def test_login_asks_for_the_email_and_hides_the_password(adyton: Adyton, node: StandIn) -> None:
    node.answers("{}", cookie=COOKIE)
    with Terminal([*ADYTON, "login"], adyton.environ) as terminal:
        assert terminal.waits_for("Enter email: ") == "Enter email: "
        terminal.types("me@example.com")
        asked = terminal.waits_for("Enter password: ")
        assert asked == f"me@example.com\n{WIPED}Enter password: "
        terminal.types("a secret")
        assert terminal.ends() == 0
    assert "a secret" not in terminal.said
    assert node.asked[0].body == '{"email":"me@example.com","password":"a secret"}'
    assert (adyton.root / "cookie").exists()


def test_an_interrupted_question_ends_the_command_and_restores_the_terminal(adyton: Adyton, node: StandIn) -> None:
    script = "adyton login; stty -a"
    with Terminal(["/bin/sh", "-c", f"trap : INT; {sys.executable} -m {script}"], adyton.environ) as terminal:
        terminal.waits_for("Enter email: ")
        terminal.types("me@example.com")
        terminal.waits_for("Enter password: ")
        terminal.interrupts()
        terminal.waits_for("Aborted!")
        assert terminal.ends() == 0
    assert " echo " in terminal.said
    assert node.asked == []


def test_an_input_that_ends_is_no_answer(adyton: Adyton, node: StandIn) -> None:
    with Terminal([*ADYTON, "login"], adyton.environ) as terminal:
        terminal.waits_for("Enter email: ")
        terminal.types("", end="\x04")
        assert terminal.ends() == 1
    assert "The input ended before the answer came." in terminal.said
    assert node.asked == []
