"""The commands about external initiators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from adyton.cli.client import connect
from adyton.cli.listing import show_list
from adyton.cli.output import write_table
from adyton.cli.showing import ONE, Attributes, show_one
from adyton.cli.tree import Pages


def create(name: str | None, url: str | None) -> None:
    """Make one: without a name as v0.6.2 had them. Prints its secrets, which nothing shows again."""
    wanted = {"name": name} | ({"url": url} if url is not None else {})
    body = b"" if name is None else msgspec.json.encode(wanted)
    show_one(connect().call("POST", "v2", "external_initiators", body=body), _credentials)


def list_initiators(pages: Pages) -> None:
    """Those that there are."""
    show_list("v2", "external_initiators", shown=_initiators, pages=pages)


def destroy(name: str) -> None:
    """Delete one; prints nothing."""
    answer = connect().call("DELETE", "v2", "external_initiators", name)
    if answer.refused:
        raise answer.failure(ONE)


def _credentials(made: Attributes) -> None:
    rows = [(key, str(value)) for key, value in made.items()]
    write_table("External Initiator Credentials", ("ID", "Value"), rows, wrap=None)


def _initiators(found: Sequence[Attributes]) -> None:
    columns = ("Name", "URL", "Access Key", "Undelivered", "Because")
    write_table("External Initiators", columns, [_row(each) for each in found])


def _row(each: Attributes) -> tuple[str, ...]:
    undelivered: Any = each["undelivered"]
    return each["name"], each["url"] or "", each["accessKey"], str(undelivered), each["undeliveredBecause"] or ""
