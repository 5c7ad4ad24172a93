"""Endpoints as they are shown: to /health, to metrics, in logs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

import msgspec

from adyton.domain.urls import redact
from adyton.ethereum.endpoint import Endpoint
from adyton.ethereum.endpoint_parts import Rules
from adyton.ethereum.recent import Recently

FAILING = "failing"
"""The state of an endpoint that is connected and does not answer."""


class EndpointView(msgspec.Struct, frozen=True):
    """How one endpoint is. ``role`` is ``primary`` or ``send-only``; ``state`` is a word for it. ``head`` is the newest block
    that it has shown, ``head_age`` the seconds since it first showed that; ``problem`` says why it cannot be used, without
    credentials. ``url`` is without them too. ``pace`` is how many calls a second may begin now (None: nobody limits them),
    ``slowed`` that the endpoint wants fewer than we would make; ``recently`` counts what was asked of it."""

    name: str
    role: str
    state: str
    active: bool
    head: int | None
    head_age: float | None
    problem: str | None
    url: str = ""
    pace: float | None = None
    slowed: bool = False
    recently: Callable[[], Recently] = Recently


def names(urls: Sequence[str]) -> list[str]:
    """``host:port`` of each URL, numbered where several have the same."""
    plain = [urlsplit(redact(url)).netloc or redact(url) for url in urls]
    often, seen, named = Counter(plain), Counter[str](), []
    for name in plain:
        seen[name] += 1
        named.append(f"{name} #{seen[name]}" if often[name] > 1 else name)
    return named


def view(endpoint: Endpoint, rules: Rules, *, active: bool) -> EndpointView:
    """An endpoint as it is now."""
    state, problem = _state(endpoint, rules)
    known = endpoint.height.number is not None and endpoint.usable
    return EndpointView(
        name=endpoint.name,
        role="send-only" if endpoint.lazy else "primary",
        state=state,
        active=active,
        head=endpoint.height.number,
        head_age=endpoint.height.age if known else None,
        problem=problem,
        url=endpoint.where,
        pace=None if math.isinf(endpoint.budget.pace) else endpoint.budget.pace,
        slowed=endpoint.budget.slowed,
        recently=endpoint.tally.recently,
    )


def _state(endpoint: Endpoint, rules: Rules) -> tuple[str, str | None]:
    if endpoint.wrong_chain:
        return "wrong chain", endpoint.problem
    if not endpoint.usable:
        idle = endpoint.lazy and not endpoint.tried.is_set()
        return ("idle", None) if idle else ("not connected", endpoint.problem)
    if endpoint.failing is not None:
        return FAILING, endpoint.failing
    if endpoint.behind > rules.sync_threshold:
        return "behind", f"{endpoint.behind} blocks behind another one"
    if endpoint.budget.exhausted:
        return "throttled", "it wants to be asked less often"
    return "connected", None
