"""What an operator can meet has a place in docs/: each setting, command, route and task type."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click

from adyton.adapters.base import AdapterSettings
from adyton.adapters.registry import Registry
from adyton.cli.commands import COMMANDS
from adyton.cli.main import main
from adyton.cli.top import LAZY
from adyton.config import settings
from adyton.config.page import page
from adyton.system.clock import SystemClock
from adyton.system.http import AiohttpTransport
from adyton.web.routes import ROUTES

DOCS = Path(__file__).parents[1] / "docs"


def read(name: str) -> str:
    return (DOCS / name).read_text()


def headings(name: str) -> set[str]:
    return set(re.findall(r"^#+ (.+)$", read(name), re.MULTILINE))


def rows(name: str) -> set[str]:
    """What stands in backquotes in the first two cells of tables."""
    cells = [line.split("|")[1:3] for line in read(name).splitlines() if line.startswith("|")]
    return {word for row in cells for cell in row for word in re.findall(r"`([^`]+)`", cell)}


def test_the_page_about_settings_is_that_of_the_table() -> None:
    assert read("configuration.md") == page(), "write it again: python -m adyton.config > docs/configuration.md"


def test_decisions_are_numbered_without_a_gap() -> None:
    pages = sorted((DOCS / "decisions").iterdir())
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    titles = [page.read_text().partition("\n")[0] for page in pages]
    assert [title for number, title in enumerate(titles, 1) if not title.startswith(f"# {number}. ")] == []


def test_every_setting_has_a_heading() -> None:
    assert {row.name for row in settings()} <= headings("configuration.md")


def test_every_command_and_every_other_name_of_it_has_a_row() -> None:
    assert {name for entry in COMMANDS for name in (entry.path, *entry.synonyms)} | set(LAZY) <= rows("cli.md")


def test_every_name_in_the_table_of_commands_works() -> None:
    table = read("cli.md").split("## Output")[0]
    for line in [line for line in table.splitlines() if line.startswith("| `")]:
        for name in re.findall(r"`([^`]+)`", line):
            assert found(main, name.split()), name


def found(group: click.Group, words: list[str]) -> bool:
    """Whether the words lead to a command."""
    command = group.get_command(click.Context(group), words[0])
    if command is None or not words[1:]:
        return command is not None
    return isinstance(command, click.Group) and found(command, words[1:])


def test_every_option_is_on_the_page() -> None:
    options = {
        option for entry in COMMANDS for parameter in entry.params for option in parameter.opts if option.startswith("--")
    }
    assert {option for option in options if f"`{option}" not in read("cli.md")} == set()


def test_every_option_of_starting_a_node_has_a_row() -> None:
    (start,) = [entry for entry in COMMANDS if entry.path == "node start"]
    assert {option for parameter in start.params for option in parameter.opts} <= rows("cli.md")


def test_every_route_has_a_row() -> None:
    routes = {f"{route.method} {re.sub(r'{[^}]+}', ':id', route.path)}" for _, group in ROUTES for route in group}
    assert routes <= rows("api.md")


def test_every_task_type_has_a_heading() -> None:
    adapters = Registry(http=AiohttpTransport(), clock=SystemClock(), settings=AdapterSettings())
    assert set(adapters.names()) == set(re.findall(r"^### (.+)$", read("adapters.md"), re.MULTILINE))


def test_every_example_of_a_task_is_one_that_a_job_can_have() -> None:
    adapters = Registry(http=AiohttpTransport(), clock=SystemClock(), settings=AdapterSettings())
    shown = re.findall(r"^```json\n(.+?)^```", read("adapters.md"), re.MULTILINE | re.DOTALL)
    for example in shown:
        value = json.loads(example.replace("0x…", "0x" + "00" * 20))
        tasks = value if isinstance(value, list) else value.get("tasks", [value])
        for task in tasks:
            adapters.check(task["type"], task.get("params", {}))


def test_every_task_type_that_a_job_can_have_has_an_example() -> None:
    """Of those that are another under a second name, the other has it."""
    sections = re.split(r"^### ", read("adapters.md"), flags=re.MULTILINE)[1:]
    without = {section.partition("\n")[0] for section in sections if "```json" not in section}
    assert without == {
        "httpgetwithunrestrictednetworkaccess",
        "httppostwithunrestrictednetworkaccess",
        "nooppendoutgoing",
        "random",
    }
