"""``ROOT/nodes.toml``: the nodes that this person speaks to, by name.

::

    use = "staging"                       # the one that is asked when nothing else says which

    [nodes.staging]
    url = "https://oracle.example.com:6689"
    ca_file = "/home/me/ca.pem"           # who vouches for its certificate; without it the system's list
    insecure = false                      # true: its certificate is not checked
    credentials = "/home/me/staging"      # two lines, e-mail and password: logs in by itself
    access_key = "…"                      # an API token instead, and the file that holds its secret
    secret_file = "/home/me/staging.secret"

What else is kept of a node, its session and a secret that was typed, stands in ``ROOT/nodes/NAME/``. All of it is its owner's
alone.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from adyton.cli import private
from adyton.cli.tree import Failure
from adyton.config.parsers import http_url

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Profile(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A node, and as whom one speaks to it. Paths are absolute, or start at ROOT."""

    url: str
    ca_file: str = ""
    insecure: bool = False
    credentials: str = ""
    access_key: str = ""
    secret_file: str = ""


class Nodes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file: ``use`` is the name of the profile that is used, or empty."""

    use: str = ""
    nodes: dict[str, Profile] = {}


def place(root: Path) -> Path:
    """Where the file is."""
    return root / "nodes.toml"


def directory(root: Path, name: str) -> Path:
    """Where what is kept of a node stands."""
    return root / "nodes" / name


def load(root: Path) -> Nodes:
    """The file; empty if there is none. Raises Failure when it is wrong, or others can read it."""
    path = place(root)
    if not path.exists():
        return Nodes()
    try:
        nodes = msgspec.convert(tomllib.loads(private.read(path)), Nodes)
        for name, profile in nodes.nodes.items():
            check(name, profile.url)
    except ValueError as problem:  # TOML's error, and that of a wrong shape
        raise Failure(f"{path} is not as it should be: {problem}", "Correct it, or remove it.", code="ADY-1107") from None
    if nodes.use and nodes.use not in nodes.nodes:
        raise Failure(f'{path} uses "{nodes.use}", which it does not have.', "Type: adyton profiles use NAME", code="ADY-1107")
    return nodes


def save(root: Path, nodes: Nodes) -> None:
    """Write the file anew. Raises Failure."""
    lines = ["# Written by `adyton profiles`, which does not keep comments.", f"use = {_text(nodes.use)}"]
    for name, profile in sorted(nodes.nodes.items()):
        lines += ["", f"[nodes.{_text(name)}]"]
        lines += [f"{field} = {_value(value)}" for field, value in _fields(profile).items()]
    try:
        private.write(place(root), "\n".join([*lines, ""]))
    except OSError as problem:
        raise Failure(f"Cannot write {place(root)}: {problem.strerror}", code="ADY-1107") from None


def check(name: str, url: str) -> str:
    """The URL, without a slash at its end. Raises ValueError when the name or the URL cannot be one."""
    if not _NAME.fullmatch(name):
        raise ValueError(f'"{name}" cannot be the name of a node: letters, digits, dots, - and _, at most 64')
    try:
        return http_url(url)
    except ValueError as problem:
        raise ValueError(f"{name}: the url is {problem}") from None


def _fields(profile: Profile) -> Mapping[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(profile)
    return fields


def _value(value: str | bool) -> str:
    return _text(value) if isinstance(value, str) else str(value).lower()


def _text(text: str) -> str:
    """A TOML text: JSON's are, but for one character that TOML wants escaped."""
    return msgspec.json.encode(text).decode().replace("\x7f", "\\u007f")
