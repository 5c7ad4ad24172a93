"""Forms of API tokens."""

from __future__ import annotations

from adyton.domain.access import Role
from adyton.web.form import DONE, PAGE_REFUSED, PAGES, Body, Form, Schema, identity, many, one
from adyton.web.schemas.pieces import nullable, rfc3339, text, thing
from adyton.web.tokens import Credentials, TokenAttributes

_KEY = identity("access_key", "The token's access key: 32 hex digits.", "0b7d4a293bff4baf8de852bfa1f1f78a")
_PASSWORD: Schema = {"password": nullable(text("The user's password, once more."))}
_PROVEN = Body(schema=thing("The password.", _PASSWORD), examples={"usual": {"password": "correct horse battery"}})
_WRONG = {401: "The password is wrong.", 422: "The body cannot be read.", 429: "Too many wrong passwords."}

CREATE_UNNAMED = Form(
    answers=(one("auth_tokens", Credentials, status=201, about="The secret is shown only here."),),
    body=_PROVEN,
    refusals={**_WRONG, 409: "The user has as many tokens as they may."},
)
DELETE_UNNAMED = Form(answers=(DONE,), body=_PROVEN, refusals=_WRONG)
INDEX = Form(answers=(many("tokens", TokenAttributes),), query=PAGES, refusals=PAGE_REFUSED)
CREATE = Form(
    answers=(one("tokens", TokenAttributes, status=201, about="The secret is shown only here."),),
    body=Body(
        schema=thing(
            "A token.",
            {
                **_PASSWORD,
                "name": text("What it is for.", minLength=1, maxLength=100),
                "role": {**nullable(text("What it may do; without it what its user may.")), "enum": [*Role, None]},
                "expiresAt": nullable(rfc3339("When it ends; without it never.")),
            },
            required=("name",),
        ),
        examples={"usual": {"password": "correct horse battery", "name": "backup script", "role": "view"}},
    ),
    refusals={
        **_WRONG,
        403: "The role is above the user's.",
        409: "The user has as many tokens as they may.",
        422: "The body cannot be read, or something in it will not do.",
    },
)
ROTATE = Form(
    answers=(one("tokens", TokenAttributes, about="The secret is shown only here."),),
    path=(_KEY,),
    body=_PROVEN,
    refusals={**_WRONG, 404: "The user has no such token."},
)
DELETE = Form(
    answers=(DONE,),
    path=(_KEY,),
    refusals={403: "An API token may do less than its user.", 404: "There is no such token."},
)
