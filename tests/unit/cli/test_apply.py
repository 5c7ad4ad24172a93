"""``adyton apply``: which files it reads, what it sends, shows and asks, and how it fails."""

from __future__ import annotations

import errno
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from support.command_line import Adyton, StandIn
from support.terminal import Terminal

SPEC = {"initiators": [{"type": "web"}], "tasks": [{"type": "noop"}]}
OLD, NEW = "a" * 32, "b" * 32


@pytest.fixture(autouse=True)
def logged_in(adyton: Adyton) -> None:
    adyton.is_logged_in()


@pytest.fixture
def jobs(tmp_path: Path) -> Path:
    (tmp_path / "jobs").mkdir()
    return tmp_path / "jobs"


def change(key: str, action: str, **more: Any) -> dict[str, Any]:
    known: dict[str, Any] = {"jobId": None, "previousJobId": None, "name": None, "diff": [], "warnings": []}
    return {"key": key, "action": action, **known, **more}


def answers(node: StandIn, *changes: dict[str, Any], plan: str = "mark") -> None:
    data = [{"type": "specChanges", "id": each["key"], "attributes": each} for each in changes]
    node.answers({"data": data, "meta": {"applied": False, "plan": plan}})


def sent(node: StandIn, number: int = -1) -> Any:
    return json.loads(node.asked[number].body)


def keys(node: StandIn) -> list[str]:
    return [each["key"] for each in sent(node)["jobs"]]


# --- files -----------------------------------------------------------------------------------------------------------


def test_a_job_is_called_as_its_file_unless_it_has_a_name(adyton: Adyton, node: StandIn, jobs: Path) -> None:
    (jobs / "below").mkdir()
    (jobs / "eth-usd.json").write_text(json.dumps(SPEC))
    (jobs / "below" / "b.json").write_text(json.dumps({**SPEC, "NAME": "called"}))
    (jobs / "list.json").write_text(json.dumps([{**SPEC, "name": "one"}, {**SPEC, "name": "two"}]))
    (jobs / "notes.txt").write_text("not a job")
    answers(node)
    assert adyton("apply", "-f", str(jobs), "-f", str(jobs / "eth-usd.json"), "--dry-run").exit_code == 0
    assert keys(node) == ["called", "eth-usd", "one", "two"]


def test_numbers_are_sent_as_they_are_written(adyton: Adyton, node: StandIn, jobs: Path) -> None:
    (jobs / "a.json").write_text('{"tasks": [{"params": {"times": 1.000000000000000000000000001}}]}')
    answers(node)
    adyton("apply", "-f", str(jobs), "--dry-run")
    assert "1.000000000000000000000000001" in node.asked[0].body


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not a job in JSON"),
        ("7", "not a job in JSON"),
        ("[7]", "not a job in JSON"),
        (json.dumps([SPEC]), "has no name"),
        (json.dumps([{**SPEC, "name": "x"}, {**SPEC, "name": "x"}]), 'both called "x"'),
    ],
)
def test_a_file_that_holds_no_jobs_is_named(adyton: Adyton, node: StandIn, jobs: Path, content: str, words: str) -> None:
    (jobs / "a.json").write_text(content)
    result = adyton("apply", "-f", str(jobs), "-y")
    assert (result.exit_code, node.asked) == (1, [])
    assert words in result.stderr
    assert "a.json" in result.stderr


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"name": "\xe9"}', "not UTF-8"),
        (b'{"tasks": [{"params": {"get": "\xe9"}}]}', "not UTF-8"),
        (b'{"tasks": [{"params": {"times": 1e999999999}}]}', "out of range"),
        (b'{"a": ' + b"[" * 300 + b"]" * 300 + b"}", "nested too deeply"),
    ],
)
def test_what_the_node_could_not_read_is_named_by_its_file(
    adyton: Adyton, node: StandIn, jobs: Path, content: bytes, words: str
) -> None:
    (jobs / "good.json").write_text(json.dumps(SPEC))
    (jobs / "bad.json").write_bytes(content)
    result = adyton("apply", "-f", str(jobs), "-y")
    assert (result.exit_code, node.asked) == (1, [])
    assert words in result.stderr
    assert "bad.json" in result.stderr


