"""Forms of transactions and attempts."""

from __future__ import annotations

from msgspec import structs

from adyton.domain.wishes import Wish
from adyton.web.form import PAGE_REFUSED, PAGES, Body, Form, identity, many, one
from adyton.web.forms import filters
from adyton.web.presenters.transactions import AttemptAttributes, KeyDiagnosis, TransactionAttributes, WishAttributes
from adyton.web.schemas.pieces import nullable, text, thing

_NAME = identity("name", "The hash of any of its attempts, or its id.", "7")

INDEX = Form(
    answers=(many("transactions", TransactionAttributes),), query=(*PAGES, *filters.TRANSACTIONS), refusals=PAGE_REFUSED
)
ATTEMPTS = Form(answers=(many("txattempts", AttemptAttributes),), query=PAGES, refusals=PAGE_REFUSED)
SHOW = Form(answers=(one("transactions", TransactionAttributes),), path=(_NAME,))
EXAMINE = Form(answers=(many("keyDiagnoses", KeyDiagnosis, paged=False),))
_WISH = Form(
    answers=(one("wishes", WishAttributes),),
    path=(_NAME,),
    query=(filters.DRY_RUN,),
    body=Body(
        schema=nullable(
            thing(
                "A price, for bump and cancel.",
                {
                    "gasPrice": nullable(
                        text("Wei for each gas, in digits; the node's own choice without it.", pattern="^[0-9]{0,78}$")
                    )
                },
            )
        ),
        about="May be empty.",
        examples={"price": {"gasPrice": "150000000000"}, "none": {}},
        required=False,
    ),
    refusals={
        400: "The price cannot be read, or would not do; the least that would.",
        409: "The transaction is in a state in which the wish makes no sense.",
        422: "`dryRun` is neither true nor false.",
    },
)
WISHES = {
    Wish.BUMP: structs.replace(_WISH, title="Raise a transaction's price now."),
    Wish.CANCEL: structs.replace(
        _WISH, title="Do not send a transaction; let a no-op compete for its nonce where that is late."
    ),
    Wish.RESEND: structs.replace(
        _WISH,
        title="Send the same bytes of a transaction again.",
        body=Body(
            schema=nullable(thing("The bytes have their price.", {"gasPrice": {"type": "null"}})),
            about="May be empty.",
            examples={"none": {}},
            required=False,
        ),
    ),
}
