"""The JSON Schema of a job spec."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adyton.web.schemas.pieces import (
    ANY_TIME,
    Named,
    Schema,
    address,
    digits,
    listed,
    nullable,
    rfc3339,
    several,
    text,
    thing,
)
from adyton.web.schemas.tasks import PARAMS, UNUSABLE

_HASH = {"type": "string", "pattern": "^0[xX][0-9a-fA-F]{64}$"}
_LINE = text(
    "A cron line: second, minute, hour, day of the month, month and, optionally, weekday; or `@hourly`, `@every 90s` and their "
    "kin. `CRON_TZ=Europe/Berlin` in front names a zone.",
    examples=["0 0 * * * *", "@every 90s"],
)
_FROM_BLOCK = several(
    "The first block whose requests count. `latest`, or nothing: those from now on; `unanswered`: all that wait for an answer.",
    {"type": "integer", "minimum": 0, "maximum": 2**60},
    {"type": "string", "pattern": "^(latest|unanswered|0[xX][0-9a-fA-F]{1,15}|[0-9]{1,18})$"},
    {"type": "null"},
)
_TOPICS = nullable(
    listed(
        "For each place of a log's topics what is wanted there: a hash, any of a list, or null for anything.",
        {"anyOf": [_HASH, {"type": "array", "items": _HASH}, {"type": "null"}]},
        maxItems=4,
    )
)
_COMMON: dict[str, Schema] = {
    "address": address("The contract it listens to; none, or zeros: any."),
    "requesters": nullable(listed("Who may ask; none: anyone. Not shown again.", address("Who may ask."))),
    "schedule": nullable(_LINE),
    "time": ANY_TIME,
    "ran": nullable({"type": "boolean", "description": "Whether it has run."}),
    "fromBlock": _FROM_BLOCK,
}
"""What every type must be able to read, whether it has a use for it or not (as v0.6.2)."""

_MISSED = nullable({"type": "string", "enum": ["skip", "latest", "all", ""], "description": "What becomes of missed fires."})
_OVERLAP = nullable({"type": "string", "enum": ["allow", "skip", ""], "description": "Whether runs may overlap."})


def _initiator(kind: str, about: str, params: Mapping[str, Schema] | None = None, *required: str) -> Schema:
    own = thing("", {**_COMMON, **(params or {})}, required=required)
    own = {key: value for key, value in own.items() if key != "description"}
    known = thing(about, {"type": {"const": kind}, "params": own if required else nullable(own)})
    return {**known, "title": kind, "required": ["type", "params"] if required else ["type"]}


_CRON = {"schedule": {**_LINE, "minLength": 1}, "missed": _MISSED, "overlap": _OVERLAP}
_EXTERNAL = {
    "name": text("The external initiator's name.", pattern="^[a-zA-Z0-9_-]+$", maxLength=512),
    "body": nullable(thing("What it is told about the job.", {})),
}
_INITIATORS: list[Schema] = [
    _initiator("web", "A client starts runs through the API."),
    _initiator("cron", "Runs start by a schedule.", _CRON, "schedule"),
    _initiator("runat", "One run starts at a time.", {"time": {**ANY_TIME, "anyOf": ANY_TIME["anyOf"][:2]}}, "time"),
    _initiator("runlog", "A request on chain starts a run."),
    _initiator("ethlog", "A log of a contract starts a run.", {"topics": _TOPICS}),
    _initiator("execagreement", "A request under a service agreement starts a run. It stands alone."),
    _initiator("external", "An external initiator starts runs. A job has one at most.", _EXTERNAL, "name"),
]

_CONFIRMATIONS = several(
    "Confirmations of the request's block that are needed before the task starts; the node's minimum without it.",
    {"type": "integer", "minimum": 0, "maximum": 2**32 - 1},
    {"type": "string", "pattern": "^[0-9]{0,10}$"},
    {"type": "null"},
)


def _task(kind: str, params: Schema) -> Schema:
    properties = {"type": {"const": kind}, "confirmations": _CONFIRMATIONS, "params": params}
    needed = ["type", "params"] if "required" in params else ["type"]
    return {"title": kind, "type": "object", "description": params["description"], "properties": properties, "required": needed}


def _other_task() -> Schema:
    """A bridge's task, or a Python adapter's: whatever name is not a type of the node's own."""
    taken = {"enum": sorted((*PARAMS, *UNUSABLE))}
    about = "The name of a bridge, or of an installed Python adapter."
    return {
        "title": "bridge or Python adapter",
        "type": "object",
        "description": "A task of a bridge or of a Python adapter; its params are theirs to understand.",
        "properties": {
            "type": {"type": "string", "pattern": "^[a-zA-Z0-9_-]+$", "not": taken, "description": about},
            "confirmations": _CONFIRMATIONS,
            "params": thing("What the bridge or the adapter takes.", {}),
        },
        "required": ["type"],
    }


_NAME = {
    "description": "What its author calls it. Anything but a text is ignored.",
    "anyOf": [
        {"type": "string", "maxLength": 255, "pattern": r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$"},
        {"type": ["null", "boolean", "number", "array", "object"]},
    ],
}


def _time(about: str) -> Schema:
    wrapped = thing("As v0.6.2 wrote it itself: `Time`, which counts where `Valid` is true.", {})
    return several(about, rfc3339("A time."), wrapped, {"type": "null"})


_MIN_PAYMENT = several(
    "What a request must pay at least, in juels, instead of the node's minimum.",
    digits("Juels.", "1000000000000000000"),
    {"type": "integer", "minimum": 0, "maximum": 2**256 - 1},
    {"const": ""},
    {"type": "null"},
)
_OWN_ID = several(
    "An id that the job brings along: 32 hex digits, with or without dashes. The node makes one without it.",
    {"type": "string", "pattern": "^[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$"},
    {"const": ""},
    {"type": "null"},
)
EXAMPLES: dict[str, Any] = {
    "price": {
        "initiators": [{"type": "runlog", "params": {"address": "0x356a04bce728ba4c62a30294a55e6a8600a320b3"}}],
        "tasks": [
            {"type": "httpget", "params": {"get": "https://prices.example/eth"}},
            {"type": "jsonparse", "params": {"path": ["USD", "last"]}},
            {"type": "multiply", "params": {"times": 100}},
            {"type": "ethuint256"},
            {"type": "ethtx"},
        ],
    },
    "hourly": {
        "initiators": [{"type": "cron", "params": {"schedule": "0 0 * * * *"}}, {"type": "web"}],
        "tasks": [{"type": "httpget", "params": {"get": "https://prices.example/eth"}}, {"type": "noop"}],
    },
}


def schema() -> Named:
    """The schema of a job spec, in its canonical form: the node also takes keys and types in any case."""
    shown = {
        "type": "object",
        "title": "Job spec",
        "description": "What starts runs, and the tasks of a run in their order. The node takes keys and types in any case; "
        "this describes the usual spelling. Keys that it does not know are ignored.",
        "properties": {
            "name": _NAME,
            "initiators": listed("What starts runs.", {"anyOf": _INITIATORS}, minItems=1),
            "tasks": listed(
                "What a run does, in order.",
                {"anyOf": [*(_task(kind, params) for kind, params in PARAMS.items()), _other_task()]},
                minItems=1,
            ),
            "startAt": _time("Before it no run starts."),
            "endAt": _time("After it no run starts."),
            "minPayment": _MIN_PAYMENT,
            "externalJobID": _OWN_ID,
        },
        "required": ["initiators", "tasks"],
    }
    return Named("JobSpec", shown)
