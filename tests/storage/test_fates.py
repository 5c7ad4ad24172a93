"""Requests by what became of them: SQL and the pure rules agree; a request is run again once, whoever else wants to."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import product
from typing import Any

import msgspec
import pytest

from adyton.domain.chain import Address
from adyton.domain.errors import Conflict
from adyton.domain.fates import Kind, fate
from adyton.domain.requests import End, Request
from adyton.domain.runs import Run, RunStatus
from adyton.domain.transactions import Transaction, TransactionState
from adyton.storage import fates, histories, reruns
from adyton.storage import requests as stored_requests
from adyton.storage import runs as stored_runs
from adyton.storage.connect import open_memory
from adyton.storage.database import Database, Row
from adyton.storage.fates import Chosen
from adyton.storage.lists import Lists
from support.api import PassingDatabase
from support.asked import closing, request_of, run_for, store, transaction_of
from support.builders import JOB_ID, NOW, REQUESTER, Bench, job, number_hash, run_log

S = TransactionState
CHOSEN = {
    Chosen.ANSWERED: Kind.ANSWERED,
    Chosen.CANCELLED: Kind.CANCELLED,
    Chosen.IN_PROGRESS: Kind.IN_PROGRESS,
    Chosen.REFUSED: Kind.REFUSED,
    Chosen.EXPIRED: Kind.EXPIRED,
    Chosen.UNACCOUNTED: Kind.UNACCOUNTED,
}
OTHER_JOB = "5" * 32


async def make(database: Database, *tasks: str) -> Bench:
    bench = Bench(database)
    await bench.add(job(*tasks or ("noop", "ethtx")))
    return bench


ELSEWHERE = "it failed in another block than the one where the request is now"
RUNS = [
    None,
    (RunStatus.IN_PROGRESS, None),
    (RunStatus.COMPLETED, None),
    (RunStatus.ERRORED, "why"),
    (RunStatus.ERRORED, None),
    (RunStatus.ERRORED, ELSEWHERE),
    (RunStatus.CANCELLED, "left the chain"),
]
SENT: list[tuple[Any, ...] | None] = [
    None,
    *((state, 1, False) for state in S if state is not S.IN_PROGRESS),
    (S.SAFE, 0, False),
    (S.CONFIRMED, 0, False),
    (S.SAFE, 1, True),
    (S.SAFE, 1, False, REQUESTER),
    (S.CONFIRMED, 1, False, REQUESTER),
]
ENDS = [("run started", None), ("refused", None), ("run started", End.ANSWERED), ("run started", End.CANCELLED)]


async def stored_cases(bench: Bench) -> dict[str, Kind]:
    """Every combination of rows, and what the pure rules say of each, by request id."""
    wanted: dict[str, Kind] = {}
    for number, (known, sent, (decision, how)) in enumerate(product(RUNS, SENT, ENDS), start=1):
        log = run_log(request=number, block=100 + number)
        where = log if known is None or known[1] != ELSEWHERE else run_log(request=number, block=9000 + number)
        run = None if known is None else run_for(bench, where, *known)
        if known is None and sent is not None:
            continue
        request = request_of(
            log,
            run_id=None if run is None else run.id,
            decision=decision,
            reason="why" if decision == "refused" else None,
            closed=None if how is None else closing(how, transaction=number_hash(number, 9)),
        )
        transaction = None if sent is None or run is None else _sent(run, number, *sent)
        await store(bench.db, *(thing for thing in (run, transaction, request) if thing is not None))
        wanted[request.request_id] = fate(request, run, () if transaction is None else (transaction,), 0).kind
    return wanted


def _sent(run: Run, number: int, state: TransactionState, status: int, noop: bool, to: Address | None = None) -> Transaction:
    made = transaction_of(run, state, number=number, status=status, noop=noop, attempt=number_hash(number, 8))
    return made if to is None else msgspec.structs.replace(made, to_address=to)


async def page(
    database: Database, chosen: Chosen = Chosen.ALL, *, offset: int = 0, limit: int, **others: Any
) -> tuple[list[Request], int]:
    found = await fates.page(Lists(database), chosen, offset=offset, limit=limit, **others)
    return await found.whole(), found.count


async def test_the_database_and_the_rules_agree_about_every_case(database: Database) -> None:
    bench = await make(database)
    wanted = await stored_cases(bench)
    assert set(wanted.values()) >= {Kind.UNACCOUNTED, Kind.ANSWERED, Kind.REFUSED, Kind.CANCELLED, Kind.IN_PROGRESS}

    unaccounted = {name for name, kind in wanted.items() if kind is Kind.UNACCOUNTED}
    found, count = await page(database, Chosen.UNACCOUNTED, limit=10_000)
    assert {each.request_id for each in found} == unaccounted
    assert count == await fates.count_unaccounted(database) == len(unaccounted)

    open_ones = {name for name, kind in wanted.items() if kind not in (Kind.ANSWERED, Kind.CANCELLED)}
    found, count = await page(database, Chosen.UNANSWERED, limit=10_000)
    assert {each.request_id for each in found} == open_ones
    assert count == len(open_ones)

    for chosen, kind in CHOSEN.items():
        found, count = await page(database, chosen, limit=10_000)
        those = {name for name, each in wanted.items() if each is kind}
        assert ({each.request_id for each in found}, count) == (those, len(those)), chosen
    assert await fates.counts(Lists(database), 0) == {kind: list(wanted.values()).count(kind) for kind in Kind}


async def test_a_job_that_sends_nothing_leaves_nothing_unaccounted(database: Database) -> None:
    bench = await make(database, "noop")
    run = run_for(bench, run_log(), RunStatus.COMPLETED)
    await store(database, run, request_of(run_log(), run_id=run.id))
    assert await fates.count_unaccounted(database) == 0
    assert (await page(database, Chosen.UNANSWERED, limit=9))[1] == 1


async def test_pages_come_in_the_order_of_the_chain_and_know_how_many_there_are(database: Database) -> None:
    await make(database)
    logs = [run_log(request=number, block=100 + number // 2, index=number % 2) for number in range(1, 8)]
    for number, log in enumerate(logs):
        await store(database, request_of(log, job_id=JOB_ID if number % 2 else OTHER_JOB))
    names = [request_of(log).request_id for log in logs]

    async def three(offset: int, **chosen: Any) -> tuple[list[str], int]:
        found, count = await page(database, offset=offset, limit=3, **chosen)
        return [each.request_id for each in found], count

    assert await three(0) == (names[::-1][:3], 7)
    assert await three(6) == ([names[0]], 7)
    assert await three(0, descending=False) == (names[:3], 7)
    assert await three(0, job_id=JOB_ID) == ([names[5], names[3], names[1]], 3)
    assert await three(0, contract="0x" + "1" * 40) == ([], 0)


async def test_the_unaccounted_are_read_piece_by_piece(database: Database) -> None:
    await make(database)
    for number in range(1, 6):
        await store(database, request_of(run_log(request=number, block=100 + number // 2, index=number)))
    seen: list[str] = []
    last: Request | None = None
    while found := await fates.unaccounted(database, after=last, limit=2):
        seen += [each.request_id for each in found]
        last = found[-1]
    assert seen == [request_of(run_log(request=number)).request_id for number in range(1, 6)]


async def test_what_is_answered_is_not_read_to_count_the_unaccounted() -> None:
    database = Listening(open_memory())
    await fates.count_unaccounted(database)
    await fates.unaccounted(database, limit=1)
    assert len(database.asked) == 2
    for sql, params in database.asked:
        plan = [str(row[3]) for row in await database.real.read(f"EXPLAIN QUERY PLAN {sql}", params)]
        assert plan[0].startswith("SCAN q USING INDEX requests_open")
        assert not [step for step in plan[1:] if step.startswith(("SCAN", "USE TEMP B-TREE FOR ORDER"))]
    await database.close()


class Listening(PassingDatabase):
    """Remembers what is asked."""

    def __init__(self, db: Database) -> None:
        super().__init__(db)
        self.asked: list[tuple[str, Row]] = []

    async def read(self, sql: str, params: Row = ()) -> list[Row]:
        self.asked.append((sql, params))
        return await super().read(sql, params)


# --- run again -------------------------------------------------------------------------------------------------------


async def prepared(
    database: Database, status: RunStatus = RunStatus.COMPLETED, *sent: tuple[TransactionState, int]
) -> tuple[Bench, Request, Run, Run]:
    """A request with a run, and a new run that would take its place."""
    bench = await make(database)
    old = run_for(bench, run_log(), status, "why" if status is RunStatus.ERRORED else None)
    new = run_for(bench, run_log())
    request = request_of(run_log(), run_id=old.id)
    await store(database, old, request, *(transaction_of(old, state, status=mined) for state, mined in sent))
    return bench, request, old, new


async def runs_of(bench: Bench, request: Request) -> list[tuple[str, str | None]]:
    row = await stored_requests.get(bench.db, request.contract, request.request_id)
    assert row is not None
    found = await histories.runs_of_request(bench.db, bench.jobs, request.contract, request.request_id, row.run_id)
    return [(run.id, run.superseded_by) for run in found]


@pytest.mark.parametrize(
    ("status", "sent"),
    [
        (RunStatus.COMPLETED, [(S.SAFE, 0)]),
        (RunStatus.COMPLETED, []),
        (RunStatus.ERRORED, [(S.FATAL_ERROR, 0)]),
        (RunStatus.CANCELLED, []),
    ],
)
async def test_a_finished_run_gives_its_place(
    database: Database, status: RunStatus, sent: Sequence[tuple[TransactionState, int]]
) -> None:
    bench, request, old, new = await prepared(database, status, *sent)

    await database.write(*reruns.started_again(request, old, new, NOW + 5))

    row = await stored_requests.get(database, request.contract, request.request_id)
    assert row is not None
    assert (row.run_id, row.decision, row.reason) == (new.id, "run started", None)
    assert await runs_of(bench, request) == [(old.id, new.id), (new.id, None)]
    stored = await stored_runs.get(database, old.id, bench.jobs)
    assert stored is not None
    assert (stored.status, stored.error, stored.version) == (old.status, old.error, old.version + 1)


@pytest.mark.parametrize(
    ("status", "sent"),
    [
        (RunStatus.IN_PROGRESS, []),
        (RunStatus.COMPLETED, [(S.UNSTARTED, 0)]),
        (RunStatus.COMPLETED, [(S.UNCONFIRMED, 0)]),
        (RunStatus.COMPLETED, [(S.CONFIRMED, 0)]),
    ],
)
async def test_a_run_that_may_still_answer_keeps_its_place(
    database: Database, status: RunStatus, sent: Sequence[tuple[TransactionState, int]]
) -> None:
    bench, request, old, new = await prepared(database, status, *sent)
    with pytest.raises(Conflict):
        await database.write(*reruns.started_again(request, old, new, NOW))
    assert await runs_of(bench, request) == [(old.id, None)]


async def test_a_request_that_was_closed_meanwhile_is_not_run_again(database: Database) -> None:
    bench, request, old, new = await prepared(database)
    key = (request.contract, request.request_id)
    await database.write(*stored_requests.closed([(key, closing(End.CANCELLED, transaction=number_hash(1, 7)))]))
    with pytest.raises(Conflict):
        await database.write(*reruns.started_again(request, old, new, NOW))
    assert await runs_of(bench, request) == [(old.id, None)]


async def test_a_run_that_changed_since_it_was_read_keeps_its_place(database: Database) -> None:
    bench, request, old, new = await prepared(database, RunStatus.CANCELLED)
    stale = msgspec.structs.replace(old, version=old.version - 1)
    with pytest.raises(Conflict):
        await database.write(*reruns.started_again(request, stale, new, NOW))
    assert await runs_of(bench, request) == [(old.id, None)]


async def test_of_many_that_run_a_request_again_at_once_one_does(database: Database) -> None:
    bench, request, old, first = await prepared(database)
    others = [first, *(run_for(bench, run_log()) for _ in range(9))]
    writes = [database.write(*reruns.started_again(request, old, new, NOW)) for new in others]
    outcomes = await asyncio.gather(*writes, return_exceptions=True)
    assert sum(isinstance(each, Conflict) for each in outcomes) == 9
    assert len(await runs_of(bench, request)) == 2


async def test_a_refused_request_without_a_run_gets_one_once(database: Database) -> None:
    bench = await make(database)
    request = request_of(run_log(), decision="refused", reason="before the job begins")
    await store(database, request)
    news = [run_for(bench, run_log()) for _ in range(3)]
    writes = [database.write(*reruns.started_again(request, None, new, NOW)) for new in news]
    outcomes = await asyncio.gather(*writes, return_exceptions=True)
    assert sum(isinstance(each, Conflict) for each in outcomes) == 2
    assert len(await runs_of(bench, request)) == 1


async def test_giving_up_writes_the_reason_down(database: Database) -> None:
    _, request, old, new = await prepared(database)
    await database.write(*reruns.given_up(request, "it left the chain"))
    row = await stored_requests.get(database, request.contract, request.request_id)
    assert row is not None
    assert (row.decision, row.reason, row.run_id) == ("refused", "it left the chain", old.id)
    assert await fates.count_unaccounted(database) == 0
    await database.write(*reruns.started_again(row, old, new, NOW))
    with pytest.raises(Conflict):
        await database.write(*reruns.given_up(request, "too late"))


async def test_what_rows_remember_of_a_run_and_a_transaction(database: Database) -> None:
    bench, request, old, _ = await prepared(database, RunStatus.COMPLETED, (S.SAFE, 0))
    attempt = transaction_of(old).attempts[0].hash
    found = await histories.transaction_of_attempt(database, attempt)
    assert found is not None
    assert (found.run_id, found.receipt_status) == (old.id, 0)
    assert await histories.transaction_of_attempt(database, number_hash(1)) is None
    assert await histories.task_times(database, [old.id]) == {}
    assert await histories.decisions(database, request.block_hash, 0) == []
    assert await runs_of(bench, request) == [(old.id, None)]
