"""Tells external initiators about jobs: of a new one while it is created, of one that is gone until they have heard.

What is to be told is a row, written with its fact, so a crash loses nothing: at worst an initiator hears the same twice. An
initiator's URL is the operator's own, so it may lie in his network. Its token and secret go to that address only: redirects are
not followed.
"""

from __future__ import annotations

import asyncio

import structlog

from adyton.domain import external_initiators
from adyton.domain.errors import Broken, StorageUnavailable
from adyton.domain.external_initiators import ExternalInitiator
from adyton.ports import HttpFailure, HttpRequest
from adyton.services.parts import Parts
from adyton.storage import external_initiators as stored
from adyton.storage import jobs, notifications
from adyton.storage.notifications import CREATED, DELETED, Notification

log = structlog.get_logger(__name__)

ATTEMPT = 15.0
"""Seconds that an initiator has for one answer."""
_LARGEST_ANSWER = 1024 * 1024
_FIRST_PAUSE, _LONGEST_PAUSE = 5, 3600
_REST = 60.0
"""Seconds after which the rows are looked at in any case."""
_AT_ONCE = 50
_SECOND = 1_000_000
_NOT_KNOWN = frozenset({404, 410})


class NotTold(Exception):
    """The initiator did not take the news. ``heard``: whether it may have heard it all the same."""

    def __init__(self, message: str, *, heard: bool) -> None:
        super().__init__(message)
        self.heard = heard


class Notifier:
    """Delivers what the rows say is to be told."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def run(self) -> None:
        """Deliver, then wait for more, for ever. A crash after an initiator has heard, and before its row is gone, tells it
        again at the next start."""
        while True:
            self._parts.news.clear()
            rest = await self._try_to_deliver()
            try:
                async with asyncio.timeout(rest):
                    await self._parts.news.wait()
            except TimeoutError:
                pass

    async def _try_to_deliver(self) -> float:
        """Deliver what is due; returns the seconds until more is."""
        try:
            while await self.deliver():
                pass
            return await self._until_next()
        except (StorageUnavailable, Broken) as fault:
            log.warning("external initiators cannot be told now; the next try comes", because=str(fault))
        except Exception:
            log.exception("external initiators cannot be told, in a way that must not be; the next try comes")
        return _FIRST_PAUSE

    async def deliver(self) -> bool:
        """Tell each initiator the oldest of what is due; whether there was any. Raises StorageUnavailable."""
        due = await notifications.due(self._parts.db, self._parts.clock.now(), limit=_AT_ONCE)
        outcomes = await asyncio.gather(*(self._deliver(one) for one in due), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        return bool(due)

    async def _deliver(self, one: Notification) -> None:
        initiator = await stored.by_name(self._parts.db, one.initiator)
        if initiator is None or initiator.url is None:
            # It was deleted since, or made anew without a URL.
            await self._parts.db.write(notifications.told(one))
            return
        try:
            await tell(self._parts, initiator, one.event, one.job_id, one.body)
        except NotTold as failed:
            if one.event == CREATED and not failed.heard:
                # As its creator would have done, had the node not ended.
                await take_back(self._parts, one.job_id, heard=False)
                return
            pause = min(_FIRST_PAUSE * 2 ** min(one.attempts, 20), _LONGEST_PAUSE)
            until = self._parts.clock.now() + pause * _SECOND
            await self._parts.db.write(notifications.postponed(one, until=until, error=str(failed)))
            log.warning("external initiator not told", job=one.job_id, news=one.event, because=str(failed), again_in=pause)
        else:
            await self._parts.db.write(notifications.told(one))
            log.info("external initiator told", job=one.job_id, news=one.event, initiator=one.initiator)

    async def _until_next(self) -> float:
        next_at = await notifications.next_at(self._parts.db)
        if next_at is None:
            return _REST
        return min(max((next_at - self._parts.clock.now()) / _SECOND, 0), _REST)


async def take_back(parts: Parts, job_id: str, *, heard: bool) -> None:
    """Archive a job that its external initiator did not take; one that may have heard of it all the same is told to forget it.
    A crash before the write leaves the news of the job to the notifier. Raises StorageUnavailable."""
    now = parts.clock.now()
    also = notifications.not_taken(job_id, now=now) if heard else [notifications.told_of_creation(job_id)]
    await jobs.archive(parts.db, job_id, now, *also)
    parts.jobs.remove(job_id)
    parts.news.set()
    log.warning("job archived: its external initiator did not take it", job=job_id)


async def tell(parts: Parts, initiator: ExternalInitiator, event: str, job_id: str, body: str) -> None:
    """Tell an initiator that has a URL one thing. Raises NotTold."""
    assert initiator.url is not None, "only initiators with a URL are told anything"
    url = external_initiators.forget_url(initiator.url, job_id) if event == DELETED else initiator.url
    request = HttpRequest(
        method="POST" if event == CREATED else "DELETE",
        url=url,
        headers=(
            ("Content-Type", "application/json"),
            (external_initiators.ACCESS_KEY_HEADER, initiator.outgoing_token or ""),
            (external_initiators.SECRET_HEADER, initiator.outgoing_secret or ""),
        ),
        body=body.encode() if event == CREATED else None,
        timeout=ATTEMPT,
        limit=_LARGEST_ANSWER,
        max_redirects=0,
        unrestricted=True,
        pooled=False,
    )
    who = f"notify '{initiator.name}' ({external_initiators.shown_url(initiator.url)})"
    try:
        response = await parts.http.request(request)
    except HttpFailure as failure:
        raise NotTold(f"{who}: {failure}", heard=True) from None
    if response.status // 100 == 2 or (event == DELETED and response.status in _NOT_KNOWN):
        return
    # Whoever answers for a server in trouble, it may have taken the news before.
    raise NotTold(f"{who} received bad response '{response.status}'", heard=response.status >= 500)
