"""Every error that a person can meet has a page, and what the pages say to type is there.

The source is read as syntax trees: an error raised without a code of its own, or with a code that no page tells of, fails here.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import click
import pytest

from adyton import codes
from adyton.cli.main import main
from adyton.codes.listing import AREAS, listing
from adyton.config import settings
from adyton.domain import errors

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "adyton"
CODE = re.compile(r"ADY-[0-9]{4}")
GENERAL = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, errors.AdytonError)}
"""Errors whose class says only who must act; where one is raised a code must say what happened."""
UNSHOWN = "no page:"
"""Stands, with the reason, in a comment on the line of an error that nobody meets."""
ADVICE = {SOURCE / "domain" / "job_warnings.py"}
"""What is said there is advice about a job that the node takes."""
NO_SETTINGS = {"CRON_TZ"}
"""Names in capitals that something else than the node knows."""


class Raised(NamedTuple):
    """An error made in the source."""

    place: str
    kind: str
    call: ast.Call
    line: str


@cache
def modules() -> dict[Path, ast.Module]:
    """The syntax of every module but the simulation's, which plays the world."""
    found = sorted(path for path in SOURCE.rglob("*.py") if path.relative_to(SOURCE).parts[0] != "sim" and path not in ADVICE)
    return {path: ast.parse(path.read_text(), str(path)) for path in found}


@cache
def family() -> dict[str, bool]:
    """Each class of the error tree and of the command line's, and whether it has a page of its own."""
    bases: dict[str, set[str]] = {}
    usual: dict[str, bool] = {}
    for tree in modules().values():
        for node in [each for each in ast.walk(tree) if isinstance(each, ast.ClassDef)]:
            bases[node.name] = {ast.unparse(base).rpartition(".")[2] for base in node.bases}
            usual[node.name] = any("usual = " in ast.unparse(each) for each in node.body) and node.name not in GENERAL
    known = {"AdytonError", "Failure"}
    while more := {name for name, above in bases.items() if name not in known and above & known}:
        known |= more
    return {name: usual[name] or any(usual.get(each, False) for each in bases[name] & known) for name in known}


def raised() -> Iterator[Raised]:
    """Each call that makes one of them, and each Fault of an Invalid."""
    for path, tree in modules().items():
        lines = path.read_text().splitlines()
        faults = _has_faults(tree)
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            kind = _kind(node)
            if kind in family() or (kind == "Fault" and faults):
                line = lines[node.lineno - 1]
                yield Raised(f"{path.relative_to(ROOT)}:{node.lineno}", kind, node, line)


def _kind(call: ast.Call) -> str:
    return ast.unparse(call.func).rpartition(".")[2]


def _has_faults(tree: ast.Module) -> bool:
    return any(
        isinstance(node, ast.ImportFrom) and node.module == "adyton.domain.errors" and "Fault" in {n.name for n in node.names}
        for node in ast.walk(tree)
    )


def has_code(found: Raised) -> bool:
    """Whether a call names a page: itself, by its class, by what it hands on, or by its faults."""
    call = found.call
    if any(word.arg in {"code", None} for word in call.keywords) or family().get(found.kind, False):
        return True
    if found.kind == "Fault":
        return len(call.args) > 2
    return any(_is_faults(each) for each in call.args)


def _is_faults(node: ast.expr) -> bool:
    """``Invalid(*faults)`` and ``Invalid(Fault(…))``: each fault is looked at where it is made."""
    if isinstance(node, ast.Starred):
        return isinstance(node.value, ast.Call | ast.Name)
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "Fault"


def under_one_code(tree: ast.Module) -> set[ast.AST]:
    """Faults of an Invalid that has a code itself: they share it, and so do those that a module collects for it."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    coded = [call for call in calls if any(word.arg == "code" for word in call.keywords)]
    collecting = [
        call for call in calls if _kind(call) in family() and any(isinstance(each, ast.Starred) for each in call.args)
    ]
    if collecting and all(call in coded for call in collecting):
        return {call for call in calls if _kind(call) == "Fault"}
    return {inner for call in coded for each in call.args for inner in ast.walk(each) if isinstance(inner, ast.Call)}


def test_every_error_that_a_person_can_meet_has_a_code() -> None:
    shared = {node for tree in modules().values() for node in under_one_code(tree)}
    without = [
        f"{found.place}: {found.kind}"
        for found in raised()
        if not has_code(found) and found.call not in shared and UNSHOWN not in found.line
    ]
    assert without == [], "give code=…, or say why nobody meets it: # no page: …"


def used() -> dict[str, str]:
    """Each code in the source, and a file that has it."""
    texts = {path: path.read_text() for path in sorted(SOURCE.rglob("*.py")) if path.parent.name != "codes"}
    return {code: str(path.relative_to(ROOT)) for path, text in texts.items() for code in CODE.findall(without_docs(text))}


def without_docs(text: str) -> str:
    """A module's text without the docstrings and help texts, which name codes as examples."""
    tree = ast.parse(text)
    parts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return " ".join(part for part in parts if CODE.fullmatch(part))


def composed() -> set[str]:
    """Codes that a table writes by their digits."""
    text = (SOURCE / "domain" / "run_errors.py").read_text()
    return {f"ADY-{digits}" for digits in re.findall(r'"([0-9]{4})"\)', text)}


def test_every_code_has_a_page() -> None:
    missing = {code: where for code, where in used().items() if code not in codes.known()}
    assert missing == {}
    assert composed() <= set(codes.known())


