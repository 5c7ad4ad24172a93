"""Decide about logs, and write what comes of them in one operation: decisions, runs, requests, and how far was read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec
import structlog

from adyton.domain.chain import Hash, Log
from adyton.domain.errors import Conflict
from adyton.domain.event_logs import Subscription, event_data, event_id, repeats
from adyton.domain.jobs import Initiator, Job
from adyton.domain.requests import CLOSINGS, End, Request, RunLog, run_log_in
from adyton.domain.runs import Run, RunRequest
from adyton.engine.create import RunMaker, RunSource
from adyton.engine.engine import Engine
from adyton.initiators.findings import Decided, Known, Move, RequestKey
from adyton.initiators.listening import Listening
from adyton.initiators.log_matching import decide
from adyton.initiators.open_requests import OpenRequests
from adyton.initiators.routes import Route
from adyton.initiators.source import Heads
from adyton.metrics import Metrics
from adyton.ports import Clock
from adyton.storage import jobs as stored_jobs
from adyton.storage import logs as stored
from adyton.storage import request_runs, requests, statistics
from adyton.storage.database import Database, Statement

log = structlog.get_logger(__name__)

_LOGS_A_WRITE = 1000
_LINES_A_WRITE = 50


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What was read: the logs of the blocks from ``first`` to ``last``, and the statement that says so.

    ``again``: (some of) the blocks have been read before, so what is there is looked up first and only news is written.
    ``every_job``: see ``Known``. Requests in blocks below ``tried_below`` are started only if the chain still waits for them.
    """

    logs: list[Log]
    first: int
    last: int
    progress: Statement | None = None
    again: bool = False
    every_job: bool = False
    tried_below: int = 0


