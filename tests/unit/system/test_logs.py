"""Log lines: their form, their level, and what must never be in them."""

from __future__ import annotations

import errno
import io
import json
import logging
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from adyton.system import logs


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = [*root.handlers], root.level
    configured = structlog.get_config()
    yield
    structlog.configure(**configured)
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def console() -> io.StringIO:
    return io.StringIO()


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_a_line_for_people_has_time_level_message_caller_and_sorted_fields(console: io.StringIO) -> None:
    logs.configure(level="info", json_console=False, file=None, console=console)
    structlog.get_logger("adyton.engine").warning(
        "a run waits", run="abc", job="j", empty="", nothing=None, n=10**30, text="two words"
    )
    time, _, rest = console.getvalue().partition(" ")
    assert len(time) == len("2019-06-27T14:03:11Z")
    assert rest == (
        "[WARN]   a run waits                                        adyton.engine                  "
        f'job=j n={10**30} run=abc text="two words"\n'
    )


def test_a_line_for_machines_is_that_of_v0_6_2(console: io.StringIO, tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    logs.configure(level="info", json_console=True, file=file, console=console)
    structlog.get_logger("adyton.engine").info("a run waits", run="abc", n=10**30)
    assert console.getvalue() == file.read_text()
    (line,) = lines(file)
    assert isinstance(line.pop("ts"), float)
    assert line == {"level": "info", "caller": "adyton.engine", "msg": "a run waits", "run": "abc", "n": 10**30}
    assert list(json.loads(console.getvalue())) == ["level", "ts", "caller", "msg", "run", "n"]


def test_the_file_is_for_its_owner_only_and_is_appended_to(console: io.StringIO, tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    file.write_text('{"msg": "earlier"}\n')
    file.chmod(0o644)
    logs.configure(level="info", json_console=False, file=file, console=console)
    structlog.get_logger("x").info("later")
    assert [line["msg"] for line in lines(file)] == ["earlier", "later"]
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("level", "written"),
    [
        ("debug", ["debug", "info", "warn", "error", "fatal"]),
        ("info", ["info", "warn", "error", "fatal"]),
        ("warn", ["warn", "error", "fatal"]),
        ("error", ["error", "fatal"]),
        ("dpanic", ["fatal"]),
        ("panic", ["fatal"]),
        ("fatal", ["fatal"]),
    ],
)
def test_lines_below_the_level_are_not_written(console: io.StringIO, level: str, written: list[str]) -> None:
    logs.configure(level=level, json_console=True, file=None, console=console)
    log = structlog.get_logger("x")
    for method in ("debug", "info", "warning", "error", "critical"):
        getattr(log, method)("m")
    assert [json.loads(line)["level"] for line in console.getvalue().splitlines()] == written


def test_secrets_are_masked_by_name_and_in_urls_however_deep(console: io.StringIO) -> None:
    logs.configure(level="info", json_console=True, file=None, console=console)
    structlog.get_logger("x").info(
        "connecting to wss://rpc/sesame",
        password="sesame",
        api_key="sesame",
        nested={"token": "sesame", "deeper": [{"Cookie": "sesame"}, "https://u:sesame@h/?k=sesame"]},
        error=ValueError("https://h/?k=sesame"),
        secretless="",
        private_key=None,
    )
    line = json.loads(console.getvalue())
    assert "sesame" not in console.getvalue()
    assert line["msg"] == "connecting to wss://rpc/***"
    assert line["nested"]["deeper"] == [{"Cookie": "***"}, "https://***@h/?***"]
    assert (line["secretless"], line["private_key"]) == ("", None)


def test_secrets_are_masked_in_tracebacks(console: io.StringIO) -> None:
    logs.configure(level="info", json_console=False, file=None, console=console)
    try:
        raise ConnectionError("no answer from wss://rpc/sesame")
    except ConnectionError:
        structlog.get_logger("x").exception("failed")
    assert "ConnectionError: no answer from wss://rpc/***" in console.getvalue()
    assert "sesame" not in console.getvalue()


def test_a_stranger_cannot_forge_a_line_or_drive_the_terminal(console: io.StringIO) -> None:
    logs.configure(level="info", json_console=False, file=None, console=console)
    structlog.get_logger("x").info("said\n2019 [INFO] forged", words="\x1b[2J\nforged")
    assert len(console.getvalue().splitlines()) == 1
    assert "\x1b" not in console.getvalue()


def test_what_is_bound_to_the_context_is_in_the_line(console: io.StringIO) -> None:
    logs.configure(level="info", json_console=True, file=None, console=console)
    with structlog.contextvars.bound_contextvars(run="abc"):
        structlog.get_logger("x").info("m")
    assert json.loads(console.getvalue())["run"] == "abc"


def test_libraries_are_heard_when_they_warn(console: io.StringIO) -> None:
    logs.configure(level="info", json_console=True, file=None, console=console)
    logging.getLogger("aiohttp").info("not heard")
    logging.getLogger("aiohttp").warning("odd: %s", "https://h/?k=sesame")
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.warn("deprecated", DeprecationWarning, stacklevel=1)
    found = [json.loads(line) for line in console.getvalue().splitlines()]
    assert [(line["caller"], line["level"]) for line in found] == [("aiohttp", "warn"), ("py.warnings", "warn")]
    assert found[0]["msg"] == "odd: https://h/?***"


def test_a_console_that_is_closed_does_not_stop_the_file(tmp_path: Path, console: io.StringIO) -> None:
    logs.configure(level="info", json_console=False, file=tmp_path / "log.jsonl", console=console)
    console.close()
    structlog.get_logger("x").info("m")
    assert [line["msg"] for line in lines(tmp_path / "log.jsonl")] == ["m"]


def test_a_full_disk_loses_lines_and_says_how_many_once_there_is_room(console: io.StringIO, tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("there is no /dev/full here")
    file = tmp_path / "log.jsonl"
    logs.configure(level="info", json_console=False, file=file, console=console)
    log = structlog.get_logger("x")
    log.info("before")
    descriptor = next(int(entry.name) for entry in Path("/proc/self/fd").iterdir() if _target(entry) == str(file))
    room = os.dup(descriptor)
    disk = os.open(full, os.O_WRONLY)
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        os.write(disk, b"x")
    os.dup2(disk, descriptor)
    log.info("lost")
    log.info("lost too")
    os.dup2(room, descriptor)
    log.info("after")
    os.close(disk)
    os.close(room)
    assert [(line["msg"], line.get("lines")) for line in lines(file)] == [
        ("before", None),
        ("after", None),
        ("log lines were lost: the file could not be written", 2),
    ]
    assert console.getvalue().count("lost") == 3, "the console has them all"


def _target(entry: Path) -> str:
    try:
        return str(entry.readlink())
    except OSError:
        return ""


def test_the_level_changes_while_the_node_runs_for_loggers_that_exist(console: io.StringIO) -> None:
    logs.configure(level="info", json_console=False, file=None, console=console)
    speaker, levels = structlog.get_logger("adyton.engine"), logs.Levels()
    speaker.debug("before")
    assert levels.now == "info"

    levels.set("debug")
    speaker.debug("during")
    speaker.bind(run="abc").debug("bound")
    levels.set("error")
    speaker.warning("behind")
    speaker.error("still")

    said = [line.split("]")[1].split()[0] for line in console.getvalue().splitlines()]
    assert (said, levels.now) == (["during", "bound", "still"], "error")
    assert logging.getLogger().level == logging.ERROR
    assert not speaker.is_enabled_for(logging.INFO)


def test_a_line_below_the_level_costs_no_more_than_before(console: io.StringIO) -> None:
    """A method of the level's own class, not a filter that looks at each line."""
    logs.configure(level="info", json_console=False, file=None, console=console)
    nothing = structlog.make_filtering_bound_logger(logging.INFO)
    assert vars(type(structlog.get_logger("x").bind()))["debug"].__code__ is vars(nothing)["debug"].__code__
