"""Forms of alerts, their rules and destinations."""

from __future__ import annotations

from adyton.domain.alert_destinations import MOST, SHORTEST_SECRET, DestinationType, MailSecurity
from adyton.domain.alert_rules import LONGEST_HOLD, Severity
from adyton.domain.alerts import AlertStatus
from adyton.web.form import DONE, PAGE_REFUSED, PAGES, Body, Form, Parameter, Schema, identity, many, one
from adyton.web.presenters.alerts import (
    AlertAttributes,
    DeliveryAttributes,
    DestinationAttributes,
    RuleAttributes,
    State,
)
from adyton.web.schemas.pieces import listed, nullable, number, several, text, thing, whole

_NAME = identity("name", "Its id, or its name.", "01a20f977dbd7000a2b92fa52b891590")
_RULE = identity("name", "The rule's name.", "head")
_BAD = {422: "The body cannot be read, or something in it will not do: every fault is listed."}
_GONE = {404: "There is no such destination."}
_TAKEN = {409: "The name is taken."}
_TRUTH: Schema = {"type": "boolean"}


def _words(about: str, words: type[Severity | MailSecurity | DestinationType]) -> Schema:
    return nullable(text(about, enum=list(words)))


_COMMON: Schema = {
    "name": text("What people call it.", minLength=1, maxLength=100),
    "enabled": nullable({**_TRUTH, "description": "Whether it is told anything; true if left out."}),
    "severity": _words("The least that is told there; `warning` if left out.", Severity),
}
_URL: Schema = {"url": text("Where to; not shown again.", pattern="^https?://[^/ ]", maxLength=2000)}
_SIGNED: Schema = {
    "secret": nullable(
        text(f"Signs each message; at least {SHORTEST_SECRET} characters. Empty: it is not signed.", maxLength=2000)
    )
}
_MAIL: Schema = {
    "host": text("The server that takes it.", examples=["smtp.example"]),
    "port": nullable(whole("Its port; 587, 465 or 25 by its security if left out.", 1, 65535)),
    "security": _words("How the line to it is protected; `starttls` if left out.", MailSecurity),
    "user": nullable(text("Who logs in there; nobody if left out.")),
    "password": nullable(text("The user's password.")),
    "from": text("The sender's address.", examples=["node@example.com"]),
    "to": listed("Addresses of people.", {"type": "string"}, minItems=1, maxItems=50),
}


def _of(kind: DestinationType, own: Schema, *required: str) -> Schema:
    fields = {**_COMMON, "type": {"type": "string", "enum": [kind], "description": "What it is; it cannot be changed."}, **own}
    return thing(f"Of the type {kind}.", fields, required=("name", "type", *required))


_DESTINATION = several(
    "A destination. Fields of another type are ignored.",
    _of(DestinationType.WEBHOOK, {**_URL, **_SIGNED}, "url"),
    _of(DestinationType.SLACK, _URL, "url"),
    _of(DestinationType.EMAIL, _MAIL, "host", "from", "to"),
)
_CHANGE = nullable(
    thing(
        "What changes; the rest stays, secrets too. Fields of another type are ignored.",
        {name: nullable(schema) for name, schema in {**_COMMON, **_URL, **_SIGNED, **_MAIL}.items()},
    )
)

INDEX = Form(
    answers=(many("alerts", AlertAttributes),),
    query=(
        *PAGES,
        Parameter(
            name="status",
            about="Only such: `raised` is open, `cleared` is over, `pending` is wrong but not for long enough to be told.",
            kind=AlertStatus,
            example="raised",
        ),
    ),
    refusals=PAGE_REFUSED,
)
RULES = Form(answers=(many("alertRules", RuleAttributes, paged=False),))
CHANGE_RULE = Form(
    answers=(one("alertRules", RuleAttributes),),
    path=(_RULE,),
    body=Body(
        schema=nullable(
            thing(
                "What changes; null is as the program has it.",
                {
                    "enabled": nullable({**_TRUTH, "description": "Whether it is looked at."}),
                    "threshold": number("What counts as wrong, in the rule's unit."),
                    "holdSeconds": nullable(whole("How long it must be wrong.", 0, LONGEST_HOLD)),
                    "clearSeconds": nullable(whole("How long it must be well again.", 0, LONGEST_HOLD)),
                },
            )
        ),
        examples={"slower": {"threshold": "600", "holdSeconds": 120}, "off": {"enabled": False}},
    ),
    refusals={**_BAD, 404: "There is no such rule."},
)
DESTINATIONS = Form(answers=(many("alertDestinations", DestinationAttributes, paged=False),))
SHOW_DESTINATION = Form(answers=(one("alertDestinations", DestinationAttributes),), path=(_NAME,), refusals=_GONE)
CREATE_DESTINATION = Form(
    answers=(one("alertDestinations", DestinationAttributes, status=201),),
    body=Body(
        schema=_DESTINATION,
        examples={
            "webhook": {
                "name": "on call",
                "type": "webhook",
                "url": "https://alerts.example/in",
                "secret": "a-long-secret-text",
            },
            "slack": {"name": "channel", "type": "slack", "url": "https://hooks.example/T0/B0/x", "severity": "critical"},
            "email": {
                "name": "mail",
                "type": "email",
                "host": "smtp.example",
                "user": "node",
                "password": "its password",
                "from": "node@example.com",
                "to": ["you@example.com"],
            },
        },
    ),
    refusals={**_BAD, 409: f"The name is taken, or there are {MOST} already."},
)
CHANGE_DESTINATION = Form(
    answers=(one("alertDestinations", DestinationAttributes),),
    path=(_NAME,),
    body=Body(schema=_CHANGE, examples={"off": {"enabled": False}, "moved": {"url": "https://alerts.example/other"}}),
    refusals={**_BAD, **_GONE, **_TAKEN},
)
DELETE_DESTINATION = Form(answers=(DONE,), path=(_NAME,), refusals=_GONE)
TEST_DESTINATION = Form(
    answers=(one("alertDeliveries", DeliveryAttributes, about="`state` says whether it was taken, `error` why not."),),
    path=(_NAME,),
    refusals=_GONE,
)
DELIVERIES = Form(
    answers=(many("alertDeliveries", DeliveryAttributes),),
    query=(
        *PAGES,
        Parameter(name="destination", about="Only those to that destination: its id or its name.", example="on call"),
        Parameter(name="alert", about="Only those about that alert: its id.", example="01a20d40f6a97000b34f0ea11d2f8b1c"),
        Parameter(name="state", about="Only such.", kind=State, example="failed"),
    ),
    refusals={**PAGE_REFUSED, 404: "There is no such destination."},
)
