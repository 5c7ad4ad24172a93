"""Parameters that several nouns share."""

from __future__ import annotations

import click

PAGES = (
    click.Option(["--page", "number"], type=click.IntRange(min=1), metavar="N", help="Which page, from 1."),
    click.Option(["--size"], type=click.IntRange(1, 1000), metavar="N", help="How many to a page; else 25."),
    click.Option(["--all", "every"], is_flag=True, help="The whole list, page after page."),
)
"""For a list: its handler takes them as ``pages``."""
YES = click.Option(["-y", "--yes"], is_flag=True, help="Do not ask.")
