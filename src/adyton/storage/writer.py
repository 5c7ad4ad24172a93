"""Group commit: one task that collects operations, has them committed together, and acknowledges each caller.

There is no timer. While one batch is being committed the next one gathers; the commit itself is the window. A batch that
fails for one guilty operation is repeated by the database with each operation on its own, so ``apply`` answers for every
operation separately.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

import structlog

from adyton.domain.errors import AdytonError, Broken, StorageUnavailable
from adyton.storage.database import Row, Statement

BATCH = 256
"""Operations that share a commit, at most."""

Statements: TypeAlias = tuple[Statement, ...]
Answer: TypeAlias = list[list[Row]]
Outcome: TypeAlias = Answer | AdytonError
"""What became of one operation: the rows of its ``returning`` statements, or why nothing of it was written."""
Apply: TypeAlias = Callable[[Sequence[Statements]], Awaitable[Sequence[Outcome]]]

log = structlog.get_logger(__name__)


class Step(NamedTuple):
    """One SQL text to run over rows. ``operation`` is the index of the operation that wants the rows that come back."""

    sql: str
    rows: Sequence[Row]
    operation: int | None


def plan(operations: Sequence[Statements]) -> Iterator[Step]:
    """The steps that do all ``operations``. Operations of the same shape become one step for each of their texts."""
    shapes: dict[tuple[str, ...], list[int]] = {}
    for index, statements in enumerate(operations):
        shapes.setdefault(tuple([statement.sql for statement in statements]), []).append(index)
    for members in shapes.values():
        first = operations[members[0]]
        if len(members) == 1 or any(statement.returning for statement in first):
            yield from _one_by_one(operations, members)
        else:
            yield from _together(operations, members, first)


def _one_by_one(operations: Sequence[Statements], members: list[int]) -> Iterator[Step]:
    for index in members:
        for statement in operations[index]:
            yield Step(statement.sql, statement.rows, index if statement.returning else None)


def _together(operations: Sequence[Statements], members: list[int], first: Statements) -> Iterator[Step]:
    for position, statement in enumerate(first):
        yield Step(statement.sql, [row for index in members for row in operations[index][position].rows], None)


def each(failure: AdytonError, operations: Sequence[Statements]) -> list[Outcome]:
    """``failure`` for every operation, as separate objects: raised twice, one object would mix its tracebacks."""
    return [failure.twin() for _ in operations]


class _Waiting(NamedTuple):
    statements: Statements
    caller: asyncio.Future[Answer]


class Writer:
    """Collects operations and hands them to ``apply`` in batches, one batch at a time. Lives on the event
    loop of its first write."""

    def __init__(self, apply: Apply) -> None:
        self._apply = apply
        self._waiting: deque[_Waiting] = deque()
        self._wake = asyncio.Event()
        self._closed = False
        self._task: asyncio.Task[None] | None = None

    async def write(self, statements: Statements) -> Answer:
        """As ``Database.write``. The operation is durable when this returns; before, it may be either way."""
        if self._closed:
            raise StorageUnavailable("the database is closed", code="ADY-0903")
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name="storage writer")
        caller: asyncio.Future[Answer] = self._task.get_loop().create_future()
        self._waiting.append(_Waiting(statements, caller))
        self._wake.set()
        return await caller

    async def close(self) -> None:
        """Finish what waits, take nothing more. May be called twice."""
        self._closed = True
        self._wake.set()
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        batch: list[_Waiting] = []
        try:
            while self._waiting or not self._closed:
                batch = self._next_batch()
                if batch:
                    _deliver(batch, await self._outcomes([waiting.statements for waiting in batch]))
                else:
                    await self._wake.wait()
        finally:
            # Reached with callers still waiting only when the task is cancelled with its loop.
            self._closed = True
            for waiting in (*batch, *self._waiting):
                if not waiting.caller.done():
                    waiting.caller.set_exception(
                        StorageUnavailable("the node stops; this operation may have been applied", code="ADY-0902")
                    )

    def _next_batch(self) -> list[_Waiting]:
        """The oldest operations that wait, without those whose callers have been cancelled meanwhile."""
        self._wake.clear()
        batch: list[_Waiting] = []
        while self._waiting and len(batch) < BATCH:
            waiting = self._waiting.popleft()
            if not waiting.caller.done():
                batch.append(waiting)
        return batch

    async def _outcomes(self, operations: list[Statements]) -> Sequence[Outcome]:
        try:
            return await self._apply(operations)  # durable, or not written at all, when this returns
        except Exception as error:
            # The writer outlives every error, or all later callers would wait for ever.
            log.exception("the storage writer failed", operations=len(operations))
            return [Broken(f"the storage writer failed: {error}", code="ADY-0915") for _ in operations]


def _deliver(batch: list[_Waiting], outcomes: Sequence[Outcome]) -> None:
    for waiting, outcome in zip(batch, outcomes, strict=True):
        if waiting.caller.done():
            continue
        if isinstance(outcome, AdytonError):
            waiting.caller.set_exception(outcome)
        else:
            waiting.caller.set_result(outcome)
