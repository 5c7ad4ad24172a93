"""Parameters that several nouns share."""

from __future__ import annotations

from typing import Any

import click


class Number(click.IntRange):
    """A whole number, with a message for people when it is none or out of range."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Raises BadParameter."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            to = f" to {self.max}" if self.max is not None else ""
            self.fail(f"{value!r} is no whole number from {self.min}{to}.", param, ctx)


PAGES = (
    click.Option(["--page", "number"], type=Number(min=1), metavar="N", help="Which page, from 1."),
    click.Option(["--size"], type=Number(1, 1000), metavar="N", help="How many to a page; else 25."),
    click.Option(["--all", "every"], is_flag=True, help="The whole list, page after page."),
)
"""For a list: its handler takes them as ``pages``."""
YES = click.Option(["-y", "--yes"], is_flag=True, help="Do not ask.")
