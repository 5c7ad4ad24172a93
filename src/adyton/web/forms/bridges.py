"""Forms of bridges."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from adyton.web.bridges import BridgeAttributes
from adyton.web.form import PAGE_REFUSED, PAGES, Body, Form, Parameter, many, one
from adyton.web.presenters.bridge_tests import BridgeTestAttributes
from adyton.web.schemas import bridge
from adyton.web.schemas.pieces import nullable, thing

_NAME = Parameter(
    name="name",
    about="The bridge's name, in any case.",
    kind=Annotated[str, Meta(pattern="^[a-zA-Z0-9_-]+$")],
    example="random-number",
    required=True,
)
_SHOWN = one("bridges", BridgeAttributes)
_TOKENS = one("bridges", BridgeAttributes, about="With both tokens; the incoming one is shown only here.")
_UNREADABLE = "The name, or something in the body, cannot be read."

INDEX = Form(answers=(many("bridges", BridgeAttributes),), query=PAGES, refusals=PAGE_REFUSED)
SHOW = Form(answers=(_SHOWN,), path=(_NAME,), refusals={422: _UNREADABLE})
CREATE = Form(
    answers=(_TOKENS,),
    body=Body(schema=bridge.schema(), examples=bridge.EXAMPLES),
    refusals={400: "There is no name, or it is taken.", 409: "Somebody else made it first.", 422: _UNREADABLE},
)
UPDATE = Form(
    answers=(_SHOWN,),
    path=(_NAME,),
    body=Body(
        schema=bridge.schema(named=False),
        about="URL, confirmations and payment as they are to be: what is left out is reset, as v0.6.2.",
        examples={"usual": {"url": "https://adapter.example/", "confirmations": 3}},
    ),
    refusals={422: _UNREADABLE},
)
DELETE = Form(
    answers=(_SHOWN,),
    path=(_NAME,),
    refusals={409: "Jobs that are not archived use it.", 422: _UNREADABLE},
)
ROTATE = Form(answers=(_TOKENS,), path=(_NAME,), refusals={422: _UNREADABLE})
TEST = Form(
    answers=(one("bridgeTests", BridgeTestAttributes),),
    path=(_NAME,),
    body=Body(
        schema=nullable(thing("What to send.", {"data": nullable(thing("The data, as a run would have them.", {}))})),
        about="The data; empty: none. An object under `meta` in them stands beside the data too, as in a run.",
        examples={"a pair": {"data": {"from": "ETH", "to": "USD"}}},
        required=False,
    ),
    refusals={
        400: "The data are no object, or the bridge's URL names a secret that cannot be read.",
        409: "Runs do not ask it: an installed Python adapter has its name.",
        422: _UNREADABLE,
    },
)
