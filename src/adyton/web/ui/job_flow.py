"""A job as a drawing: what starts it, its tasks, and where its answer goes, in words and with the params that matter.

Everything is taken from the request that would make the job, whose numbers keep their digits; templates only lay it out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from adyton.domain import data
from adyton.domain.chain import ZERO_ADDRESS
from adyton.domain.fates import SENDING

Json = Mapping[str, Any]
LONGEST = 300
"""Characters of a param that are shown; the definition has all of them."""
MOST = 5
"""Params of a task that are shown."""


class Fact(NamedTuple):
    """A param, or what stands beside it: ``kind`` says how it is written (text, url, address, link, time)."""

    name: str
    value: str
    kind: str = "text"


class Start(NamedTuple):
    """An initiator: its ``type``, what it means in ``words``, and what it says. ``short`` is for lists."""

    type: str
    words: str
    facts: tuple[Fact, ...]
    short: str


class Step(NamedTuple):
    """A task: what it does in ``words`` (empty for a type of which nothing is known here), the ``facts`` that matter and how
    many ``more`` params it has. ``confirmations`` is what it asks for, None: nothing."""

    number: int
    type: str
    words: str
    facts: tuple[Fact, ...]
    more: int
    confirmations: int | None

    @property
    def is_known(self) -> bool:
        """Whether it is a type of the node's own; others are bridges or Python adapters."""
        return self.type in _TASKS


class Flow(NamedTuple):
    """The drawing. ``end`` is ``answer`` (a request of a contract is answered), ``transaction`` or ``result`` (it stays with
    the run)."""

    starts: tuple[Start, ...]
    steps: tuple[Step, ...]
    end: str


_STARTS = {
    "web": ("By hand, or over the API", "by hand"),
    "cron": ("On a schedule", "schedule"),
    "runat": ("Once, at a time", "once"),
    "runlog": ("Requests on the chain", "requests"),
    "ethlog": ("Events of a contract", "events"),
    "execagreement": ("Requests of a service agreement", "agreement"),
    "external": ("An external initiator", "external"),
}
KINDS = tuple(_STARTS)
"""The types of initiators."""

_TASKS: dict[str, tuple[str, tuple[str, ...]]] = {
    "httpget": ("Asks a URL", ("get", "url", "extPath", "queryParams", "headers")),
    "httpgetwithunrestrictednetworkaccess": ("Asks a URL, also in this network", ("get", "url", "extPath", "queryParams")),
    "httppost": ("Sends to a URL", ("post", "url", "extPath", "queryParams", "body", "headers")),
    "httppostwithunrestrictednetworkaccess": ("Sends to a URL, also in this network", ("post", "url", "extPath", "body")),
    "jsonparse": ("Takes a value out of JSON", ("path",)),
    "copy": ("Takes a value out of the data", ("copyPath",)),
    "multiply": ("Multiplies the result", ("times",)),
    "quotient": ("Divides a number by the result", ("dividend",)),
    "compare": ("Compares the result", ("operator", "value")),
    "ethint256": ("Makes a word: int256", ()),
    "ethuint256": ("Makes a word: uint256", ()),
    "ethbytes32": ("Makes a word: 32 bytes of text", ()),
    "ethbool": ("Makes a word: true or false", ()),
    "ethtx": ("Sends a transaction", ("address", "functionSelector", "dataPrefix", "format", "fromAddress", "gasPrice")),
    "ethtxabiencode": ("Sends a transaction with ABI arguments", ("address", "functionABI", "fromAddress", "gasPrice")),
    "sleep": ("Waits until a time", ("until",)),
    "random": ("Draws a number that can be proved", ("publicKey",)),
    "wasm": ("Runs a WebAssembly module", ()),
    "resultcollect": ("Collects results for one transaction", ()),
    "noop": ("Does nothing", ()),
    "nooppend": ("Waits until it is given up", ()),
    "nooppendoutgoing": ("Waits until it is given up", ()),
}
_SELECTORS = {"0x4ab0d190": "fulfillOracleRequest"}
"""Functions that everybody calls, by their selector."""
_URLS = frozenset({"get", "post", "url"})
_ADDRESSES = frozenset({"address", "fromAddress"})
_PATHS = frozenset({"path", "copyPath"})
_WRITTEN = {name.lower(): name for name in (*_URLS, *_ADDRESSES, *_PATHS, "functionSelector", "queryParams")}


