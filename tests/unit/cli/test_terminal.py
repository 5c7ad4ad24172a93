"""The command line as a process at a terminal: widths, colours, progress, questions, Ctrl-C, pipes that close."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType

import pytest

from adyton.cli import cells
from support.command_line import Adyton, StandIn
from support.terminal import Terminal

ADYTON = (sys.executable, "-m", "adyton")
COLOURS = {"TERM": "xterm-256color"}
RUN = {
    "id": "9f0e1d2c3b4a59687786950a1b2c3d4e",
    "status": "completed",
    "createdAt": "2019-06-27T14:05:00Z",
    "finishedAt": "2019-06-27T14:05:01Z",
    "result": {"data": {"price": "价格 🚀"}, "error": "\x1b[2J\x1b]0;evil\x07"},
}


@pytest.fixture(autouse=True)
def logged_in(adyton: Adyton) -> None:
    adyton.is_logged_in()


def shown(
    adyton: Adyton, node: StandIn, *words: str, columns: int = 80, environ: Mapping[str, str] = MappingProxyType({})
) -> str:
    node.answers_many(RUN)
    with Terminal([*ADYTON, *words], {**adyton.environ, **environ}, columns=columns) as terminal:
        assert terminal.ends() == 0
    return terminal.said


# --- tables ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_a_table_takes_the_terminals_width(adyton: Adyton, node: StandIn, columns: int) -> None:
    said = shown(adyton, node, "runs", columns=columns)
    widths = {cells.width(line) for line in said.splitlines() if line[:1] in "║╬"}
    assert len(widths) == 1
    assert widths.pop() <= columns
    assert "\x1b" not in said
    assert ("║ ID        ║" in said) is (columns < 100)


def test_columns_of_the_environment_go_before_the_terminals_own(adyton: Adyton, node: StandIn) -> None:
    said = shown(adyton, node, "runs", columns=200, environ={"COLUMNS": "40"})
    assert max(cells.width(line) for line in said.splitlines()) <= 40


def test_a_status_has_a_colour_on_a_terminal_that_shows_any(adyton: Adyton, node: StandIn) -> None:
    assert "\x1b[32mcompleted\x1b[0m" in shown(adyton, node, "runs", columns=200, environ=COLOURS)


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1", **COLOURS}, {"TERM": "dumb"}])
def test_colours_can_be_done_without(adyton: Adyton, node: StandIn, environ: dict[str, str]) -> None:
    assert "\x1b" not in shown(adyton, node, "runs", environ=environ)


def test_what_goes_into_a_pipe_has_neither_colours_nor_the_terminals_width(adyton: Adyton, node: StandIn) -> None:
    said = shown(adyton, node, "runs", columns=40, environ=COLOURS)
    node.answers_many(RUN)
    environ = {**os.environ, **adyton.environ, **COLOURS}
    piped = subprocess.run([*ADYTON, "runs"], env=environ, capture_output=True, text=True, check=True, timeout=60).stdout
    assert "\x1b" in said
    assert "\x1b" not in piped
    assert "║ completed ║ 2019-06-27T14:05:00Z ║" in piped


# --- waiting ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def slow() -> Iterator[tuple[str, threading.Event]]:
    """A node that answers when it is let go."""
    go = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            go.wait(60)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"data":[]}')

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", go
        go.set()
        server.shutdown()
        thread.join()


def test_whoever_waits_longer_than_a_second_is_told_for_what(adyton: Adyton, slow: tuple[str, threading.Event]) -> None:
    url, go = slow
    with Terminal([*ADYTON, "jobs"], {**adyton.environ, "CLIENT_NODE_URL": url, **COLOURS}) as terminal:
        terminal.waits_for(f"Waiting for {url} (1 s)")
        terminal.waits_for("(2 s)")
        go.set()
        terminal.waits_for("\r\x1b[K╔ Jobs")
        assert terminal.ends() == 0


def test_whoever_redirects_standard_error_sees_no_progress(adyton: Adyton, slow: tuple[str, threading.Event]) -> None:
    url, go = slow
    threading.Timer(1.5, go.set).start()
    environ = {**os.environ, **adyton.environ, "CLIENT_NODE_URL": url, **COLOURS}
    result = subprocess.run([*ADYTON, "jobs"], env=environ, capture_output=True, text=True, check=True, timeout=60)
    assert result.stderr == ""


def test_ctrl_c_while_waiting_ends_with_130_and_a_clean_line(adyton: Adyton, slow: tuple[str, threading.Event]) -> None:
    url, _ = slow
    with Terminal([*ADYTON, "jobs"], {**adyton.environ, "CLIENT_NODE_URL": url, **COLOURS}) as terminal:
        terminal.waits_for("(1 s)")
        terminal.interrupts()
        terminal.waits_for("\r\x1b[K\nAborted!\n")
        assert terminal.ends() == 130
    assert "Traceback" not in terminal.said


# --- questions -------------------------------------------------------------------------------------------------------


def test_what_costs_something_is_asked_for_and_no_is_the_usual_answer(adyton: Adyton, node: StandIn) -> None:
    command = [*ADYTON, "runs", "delete", "--status", "completed", "--before", "2030-01-01T00:00:00Z"]
    with Terminal(command, adyton.environ) as terminal:
        terminal.waits_for("[y/N] ")
        terminal.types("")
        assert terminal.ends() == 1
    assert "Nothing was done." in terminal.said
    assert node.asked == []
    node.answers("", status=204)
    with Terminal(command, adyton.environ) as terminal:
        terminal.waits_for("[y/N] ")
        terminal.types("y")
        assert terminal.ends() == 0
    assert [asked.line for asked in node.asked] == ["DELETE /v2/bulk_delete_runs"]


def test_ctrl_c_at_a_hidden_question_ends_with_130_and_restores_the_echo(adyton: Adyton, node: StandIn) -> None:
    script = f"trap : INT; {sys.executable} -m adyton login; echo ended $?; stty -a"
    with Terminal(["/bin/sh", "-c", script], adyton.environ) as terminal:
        terminal.waits_for("Enter email: ")
        terminal.types("me@example.com")
        terminal.waits_for("Enter password: ")
        terminal.interrupts()
        terminal.waits_for("ended 130")
        assert terminal.ends() == 0
    assert " echo " in terminal.said
    assert node.asked == []


# --- pipes -----------------------------------------------------------------------------------------------------------


def test_a_reader_that_has_seen_enough_is_no_error(adyton: Adyton, node: StandIn) -> None:
    node.answers_many(*[RUN | {"id": f"{number:032x}"} for number in range(3000)])
    environ = {**os.environ, **adyton.environ}
    with subprocess.Popen([*ADYTON, "runs", "-j"], env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"[\n"
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 0


def test_a_plan_that_nobody_reads_to_its_end_is_carried_out_all_the_same(adyton: Adyton, node: StandIn, tmp_path: Path) -> None:
    file = tmp_path / "job.json"
    file.write_text('{"initiators": [{"type": "web"}], "tasks": [{"type": "noop"}]}')
    change: dict[str, object] = {"key": "job", "action": "create", "jobId": None, "previousJobId": None, "warnings": []}
    for _ in range(2):
        node.answers_many({**change, "diff": ["+ a line that is long enough to fill a pipe"] * 20_000})
    command = [*ADYTON, "apply", "-y", "-f", str(file)]
    with subprocess.Popen(command, env={**os.environ, **adyton.environ}, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert process.wait(60) == 0
    assert ['"dryRun":true' in asked.body for asked in node.asked] == [True, False]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")  # noqa: PTH110 - a device
@pytest.mark.parametrize("form", ["", "--json", "--yaml"])
def test_a_full_disk_is_no_traceback(adyton: Adyton, node: StandIn, form: str) -> None:
    node.answers_many(RUN)
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device
        command = [*ADYTON, "runs", *form.split()]
        result = subprocess.run(
            command,
            env={**os.environ, **adyton.environ},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert result.returncode == 1
    assert result.stderr.startswith("Cannot write: No space left on device\n")
    assert result.stderr.endswith("\nMore: adyton explain ADY-1112\n")


def test_a_table_may_be_written_to_a_closed_standard_output(adyton: Adyton, node: StandIn) -> None:
    node.answers_many(RUN)
    environ = {**os.environ, **adyton.environ}
    command = ["/bin/sh", "-c", f"{sys.executable} -m adyton runs >&-"]
    result = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stderr) == (0, "")


def test_a_closed_standard_output_is_no_traceback(adyton: Adyton) -> None:
    command = f"{sys.executable} -m adyton --help >&-"
    result = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in result.stderr
