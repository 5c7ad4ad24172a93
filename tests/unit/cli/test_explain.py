"""``adyton explain CODE``: a page, printed without a node, without settings and soon."""

from __future__ import annotations

import json
import resource
import subprocess
import sys

import pytest

from adyton import codes
from support.command_line import Adyton, StandIn


@pytest.mark.parametrize("spelling", ["ADY-0312", "ady0312", "312"])
def test_the_page_of_a_code_is_printed_without_asking_the_node(adyton: Adyton, node: StandIn, spelling: str) -> None:
    result = adyton("explain", spelling)
    assert result.exit_code == 0
    assert result.stdout.startswith("ADY-0312: An HTTP source answered with an error\nWhere: ")
    assert "\n\nCause\nThe source answered with status 400" in result.stdout
    assert "\n\nCure\nAsk the URL yourself with `curl -i`" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 100
    assert node.asked == []


def test_commands_on_a_page_are_not_broken_between_lines(adyton: Adyton) -> None:
    for code in codes.known():
        assert all(line.count("`") % 2 == 0 for line in adyton("explain", code).stdout.splitlines()), code


def test_a_page_for_programs(adyton: Adyton) -> None:
    page = json.loads(adyton("explain", "ADY-0312", "--json").stdout)
    assert page == dict(codes.page("ADY-0312")._asdict())


def test_the_list_of_codes(adyton: Adyton) -> None:
    lines = adyton("explain", "--list").stdout.splitlines()
    assert [line[:8] for line in lines] == codes.known()
    assert "ADY-0312  An HTTP source answered with an error" in lines
    listed = json.loads(adyton("explain", "--list", "--json").stdout)
    assert {"code": "ADY-0312", "title": "An HTTP source answered with an error"} in listed


def test_an_unknown_code_is_refused_with_the_nearest(adyton: Adyton) -> None:
    result = adyton("explain", "ADY-0311")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("There is no error ADY-0311. The nearest are:\n")
    assert "ADY-0312: An HTTP source answered with an error" in result.stderr
    assert result.stderr.endswith("`adyton explain --list` shows every code.\nMore: adyton explain ADY-1166\n")


def test_something_must_be_asked_for(adyton: Adyton) -> None:
    for words in (["explain"], ["explain", ""]):
        missing = adyton(*words)
        assert missing.exit_code == 2
        assert "Error: Must pass an error's code, a transaction's hash" in missing.output


def test_other_words_go_to_the_node(adyton: Adyton, node: StandIn) -> None:
    adyton.is_logged_in()
    node.refuses(404, "Job run not found")
    result = adyton("explain", "9f0e1d2c3b4a59687786950a1b2c3d4e")
    assert result.exit_code == 1
    assert [each.line for each in node.asked] == ["GET /v2/explain/9f0e1d2c3b4a59687786950a1b2c3d4e"]


def test_what_the_node_said_of_a_refusal_is_handed_on(adyton: Adyton, node: StandIn) -> None:
    adyton.is_logged_in()
    node.answers({"errors": [{"detail": "Job run not found", "code": "ADY-0300"}]}, 404)
    result = adyton("runs", "show", "9f0e1d2c3b4a59687786950a1b2c3d4e")
    assert result.stderr.endswith("More: adyton explain ADY-0300\n")


def test_a_run_that_an_error_ended_names_the_page(adyton: Adyton, node: StandIn) -> None:
    adyton.is_logged_in()
    attributes = {"id": "9", "status": "errored", "createdAt": "2019-06-27T14:05:00Z", "result": {"data": {}, "error": "no"}}
    node.answers(
        {
            "data": {"type": "runs", "id": "9", "attributes": attributes | {"finishedAt": None}},
            "meta": {"errorCode": "ADY-0312"},
        }
    )
    assert adyton("runs", "show", "9").stdout.endswith("More: adyton explain ADY-0312\n")


def test_settings_that_are_wrong_do_not_matter(monkeypatch: pytest.MonkeyPatch, adyton: Adyton) -> None:
    monkeypatch.setenv("CHAINLINK_PORT", "no port")
    assert adyton("explain", "950").exit_code == 0
    refused = adyton("config")
    assert refused.exit_code == 1
    assert refused.stderr.endswith("More: adyton explain ADY-0950\n")


def test_it_imports_neither_the_node_nor_the_network() -> None:
    script = (
        "import sys; from adyton.cli.main import main\n"
        "try: main(['explain', '312'])\nexcept SystemExit: pass\n"
        "unwanted = ('http.client', 'ssl', 'asyncio', 'starlette', 'aiohttp', 'adyton.config')\n"
        "print([name for name in unwanted if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_it_is_quick() -> None:
    """Measured as what it takes of a processor, since the machine does other things too; the best of several counts."""
    taken = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "adyton", "explain", "312"], capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(taken) < 0.15
