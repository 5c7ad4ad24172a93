"""Jobs to begin from. What of them the node knows is filled in; the rest is a placeholder that no check lets pass."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from adyton.domain.chain import ZERO_ADDRESS
from adyton.web.ui.api import Answer
from adyton.web.ui.job_text import laid_out
from adyton.web.ui.page import Visit

Spec = Mapping[str, Any]

ORACLE, CONTRACT = "0xADDRESS-OF-YOUR-ORACLE-CONTRACT", "0xADDRESS-OF-YOUR-CONTRACT"
BRIDGE, INITIATOR = "name-of-your-bridge", "name-of-your-external-initiator"
_SOURCE = "https://prices.example/eth"
_TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
"""The topic of Transfer(address,address,uint256)."""


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What the node knows of its surroundings, else placeholders. ``now`` is in microseconds."""

    oracle: str = ORACLE
    link: str = CONTRACT
    bridge: str = BRIDGE
    initiator: str = INITIATOR
    now: int = 0


class Template(NamedTuple):
    """A job to begin from."""

    title: str
    about: str
    spec: Callable[[Known], Spec]


def _task(kind: str, **params: object) -> Spec:
    return {"type": kind, "params": params} if params else {"type": kind}


_READ = (_task("httpget", get=_SOURCE), _task("jsonparse", path=["USD", "last"]))
_NUMBER = (_task("multiply", times=100), _task("ethuint256"))


def _job(name: str, initiator: Spec, *tasks: Spec) -> Spec:
    return {"name": name, "initiators": [initiator], "tasks": list(tasks)}


def _price(known: Known) -> Spec:
    return _job("ETH in USD", _task("runlog", address=known.oracle), *_READ, *_NUMBER, _task("ethtx"))


def _bridge(known: Known) -> Spec:
    asked = _task(known.bridge, base="ETH", quote="USD")
    return _job("ETH in USD by a bridge", _task("runlog", address=known.oracle), asked, *_NUMBER, _task("ethtx"))


def _cron(_known: Known) -> Spec:
    schedule = _task("cron", schedule="CRON_TZ=UTC 0 0 * * * *")
    pushed = _task("ethtx", address=CONTRACT, functionSelector="setPrice(uint256)")
    return _job("ETH in USD, every hour", schedule, *_READ, *_NUMBER, pushed)


def _web(_known: Known) -> Spec:
    return _job("ETH in USD, by hand", _task("web"), *_READ)


def _run_at(known: Known) -> Spec:
    tomorrow = datetime.fromtimestamp(known.now / 1_000_000, UTC).date() + timedelta(days=1)
    return _job("Tomorrow at noon", _task("runat", time=f"{tomorrow}T12:00:00Z"), *_READ)


def _logs(known: Known) -> Spec:
    to_oracle = None if known.oracle == ORACLE else f"0x{known.oracle[2:].lower():>064}"
    listens = _task("ethlog", address=known.link, topics=[_TRANSFER, None, to_oracle])
    return _job("LINK that arrives", listens, _task("httppost", post="https://hooks.example/link"))


def _external(known: Known) -> Spec:
    initiator = _task("external", name=known.initiator, body={"feed": "eth-usd"})
    return _job("Started from outside", initiator, *_READ)


TEMPLATES: dict[str, Template] = {
    "price": Template("Price feed", "A contract asks; the node reads a source and answers on chain.", _price),
    "bridge": Template("Price feed by a bridge", "The same, and an external adapter of yours is the source.", _bridge),
    "cron": Template("Push by a schedule", "Every hour the node sends a price to a contract; nobody asks.", _cron),
    "web": Template("By hand or by a program", "Runs are started on these pages or through the API.", _web),
    "ethlog": Template("After a log", "A contract emits a log; the node tells a web hook of it.", _logs),
    "external": Template("External initiator", "A program of yours that watches something starts runs.", _external),
    "runat": Template("Once, at a time", "One run, tomorrow at noon.", _run_at),
}
"""By the names that links have. Randomness is none of them: this version has no VRF key."""


async def filled(visit: Visit, name: str) -> str:
    """The text of a template with what this node knows; "" for a name that none has."""
    template = TEMPLATES.get(name)
    return "" if template is None else laid_out(msgspec.json.encode(template.spec(await _known(visit))))


async def _known(visit: Visit) -> Known:
    config, jobs, bridges, initiators = await asyncio.gather(
        visit.api.ask("GET", "/v2/config"),
        visit.api.ask("GET", "/v2/specs", initiator="runlog", sort="-createdAt", size=5),
        visit.api.ask("GET", "/v2/bridge_types", size=1),
        visit.api.ask("GET", "/v2/external_initiators", size=1),
    )
    settings = config.item if config.ok else {}
    return Known(
        oracle=settings.get("oracleContractAddress") or _listened_to(jobs) or ORACLE,
        link=settings.get("linkContractAddress") or CONTRACT,
        bridge=_first(bridges) or BRIDGE,
        initiator=_first(initiators) or INITIATOR,
        now=visit.node.parts.clock.now(),
    )


def _listened_to(jobs: Answer) -> str | None:
    """The contract that one of these jobs listens to."""
    for job in jobs.items if jobs.ok else ():
        for initiator in job["initiators"]:
            address = initiator["params"].get("address")
            if initiator["type"] == "runlog" and address and address != ZERO_ADDRESS:
                return str(address)
    return None


def _first(things: Answer) -> str | None:
    return next((str(each["name"]) for each in things.items), None) if things.ok else None
