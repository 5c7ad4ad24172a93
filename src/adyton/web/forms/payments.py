"""Forms of payments, and of what there is to pay with."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from adyton.web.accounts import AccountBalance
from adyton.web.form import Answer, Body, Form, One, Parameter, many
from adyton.web.forms.filters import DRY_RUN
from adyton.web.presenters.payments import ForeseenPayment, WithdrawableLink
from adyton.web.presenters.transactions import TransactionAttributes
from adyton.web.reserves import BalanceAttributes
from adyton.web.schemas.pieces import Schema, address, nullable, text, thing

_KEY = Parameter(
    name="Idempotency-Key",
    about="The caller's own name of the payment: under one name it is made once.",
    kind=Annotated[str, Meta(pattern="^[ -~]{1,200}$")],
    example="invoice-4711",
)


def _body(source: str, about: str, unit: str) -> Body:
    amount = text(f"{unit}, in digits; at least one.", pattern="^[+]?0*[1-9][0-9]{0,77}$", examples=["1000000000000000000"])
    properties: dict[str, Schema] = {
        "address": address("Who is paid. Capitals must be right, or none (EIP-55)."),
        "amount": amount,
        source: nullable(address(about)),
        "idempotencyKey": nullable(text("As the header `Idempotency-Key`.", pattern="^[ -~]{1,200}$")),
    }
    example = {"address": "0x356a04bce728ba4c62a30294a55e6a8600a320b3", "amount": "1000000000000000000"}
    return Body(schema=thing("A payment.", properties, required=("address", "amount")), examples={"usual": example})


_SHOWN = Answer((One("transactions", TransactionAttributes), One("foreseenPayments", ForeseenPayment)))
_REFUSED = "Something in the body is wrong, there is not enough, or the chain refuses it. Nothing is sent."
_NEITHER = "`dryRun` is neither true nor false."
_OTHER = "The key belongs to another payment."

WITHDRAW = Form(
    answers=(_SHOWN,),
    headers=(_KEY,),
    query=(DRY_RUN,),
    body=_body("contractAddress", "The oracle contract; ORACLE_CONTRACT_ADDRESS without it.", "Juels"),
    refusals={400: _REFUSED, 409: _OTHER, 422: _NEITHER, 500: "What the contract holds could not be told (a 500 in v0.6.2)."},
)
TRANSFER = Form(
    answers=(_SHOWN,),
    headers=(_KEY,),
    query=(DRY_RUN,),
    body=_body("from", "The node's key that pays; one that holds enough without it.", "Wei"),
    refusals={400: _REFUSED, 409: _OTHER, 422: _NEITHER},
)
WITHDRAWABLE = Form(answers=(many("withdrawables", WithdrawableLink, paged=False),))
BALANCES = Form(answers=(many("accountBalances", AccountBalance, paged=False),))
SEEN_BALANCES = Form(answers=(many("balances", BalanceAttributes, paged=False),))
