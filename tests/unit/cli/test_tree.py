"""The tree of commands: help, synonyms, exit statuses, what is imported."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys

import click
import pytest

from adyton import __version__
from adyton.cli.commands import COMMANDS
from adyton.cli.main import main
from adyton.cli.top import HEADINGS, LAZY, Root
from adyton.cli.tree import Entry
from support.command_line import Adyton

SYNONYMS = {
    "jobspecs": "jobs list", "specs": "jobs list", "j": "jobs list", "show": "jobs show", "s": "jobs show",
    "create": "jobs create", "c": "jobs create", "archivejob": "jobs archive", "run": "runs create", "r": "runs create",
    "showrun": "runs show", "sr": "runs show", "listruns": "runs list", "lr": "runs list", "login": "admin login",
    "account": "admin info", "a": "admin info", "local node": "node start", "local n": "node start",
}  # fmt: skip


def test_the_names_of_v0_6_2_mean_the_commands_of_today() -> None:
    meant = {synonym: entry.path for entry in COMMANDS for synonym in entry.synonyms}
    assert {name: meant.get(name) for name in SYNONYMS} == SYNONYMS


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.path)
def test_every_command_explains_itself_under_all_its_names(adyton: Adyton, entry: object) -> None:
    assert entry in COMMANDS
    known = next(one for one in COMMANDS if one == entry)
    for path in (known.path, *known.synonyms):
        result = adyton(*path.split(), "--help")
        assert result.exit_code == 0
        assert known.help.split("\n")[0].split(":")[0][:40] in " ".join(result.output.split())


def test_no_command_shows_the_help(adyton: Adyton) -> None:
    result = adyton()
    assert result.exit_code == 0
    shown = re.findall(r"^  ([a-z-]+)  +[A-Z]", result.stdout.split("\nOptions:")[0], re.MULTILINE)
    nouns = {entry.path.split()[0] for entry in COMMANDS} | set(LAZY) | {"help-all"}
    assert sorted(shown) == sorted(nouns)
    assert [line[:-1] for line in result.stdout.splitlines() if line.endswith(":") and line[0] != " "][: len(HEADINGS)] == list(
        HEADINGS
    )


def test_every_word_of_the_first_level_has_a_heading() -> None:
    placed = [word for words in HEADINGS.values() for word in words]
    assert isinstance(main, Root)
    shown = main.about().keys()
    assert set(shown) - set(placed) == set()
    assert len(placed) == len(set(placed))


def test_everything_is_in_one_list(adyton: Adyton) -> None:
    shown = " ".join(adyton("help-all").stdout.split())
    for path in [entry.path for entry in COMMANDS] + ["dev demo", "help-all"]:
        assert f" {path} " in shown


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.path)
def test_every_command_has_examples_that_can_be_typed(entry: Entry) -> None:
    assert entry.examples, "a line that one may type helps more than ten about it"
    for line in entry.examples:
        words = next(part for part in re.split(r" [|>] ", line) if "adyton " in part)
        arguments = [word for word in shlex.split(words) if not re.match("[A-Z_]+=", word)]
        assert arguments[0] == "adyton"
        assert command_of(arguments[1:]) == entry.handler, line


def command_of(arguments: list[str]) -> str:
    """Read a line as the program does, and tell whose it is, without doing anything."""
    context: click.Context = main.make_context("adyton", arguments)
    while isinstance(context.command, click.Group):
        name, command, rest = context.command.resolve_command(context, [*context._protected_args, *context.args])
        assert command is not None
        context = command.make_context(name, rest, parent=context)
    path = str(context.command_path).removeprefix("adyton ")
    return next(str(entry.handler) for entry in COMMANDS if path in {entry.path, *entry.synonyms})


@pytest.mark.parametrize("words", [["help"], ["h"], ["-h"], ["--help"]])
def test_help_has_several_spellings(adyton: Adyton, words: list[str]) -> None:
    result = adyton(*words)
    assert result.exit_code == 0
    assert result.stdout == adyton().stdout


def test_help_about_a_command(adyton: Adyton) -> None:
    assert adyton("help", "jobs", "create").stdout == adyton("jobs", "create", "--help").stdout
    assert adyton("help", "bogus").exit_code == 3
    assert adyton("help", "config", "bogus").exit_code == 3


@pytest.mark.parametrize("words", ["jobs archive", "jobs show", "initiators destroy", "bridges show", "agree"])
def test_an_empty_argument_is_a_missing_one(adyton: Adyton, words: str) -> None:
    missing = adyton(*words.split(), "")
    assert missing.exit_code == 2
    assert "Error: Must pass" in missing.output


@pytest.mark.parametrize("flag", ["-v", "--version"])
def test_the_version(adyton: Adyton, flag: str) -> None:
    assert adyton(flag).stdout == f"adyton version {__version__}\n"


@pytest.mark.parametrize("words", [["bogus"], ["jobs", "bogus"], ["node", "bogus"]])
def test_an_unknown_command_ends_with_3(adyton: Adyton, words: list[str]) -> None:
    result = adyton(*words)
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr.startswith("No help topic for 'bogus'\nSee `")


@pytest.mark.parametrize(
    ("words", "near"),
    [
        (["jbos"], "Did you mean `main jobs`?"),
        (["jobs", "shwo"], "Did you mean `main jobs show`?"),
        (["help", "bridge"], None),
        (["sendehter"], "Did you mean `main sendether`?"),
        (["showrn"], "Did you mean `main showrun`?"),
        (["help", "bridgse"], "Did you mean `main bridges`?"),
        (["xyzzy"], None),
    ],
)
def test_an_unknown_command_suggests_the_nearest(adyton: Adyton, words: list[str], near: str | None) -> None:
    said = adyton(*words).stderr
    assert [line for line in said.splitlines() if line.startswith("Did")] == ([near] if near else [])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["jobs", "show"], "Must pass the job id to be shown"),
        (["archivejob"], "Must pass the job id to be archived"),
        (["create"], "Must pass in JSON or filepath"),
        (["run"], "Must pass in SpecID [JSON blob | JSON filepath]"),
        (["showrun"], "Must pass the RunID to show"),
        (["jobs", "--colour"], "No such option"),
        (["jobs", "--page", "0"], "'0' is no whole number from 1."),
        (["jobs", "show", "1", "2"], "unexpected extra argument"),
    ],
)
def test_wrong_usage_ends_with_2(adyton: Adyton, words: list[str], message: str) -> None:
    result = adyton(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


@pytest.mark.parametrize("words", [["--bogus"], ["jobs", "--bogus"], ["lr", "--jobid"], ["jobs", "show"], ["explain"]])
def test_wrong_usage_says_how_it_is_written_and_where_to_read_more(adyton: Adyton, words: list[str]) -> None:
    said = adyton(*words).stderr
    assert said.startswith("Usage: main ")
    assert " --help' for help.\n\nError: " in said
    assert said.endswith("\nMore: adyton explain ADY-1113\n")


def test_an_unknown_command_says_where_to_read_more(adyton: Adyton) -> None:
    assert adyton("jobs", "bogus").stderr.endswith("\nMore: adyton explain ADY-1114\n")


@pytest.mark.parametrize("words", [["jobs", "--help"], ["admin", "users", "--help"], ["help-all"], ["config", "--help"]])
def test_no_line_of_the_help_is_cut(adyton: Adyton, words: list[str]) -> None:
    assert "..." not in adyton(*words).stdout.replace("VERB ...", "").replace("COMMAND ...", "")


def test_help_imports_nothing_heavy() -> None:
    code = "import sys, adyton.cli.main as m; m.main(['--help'], standalone_mode=False); print(*sorted(sys.modules))"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
    loaded = set(output.splitlines()[-1].split())
    ours = {name for name in loaded if name.startswith("adyton") and not name.startswith("adyton.cli.commands")}
    assert ours == {"adyton", "adyton.cli", *(f"adyton.cli.{name}" for name in ("everywhere", "main", "top", "tree"))}
    assert loaded.isdisjoint({"msgspec", "structlog", "aiohttp", "starlette", "asyncio", "decimal", "http.client"})


def test_a_remote_command_does_not_import_the_node() -> None:
    code = "import sys, adyton.cli.remote; print(*sorted(sys.modules))"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
    assert set(output.split()).isdisjoint(
        {"adyton.node", "adyton.engine", "aiohttp", "starlette", "uvloop", "coincurve", "asyncio"}
    )


def test_the_lazy_commands_are_there(adyton: Adyton) -> None:
    for name in LAZY:
        assert adyton(name, "--help").exit_code == 0


def test_the_module_is_the_command() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "adyton", "--version"], capture_output=True, text=True, check=True, timeout=60
    )
    assert result.stdout == f"adyton version {__version__}\n"
    assert main.name == "main"
