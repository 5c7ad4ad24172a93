"""How answers of the node become what is printed: JSON as it came, or something for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeVar

import click
import msgspec

from adyton.cli.client import Answer
from adyton.cli.output import clean, write_json
from adyton.cli.tree import FIRST, Failure, Pages, wants_json

PAGE_SIZE = 25
"""The node's own, as in v0.6.2."""
ONE = "parseResponse error: "
"""What v0.6.2 writes before the refusal of a single thing."""

T = TypeVar("T")
Attributes = Mapping[str, Any]


class Resource(msgspec.Struct):
    """An item of a JSON:API document. The attributes stay as they were written until they are needed."""

    attributes: msgspec.Raw
    id: str = ""


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
        readable(answer.where, lambda: shown(_value(attributes)))


def show_besides(answer: Answer, shown: Callable[[Attributes], None]) -> None:
    """Print, for people only, what a document says besides the thing that it is about."""
    if not wants_json():
        readable(answer.where, lambda: shown(decoded(answer, One).meta))


def show_page(answer: Answer, shown: Callable[[Sequence[Attributes]], None], pages: Pages = FIRST) -> None:
    """Print a page of a list, and on standard error whether there is another. Raises Failure."""
    if answer.refused:
        raise answer.failure()
    document = decoded(answer, Many)
    show(document.data, shown, answer.where)
    if document.links.get("next"):
        number, count = pages.number or 1, document.meta.get("count", "more")
        size = pages.size or PAGE_SIZE
        click.echo(f"Page {number}, {size} to a page, {count} in all. Next: --page {number + 1}; all: --all", err=True)


def show(resources: Sequence[Resource], shown: Callable[[Sequence[Attributes]], None], where: str = "") -> None:
    """Print a list. ``where`` is the answer's, for advice."""
    if wants_json():
        write_json(b"[" + b",".join(bytes(resource.attributes) for resource in resources) + b"]")
    else:
        readable(where, lambda: shown([_value(resource.attributes) for resource in resources]))


def decoded(answer: Answer, kind: type[T]) -> T:
    """The document that came. Raises Failure."""
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as problem:
        raise _not_understood(_lack(problem), answer.where) from None


def _value(attributes: msgspec.Raw) -> Attributes:
    """Raises TypeError when it is no object."""
    value = msgspec.json.Decoder(float_hook=Decimal).decode(attributes)
    if not isinstance(value, dict):
        raise TypeError("attributes are not an object")
    return value


def readable(where: str, shown: Callable[[], T]) -> T:
    """What ``shown`` makes of an answer. Whatever a stranger's answer holds must end in a message. Raises Failure."""
    try:
        return shown()
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as problem:
        raise _not_understood(_lack(problem), where) from None


def _lack(problem: Exception) -> str:
    """What an answer lacks, in words for people."""
    match problem:
        case KeyError(args=(str(name),)):
            return f'it has no "{name}"'
        case UnicodeError():
            return "it is not UTF-8 text"
        case msgspec.DecodeError():
            return str(problem)
        case _:
            return "it has another form than this command knows"


def _not_understood(reason: str, where: str) -> Failure:
    return Failure(clean(f"{ONE}{reason}"), f"Is that a node of this version? {where}".rstrip(), code="ADY-1160")