def test_every_page_is_used() -> None:
    assert set(codes.known()) - set(used()) - composed() == set()


def pages() -> list[codes.Page]:
    return [codes.page(code) for code in codes.known()]


@pytest.mark.parametrize("code", codes.known())
def test_a_page_has_the_form_of_all(code: str) -> None:
    page = codes.page(code)
    assert page.title == page.title.strip()
    assert page.title[0].isupper() or page.title.startswith(("`", "dryRun", "random", "wasm"))
    assert not page.title.endswith(".")
    assert len(page.title) <= 90
    assert page.cause.endswith((".", "`"))
    assert page.cure.endswith((".", "`", ":"))
    assert "\N{NO-BREAK SPACE}" not in codes.text(code)


def test_no_two_pages_have_one_title() -> None:
    titles = [page.title for page in pages()]
    assert len(set(titles)) == len(titles)


def test_every_code_is_in_an_area() -> None:
    assert all(AREAS[0][0] <= int(code[-4:]) < AREAS[-1][0] for code in codes.known())


def test_the_list_in_the_docs_is_that_of_the_pages() -> None:
    assert (ROOT / "docs" / "errors.md").read_text() == listing(), "write it again: python -m adyton.codes > docs/errors.md"


def quoted(code: str) -> list[str]:
    """What stands in backquotes on a page."""
    return re.findall(r"`([^`]+)`", " ".join(codes.page(code)[2:]))


@pytest.mark.parametrize("code", codes.known())
def test_the_commands_on_a_page_are_there(code: str) -> None:
    for line in quoted(code):
        if line.startswith("adyton "):
            words = line.split()[1:]
            assert command_of(words) is not None, line


def command_of(words: list[str]) -> click.Command | None:
    """The command that a line calls with options that it has; None if there is none. What is in capitals stands for something
    of the reader's."""
    place: click.Command = main
    context, options, left = click.Context(main), _options(main), iter(words)
    for word in left:
        if word.startswith("--"):
            option = options.get(word.partition("=")[0])
            if option is None:
                return None
            if place is main and not option.is_flag:
                next(left, None)
        elif isinstance(place, click.Group) and not word.isupper() and word != "...":
            below = place.get_command(context, word)
            if below is None:
                return place if getattr(place, "default", None) else None
            place, context = below, click.Context(below, parent=context)
            options |= _options(place)
    return place


def _options(command: click.Command) -> dict[str, click.Option]:
    found = [each for each in command.get_params(click.Context(command)) if isinstance(each, click.Option)]
    return {name: option for option in found for name in option.opts}


def known_settings() -> set[str]:
    return {name for row in settings() for name in row.names}


@pytest.mark.parametrize("code", codes.known())
def test_the_settings_on_a_page_are_there(code: str) -> None:
    text = " ".join(codes.page(code)[1:])
    named = set(re.findall(r"(?<![\w/$-])([A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+)(?![\w])", text))
    assert named <= known_settings() | NO_SETTINGS


@pytest.mark.parametrize("code", codes.known())
def test_the_files_of_the_docs_on_a_page_are_there(code: str) -> None:
    for path in re.findall(r"docs/[\w/-]+\.md", codes.text(code)):
        assert (ROOT / path).is_file(), path


@pytest.mark.parametrize("text", ["ADY-0312", "ady-0312", "ADY0312", "312", "0312", " 312 "])
def test_a_code_may_be_written_in_several_ways(text: str) -> None:
    assert codes.asked(text) == "ADY-0312"


@pytest.mark.parametrize("text", ["", "ADY", "ADY-", "12345", "0x312", "3f2", "a" * 32, "0x" + "1" * 64])
def test_other_words_are_no_code(text: str) -> None:
    assert codes.asked(text) is None


def test_an_unknown_code_names_the_nearest() -> None:
    with pytest.raises(codes.UnknownCode) as unknown:
        codes.page("ADY-0313".replace("0313", "0311"))
    assert "ADY-0312" in unknown.value.nearest
    assert len(unknown.value.nearest) == 3


def test_the_list_is_written_by_the_module() -> None:
    written = subprocess.run([sys.executable, "-m", "adyton.codes"], capture_output=True, text=True, check=True)
    assert written.stdout == listing()


# --- codes survive -----------------------------------------------------------------------------------------------------


def test_an_invalid_has_the_code_of_its_first_fault_unless_it_has_its_own() -> None:
    fault = errors.Fault("wrong", "/field", code="ADY-0252")
    assert errors.Invalid(errors.Fault("also wrong"), fault).error_code == "ADY-0252"
    assert errors.Invalid(fault, code="ADY-0020").error_code == "ADY-0020"
    assert errors.Invalid("wrong").error_code == "ADY-0003"


def test_a_twin_keeps_the_code_and_the_faults_and_is_another_object() -> None:
    invalid = errors.Invalid(errors.Fault("wrong", "/field", code="ADY-0252"))
    twin = invalid.twin()
    assert twin is not invalid
    assert (type(twin), str(twin), twin.error_code, twin.faults) == (errors.Invalid, "wrong", "ADY-0252", invalid.faults)


def test_the_twin_of_an_error_with_its_own_making_is_made_without_it() -> None:
    from adyton.ethereum.errors import RpcError

    twin = RpcError(-32000, "nonce too low", {"a": 1}).twin()
    assert (twin.code, twin.message, twin.data, twin.error_code) == (-32000, "nonce too low", {"a": 1}, "ADY-0601")
