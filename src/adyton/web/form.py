"""What a route takes and what it answers, as a value: the OpenAPI document is made of these.

Schemas of answers are made from the structs that are encoded, so they cannot say anything else than what is sent. Schemas of
bodies are written by hand, because bodies are read leniently (``domain.request_json``): they describe the canonical form.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import Meta

from adyton.web.jsonapi import CONTENT_TYPE

JSON = "application/json"
Schema: TypeAlias = Mapping[str, Any]


class One(msgspec.Struct, frozen=True):
    """A document with one resource; ``meta`` is the type of what stands beside it, if anything does."""

    kind: str
    attributes: Any
    meta: Any = None


class Many(msgspec.Struct, frozen=True):
    """A document with a list; ``paged``: with its count and the neighbouring pages."""

    kind: str
    attributes: Any
    paged: bool = True


class Value(msgspec.Struct, frozen=True):
    """A bare value of a type, in a media type of its own; ``schema`` instead of the type for what has none."""

    kind: Any = None
    media: str = JSON
    schema: Schema = {}


class Answer(msgspec.Struct, frozen=True):
    """A good answer. ``shown`` holds the documents that it may be; none: it has no body."""

    shown: tuple[One | Many | Value, ...] = ()
    status: int = 200
    about: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    """Names, and what each says."""


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """A value in the query, the path or a header; ``kind`` is the type that its text stands for."""

    name: str
    about: str
    kind: Any = str
    example: Any = None
    required: bool = False


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent. ``required``: an empty body is refused."""

    schema: Schema
    about: str = ""
    examples: Mapping[str, Any] = {}
    required: bool = True


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """A route's form.

    ``refusals`` say when a status is answered with a list of faults; what every route may answer is not repeated there.
    ``security`` names schemes where the route's own differ from those of its group. ``about`` stands behind the docstring of
    the handler. ``title`` stands for the docstring where several routes have one handler.
    """

    answers: tuple[Answer, ...]
    body: Body | None = None
    query: tuple[Parameter, ...] = ()
    path: tuple[Parameter, ...] = ()
    headers: tuple[Parameter, ...] = ()
    refusals: Mapping[int, str] = {}
    security: tuple[tuple[str, ...], ...] | None = None
    about: str = ""
    title: str = ""


def one(kind: str, attributes: Any, *, status: int = 200, about: str = "", meta: Any = None) -> Answer:
    """An answer that shows one resource."""
    return Answer((One(kind, attributes, meta),), status, about)


def many(kind: str, attributes: Any, *, paged: bool = True, about: str = "") -> Answer:
    """An answer that shows a list."""
    return Answer((Many(kind, attributes, paged),), about=about)


DONE = Answer(status=204, about="Done. There is no body; the content type is there all the same, as v0.6.2.")
MEDIA = CONTENT_TYPE

Natural: TypeAlias = Annotated[int, Meta(ge=1, le=2**63 - 1)] | Annotated[str, Meta(max_length=0)]
"""A number from 1; empty, it is as if it was left out."""

SIZE = Parameter(name="size", about="How many items a page has, 25 if it is not said.", kind=Natural, example=25)
PAGE = Parameter(name="page", about="Which page, from 1.", kind=Natural, example=1)
SORT = Parameter(
    name="sort",
    about="`-createdAt`: the newest first; anything else: the oldest first (as v0.6.2).",
    example="-createdAt",
)
PAGES = (SIZE, PAGE)
SORTED_PAGES = (*PAGES, SORT)
PAGE_REFUSED = {422: "`page`, `size` or a filter is wrong, in the words of v0.6.2."}


def identity(name: str, about: str, example: str) -> Parameter:
    """A name in the path. Whatever stands there is a name; one that nobody has is not found."""
    return Parameter(name=name, about=about, example=example, required=True)


JOB_ID = identity("job_id", "The job's id: 32 hex digits, with or without dashes.", "4c9a7f7a0b1e4d7c8f2e6a5b3d1c0f9e")
RUN_ID = identity("run_id", "The run's id: 32 hex digits, with or without dashes.", "9f0e1d2c3b4a59687786950a1b2c3d4e")
