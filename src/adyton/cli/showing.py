"""How answers of the node become what is printed: JSON as it came, or something for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeVar

import click
import msgspec

from adyton.cli.client import Answer
from adyton.cli.output import write_json
from adyton.cli.tree import Failure, wants_json

PAGE_SIZE = 25
"""The node's own, as in v0.6.2."""
ONE = "parseResponse error: "
"""What v0.6.2 writes before the refusal of a single thing."""

T = TypeVar("T")
Attributes = Mapping[str, Any]


class Resource(msgspec.Struct):
    """An item of a JSON:API document. The attributes stay as they were written until they are needed."""

    attributes: msgspec.Raw


class One(msgspec.Struct):
    """A document about one thing. ``meta`` is what is said besides."""

    data: Resource
    meta: dict[str, Any] = {}


class Many(msgspec.Struct):
    """A document about a list. ``links`` has ``next`` when there is more."""

    data: list[Resource]
    links: dict[str, str] = {}
    meta: dict[str, Any] = {}


def show_one(answer: Answer, shown: Callable[[Attributes], None], *, prefix: str = ONE) -> None:
    """Print one thing. Raises Failure, whose message begins with ``prefix``."""
    if answer.refused:
        raise answer.failure(prefix)
    attributes = decoded(answer, One).data.attributes
    if wants_json():
        write_json(bytes(attributes))
    else:
        _readable(lambda: shown(_value(attributes)))


def show_besides(answer: Answer, shown: Callable[[Attributes], None]) -> None:
    """Print, for people only, what a document says besides the thing that it is about."""
    if not wants_json():
        _readable(lambda: shown(decoded(answer, One).meta))


def show_page(answer: Answer, shown: Callable[[Sequence[Attributes]], None], page: int | None) -> None:
    """Print a page of a list, and on standard error whether there is another. Raises Failure."""
    if answer.refused:
        raise answer.failure()
    document = decoded(answer, Many)
    show(document.data, shown)
    if document.links.get("next"):
        count = document.meta.get("count", "more")
        click.echo(f"Page {page or 1}, {PAGE_SIZE} to a page, {count} in all. Next: --page {(page or 1) + 1}", err=True)


def show(resources: Sequence[Resource], shown: Callable[[Sequence[Attributes]], None]) -> None:
    """Print a list."""
    if wants_json():
        write_json(b"[" + b",".join(bytes(resource.attributes) for resource in resources) + b"]")
    else:
        _readable(lambda: shown([_value(resource.attributes) for resource in resources]))


def decoded(answer: Answer, kind: type[T]) -> T:
    """The document that came. Raises Failure."""
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except (msgspec.DecodeError, UnicodeError) as problem:
        raise _not_understood(str(problem)) from None


def _value(attributes: msgspec.Raw) -> Attributes:
    value = msgspec.json.Decoder(float_hook=Decimal).decode(attributes)
    if not isinstance(value, dict):
        raise _not_understood("attributes are not an object")
    return value


def _readable(shown: Callable[[], None]) -> None:
    """Whatever a stranger's answer holds must end in a message."""
    try:
        shown()
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise _not_understood(f"{type(problem).__name__}: {problem}") from None


def _not_understood(reason: str) -> Failure:
    return Failure(f"{ONE}{reason}", "Is CLIENT_NODE_URL the address of a node?")
