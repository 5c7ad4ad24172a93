"""Tests of bridges as the API shows them."""

from __future__ import annotations

import msgspec
from msgspec import Raw

from adyton.domain import data
from adyton.domain.bridge_tests import Came
from adyton.domain.exchanges import Exchange
from adyton.domain.external_initiators import shown_url
from adyton.domain.times import rfc3339
from adyton.services.bridge_tests import Tested
from adyton.web.jsonapi import Resource

HIDDEN = "Bearer (the bridge's outgoing token)"


class BridgeTestQuestion(msgspec.Struct, frozen=True):
    """What the bridge was sent; of the token only that there was one. Secrets in the URL stay as they are named."""

    method: str
    url: str
    headers: dict[str, str]
    body: str


class BridgeTestAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt. ``size`` is that of the whole answer in bytes, ``body`` its beginning; ``failure`` is a word for what was
    wrong, ``error`` a sentence where there was no answer; ``ms`` are milliseconds."""

    startedAt: str  # noqa: N815 - the API's own name
    ms: float
    status: int | None
    mediaType: str | None  # noqa: N815 - the API's own name
    size: int | None
    body: str | None
    failure: str | None
    error: str | None


class BridgeTestAttributes(msgspec.Struct, frozen=True, kw_only=True):
    """A test. ``status`` is completed, pending (the answer comes later), errored, or unfinished (it took longer than a test
    may); ``usable``: a run could go on with it, and ``detail`` says why or why not. ``data`` is what its next task would be
    given. Nothing of it is stored."""

    bridge: str
    status: Came
    usable: bool
    detail: str
    ms: float
    sent: BridgeTestQuestion
    attempts: list[BridgeTestAttempt]
    data: Raw | None


def tested_resource(tested: Tested, *, secrets: bool) -> Resource:
    """A test under the name of its bridge; ``secrets``: to someone who may see them."""
    asked = tested.question
    attributes = BridgeTestAttributes(
        bridge=tested.name,
        status=tested.verdict.came,
        usable=tested.verdict.usable,
        detail=tested.verdict.detail,
        ms=_ms(tested.took),
        sent=BridgeTestQuestion(
            asked.method,
            asked.url if secrets else shown_url(asked.url),
            {"Content-Type": "application/json", "Authorization": HIDDEN},
            asked.body,
        ),
        attempts=[_attempt(each) for each in tested.exchanges],
        data=None if tested.data is None else Raw(data.encode_bytes(tested.data)),
    )
    return Resource("bridgeTests", tested.name, attributes)


def _attempt(each: Exchange) -> BridgeTestAttempt:
    return BridgeTestAttempt(
        startedAt=rfc3339(each.started_at),
        ms=_ms(each.duration / 1_000_000),
        status=each.status,
        mediaType=each.media_type,
        size=each.size,
        body=each.body,
        failure=None if each.failure is None else each.failure.value,
        error=each.error,
    )


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
