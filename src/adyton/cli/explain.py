"""``adyton explain``: the page of an error's code, from the package alone; what became of anything else, from the node."""

from __future__ import annotations

import shutil
import sys
import textwrap

import click

from adyton import codes
from adyton.cli.tree import Failure, wants_json

_WIDEST = 100
_KEPT = "\N{NO-BREAK SPACE}"  # textwrap breaks at ASCII blanks only
_MISSING = "Must pass an error's code, a transaction's hash, a request's id or a run's id"


def explain(what: str | None, *, everything: bool) -> None:
    """Print a page, or what became of something, or with ``everything`` the list of codes. Raises Failure."""
    if everything:
        _list()
    elif not what:
        raise click.UsageError(_MISSING)
    elif (code := codes.asked(what)) is not None:
        _show(code)
    else:
        from adyton.cli import requests

        requests.explain(what)


def _show(code: str) -> None:
    try:
        page = codes.page(code)
    except codes.UnknownCode as unknown:
        near = "\n".join(f"{each}: {codes.title(each)}" for each in unknown.nearest)
        raise Failure(
            f"{unknown} The nearest are:\n{near}", "`adyton explain --list` shows every code.", code="ADY-1166"
        ) from None
    if wants_json():
        _write_json(page._asdict())
        return
    head = [f"{page.code}: {page.title}", *([f"Where: {page.where}"] if page.where else [])]
    click.echo("\n".join([*map(_fitted, head), "", "Cause", _fitted(page.cause), "", "Cure", _fitted(page.cure)]))


def _list() -> None:
    titles = {code: codes.title(code) for code in codes.known()}
    if wants_json():
        _write_json([{"code": code, "title": title} for code, title in titles.items()])
    else:
        click.echo("\n".join(f"{code}  {title}" for code, title in titles.items()))


def _write_json(value: object) -> None:
    import msgspec

    from adyton.cli.output import write_json

    write_json(msgspec.json.encode(value))


def _fitted(text: str) -> str:
    """Paragraphs, not wider than the terminal; what stands in backquotes is for typing and stays on a line."""
    width = min(shutil.get_terminal_size().columns, _WIDEST) if sys.stdout.isatty() else _WIDEST
    return "\n\n".join(_paragraph(paragraph, width) for paragraph in text.split("\n\n"))


def _paragraph(text: str, width: int) -> str:
    parts = text.split("`")
    whole = "`".join(part.replace(" ", _KEPT) if n % 2 else part for n, part in enumerate(parts))
    return "\n".join(textwrap.wrap(whole, width, break_long_words=False, break_on_hyphens=False)).replace(_KEPT, " ")
