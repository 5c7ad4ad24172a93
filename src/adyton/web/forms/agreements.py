"""Forms of service agreements."""

from __future__ import annotations

from typing import Any

from adyton.web.form import Answer, Body, Form, One, identity, one
from adyton.web.presenters.agreements import AgreementAttributes
from adyton.web.schemas import job
from adyton.web.schemas.pieces import address, digits, listed, nullable, text, thing, whole

_ID = identity("agreement_id", "The agreement's id, 0x and 64 hex digits.", f"0x{'57bf' * 16}")
_SELECTOR = nullable(text("A function: four bytes in hex, or its signature."))


_TERMS = thing(
    "The terms.",
    {
        "payment": nullable(digits("Juels for each answer.", "1000000000000000000")),
        "expiration": nullable(whole("Seconds until a request may be cancelled.", 0, 2**63 - 1)),
        "oracles": nullable(listed("Who agrees; with capitals as EIP-55 has them.", address("An oracle."), maxItems=255)),
        "aggregator": nullable(address("A contract that puts the answers together; with its capitals.")),
        "aggInitiateJobSelector": _SELECTOR,
        "aggFulfillSelector": _SELECTOR,
    },
)


_EXAMPLE = {
    "initiators": [{"type": "execagreement"}],
    "tasks": [{"type": "httpget", "params": {"get": "https://prices.example/eth"}}, {"type": "ethuint256"}, {"type": "ethtx"}],
    "payment": "1000000000000000000",
    "expiration": 300,
    "endAt": "2030-10-19T22:17:19Z",
    "oracles": ["0x3cb8e3FD9d27e39a5e9e6852b0e96160061fd4ea", "0xa0788FC17B1dEe36f057c42B6F373A34B014687e"],
}
CREATE = Form(
    answers=(one("service_agreements", AgreementAttributes),),
    body=Body(
        schema={"description": "A job, and the terms beside it.", "allOf": [job.schema(), _TERMS]},
        examples={"price": _EXAMPLE},
    ),
    refusals={
        405: "FEATURE_SERVICE_AGREEMENTS is off.",
        409: "The job of this agreement was archived.",
        422: "Something is wrong with it; every fault at once.",
    },
    about="Anyone may propose; a caller who is logged in, a job of any tasks.",
)
SHOW = Form(answers=(Answer((One("service_agreements", dict[str, Any]),)),), path=(_ID,))
