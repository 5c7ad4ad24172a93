"""Log intake: every log of every block, once, whatever happens in between.

The cursor (a row) says through which block logs have been taken in; a new head only wakes. Each pass asks for the logs of
the blocks behind the cursor, decides about them, and writes decisions, runs and cursor in one operation. So a crash at any
await costs nothing: the next pass starts at the cursor. Reading a block twice is harmless: decisions and requests are keyed.

- The newest block is asked for by its hash, so a node that does not have it says so instead of answering "no logs".
- Ranges shrink when the node refuses them or is too slow, and grow back.
- When the cursor's block is no longer on the chain, the last ``finality_depth`` blocks are read again.
- At every new connection the last ``margin`` blocks are read again: another node may have been behind.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

import structlog

from adyton.domain.chain import Hash, Head, Log, LogFilter
from adyton.domain.errors import Broken, Conflict, Refused, TryAgain
from adyton.domain.jobs import Initiator, Job
from adyton.domain.requests import LAYOUTS, MalformedLog, RunLog, merged_filter, read_run_log
from adyton.domain.runs import Run, RunRequest
from adyton.engine.create import RunMaker
from adyton.engine.engine import Engine
from adyton.engine.jobs import JobRegistry
from adyton.ethereum.errors import RpcError
from adyton.ethereum.head_tracker import ChainState
from adyton.initiators.log_matching import Decided, Known, RequestKey, Routes, decide
from adyton.ports import Clock
from adyton.storage import logs as stored
from adyton.storage import runs as stored_runs
from adyton.storage.database import Database, Statement
from adyton.storage.logs import Cursor

log = structlog.get_logger(__name__)

_LOGS_A_WRITE = 1000
_LONGEST_PAUSE = 10.0
_LINES_A_WRITE = 50


class LogSource(Protocol):
    """What log intake asks the chain for."""

    async def head(self, tag: str | int = "latest") -> Head | None:
        """A block's header."""
        ...

    async def logs(self, wanted: LogFilter, first: int, last: int) -> list[Log]:
        """Logs of a range of blocks."""
        ...

    async def logs_in_block(self, wanted: LogFilter, block: Hash) -> list[Log]:
        """Logs of one block; an error when the node does not have it."""
        ...


class Heads(Protocol):
    """What log intake needs of the head tracker."""

    @property
    def state(self) -> ChainState:
        """The newest state."""
        ...

    def updates(self) -> AsyncIterator[ChainState]:
        """The newest state, then each change."""
        ...

    async def canonical_hash(self, number: int) -> Hash | None:
        """The hash of the canonical block at a height; None when it can't be told now."""
        ...


class ChainMoved(TryAgain):
    """The chain was reorganised while it was read; what was read counts for nothing."""


