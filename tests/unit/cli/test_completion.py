"""Completion of words, asked for by real shells where there are some."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from adyton.cli import completing
from support.command_line import Adyton, StandIn

SHELLS = ("bash", "zsh", "fish")


@pytest.fixture
def program(tmp_path: Path) -> Mapping[str, str]:
    """``adyton`` on the PATH."""
    place = tmp_path / "bin"
    place.mkdir()
    script = place / "adyton"
    script.write_text(f"#!{sys.executable}\nfrom adyton.cli.main import main\nmain(prog_name='adyton')\n")
    script.chmod(0o755)
    return {"PATH": f"{place}:{os.environ['PATH']}"}


def completed(adyton: Adyton, program: Mapping[str, str], *words: str, **environ: str) -> list[str]:
    """What bash offers for the last word."""
    line = " ".join(f"'{word}'" for word in words)
    script = (
        'source <(adyton completion bash)\nset -- adyton "$@"\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))\n'
        '_adyton_completion adyton\nprintf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    result = subprocess.run(
        ["bash", "-c", f"set -- {line}\n{script}"],
        env={**os.environ, **adyton.environ, **program, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert result.stderr == "", "an error in the middle of a line helps nobody"
    return result.stdout.split()


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_is_printed_for_each_shell(adyton: Adyton, shell: str) -> None:
    result = adyton("completion", shell)
    assert (result.exit_code, result.stderr) == (0, "")
    assert f"_ADYTON_COMPLETE={shell}_complete" in result.stdout
    assert adyton("completion", shell, PATH="").stdout == result.stdout


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_takes_its_script(adyton: Adyton, program: Mapping[str, str], shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell} here")
    file = tmp_path / "script"
    file.write_text(adyton("completion", shell).stdout)
    start = "autoload -U compinit; compinit -D\n" if shell == "zsh" else ""
    command = [shell, "-c", f"{start}source {file} && echo taken"]
    result = subprocess.run(command, env={**os.environ, **program}, capture_output=True, text=True, timeout=60, check=True)
    assert (result.stdout, result.stderr) == ("taken\n", "")


def test_help_says_how_to_install_it(adyton: Adyton) -> None:
    said = adyton("completion", "--help").stdout
    for shell in SHELLS:
        assert f"adyton completion {shell} > " in said
    assert adyton("completion", "tcsh").exit_code == 2


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["jo"], ["jobs"]),
        (["jobs", "sh"], ["show"]),
        (["jobs", "--pa"], ["--page"]),
        (["jobs", "list", "--a"], ["--all"]),
        (["--nod"], ["--node"]),
        (["completion", ""], ["bash", "zsh", "fish"]),
        (["node", "db", "m"], ["migrate"]),
        (["runs", "delete", "--status", "c"], ["completed", "cancelled"]),
        (["bogus", "x"], []),
    ],
)
def test_words_and_options_are_offered(
    adyton: Adyton, program: Mapping[str, str], words: Sequence[str], offered: Sequence[str]
) -> None:
    assert completed(adyton, program, *words) == list(offered)


def test_old_names_work_and_are_not_offered(adyton: Adyton, program: Mapping[str, str]) -> None:
    assert not {"jobspecs", "sr", "local"} & set(completed(adyton, program, ""))


def test_names_of_the_node_are_offered_to_who_is_logged_in(adyton: Adyton, node: StandIn, program: Mapping[str, str]) -> None:
    adyton.is_logged_in()
    node.answers_many({"name": "prices", "url": "http://h"}, {"name": "prime", "url": "x"}, {"name": "x y", "url": ""})
    assert completed(adyton, program, "bridges", "show", "pr") == ["prices", "prime"]
    node.answers_many({"id": "c5f0", "initiators": [{"type": "web"}]}, {"id": "d6", "initiators": []})
    assert completed(adyton, program, "runs", "create", "c") == ["c5f0"]
    node.answers_many({"id": "9f0e", "status": "completed"})
    assert completed(adyton, program, "sr", "") == ["9f0e"]
    node.answers_many({"txId": 12, "hash": "0xab", "state": "safe"}, {"txId": 13, "hash": "", "state": "unstarted"})
    assert completed(adyton, program, "txs", "bump", "") == ["12", "0xab", "13"]
    node.answers_many({"email": "me@example.com", "role": "admin"})
    assert completed(adyton, program, "admin", "users", "delete", "m") == ["me@example.com"]
    node.answers_many({"accessKey": "9f0e", "name": "price script"})
    assert completed(adyton, program, "admin", "tokens", "rotate", "") == ["9f0e"]
    assert [asked.line.partition("?")[0] for asked in node.asked] == [
        "GET /v2/bridge_types",
        "GET /v2/specs",
        "GET /v2/runs",
        "GET /v2/transactions",
        "GET /v2/users",
        "GET /v2/tokens",
    ]


def test_profiles_are_offered_and_asked(adyton: Adyton, node: StandIn, program: Mapping[str, str]) -> None:
    adyton("profiles", "add", "staging", node.url)
    assert completed(adyton, program, "--node", "s") == ["staging"]
    assert completed(adyton, program, "profiles", "use", "") == ["staging"]
    (adyton.root / "nodes" / "staging").mkdir(parents=True)
    (adyton.root / "nodes" / "staging" / "cookie").write_text("clsession=staging")
    node.answers_many({"name": "prices", "url": "http://h"})
    assert completed(adyton, program, "--node", "staging", "bridges", "show", "", CLIENT_NODE_URL="http://127.0.0.1:1") == [
        "prices"
    ]
    assert node.asked[-1].cookie == "clsession=staging"


def test_nobody_is_logged_in_for_a_completion(adyton: Adyton, node: StandIn, program: Mapping[str, str]) -> None:
    adyton.root.mkdir()
    (adyton.root / "apicredentials").write_text("me@example.com\nsecret\n")
    assert completed(adyton, program, "jobs", "show", "") == []
    assert node.asked == []


@pytest.mark.parametrize("answer", ["", "rubbish", '{"data":[{"attributes":[]}]}', '{"data":7}'])
def test_an_answer_that_is_none_offers_nothing(adyton: Adyton, node: StandIn, program: Mapping[str, str], answer: str) -> None:
    adyton.is_logged_in()
    node.answers(answer)
    assert completed(adyton, program, "jobs", "show", "") == []


@pytest.mark.parametrize(
    "environ", [{"CLIENT_NODE_URL": "http://127.0.0.1:1"}, {"CHAINLINK_PORT": "x"}, {"ADYTON_NODE": "nobody"}]
)
def test_whatever_is_wrong_is_not_said_now(adyton: Adyton, program: Mapping[str, str], environ: dict[str, str]) -> None:
    adyton.is_logged_in()
    assert completed(adyton, program, "jobs", "show", "", **environ) == []


def test_a_node_that_does_not_answer_is_not_waited_for(
    adyton: Adyton, monkeypatch: pytest.MonkeyPatch, program: Mapping[str, str]
) -> None:
    import socket

    adyton.is_logged_in()
    monkeypatch.setattr(completing, "PATIENCE", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        environ = {**adyton.environ, "CLIENT_NODE_URL": f"http://127.0.0.1:{silent.getsockname()[1]}"}
        assert completed(adyton, program, "jobs", "show", "", **environ) == []
