"""The loop that looks for requests without an end and without a reason.

A reorganisation deeper than ``MIN_OUTGOING_CONFIRMATIONS`` can undo an answer after its run was completed: the request moves to
another block, the same bytes are sent again, and the contract refuses them. Such a request is run again, at once and by itself,
if the chain still holds it; if it does not, for as long as the chain may change, that is written down as the reason. So is one
whose run failed in a block that the request has left since, when its log was found in the new one too late. Whatever else is
unaccounted for is told once and left to an operator. Requests that were refused, or whose run failed where the request still
is, have a reason and are never touched.

Everything it goes by is in the rows, so a crash costs a look.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import NamedTuple, Protocol

import structlog

from adyton.domain.chain import Address, Hash, Head
from adyton.domain.errors import Broken, Conflict, Refused, TryAgain
from adyton.domain.fates import SENDING, failed_elsewhere
from adyton.domain.requests import Request
from adyton.domain.runs import Run, RunStatus
from adyton.ethereum.errors import RpcError
from adyton.ethereum.head_tracker import ChainState
from adyton.services import requests
from adyton.services.parts import Parts
from adyton.services.requests import Gone, Unwanted
from adyton.storage import fates
from adyton.storage import runs as stored_runs

EVERY = 10.0
"""Seconds between two looks, however many heads arrive."""
_AT_ONCE = 500


class Cause(NamedTuple):
    """Why a request is run again: for the metric, for a reason that is written down, and for the log."""

    label: str
    what: str
    told: str


_UNDONE = Cause(
    "answer undone",
    "its answer was undone by a reorganisation",
    "a reorganisation deeper than MIN_OUTGOING_CONFIRMATIONS undid an answer; its request is run again",
)
_MOVED = Cause(
    "request moved",
    "its run failed in a block that it has left since",
    "a reorganisation moved a request from where its run failed; it is run again",
)

log = structlog.get_logger(__name__)


class Heads(Protocol):
    """Where new heads come from."""

    def updates(self) -> AsyncIterator[ChainState]:
        """The newest state of the chain, then each change; states may be skipped."""
        ...


class Reconciler:
    """Compares requests with their fates."""

    def __init__(self, *, parts: Parts, heads: Heads) -> None:
        self._parts = parts
        self._heads = heads
        self._told: set[tuple[Address, Hash]] = set()
        self._missing: dict[tuple[Address, Hash], int] = {}
        """Requests that the chain does not hold, by the head at which that was first seen."""

    async def run(self) -> None:
        """Look at the start and at new heads, for ever."""
        async for state in self._heads.updates():
            if state.connected and state.head is not None:
                await self._try_to_look(state.head)
                await self._parts.clock.sleep(EVERY)

    async def _try_to_look(self, head: Head) -> None:
        try:
            await self.look(head)
        except (RpcError, TryAgain, Refused, Broken) as fault:
            log.warning("requests cannot be compared with their fates now; the next look comes", because=str(fault))
        except Exception:
            log.exception("requests cannot be compared with their fates, in a way that must not be; the next look comes")

    async def look(self, head: Head) -> None:
        """Repair what can be repaired, and tell of the rest. Raises RpcError, TryAgain."""
        seen: set[tuple[Address, Hash]] = set()
        last: Request | None = None
        while found := await fates.unaccounted(self._parts.db, after=last, limit=_AT_ONCE):
            for request in found:
                seen.add(_key(request))
                await self._see_to(request, head)
            last = found[-1]
            if len(found) < _AT_ONCE:
                break
        self._told &= seen
        self._missing = {key: height for key, height in self._missing.items() if key in seen}

    async def _see_to(self, request: Request, head: Head) -> None:
        run = None if request.run_id is None else await stored_runs.get(self._parts.db, request.run_id, self._parts.jobs)
        if run is None or (cause := _cause(request, run)) is None:
            self._tell(request, "a request is unaccounted for; `adyton requests run` runs it", None)
            return
        try:
            if await self._parts.chain.canonical_hash(request.block_number) != request.block_hash:
                await self._miss(request, head, cause, f"its block {request.block_number} left the chain as well")
                return
            new, _ = await requests.start_again(self._parts, request)
        except Gone as gone:
            await self._miss(request, head, cause, str(gone))
        except Unwanted as fault:
            await self._give_up(request, cause, str(fault))
        except Conflict as moment:
            # It is being closed, moved or run by somebody else; the next look shows what came of it.
            log.debug("a request is not run again now", request=request.request_id, because=str(moment))
        else:
            self._parts.metrics.requests_run_again.labels(cause.label).inc()
            log.error(
                cause.told,
                request=request.request_id,
                contract=request.contract,
                run=new.id,
                instead=run.id,
            )

    async def _miss(self, request: Request, head: Head, cause: Cause, why: str) -> None:
        """The chain does not hold it now. It may come back as long as the chain can change."""
        first = self._missing.setdefault(_key(request), head.number)
        if head.number - first >= self._parts.finality_depth:
            await self._give_up(request, cause, why)
        else:
            self._tell(request, f"{cause.what}, and the chain does not hold its request now", why)

    async def _give_up(self, request: Request, cause: Cause, why: str) -> None:
        log.error("a request is not run again", request=request.request_id, contract=request.contract, because=why)
        await requests.give_up(self._parts, request, f"{cause.what}, and {why}")

    def _tell(self, request: Request, words: str, why: str | None) -> None:
        if _key(request) not in self._told:
            self._told.add(_key(request))
            log.error(words, request=request.request_id, contract=request.contract, run=request.run_id, because=why)


def _key(request: Request) -> tuple[Address, Hash]:
    return request.contract, request.request_id


def _cause(request: Request, run: Run) -> Cause | None:
    """Why the request is to be run again; None when nothing says so. That no answer of the run is there, the query has said."""
    if failed_elsewhere(request, run):
        return _MOVED
    return _UNDONE if run.status is RunStatus.COMPLETED and any(task.spec.type in SENDING for task in run.tasks) else None
