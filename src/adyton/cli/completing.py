"""What a shell offers while a line is typed, and the scripts that make it ask.

Nothing here may disturb who types: no error is shown, nobody is logged in, and a node that does not answer is not waited for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from threading import Thread
from types import MappingProxyType
from typing import Any, NamedTuple

import click
import msgspec
from click.shell_completion import CompletionItem, get_completion_class

from adyton.cli import nodes_file, settings
from adyton.cli.cells import clean
from adyton.cli.client import connect
from adyton.cli.showing import Attributes, Many

PATIENCE = 1.0
"""Seconds that a person may be kept from typing."""
_SIZE = 100

Item = CompletionItem[str]


class _List(NamedTuple):
    """A list of the node: where it is, the names of an item (one that is missing is left out), and what stands beside them."""

    path: tuple[str, ...]
    names: Callable[[Attributes], tuple[Any, ...]]
    about: Callable[[Attributes], str] = lambda _each: ""
    query: Mapping[str, str] = MappingProxyType({})


_NEWEST = {"sort": "-createdAt"}
_LISTS = {
    "jobs": _List(
        ("v2", "specs"), lambda each: (each["id"],), lambda each: ", ".join(one["type"] for one in each["initiators"]), _NEWEST
    ),
    "runs": _List(("v2", "runs"), lambda each: (each["id"],), lambda each: each["status"], _NEWEST),
    "bridges": _List(("v2", "bridge_types"), lambda each: (each["name"],), lambda each: each["url"]),
    "initiators": _List(("v2", "external_initiators"), lambda each: (each["name"] or each["accessKey"],)),
    "requests": _List(("v2", "requests"), lambda each: (each["requestId"],), lambda each: each["fate"]["kind"]),
    "transactions": _List(("v2", "transactions"), lambda each: (str(each["txId"]), each["hash"]), lambda each: each["state"]),
    "keys": _List(("v2", "keys", "eth"), lambda each: (each["address"],)),
    "users": _List(("v2", "users"), lambda each: (each["email"],), lambda each: each["role"]),
    "tokens": _List(("v2", "tokens"), lambda each: (each["accessKey"],), lambda each: each["name"]),
}


def offers(ctx: click.Context, what: str, incomplete: str) -> list[Item]:
    """What begins as the word under the cursor; nothing rather than an error."""
    if what == "files":
        return [CompletionItem(incomplete, type="file")]
    try:
        with ctx.scope(cleanup=False):
            found = _profiles() if what == "profiles" else _asked(_LISTS[what])
            return [item for item in found if item.value.startswith(incomplete)]
    except Exception:  # noqa: BLE001 - whatever is wrong shows when the command is given
        return []


def script(shell: str) -> None:
    """Print what makes a shell ask: click's own script."""
    kind = get_completion_class(shell)
    assert kind is not None, "the command takes no other shells"
    asking = kind(click.get_current_context().find_root().command, {}, "adyton", "_ADYTON_COMPLETE")
    click.echo(asking.source_template % asking.source_vars())


def _profiles() -> Iterator[Item]:
    for name, profile in nodes_file.load(settings.load().root).nodes.items():
        yield CompletionItem(name, help=profile.url)


def _asked(wanted: _List) -> list[Item]:
    """A page of the list, if it comes in time. The thread that waits for a slow one ends with the process."""
    client = connect(timeout=PATIENCE, quiet=True)
    found: list[Item] = []
    if client.is_known:

        def ask() -> None:
            answer = client.call("GET", *wanted.path, query={**wanted.query, "size": _SIZE})
            if not answer.refused:
                found.extend(_items(wanted, answer.body))

        _in_time(ask)
    return found


def _in_time(ask: Callable[[], None]) -> None:
    def quietly() -> None:
        with suppress(Exception):
            ask()

    thread = Thread(target=quietly, daemon=True)
    thread.start()
    thread.join(PATIENCE)


def _items(wanted: _List, body: bytes) -> Iterator[Item]:
    for resource in msgspec.json.decode(body, type=Many).data:
        each = msgspec.json.decode(resource.attributes)
        for name in wanted.names(each):
            if name and clean(name) == name and not any(sign.isspace() for sign in name):
                yield CompletionItem(name, help=clean(wanted.about(each)).replace("\n", " "))