class Book:
    """Takes logs in. A crash at any await leaves whole writes; what was not written is read again, because the progress is
    written with the last of it. Taking in the same logs twice, or two at once, writes them once: by keys."""

    def __init__(
        self,
        *,
        db: Database,
        clock: Clock,
        heads: Heads,
        listening: Listening,
        maker: RunMaker,
        engine: Engine,
        open_requests: OpenRequests,
        metrics: Metrics,
    ) -> None:
        self._db = db
        self._clock = clock
        self._heads = heads
        self._listening = listening
        self._maker = maker
        self._engine = engine
        self._open_requests = open_requests
        self._metrics = metrics

    async def take_in(self, reading: Reading) -> None:
        """Write what the logs come to. Raises Conflict when something else keeps changing the same rows, StorageUnavailable,
        and, where the chain must be asked, Disconnected."""
        gone = await self._gone(reading) if reading.again and reading.last >= reading.tried_below else []
        equal = self._equal(reading.logs)
        parts = [reading.logs[i : i + _LOGS_A_WRITE] for i in range(0, len(reading.logs), _LOGS_A_WRITE)] or [[]]
        for number, part in enumerate(parts, start=1):
            progress = reading.progress if number == len(parts) else None
            await self._write(part, equal, reading, gone if number == 1 else [], progress)

    def _equal(self, logs: Sequence[Log]) -> dict[tuple[Hash, int], int]:
        """Which of the equal logs of its transaction a log is that an initiator wants."""
        routes = self._listening.now().routes
        return repeats(entry for entry in logs if routes.subscribed(entry)) if routes.has_subscriptions else {}

    async def _write(
        self,
        logs: list[Log],
        equal: dict[tuple[Hash, int], int],
        reading: Reading,
        gone: list[Request],
        progress: Statement | None,
    ) -> None:
        """Try as if all of it were new; where the keys say otherwise, look what is there and write only the rest."""
        if not reading.again:
            found = self._decide(logs, Known(repeats=equal, now=self._clock.now()))
            try:
                if not found.look_up:
                    await self._commit(found, gone, progress)
                    return
            except Conflict:
                pass
        known = await self._known(logs, equal, reading, gone)
        await self._commit(self._decide(logs, known), gone, progress)

    # --- what is there -----------------------------------------------------------------------------------------------

    async def _gone(self, reading: Reading) -> list[Request]:
        """Requests that a log closed in one of these blocks which has left the chain since."""
        closed = await requests.closed_by_others(self._db, reading.first, reading.last)
        return [each for each in closed if each.closed is not None and not await self._is_canonical(each.closed)]

    async def _is_canonical(self, closing: requests.Closing) -> bool:
        return await self._heads.canonical_hash(closing.block_number) in (closing.block_hash, None)

    async def _known(
        self, logs: Sequence[Log], equal: dict[tuple[Hash, int], int], reading: Reading, gone: Sequence[Request]
    ) -> Known:
        asking = self._asking(logs)
        found = {entry: request for entry, route in asking.items() if (request := _request_in(entry, route)) is not None}
        ended = {(entry.address, entry.topics[1]) for entry in logs if len(entry.topics) > 1 and entry.topics[0] in CLOSINGS}
        keys = sorted({(entry.address, request.request_id) for entry, request in found.items()})
        events = self._events(logs, equal)
        blocks = {entry.block_hash for entry in found} | {entry.block_hash for entry, _ in events}
        known = Known(
            runs=await request_runs.of_requests(self._db, [*keys, *(key for _, key in events)]),
            requests=await requests.many(self._db, sorted({*keys, *ended})),
            decided=await stored.decided(self._db, sorted(blocks)),
            archived=await self._archived(asking.values()),
            repeats=equal,
            looked_up=True,
            every_job=reading.every_job,
            now=self._clock.now(),
        )
        for each in gone:
            if (key := (each.contract, each.request_id)) in known.requests:
                known.requests[key] = msgspec.structs.replace(known.requests[key], closed=None)
        known.dead = frozenset(await self._open_requests.closed(_doubtful(found, asking, known, reading)))
        return known

    def _asking(self, logs: Sequence[Log]) -> dict[Log, Route]:
        """The logs that ask one of our jobs or contracts, and whom."""
        match = self._listening.now().routes.match
        return {entry: route for entry in logs if (route := match(entry)) is not None}

    def _events(self, logs: Sequence[Log], equal: dict[tuple[Hash, int], int]) -> list[tuple[Log, RequestKey]]:
        """The logs that initiators want although they ask for nothing, and what their runs are known by."""
        routes = self._listening.now().routes
        if not routes.has_subscriptions:
            return []
        return [
            (entry, (entry.address, event_id(each, entry, equal.get((entry.block_hash, entry.log_index), 0))))
            for entry in logs
            for each in routes.subscribed(entry)
        ]

    async def _archived(self, routes: Iterable[Route]) -> frozenset[str]:
        return frozenset(await stored_jobs.archived(self._db, sorted({route.job_id for route in routes if route.job is None})))

    # --- decide and write --------------------------------------------------------------------------------------------

    def _decide(self, logs: Sequence[Log], known: Known) -> Decided:
        head = self._heads.state.head
        height = head.number if head is not None else 0

        def make(job: Job, initiator: Initiator, entry: Log, request: RunLog) -> Run:
            return self._maker.from_log(job, initiator, entry, request, height)

        def make_of_event(subscription: Subscription, entry: Log, name: str) -> Run:
            source = RunSource(
                given=event_data(entry), height=entry.block_number, head=height, request=_place(entry, request_id=name)
            )
            return self._maker.new_run(subscription.job, subscription.initiator, source)

        routes = self._listening.now().routes
        return decide(logs, routes=routes, make_run=make, make_event_run=make_of_event, known=known)

    async def _commit(self, found: Decided, gone: Sequence[Request], progress: Statement | None) -> None:
        now = self._clock.now()
        statements = [*_taken_back(gone, self._engine, now), *_run_statements(found, self._engine, now)]
        if found.decisions:
            statements.append(stored.insert(found.decisions, now))
        if found.amended:
            statements.append(stored.amend(found.amended, now))
        statements += _request_statements(found, self._engine, now)
        if progress is not None:
            statements.append(progress)
        if statements:
            await self._db.write(*statements)
        self._engine.accept(found.runs)
        if found.moves or gone:
            await self._engine.take_up()
        for name, count in Counter(each.decision for each in (*found.decisions, *found.amended)).items():
            self._metrics.logs_taken_in.labels(name).inc(count)
        _tell(found)


