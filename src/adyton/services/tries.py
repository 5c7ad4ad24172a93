"""Trying a job: its tasks are performed, nothing is stored, nothing is sent, and secrets are not shown."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from adyton.domain.chain import Address, Hex
from adyton.domain.errors import Conflict, Disconnected, Fault, Forbidden, Invalid, TryAgain
from adyton.domain.exchanges import Exchange
from adyton.domain.jobs import Job
from adyton.domain.runs import Data, Run, RunRequest, RunStatus, TaskRun
from adyton.domain.transactions import TransactionRequest
from adyton.domain.try_requests import Asked, TryRequest, read_try
from adyton.engine.tries import Step, Trial
from adyton.ethereum import reverts
from adyton.ethereum.errors import RpcError
from adyton.services import drafts, jobs, requests
from adyton.services.parts import Parts
from adyton.storage import runs as stored_runs
from adyton.system import hidden
from adyton.transactions.trial import is_revert

SHARE = 0.75
"""Of the time that a request to the API may take: how long a trial may, with its waiting for a turn."""


class Sending(msgspec.Struct, frozen=True, kw_only=True):
    """The transaction that would be sent, and what the chain says when it is tried now. ``gas_limit`` and ``gas_price`` of None
    are the node's own. Nothing was signed."""

    request: TransactionRequest
    sender: Address | None
    outcome: str
    reason: str = ""


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """A trial that is over: its steps, and what would be sent. ``job`` is the one that was tried."""

    job: Job
    status: str
    steps: Sequence[Step]
    sending: Sending | None = None


async def attempt(parts: Parts, body: bytes, *, may_edit: bool) -> Tried:
    """Try a draft or a job, as a JSON text asks. May be cancelled at any time. Raises Invalid, NotFound, Conflict, and
    Forbidden for a draft of who may not make jobs: it says what the node asks, and with which secrets."""
    asked = read_try(body)
    job = await _job(parts, asked, may_edit=may_edit)
    run = await _run(parts, job, asked)
    performer = parts.engine.executor.performer
    trial = Trial(performer, parts.clock, run, outputs=asked.outputs, bridges=asked.allow_bridges, posts=asked.allow_posts)
    sending = None
    seconds = parts.config.http_server_write_timeout * SHARE
    try:
        async with asyncio.timeout(seconds) as limit, parts.trying:
            await trial.go()
            sending = await _sending(parts, trial.steps)
    except TimeoutError:
        if not limit.expired():
            raise
        trial.stop(f"not finished: a trial may take {seconds:g} s in all")
    steps = [_without_secrets(step) for step in trial.steps]
    return Tried(job=job, status=_status(trial), steps=steps, sending=None if sending is None else _sending_without(sending))


async def _job(parts: Parts, asked: TryRequest, *, may_edit: bool) -> Job:
    if asked.job is None:
        job = jobs.get(parts, asked.job_id)
    elif not may_edit:
        raise Forbidden("to try a draft needs the role edit; with run a job of the node can be tried", code="ADY-0101")
    else:
        job = (await drafts.judged(parts, asked.job, at="/job")).job
    wrong = [position for position in asked.outputs if position >= len(job.tasks)]
    if wrong:
        raise Invalid(Fault(f"the job has no task {wrong[0]}: it has {len(job.tasks)}", "/outputs", code="ADY-0205"))
    return job


async def _run(parts: Parts, job: Job, asked: TryRequest) -> Run:
    """A run as if it had just been started: confirmations are there, and the payment is not looked at."""
    given, place = await _given(parts, asked)
    now = parts.clock.now()
    return Run(
        id=parts.entropy.new_id(),
        job_id=job.id,
        initiator_id=0,
        status=RunStatus.IN_PROGRESS,
        tasks=tuple(TaskRun(position=n, spec=spec) for n, spec in enumerate(job.tasks)),
        created_at=now,
        updated_at=now,
        input=given,
        request=place,
    )


async def _given(parts: Parts, asked: TryRequest) -> tuple[Data, RunRequest | None]:
    """The run's input and the request that it answers. What a log says goes over what was sent, as in a run."""
    if asked.asked is None:
        return asked.given, None
    if isinstance(asked.asked, Asked):
        return {**asked.given, **asked.asked.data}, asked.asked.place
    known = await requests.find(parts, asked.asked)
    run = None if known.run_id is None else await stored_runs.get(parts.db, known.run_id, parts.jobs)
    if run is None or run.input is None:
        raise Conflict("nothing is known any more of what that request brings; describe one instead", code="ADY-0206")
    return {**asked.given, **run.input}, run.request


def _status(trial: Trial) -> str:
    last = next((step for step in reversed(trial.steps) if step.came != "not reached"), None)
    if trial.run.status is not RunStatus.IN_PROGRESS or last is None:
        return trial.run.status.value
    return last.came.value


# --- the transaction -------------------------------------------------------------------------------------------------


async def _sending(parts: Parts, steps: Sequence[Step]) -> Sending | None:
    """The transaction that the trial has come to, tried on the chain as it is now."""
    request = next((step.sends for step in steps if step.sends is not None), None)
    if request is None:
        return None
    known = request.senders or parts.keys.addresses()
    sender = known[0] if known else None
    if not parts.chain.state.connected:
        return Sending(request=request, sender=sender, outcome="unknown", reason="there is no connection to the chain")
    outcome, reason = await _called(parts, request.to, request.data, sender)
    return Sending(request=request, sender=sender, outcome=outcome, reason=reason)


async def _called(parts: Parts, to: Address, data: Hex, sender: Address | None) -> tuple[str, str]:
    try:
        await parts.balances.call(to, data, sender=sender)
    except RpcError as refusal:
        return "reverts" if is_revert(refusal) else "unknown", reverts.revert_text(refusal) or str(refusal)
    except (TryAgain, Disconnected) as fault:
        return "unknown", str(fault)
    return "succeeds", ""


# --- secrets ---------------------------------------------------------------------------------------------------------


def _without_secrets(step: Step) -> Step:
    """Adapters take secrets out of what they answer; here every one that this process has read goes, wherever it stands."""
    question = step.question
    return msgspec.structs.replace(
        step,
        input=_hidden(step.input),
        params=_hidden(step.params),
        output=_hidden(step.output),
        error=None if step.error is None else hidden.without(step.error),
        exchanges=tuple(_exchange_without(each) for each in step.exchanges),
        question=None
        if question is None
        else msgspec.structs.replace(question, url=hidden.without(question.url), body=hidden.without(question.body)),
    )


def _exchange_without(exchange: Exchange) -> Exchange:
    words = {name: getattr(exchange, name) for name in ("url", "body", "error")}
    return msgspec.structs.replace(exchange, **{name: hidden.without(text) for name, text in words.items() if text})


def _sending_without(sending: Sending) -> Sending:
    """The same of the transaction: a source may answer with a secret in a form that only a later task makes plain."""
    request = msgspec.structs.replace(sending.request, data=hidden.without(sending.request.data))
    return msgspec.structs.replace(sending, request=request, reason=hidden.without(sending.reason))


def _hidden(value: Any) -> Any:
    match value:
        case str(text):
            return hidden.without(text)
        case dict(fields):
            return {hidden.without(key): _hidden(inner) for key, inner in fields.items()}
        case list(items):
            return [_hidden(item) for item in items]
        case _:
            return value
