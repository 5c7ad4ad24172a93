"""A run in detail as the API shows it. The form is our own: v0.6.2 had nothing of it."""

from __future__ import annotations

import msgspec
from msgspec import Raw

from adyton.domain import confirmations, data, evm
from adyton.domain.event_logs import is_event
from adyton.domain.exchanges import LONGEST_BODY, Exchange
from adyton.domain.run_errors import code_of
from adyton.domain.runs import Run, RunStatus, TaskRun, task_run_id
from adyton.domain.times import rfc3339
from adyton.domain.transactions import Transaction
from adyton.services.traces import Trace
from adyton.web.jsonapi import Resource
from adyton.web.presenters.runs import observed_height, reached


class ExchangeTrace(msgspec.Struct, frozen=True, rename="camel"):
    """One HTTP exchange, an attempt of a task to get an answer. ``ms`` are milliseconds; ``body`` is the beginning of the
    answer, which has ``size`` bytes, ``truncated`` if there was more. Without an answer ``status`` is null and ``error`` says
    why."""

    method: str
    url: str
    started_at: str
    ms: float
    status: int | None
    size: int | None
    media_type: str | None
    body: str | None
    truncated: bool
    failure: str | None
    error: str | None


class SentTrace(msgspec.Struct, frozen=True, rename="camel"):
    """The transaction that a task asked for, and how deep it is; ``hash`` is that of the mined attempt, else of the newest."""

    tx_id: int
    hash: str | None
    state: str
    mined_in: int | None
    confirmations: int
    minimum_confirmations: int


class TaskTrace(msgspec.Struct, frozen=True, rename="camel"):
    """One task. ``input`` is null while it is not known, ``output`` until there is one. Confirmations are those of the run's
    request. ``wakeAt`` is when a sleep ends, or the wait for a bridge is given up."""

    id: str
    position: int
    type: str
    params: Raw
    status: RunStatus
    started_at: str | None
    finished_at: str | None
    input: Raw
    output: Raw
    error: str | None
    error_code: str | None
    minimum_confirmations: int | None
    confirmations: int | None
    wake_at: str | None
    transaction: SentTrace | None
    exchanges: list[ExchangeTrace]


class RequestTrace(msgspec.Struct, frozen=True, rename="camel"):
    """The log that started the run; ``id`` is that of one of ``requests``, null if the log asks for nothing. ``payment`` is in
    juels."""

    id: str | None
    request_id: str | None
    contract: str
    requester: str | None
    payment: str | None
    transaction_hash: str
    block_hash: str
    block_number: int | None
    log_index: int


class TraceAttributes(msgspec.Struct, frozen=True, rename="camel"):
    """A run in detail. ``height`` is the newest block; ``wakeHeight`` the one at which it goes on, ``dueAt`` when its wait
    ends or is given up; ``leftChain`` the one at which it was cancelled because its request had left the chain."""

    id: str
    job_id: str
    job_version: int
    status: RunStatus
    created_at: str
    finished_at: str | None
    error: str | None
    error_code: str | None
    height: int | None
    wake_height: int | None
    due_at: str | None
    superseded_by: str | None
    left_chain: int | None
    request: RequestTrace | None
    tasks: list[TaskTrace]


_NULL = Raw(b"null")


def trace_resource(trace: Trace, head: int | None) -> Resource:
    """A run in detail; ``head`` is the height of the newest block."""
    run, code = trace.run, code_of(trace.run)
    attributes = TraceAttributes(
        id=run.id,
        job_id=run.job_id,
        job_version=run.job_version,
        status=run.status,
        created_at=rfc3339(run.created_at),
        finished_at=_time(run.finished_at),
        error=run.error,
        error_code=code,
        height=head,
        wake_height=run.wake_height,
        due_at=_time(run.due_at),
        superseded_by=run.superseded_by,
        left_chain=run.left_chain,
        request=_request(run),
        tasks=[_task(trace, task, head, code) for task in run.tasks],
    )
    return Resource("runTraces", run.id, attributes)


def _request(run: Run) -> RequestTrace | None:
    place = run.request
    if place is None:
        return None
    contract = evm.checksum(place.contract)
    asked = None if is_event(place.request_id) else place.request_id
    return RequestTrace(
        id=None if asked is None else f"{contract}:{asked}",
        request_id=asked,
        contract=contract,
        requester=None if place.requester is None else evm.checksum(place.requester),
        payment=None if run.payment is None else str(run.payment),
        transaction_hash=place.transaction_hash,
        block_hash=place.block_hash,
        block_number=run.creation_height,
        log_index=place.log_index,
    )


def _task(trace: Trace, task: TaskRun, head: int | None, code: str | None) -> TaskTrace:
    run, given, sent = trace.run, trace.inputs.get(task.position), trace.transactions.get(task.position)
    return TaskTrace(
        id=task_run_id(run.id, task.position),
        position=task.position,
        type=task.spec.type,
        params=Raw(data.encode_bytes(task.spec.params)),
        status=task.status,
        started_at=_time(task.started_at),
        finished_at=_time(task.finished_at),
        input=_NULL if given is None else Raw(data.encode_bytes(given)),
        output=_NULL if task.data is None else Raw(data.encode_bytes(task.data)),
        error=task.error,
        error_code=code if task.status is RunStatus.ERRORED else None,
        minimum_confirmations=task.minimum_confirmations,
        confirmations=reached(run, task, observed_height(run, head)),
        wake_at=_time(task.wake_at),
        transaction=None if sent is None else _sent(sent, head),
        exchanges=[exchange_trace(each) for each in trace.exchanges.get(task.position, ())],
    )


def _sent(transaction: Transaction, head: int | None) -> SentTrace:
    receipt = transaction.receipt
    newest = transaction.attempts[-1].hash if transaction.attempts else None
    mined_in = None if receipt is None else receipt.block_number
    return SentTrace(
        tx_id=transaction.id,
        hash=newest if receipt is None else receipt.transaction_hash,
        state=transaction.state.value,
        mined_in=mined_in,
        confirmations=0 if mined_in is None or head is None else confirmations.count(mined_in, head),
        minimum_confirmations=transaction.min_confirmations,
    )


def exchange_trace(exchange: Exchange) -> ExchangeTrace:
    """One HTTP exchange."""
    return ExchangeTrace(
        method=exchange.method,
        url=exchange.url,
        started_at=rfc3339(exchange.started_at),
        ms=exchange.duration / 1000,
        status=exchange.status,
        size=exchange.size,
        media_type=exchange.media_type,
        body=exchange.body,
        truncated=exchange.size is not None and exchange.size > LONGEST_BODY,
        failure=exchange.failure,
        error=exchange.error,
    )


def _time(micros: int | None) -> str | None:
    return None if micros is None else rfc3339(micros)
