"""Forms of external initiators."""

from __future__ import annotations

import msgspec

from adyton.web.form import DONE, JSON, PAGE_REFUSED, PAGES, Answer, Body, Form, One, Value, identity, many
from adyton.web.presenters.external_initiators import AnonymousInitiator, InitiatorAttributes, NamedInitiator
from adyton.web.schemas.pieces import nullable, text, thing


class Pong(msgspec.Struct, frozen=True):
    """That the caller is known here."""

    message: str


_OFF = {405: "FEATURE_EXTERNAL_INITIATORS is off."}

INDEX = Form(answers=(many("externalInitiators", InitiatorAttributes),), query=PAGES, refusals=PAGE_REFUSED)
CREATE = Form(
    answers=(
        Answer(
            (One("external_initiators", AnonymousInitiator), One("external initiators", NamedInitiator)),
            201,
            "With its secret, which is shown only here. The first form answers an empty body, as v0.6.2.",
        ),
    ),
    body=Body(
        schema=thing(
            "One with a name.",
            {
                "name": text("Its name, kept in small letters.", pattern="^[a-zA-Z0-9_-]+$", maxLength=512),
                "url": nullable(text("Where it is told about jobs that name it.", examples=["https://initiator.example/jobs"])),
            },
            required=("name",),
        ),
        about="Empty: one without a name, as v0.6.2 had them.",
        examples={"named": {"name": "feed", "url": "https://initiator.example/jobs"}},
        required=False,
    ),
    refusals={**_OFF, 400: "The name or the URL will not do.", 422: "The body cannot be read."},
)
DELETE = Form(
    answers=(DONE,),
    path=(identity("name", "Its name or its access key. An access key that nobody has is 204 too, as v0.6.2.", "feed"),),
    refusals=_OFF,
)
PING = Form(answers=(Answer((Value(Pong, JSON),)),))