class LogIntake:
    """Follows the chain and starts runs for the requests found on it."""

    def __init__(
        self,
        *,
        db: Database,
        clock: Clock,
        chain: LogSource,
        heads: Heads,
        jobs: JobRegistry,
        maker: RunMaker,
        engine: Engine,
        finality_depth: int,
        margin: int,
        longest_range: int,
    ) -> None:
        self._db = db
        self._clock = clock
        self._chain = chain
        self._heads = heads
        self._jobs = jobs
        self._maker = maker
        self._engine = engine
        self._finality_depth = finality_depth
        self._margin = margin
        self._longest_range = longest_range
        self._range = longest_range
        self._cursor: Cursor | None = None
        self._connection = 0
        self._routes = Routes(())
        self._filter: LogFilter | None = None
        self._jobs_version = -1

    @property
    def height(self) -> int | None:
        """The block through which logs have been taken in."""
        return None if self._cursor is None else self._cursor.block_number

    async def run(self) -> None:
        """Follow the chain, for ever. A pass that fails is repeated, with growing pauses, until it succeeds."""
        async for state in self._heads.updates():
            pause = 0.05
            while state.connected and state.head is not None:
                try:
                    await self._catch_up(state, state.head)
                    break
                except (RpcError, TryAgain, Refused, Broken) as fault:
                    log.warning("logs could not be taken in; trying again", because=str(fault), seconds=round(pause, 2))
                except Exception:
                    log.exception("logs could not be taken in, in a way that must not be; trying again")
                await self._clock.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
                state = self._heads.state  # noqa: PLW2901 - the newest head, not the one that failed

    # --- which blocks ------------------------------------------------------------------------------------------------

    async def _catch_up(self, state: ChainState, head: Head) -> None:
        cursor = await self._where(head)
        if state.connection != self._connection:
            cursor = _back(cursor, self._margin)
        cursor = await self._on_chain(cursor, head)
        while cursor.block_number < head.number:
            cursor = await self._pass(cursor, head)
        self._connection = state.connection

    async def _where(self, head: Head) -> Cursor:
        if self._cursor is None:
            self._cursor = await stored.cursor(self._db) or Cursor(await self._first_block(head) - 1, None)
        return self._cursor

    async def _first_block(self, head: Head) -> int:
        """Where a node begins that has never read this chain: at the age of its oldest job, so that what was asked of the
        job before there was a connection is answered too; without jobs, a little behind the head."""
        if not self._jobs.jobs:
            return max(0, head.number - self._margin)
        since = min(job.created_at for job in self._jobs.jobs.values()) // 1_000_000 - 60
        low, high = 0, head.number
        while low < high:
            middle = (low + high) // 2
            block = await self._chain.head(middle)
            if block is None or block.timestamp < since:
                low = middle + 1
            else:
                high = middle
        return max(0, low - self._margin)

    async def _on_chain(self, cursor: Cursor, head: Head) -> Cursor:
        """The cursor, or one far enough back if its block has left the chain."""
        if cursor.block_hash is None:
            return cursor
        if cursor.block_number <= head.number:
            canonical = await self._heads.canonical_hash(cursor.block_number)
            if canonical == cursor.block_hash:
                return cursor
            if canonical is None:
                raise ChainMoved(f"block {cursor.block_number} cannot be found on the chain now")
        log.warning("the chain was reorganised; reading again", block=cursor.block_number, back=self._finality_depth)
        return _back(Cursor(min(cursor.block_number, head.number), None), self._finality_depth)

    # --- one pass ----------------------------------------------------------------------------------------------------

    async def _pass(self, cursor: Cursor, head: Head) -> Cursor:
        """Take in the next blocks; returns the new cursor, durable."""
        self._refresh_routes()
        first = cursor.block_number + 1
        last = min(first + self._range - 1, head.number)
        logs = _in_order(await self._read(first, last, head))
        reached = Cursor(last, head.hash if last == head.number else await self._heads.canonical_hash(last))
        await self._take_in(logs, reached)
        self._cursor = reached
        self._range = min(self._range * 2, self._longest_range)
        return reached

    def _refresh_routes(self) -> None:
        if self._jobs_version != self._jobs.version:
            self._routes = Routes(self._jobs.jobs.values())
            self._filter = merged_filter(self._jobs.jobs.values())
            self._jobs_version = self._jobs.version

    async def _read(self, first: int, last: int, head: Head) -> list[Log]:
        if self._filter is None:
            return []
        if first == last == head.number:
            return await self._chain.logs_in_block(self._filter, head.hash)
        try:
            logs = await self._chain.logs(self._filter, first, last)
        except (RpcError, TryAgain):
            self._range = max(1, self._range // 2)
            raise
        await self._check_canonical(logs, head)
        return logs

    async def _check_canonical(self, logs: Sequence[Log], head: Head) -> None:
        """Blocks that may still change must be the ones we know; older ones are final."""
        recent = {
            entry.block_number: entry.block_hash for entry in logs if entry.block_number > head.number - self._finality_depth
        }
        for number, block_hash in recent.items():
            if await self._heads.canonical_hash(number) != block_hash:
                raise ChainMoved(f"the logs of block {number} are of another branch than its header")

    # --- decide and write --------------------------------------------------------------------------------------------

    async def _take_in(self, logs: list[Log], reached: Cursor) -> None:
        """Write the decisions, the runs and, with the last of them, the cursor."""
        parts = [logs[i : i + _LOGS_A_WRITE] for i in range(0, len(logs), _LOGS_A_WRITE)] or [[]]
        for number, part in enumerate(parts, start=1):
            await self._write(part, reached if number == len(parts) else None)

    async def _write(self, logs: list[Log], reached: Cursor | None) -> None:
        """Try as if all of it were new; where the keys say otherwise, look what is there and write only the rest."""
        try:
            await self._commit(self._decide(logs, {}, set()), reached)
        except Conflict:
            decided = await stored.decided(self._db, list({entry.block_hash for entry in logs}))
            await self._commit(self._decide(logs, await self._known(logs), decided), reached)

    def _decide(self, logs: Sequence[Log], known: dict[RequestKey, Known], decided: set[tuple[Hash, int, str]]) -> Decided:
        head = self._heads.state.head
        height = head.number if head is not None else 0

        def make(job: Job, initiator: Initiator, entry: Log, request: RunLog) -> Run:
            return self._maker.from_log(job, initiator, entry, request, height)

        return decide(logs, routes=self._routes, make_run=make, known=known, decided=decided)

    async def _known(self, logs: Sequence[Log]) -> dict[RequestKey, Known]:
        keys = {(entry.address, request) for entry in logs if (request := _request_id(entry)) is not None}
        rows = await stored_runs.of_requests(self._db, sorted(keys))
        return {key: Known(str(row[0]), int(row[1] or 0), str(row[2])) for key, row in rows.items()}

    async def _commit(self, found: Decided, reached: Cursor | None) -> None:
        now = self._clock.now()
        statements: list[Statement] = []
        if found.runs:
            statements.append(self._engine.statement(found.runs))
        if found.decisions:
            statements.append(stored.insert(found.decisions, now))
        statements += [_move(known, entry, request, now) for known, entry, request in found.moves]
        if reached is not None:
            statements.append(stored.advance(reached))
        if statements:
            await self._db.write(*statements)
        self._engine.accept(found.runs)
        _tell(found)


def _tell(found: Decided) -> None:
    """Say what was decided; a flood of requests in one line."""
    if len(found.decisions) > _LINES_A_WRITE:
        log.info("requests taken in", logs=len(found.decisions), runs=len(found.runs))
        return
    for decision in found.decisions:
        log.info(
            decision.decision,
            job=decision.job_id,
            run=decision.run_id,
            request=decision.request_id,
            block=decision.log.block_number,
            transaction=decision.log.transaction_hash,
            because=decision.reason,
        )


def _in_order(logs: Sequence[Log]) -> list[Log]:
    """Each log once, in the chain's order, whatever the node answered."""
    once = {(entry.block_hash, entry.log_index): entry for entry in logs}
    return sorted(once.values(), key=lambda entry: (entry.block_number, entry.log_index))


def _back(cursor: Cursor, blocks: int) -> Cursor:
    return Cursor(max(-1, cursor.block_number - blocks), None)


def _request_id(entry: Log) -> str | None:
    if not entry.topics or entry.topics[0] not in LAYOUTS:
        return None
    try:
        return read_run_log(entry).request_id
    except MalformedLog:
        return None
    except Exception:  # noqa: BLE001 - a defect of ours, which ``decide`` meets as well and writes down
        return None


def _move(known: Known, entry: Log, found: RunLog, now: int) -> Statement:
    request = RunRequest(
        contract=entry.address,
        transaction_hash=entry.transaction_hash,
        block_hash=entry.block_hash,
        log_index=entry.log_index,
    )
    by = entry.block_number - known.height
    return stored_runs.move(known.run_id, request, found.data, height=entry.block_number, by=by, now=now)
