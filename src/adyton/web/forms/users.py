"""Forms of users, their passwords and sessions."""

from __future__ import annotations

from adyton.domain.access import Role
from adyton.web.form import DONE, PAGE_REFUSED, PAGES, Answer, Body, Form, Many, One, Parameter, identity, many, one
from adyton.web.schemas.pieces import nullable, text, thing
from adyton.web.users import Myself, OpenSession, UserAttributes, UserListed

_EMAIL = identity("email", "The user's e-mail.", "you@example.com")
_ROLE = text("What the user may do.", enum=[role.value for role in Role])
_PASSWORD = text("8 to 1028 bytes.", minLength=8, maxLength=1028)
_UNREADABLE = "The body cannot be read, or something in it will not do."
_COOKIE = (("Set-Cookie", "The session's new cookie, `clsession`."),)

WHOAMI = Form(answers=(one("users", Myself),))
PASSWORD = Form(
    answers=(Answer((One("users", UserAttributes),), headers=_COOKIE),),
    body=Body(
        schema=thing(
            "The old and the new password.", {"oldPassword": nullable(text("As it is.")), "newPassword": nullable(_PASSWORD)}
        ),
        examples={"usual": {"oldPassword": "correct horse battery", "newPassword": "another long password"}},
    ),
    refusals={
        409: "The old password is wrong, or somebody else changed it meanwhile.",
        422: _UNREADABLE,
        429: "Too many wrong passwords.",
    },
)
SESSIONS = Form(answers=(Answer((Many("sessions", OpenSession, paged=False),)),))
END_SESSIONS = Form(
    answers=(DONE,),
    query=(Parameter(name="others", about="`true`: the session that asks stays open.", kind=bool, example=True),),
    refusals={403: "An API token may do less than its user.", 422: "`others` is neither true nor false."},
)
END_SESSION = Form(
    answers=(DONE,),
    path=(identity("session_id", "The session's id, as the list has it.", "0b7d4a293bff4baf"),),
    refusals={403: "An API token may do less than its user.", 404: "No such session of the caller's user is open."},
)
INDEX = Form(answers=(many("users", UserListed),), query=PAGES, refusals=PAGE_REFUSED)
CREATE = Form(
    answers=(one("users", UserAttributes, status=201),),
    body=Body(
        schema=thing(
            "A user.",
            {"email": text("The e-mail.", maxLength=254), "password": _PASSWORD, "role": _ROLE},
            required=("email", "password", "role"),
        ),
        examples={"usual": {"email": "watcher@example.com", "password": "correct horse battery", "role": "view"}},
    ),
    refusals={409: "There is a user of that e-mail.", 422: _UNREADABLE, 429: "Too many passwords are being hashed."},
)
UPDATE = Form(
    answers=(one("users", UserAttributes),),
    path=(_EMAIL,),
    body=Body(schema=thing("The new role.", {"role": _ROLE}, required=("role",)), examples={"usual": {"role": "edit"}}),
    refusals={404: "There is no such user.", 409: "It is the last admin.", 422: _UNREADABLE},
)
DELETE = Form(
    answers=(one("users", UserAttributes),),
    path=(_EMAIL,),
    refusals={404: "There is no such user.", 409: "It is the last admin."},
)
