"""Parameters that several nouns share."""

from __future__ import annotations

import click

PAGE = click.Option(["--page"], type=click.IntRange(min=1), metavar="N", help="Which page, from 1.")
YES = click.Option(["-y", "--yes"], is_flag=True, help="Do not ask.")
