"""The commands about keys. Passwords come from files or from a person, and go to the node in the body of a request."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click
import msgspec

from adyton.cli import prompts, tables
from adyton.cli.client import connect
from adyton.cli.files import unreadable
from adyton.cli.output import write_json, write_table
from adyton.cli.passwords import secret
from adyton.cli.showing import Attributes, show_one, show_page
from adyton.cli.tree import Failure, wants_json

_PATH = ("v2", "keys", "eth")


def list_keys() -> None:
    """The keys."""
    show_page(connect().call("GET", *_PATH), _many)


def create(password: str | None) -> None:
    """Make a key."""
    body = _body(currentPassword=secret(password, "Password:"))
    show_one(connect().call("POST", *_PATH, body=body), _one)


def take_in(file: str, password: str | None, oldpassword: str | None) -> None:
    """Add the key of a file."""
    content = _key_file(Path(file).expanduser())
    their_password = secret(oldpassword, "Password of the key file:")
    body = _body(keyJSON=content, oldPassword=their_password, currentPassword=secret(password, "Password:"))
    show_one(connect().call("POST", *_PATH, "import", body=body), _one)


def give_out(address: str, output: str, password: str | None, newpassword: str | None) -> None:
    """Write a key file, for its owner's eyes only; it is made before the node is asked, so that the answer has a place."""
    target = Path(output).expanduser()
    passwords = _body(
        currentPassword=secret(password, "Password:"), newPassword=secret(newpassword, "New password:", twice=True)
    )
    with _new_file(target) as file:
        file.write(_exported(address, passwords))
    if wants_json():
        write_json(msgspec.json.encode({"address": address, "file": str(target)}))
    else:
        click.echo(f"Exported {address} to {target}")


def delete(address: str, password: str | None, hard: bool, yes: bool) -> None:
    """Take a key out of use."""
    what = "delete its file for good; without another copy what it holds is lost" if hard else "take it out of use"
    if not yes and not prompts.confirmed(f"{address}: {what}?"):
        raise Failure("Nothing was done.", code="ADY-1161")
    query = {"hard": "true"} if hard else None
    body = _body(currentPassword=secret(password, "Password:"))
    show_one(connect().call("DELETE", *_PATH, address, query=query, body=body), _one)


def change_password(password: str | None, newpassword: str | None) -> None:
    """Give the keystore another password."""
    old = secret(password, "Password:")
    new = secret(newpassword, "New password:", twice=True)
    answer = connect().call("PATCH", "v2", "keys", "password", body=_body(oldPassword=old, newPassword=new))
    if answer.refused:
        raise answer.failure()
    click.echo("Password updated. Write it into the file that the node is started with.")


def _exported(address: str, passwords: bytes) -> bytes:
    answer = connect().call("POST", *_PATH, "export", address, body=passwords)
    if answer.refused:
        raise answer.failure()
    return answer.body


@contextmanager
def _new_file(path: Path) -> Iterator[BinaryIO]:
    """A file that did not exist, mode 0600; durable afterwards, or gone when something goes wrong meanwhile."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as problem:
        cause = f"cannot write {path}: {problem.strerror}"
        raise Failure(cause, "Name a file that does not exist.", code="ADY-0812") from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _key_file(path: Path) -> msgspec.Raw:
    try:
        content = path.read_bytes()
        msgspec.json.decode(content)
    except (OSError, UnicodeError) as problem:
        raise Failure(f"Error reading key file: {unreadable(path, problem)}", code="ADY-0815") from None
    except msgspec.DecodeError as problem:
        raise Failure(f"{path} is no key file: it is not JSON ({problem})", code="ADY-0815") from None
    return msgspec.Raw(content)


def _body(**fields: object) -> bytes:
    return msgspec.json.encode(fields)


def _one(found: Attributes) -> None:
    _many([found])


def _many(found: Sequence[Attributes]) -> None:
    rows = [
        (key["address"], tables.units(key["ethBalance"]), tables.units(key["linkBalance"]), str(key["nextNonce"]))
        for key in found
    ]
    write_table("Keys", ("Address", "ETH", "LINK", "Next Nonce"), rows, wrap=None)
