"""Testing a bridge: it is asked exactly as a run would ask it, and no run is made of it."""

from __future__ import annotations

import asyncio
from typing import TypeVar

import msgspec

from adyton.adapters.base import Question, TaskContext
from adyton.adapters.bridge import BridgeAdapter
from adyton.domain.bridge_tests import Verdict, judged, read_sample, unfinished
from adyton.domain.errors import Conflict
from adyton.domain.exchanges import Exchange
from adyton.domain.runs import Data, Outcome, RunStatus
from adyton.domain.secrets import redact_all
from adyton.services import bridges
from adyton.services.parts import Parts
from adyton.system import hidden

T = TypeVar("T")

SHARE = 0.75
"""Of the time that a request to the API may take: how long a test may, with its waiting for a turn."""
MORE = 5.0
"""Seconds that a test may take beyond one whole attempt: somebody waits for it, and further attempts tell nothing new."""


class Tested(msgspec.Struct, frozen=True, kw_only=True):
    """A test that is over. ``question`` is what was sent, ``exchanges`` each attempt; ``data`` is what a run would go on with
    (None: nothing). ``took`` is in seconds."""

    name: str
    question: Question
    exchanges: tuple[Exchange, ...]
    verdict: Verdict
    data: Data | None
    took: float


async def test(parts: Parts, name: str, body: bytes) -> Tested:
    """Ask a bridge with the data of a body, through the adapter that runs use: same address, token, limits and attempts.
    Nothing is stored, so a crash loses the answer and nothing else; secrets are in none of it.

    Raises Invalid, NotFound, and Conflict when runs would not ask it.
    """
    given = read_sample(body)
    bridges.get(parts, name)
    adapter = parts.task_types.bridge(name)
    if adapter is None:
        raise Conflict(f"runs do not ask this bridge: an installed Python adapter is called {name} too", code="ADY-1351")
    exchanges: list[Exchange] = []
    context = TaskContext(
        run_id=parts.entropy.new_id(),
        position=0,
        status=RunStatus.UNSTARTED,
        transaction=None,
        connected=parts.chain.state.connected,
        exchanges=exchanges,
    )
    began = parts.clock.monotonic()
    outcome, verdict = await _asked(parts, adapter, given, context, exchanges)
    data = None if outcome is None or outcome.data is None else _without_secrets(outcome.data, adapter)
    question = adapter.question(given, {}, context)
    return Tested(
        name=name,
        question=msgspec.structs.replace(question, url=hidden.without(question.url), body=hidden.without(question.body)),
        exchanges=tuple(exchanges),
        verdict=msgspec.structs.replace(verdict, detail=_without_secrets(verdict.detail, adapter)),
        data=data,
        took=parts.clock.monotonic() - began,
    )


async def _asked(
    parts: Parts, adapter: BridgeAdapter, given: Data, context: TaskContext, exchanges: list[Exchange]
) -> tuple[Outcome | None, Verdict]:
    config = parts.config
    seconds = min(config.http_server_write_timeout * SHARE, config.default_http_timeout + MORE)
    try:
        async with asyncio.timeout(seconds) as limit, parts.trying:
            outcome = await adapter.perform(given, {}, context)
    except TimeoutError:
        if not limit.expired():
            raise
        timeout, attempts = config.default_http_timeout, max(1, config.max_http_attempts)
        return None, unfinished(seconds, exchanges, timeout=timeout, attempts=attempts)
    performer = parts.engine.executor.performer
    bounded = performer.bounded(outcome, given=given, task_type=adapter.name)
    told_where = bool(config.bridge_response_url)
    return bounded, judged(bounded, exchanges, told_where=told_where)


def _without_secrets(value: T, adapter: BridgeAdapter) -> T:
    """A bridge may say back the token that it was shown: in a run its operator decides what is kept, here nothing needs it."""
    shown: T = redact_all(value, [adapter.bridge.outgoing_token])
    return shown
