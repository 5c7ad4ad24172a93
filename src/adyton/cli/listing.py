"""Lists of the node: a page, or every page one after the other."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain

import click

from adyton.cli.client import Client, connect
from adyton.cli.output import write_items
from adyton.cli.progress import progress
from adyton.cli.showing import Attributes, Many, Resource, decoded, show, show_page
from adyton.cli.tree import Failure, Pages, wants_json

_SIZE = 100
"""Items that are asked for at once when all are wanted."""


def show_list(
    *path: str,
    shown: Callable[[Sequence[Attributes]], None],
    pages: Pages,
    query: Mapping[str, object] | None = None,
) -> None:
    """Print the wanted part of the list at ``path``. Raises Failure."""
    client = connect()
    if not pages.every:
        asked = {**(query or {}), "page": pages.number, "size": pages.size}
        show_page(client.call("GET", *path, query=asked), shown, pages)
        return
    if pages.number is not None:
        raise click.UsageError("--page and --all exclude each other.")
    asked = {**(query or {}), "size": pages.size or _SIZE}
    if wants_json():
        # Written as it comes: a list may be longer than this machine's memory.
        found = chain.from_iterable(_pages(client, path, asked, quiet=sys.stdout.isatty()))
        write_items(bytes(resource.attributes) for resource in found)
    else:
        show([*chain.from_iterable(_pages(client, path, asked))], shown, client.where)


def _pages(
    client: Client, path: Sequence[str], query: Mapping[str, object], *, quiet: bool = False
) -> Iterator[list[Resource]]:
    """Page after page, as each names the next. What newer items moved to the next page meanwhile is not told twice."""
    known: set[str] = set()
    count = 0
    with progress("Reading the list", quiet=quiet) as told:
        answer = client.call("GET", *path, query=query)
        while True:
            if answer.refused:
                raise answer.failure()
            document = decoded(answer, Many)
            page = [each for each in document.data if not each.id or each.id not in known]
            known = {each.id for each in document.data}
            count += len(page)
            told.words = f"{count:,} of {document.meta.get('count', 'more')} read"
            yield page
            following = document.links.get("next")
            if following is None:
                return
            if not following.startswith("/") or not page:
                raise Failure(f"The list does not end: page after page leads to {following}", code="ADY-1103")
            answer = client.ask("GET", following)
