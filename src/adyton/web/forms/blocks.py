"""Forms of blocks that are read again."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from adyton.web.blocks import ReplayStarted, RereadAttributes
from adyton.web.form import PAGE_REFUSED, PAGES, Form, Parameter, many, one

REPLAY = Form(
    answers=(one("replay", ReplayStarted),),
    path=(
        Parameter(
            name="number",
            about="The first block to read again.",
            kind=Annotated[int, Meta(ge=0)],
            example=7654321,
            required=True,
        ),
    ),
    refusals={422: "It is no block number, or the chain has no such block yet."},
)
REREADS = Form(answers=(many("rereads", RereadAttributes),), query=PAGES, refusals=PAGE_REFUSED)
