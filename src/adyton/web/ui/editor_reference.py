"""What a job can be made of, as the API's schema of jobs says it: beside the editor, to look up and to insert."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from adyton.web.ui.page import Visit

Schema = Mapping[str, Any]


class Param(msgspec.Struct, frozen=True):
    """A param: what it may be, in words; whether a job must have it; an example."""

    name: str
    about: str
    kind: str
    is_needed: bool


class Kind(msgspec.Struct, frozen=True):
    """A type of initiator or task. ``snippet`` is the least of it that a job can have, as JSON."""

    name: str
    about: str
    params: Sequence[Param]
    snippet: str


class Reference(msgspec.Struct, frozen=True):
    """All of them, and what a job has beside."""

    initiators: Sequence[Kind]
    tasks: Sequence[Kind]
    others: Sequence[Param]


async def reference(visit: Visit) -> Reference:
    """Asks the API."""
    answer = await visit.api.ask("GET", "/v2/schemas/job.json")
    if not answer.ok:
        return Reference((), (), ())
    properties: Schema = answer.document["properties"]
    initiators, tasks = (list(_kinds(properties[name]["items"]["anyOf"])) for name in ("initiators", "tasks"))
    others = [
        Param(name, schema.get("description", ""), _kind(schema), is_needed=False)
        for name, schema in properties.items()
        if name not in {"initiators", "tasks"}
    ]
    return Reference(initiators, tasks, others)


def _kinds(schemas: Sequence[Schema]) -> Iterator[Kind]:
    """Those that have a name of their own; a bridge's task is named as the bridge is."""
    return (_kind_of(each) for each in schemas if "const" in each["properties"]["type"])


USED: dict[str, frozenset[str]] = {
    "runlog": frozenset({"address", "requesters", "fromBlock"}),
    "ethlog": frozenset({"address", "fromBlock", "topics"}),
    "execagreement": frozenset({"address", "requesters", "fromBlock"}),
    "cron": frozenset({"schedule", "missed", "overlap"}),
    "runat": frozenset({"time"}),
    "web": frozenset(),
    "external": frozenset({"name", "body"}),
}
"""The params that a type of initiator has a use for. The schema has every param of every type, since v0.6.2 read them all;
nothing comes of the others."""


def _kind_of(schema: Schema) -> Kind:
    name = schema["properties"]["type"]["const"]
    whole = schema["properties"].get("params", {})
    needed, known = set(whole.get("required", ())), _properties(whole)
    used = {key: each for key, each in known.items() if key in USED.get(name, known)}
    shown = [Param(key, each.get("description", ""), _kind(each), key in needed) for key, each in used.items()]
    first = [key for key in used if key in needed] or list(used)[:1]
    example = {key: _example(used[key]) for key in first}
    made = {"type": name, "params": example} if example else {"type": name}
    return Kind(name, schema.get("description", ""), shown, json.dumps(made, ensure_ascii=False))


def _properties(schema: Schema) -> dict[str, Schema]:
    found = schema.get("properties")
    if found is None:
        found = next((each["properties"] for each in schema.get("anyOf", ()) if "properties" in each), {})
    return dict(found)


def _kind(schema: Schema) -> str:
    """What a value may be, in a few words."""
    if "const" in schema or "enum" in schema:
        values = schema.get("enum", [schema.get("const")])
        return " or ".join(str(each) for each in values if each not in (None, "")) or "text"
    if "anyOf" in schema:
        kinds = [_kind(each) for each in schema["anyOf"]]
        return " or ".join(dict.fromkeys(each for each in kinds if each))
    kinds = schema.get("type", "")
    named = [_NAMES.get(each, each) for each in ([kinds] if isinstance(kinds, str) else kinds) if each != "null"]
    return " or ".join(each for each in named if each)


_NAMES = {"string": "text", "array": "list", "integer": "whole number", "boolean": "true or false"}


def _example(schema: Schema) -> Any:
    """A value to begin with."""
    if schema.get("examples"):
        return schema["examples"][0]
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return _example(schema["anyOf"][0])
    if "required" in schema:
        return {key: _example(schema["properties"][key]) for key in schema["required"]}
    kinds = schema.get("type", "string")
    return _BEGINNINGS.get(kinds if isinstance(kinds, str) else kinds[0], "name")


_BEGINNINGS: dict[str, Any] = {"array": [], "object": {}, "integer": 1, "number": 1, "boolean": False}
