"""Forms of logging in and out."""

from __future__ import annotations

from adyton.web.form import Answer, Body, Form, One
from adyton.web.schemas.pieces import nullable, text, thing
from adyton.web.sessions import SessionAttributes

_COOKIE = (("Set-Cookie", "The session's cookie, `clsession`."),)
_SHOWN = (One("session", SessionAttributes),)

CREATE = Form(
    answers=(Answer(_SHOWN, headers=_COOKIE),),
    body=Body(
        schema=nullable(
            thing(
                "Who logs in.",
                {"email": nullable(text("The user's e-mail.")), "password": nullable(text("The user's password."))},
            )
        ),
        examples={"usual": {"email": "you@example.com", "password": "correct horse battery"}},
    ),
    refusals={400: "The body cannot be read.", 401: "Wrong e-mail or password."},
)
DELETE = Form(answers=(Answer(_SHOWN, headers=_COOKIE),), security=(("session",),))
