"""``adyton node import``: a key file joins the keystore of a node that is not running."""

from __future__ import annotations

from pathlib import Path

import click

from adyton.cli.files import unreadable
from adyton.cli.settings import load
from adyton.cli.tree import Failure
from adyton.domain.errors import Invalid
from adyton.domain.evm import checksum
from adyton.keystore.files import add_file


def run(file: str) -> None:
    """Copy a key file. As v0.6.2: the password is not checked, and a key that is there already is left as it is."""
    source = Path(file).expanduser()
    try:
        content = source.read_bytes()
    except OSError as problem:
        raise Failure(f"Error reading key file: {unreadable(source, problem)}", code="ADY-0815") from None
    directory = load().root / "keys"
    try:
        address, added = add_file(directory, source, content)
    except Invalid as damaged:
        raise Failure(str(damaged), code=damaged.error_code) from None
    except OSError as problem:
        raise Failure(f"cannot write into {directory}: {problem.strerror}", code="ADY-0812") from None
    shown = checksum(address)
    click.echo(f"Imported {shown}; it is used from the next start on" if added else f"{shown} is in the keystore already")