def _taken_back(gone: Sequence[Request], engine: Engine, now: int) -> list[Statement]:
    """Closings whose block left the chain, and the runs that were called off for them."""
    if not gone:
        return []
    for each in gone:
        log.info("the end of a request left the chain", job=each.job_id, run=each.run_id, request=each.request_id)
    keys = [(each.contract, each.request_id) for each in gone]
    closings = [(key, each.closed.transaction_hash) for key, each in zip(keys, gone, strict=True) if each.closed is not None]
    going_on = (*statistics.forgotten_of(keys), request_runs.revived(keys, now))
    return [*requests.taken_back(closings), *going_on, *engine.news.moved_with(keys, now)]


def _run_statements(found: Decided, engine: Engine, now: int) -> list[Statement]:
    moved = [*(old.id for old, _ in found.superseded), *(move.run.id for move in found.moves)]
    statements = list(statistics.forgotten(moved)) if moved else []
    if found.superseded:
        why = "a reorganisation gave the id of its request to another request, which run {} answers"
        rows = [(old.id, new.id, why.format(new.id)) for old, new in found.superseded]
        statements.append(request_runs.superseded(rows, now))
    if found.runs:
        statements += engine.statements(found.runs)
    statements += [_move(move, now) for move in found.moves]
    return [*statements, *engine.news.moved(moved, now)]


def _request_statements(found: Decided, engine: Engine, now: int) -> list[Statement]:
    statements: list[Statement] = []
    if found.requests:
        newest = {(each.contract, each.request_id): each for each in found.requests}
        statements += [*requests.noted(newest.values()), requests.upsert(newest.values())]
    if found.placed:
        statements += [*requests.noted(found.placed), requests.placed(found.placed)]
    if found.closings:
        statements += requests.closed(found.closings)
    cancelled = [
        (*key, f"the requester cancelled the request in transaction {closing.transaction_hash}", closing.block_number)
        for key, closing in found.closings
        if closing.how is End.CANCELLED
    ]
    if cancelled:
        statements.append(request_runs.called_off(cancelled, now))
        statements += engine.news.moved_with([(contract, request_id) for contract, request_id, *_ in cancelled], now)
    return statements


def _move(move: Move, now: int) -> Statement:
    height = move.log.block_number
    by = height - move.run.height
    return request_runs.move(move.run.id, _place(move.log), move.data, payment=move.payment, height=height, by=by, now=now)


def _place(entry: Log, *, request_id: str | None = None) -> RunRequest:
    return RunRequest(
        contract=entry.address,
        transaction_hash=entry.transaction_hash,
        block_hash=entry.block_hash,
        log_index=entry.log_index,
        request_id=request_id,
    )


def _tell(found: Decided) -> None:
    """Say what was decided; a flood of requests in one line."""
    decisions = [*found.decisions, *found.amended]
    if len(decisions) > _LINES_A_WRITE:
        log.info("requests taken in", logs=len(decisions), runs=len(found.runs))
        return
    for decision in decisions:
        log.info(
            decision.decision,
            job=decision.job_id,
            run=decision.run_id,
            request=decision.request_id,
            block=decision.log.block_number,
            request_tx=decision.log.transaction_hash,
            because=decision.reason,
        )
    for move in found.moves:
        log.info(
            "a run follows its request",
            job=move.run.job_id,
            run=move.run.id,
            request=move.request_id,
            block=move.log.block_number,
            was=move.run.height,
        )


def _doubtful(found: dict[Log, RunLog], asking: dict[Log, Route], known: Known, reading: Reading) -> dict[RequestKey, RunLog]:
    """The requests for which a run would be started now although they are old."""
    doubtful: dict[RequestKey, RunLog] = {}
    for entry, request in found.items():
        key, route = (entry.address, request.request_id), asking[entry]
        if entry.block_number >= reading.tried_below or route.job is None or key in known.runs:
            continue
        if reading.every_job or (entry.block_hash, entry.log_index, route.job_id) not in known.decided:
            doubtful[key] = request
    return doubtful


def _request_in(entry: Log, route: Route) -> RunLog | None:
    try:
        return run_log_in(entry, route.initiator)
    except Exception:  # noqa: BLE001 - a defect of ours, which ``decide`` meets as well and writes down
        return None
