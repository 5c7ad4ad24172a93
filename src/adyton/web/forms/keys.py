"""Forms of the node's keys. Passwords come in bodies, never in URLs."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from msgspec import Meta

from adyton.web.form import DONE, JSON, Answer, Body, Form, One, Parameter, Value, many, one
from adyton.web.keys import KeyAttributes, NewKey
from adyton.web.schemas.pieces import Schema, several, text, thing


class Truth(StrEnum):
    """Yes or no in a query."""

    TRUE = "true"
    FALSE = "false"


_ADDRESS = Parameter(
    name="address",
    about="The key's address.",
    kind=Annotated[str, Meta(pattern="^0[xX][0-9a-fA-F]{40}$")],
    example="0x3cb8e3FD9d27e39a5e9e6852b0e96160061fd4ea",
    required=True,
)
_WRONG = "The password is wrong."
_UNREADABLE = "Something in the body, or the address, cannot be read or will not do."


_NEW: Schema = text("The password that is to be.", minLength=8, maxLength=1028)


def _body(**secrets: str | Schema) -> Body:
    properties = {name: text(about, minLength=1) if isinstance(about, str) else about for name, about in secrets.items()}
    example: dict[str, Any] = dict.fromkeys(properties, "correct horse battery")
    if "keyJSON" in properties:
        example["keyJSON"] = {"version": 3, "address": "3cb8e3fd9d27e39a5e9e6852b0e96160061fd4ea", "crypto": {}}
    return Body(
        schema=thing("Passwords.", properties, required=tuple(properties)),
        examples={"usual": example},
    )


_OURS = "The keystore's password."
_FILE = several("A key file.", {"type": "object"}, {"type": "string", "minLength": 1})

CREATE_EXTRA = Form(
    answers=(one("keys", NewKey, status=201),), body=_body(current_password=_OURS), refusals={401: _WRONG, 422: _UNREADABLE}
)
INDEX = Form(answers=(many("eTHKeys", KeyAttributes, paged=False),))
CREATE = Form(
    answers=(one("eTHKeys", KeyAttributes, status=201),),
    body=_body(currentPassword=_OURS),
    refusals={401: _WRONG, 422: _UNREADABLE},
)
TAKE_IN = Form(
    answers=(Answer((One("eTHKeys", KeyAttributes),), 201),),
    body=_body(keyJSON=_FILE, oldPassword="The file's password.", currentPassword=_OURS),
    refusals={401: _WRONG, 409: "The node has this key.", 422: _UNREADABLE},
)
GIVE_OUT = Form(
    answers=(Answer((Value(dict[str, Any], JSON),), about="A key file, version 3."),),
    path=(_ADDRESS,),
    body=_body(currentPassword=_OURS, newPassword=_NEW),
    refusals={401: _WRONG, 422: _UNREADABLE},
)
DELETE = Form(
    answers=(one("eTHKeys", KeyAttributes),),
    path=(_ADDRESS,),
    query=(Parameter(name="hard", about="Delete its file for good.", kind=Truth, example=Truth.FALSE.value),),
    body=_body(currentPassword=_OURS),
    refusals={401: _WRONG, 409: "Something still needs the key; the text says what.", 422: _UNREADABLE},
)
CHANGE_PASSWORD = Form(
    answers=(DONE,),
    body=_body(oldPassword=_OURS, newPassword=_NEW),
    refusals={401: _WRONG, 422: _UNREADABLE},
)