def test_every_file_that_holds_no_job_is_named(adyton: Adyton, node: StandIn, jobs: Path) -> None:
    for name in ("one", "two"):
        (jobs / f"{name}.json").write_text("{")
    (jobs / "good.json").write_text(json.dumps(SPEC))
    result = adyton("apply", "-f", str(jobs), "-y")
    assert (result.exit_code, node.asked) == (1, [])
    for words in ("one.json: not a job", "two.json: not a job", "2 files cannot be read; nothing was changed."):
        assert words in result.stderr
    assert "good.json" not in result.stderr


def test_a_byte_order_mark_is_not_part_of_a_job(adyton: Adyton, node: StandIn, jobs: Path) -> None:
    (jobs / "a.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(SPEC).encode())
    answers(node)
    assert adyton("apply", "-f", str(jobs), "--dry-run").exit_code == 0
    assert sent(node)["jobs"] == [{"key": "a", "spec": SPEC}]


def test_links_are_followed_and_counted_by_their_own_names(adyton: Adyton, node: StandIn, jobs: Path, tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "far.json").write_text(json.dumps(SPEC))
    (jobs / "elsewhere").symlink_to(tmp_path / "shared")
    (jobs / "one.json").symlink_to(tmp_path / "shared" / "far.json")
    (jobs / "two.json").symlink_to(tmp_path / "shared" / "far.json")
    (jobs / "round").symlink_to(jobs)
    answers(node)
    assert adyton("apply", "-f", str(jobs), "--dry-run").exit_code == 0
    assert keys(node) == ["far", "one", "two"]


def test_hidden_files_are_no_jobs(adyton: Adyton, node: StandIn, jobs: Path) -> None:
    (jobs / ".vscode").mkdir()
    (jobs / ".vscode" / "settings.json").write_text("{}")
    (jobs / ".#a.json").symlink_to("someone@host.1")
    (jobs / "a.json").write_text(json.dumps(SPEC))
    answers(node)
    assert adyton("apply", "-f", str(jobs), "--dry-run").exit_code == 0
    assert keys(node) == ["a"]


def test_nothing_is_pruned_for_a_file_that_is_overlooked(adyton: Adyton, node: StandIn, jobs: Path, tmp_path: Path) -> None:
    (jobs / "a.json").write_text(json.dumps(SPEC))
    (jobs / "gone.json").symlink_to(tmp_path / "nowhere")
    result = adyton("apply", "-f", str(jobs), "--prune", "-y")
    assert (result.exit_code, node.asked) == (1, [])
    assert "gone.json: no such file" in result.stderr


def test_a_directory_that_cannot_be_looked_into_is_named(
    adyton: Adyton, node: StandIn, jobs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (jobs / "a.json").write_text(json.dumps(SPEC))
    (jobs / "closed").mkdir()
    looks = os.scandir

    def scandir(path: Any) -> Any:
        if str(path).endswith("closed"):  # root may look into every directory
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return looks(path)

    monkeypatch.setattr(os, "scandir", scandir)
    result = adyton("apply", "-f", str(jobs), "--prune", "-y")
    assert (result.exit_code, node.asked) == (1, [])
    assert "closed: permission denied" in result.stderr


def test_an_empty_directory_archives_nothing_and_an_empty_list_does(adyton: Adyton, node: StandIn, jobs: Path) -> None:
    assert "no job" in adyton("apply", "-f", str(jobs), "--prune", "-y").stderr
    assert node.asked == []
    (jobs / "none.json").write_text("[]")
    answers(node, change("a", "archive", previousJobId=OLD))
    answers(node, change("a", "archive", previousJobId=OLD))
    assert adyton("apply", "-f", str(jobs), "--prune", "-y").exit_code == 0
    assert sent(node)["jobs"] == []


def test_a_missing_file_and_an_empty_directory_are_named(adyton: Adyton, node: StandIn, jobs: Path) -> None:
    assert "no such file" in adyton("apply", "-f", str(jobs / "none.json"), "-y").stderr
    assert "no job" in adyton("apply", "-f", str(jobs), "-y").stderr
    assert node.asked == []


# --- the plan --------------------------------------------------------------------------------------------------------


def test_the_plan_is_shown_then_done_as_it_was_shown(adyton: Adyton, node: StandIn, jobs: Path) -> None:
    (jobs / "a.json").write_text(json.dumps(SPEC))
    planned = change("a", "replace", previousJobId=OLD, diff=["~ tasks[0].type: x -> y"], warnings=["REQUESTS GO UNANSWERED"])
    answers(node, planned, change("b", "unchanged"))
    answers(node, {**planned, "jobId": NEW}, change("b", "unchanged"))
    result = adyton("apply", "-f", str(jobs), "--prune", "-y")
    assert result.exit_code == 0
    assert (sent(node, 0)["dryRun"], sent(node, 0)["prune"]) == (True, True)
    assert (sent(node, 1)["dryRun"], sent(node, 1)["plan"]) == (False, "mark")
    for words in ("! a: replace", "~ tasks[0].type: x -> y", "warning: REQUESTS GO", "1 to replace; 1 unchanged", NEW):
        assert words in result.stdout
    assert "\x1b" not in result.stdout
    assert "║ b " not in result.stdout


def test_a_dry_run_asks_once_and_does_nothing(adyton: Adyton, node: StandIn, jobs: Path) -> None:
    (jobs / "a.json").write_text(json.dumps(SPEC))
    answers(node, change("a", "create", diff=["+ name: x"]))
    result = adyton("apply", "-f", str(jobs), "--dry-run")
    assert (result.exit_code, len(node.asked)) == (0, 1)
    assert "1 to create" in result.stdout


def test_without_changes_nothing_is_asked(adyton: Adyton, node: StandIn, jobs: Path) -> None:
    (jobs / "a.json").write_text(json.dumps(SPEC))
    answers(node, change("a", "unchanged", jobId=OLD))
    result = adyton("apply", "-f", str(jobs), "-y")
    assert (result.exit_code, len(node.asked)) == (0, 1)
    assert "Nothing to change" in result.stdout


def test_programs_get_json(adyton: Adyton, node: StandIn, jobs: Path) -> None:
    (jobs / "a.json").write_text(json.dumps(SPEC))
    answers(node, change("a", "create"))
    answers(node, change("a", "create", jobId=NEW))
    result = adyton("apply", "-f", str(jobs), "-y", "--json")
    assert json.loads(result.stdout) == [change("a", "create", jobId=NEW)]


def test_who_cannot_be_asked_must_say_so(adyton: Adyton, node: StandIn, jobs: Path) -> None:
    (jobs / "a.json").write_text(json.dumps(SPEC))
    result = adyton("apply", "-f", str(jobs))
    assert (result.exit_code, node.asked) == (2, [])


@pytest.mark.parametrize(("typed", "asked", "status"), [("y\n", 2, 0), ("\n", 1, 1)])
def test_a_person_is_shown_the_plan_and_asked(
    adyton: Adyton, node: StandIn, jobs: Path, typed: str, asked: int, status: int
) -> None:
    (jobs / "a.json").write_text(json.dumps(SPEC))
    answers(node, change("a", "create", diff=["+ name: x"]))
    answers(node, change("a", "create", jobId=NEW))
    command = [sys.executable, "-m", "adyton", "apply", "-f", str(jobs)]
    with Terminal(command, {**adyton.environ, "TERM": "xterm"}) as terminal:
        terminal.waits_for("Apply this?")
        terminal.types(typed, end="")
        assert terminal.ends() == status
        assert "\x1b[32m" in terminal.said
    assert len(node.asked) == asked


# --- faults ----------------------------------------------------------------------------------------------------------


def test_each_fault_is_on_a_line_with_its_file_and_place(adyton: Adyton, node: StandIn, jobs: Path) -> None:
    (jobs / "a.json").write_text(json.dumps(SPEC))
    (jobs / "b.json").write_text(json.dumps([{**SPEC, "name": "x"}]))
    faults = [
        {"detail": "no such type", "code": "ADY-0255", "source": {"pointer": "/jobs/0/spec/tasks/1/params"}},
        {"detail": "bad", "source": {"pointer": "/jobs/1/spec"}},
    ]
    node.answers({"errors": faults}, 400)
    result = adyton("apply", "-f", str(jobs), "--dry-run")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[:2] == [
        f"{jobs}/a.json: /tasks/1/params: no such type (ADY-0255)",
        f"{jobs}/b.json[0]: bad",
    ]
    assert "2 things are wrong" in result.stderr


def test_a_plan_that_is_no_longer_right_is_refused(adyton: Adyton, node: StandIn, jobs: Path) -> None:
    (jobs / "a.json").write_text(json.dumps(SPEC))
    answers(node, change("a", "create"))
    node.refuses(409, "somebody else")
    result = adyton("apply", "-f", str(jobs), "-y")
    assert result.exit_code == 1
    assert "somebody else" in result.stderr