def drawn(spec: Json) -> Flow:
    """The drawing of a job, from the request that would make it."""
    starts = tuple(_start(each, spec) for each in _things(spec, "initiators"))
    steps = tuple(_step(number, each) for number, each in enumerate(_things(spec, "tasks"), 1))
    sends = any(step.type in SENDING for step in steps)
    asked = any(start.type in {"runlog", "execagreement"} for start in starts)
    return Flow(starts, steps, "answer" if sends and asked else "transaction" if sends else "result")


def in_short(job: Json) -> tuple[list[Start], list[str]]:
    """What starts a job, and the types of its tasks, as a list of jobs shows them."""
    return [_start(each, job) for each in _things(job, "initiators")], [str(each["type"]) for each in _things(job, "tasks")]


def _start(initiator: Json, spec: Json) -> Start:
    kind = str(initiator.get("type", "")).lower()
    params = initiator.get("params") or {}
    words, short = _STARTS.get(kind, (kind, kind))
    facts = tuple(_start_facts(kind, params, spec))
    shown = next((fact.value for fact in facts if fact.name in {"schedule", "initiator"}), "")
    return Start(kind, words, facts, f"{short} {shown}".strip())


def _start_facts(kind: str, params: Json, spec: Json) -> Iterator[Fact]:
    if kind in {"runlog", "ethlog"}:
        address = params.get("address")
        yield (
            Fact("contract", "any", "text")
            if address in {None, "", ZERO_ADDRESS}
            else Fact("contract", str(address), "address")
        )
    if kind in {"runlog", "execagreement"}:
        yield Fact("pays at least", _text(spec.get("minPayment")), "link")
    for number, requester in enumerate(params.get("requesters") or ()):
        yield Fact("only from" if number == 0 else "or from", str(requester), "address")
    for name, key, form in (
        ("schedule", "schedule", "text"),
        ("time", "time", "time"),
        ("initiator", "name", "text"),
        ("from block", "fromBlock", "text"),
        ("topics", "topics", "text"),
        ("missed times", "missed", "text"),
        ("overlap", "overlap", "text"),
    ):
        if params.get(key) not in (None, "", []):
            yield Fact(name, _text(params[key]), form)
    if params.get("ran"):
        yield Fact("has run", "yes")


def _step(number: int, task: Json) -> Step:
    kind = str(task.get("type", "")).lower()
    params = task.get("params") or {}
    words, known = _TASKS.get(kind, ("", ()))
    folded = {name.lower(): name for name in params}
    # Keys match in any case. What matters stands first; what nobody has named follows.
    first = [folded[name.lower()] for name in known if name.lower() in folded]
    names = [*first, *(name for name in params if name not in first)]
    facts = tuple(_fact(name, params[name]) for name in names[:MOST])
    confirmations = task.get("confirmations")
    asked = confirmations if isinstance(confirmations, int) else None
    return Step(number, kind, words, facts, len(names) - len(facts), asked)


def _fact(name: str, value: object) -> Fact:
    known = _WRITTEN.get(name.lower(), name)
    if known in _PATHS and isinstance(value, list):
        return Fact(name, _cut(" › ".join(_text(each) for each in value)))
    if known == "queryParams" and isinstance(value, list):
        texts = [_text(each) for each in value]
        return Fact(name, _cut("&".join("=".join(pair) for pair in zip(texts[::2], texts[1::2], strict=False))))
    if known in _ADDRESSES and isinstance(value, str):
        return Fact(name, _cut(value), "address")
    if known == "functionSelector" and isinstance(value, str) and value.lower() in _SELECTORS:
        return Fact(name, f"{_SELECTORS[value.lower()]} ({value})")
    return Fact(name, _text(value), "url" if known in _URLS else "text")


def _text(value: object) -> str:
    if value is None:
        return ""
    return _cut(value if isinstance(value, str) else data.encode(value))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _things(spec: Json, name: str) -> Sequence[Json]:
    found = spec.get(name)
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []
