"""What is probably not meant in a job that the node would take all the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import UNSET

from adyton.domain.errors import Fault
from adyton.domain.event_logs import ETH_LOG
from adyton.domain.fates import SENDING
from adyton.domain.jobs import Initiator, Job, TaskSpec
from adyton.domain.request_json import field
from adyton.domain.requests import EXEC_AGREEMENT, RUN_LOG
from adyton.domain.schedule_requests import RUN_AT

_ASKS = {"httpget": "get", "httppost": "post"}
_REQUESTS = frozenset({RUN_LOG, EXEC_AGREEMENT})

Fires = Sequence[tuple[Initiator, Sequence[int]]]
"""The next times of each cron initiator, in microseconds."""


def warnings(job: Job, source: Mapping[str, object], fires: Fires, now: int) -> list[Fault]:
    """Each with a pointer to its place. ``source`` is the request that the job was read from."""
    return [
        *_initiators(job, source, fires, now),
        *_times(job, now),
        *_answers(job),
        *(fault for n, task in enumerate(job.tasks) for fault in (*_sources(task, n), *_calls(task, n, job))),
    ]


def _initiators(job: Job, source: Mapping[str, object], fires: Fires, now: int) -> Iterator[Fault]:
    times = iter(fires)
    for n, initiator in enumerate(job.initiators):
        if initiator.type == "cron" and not next(times, (initiator, ()))[1]:
            yield Fault("it never starts a run: no time fits its line and the job's dates", f"/initiators/{n}/params/schedule")
        if initiator.type == RUN_AT and initiator.run_at is not None and initiator.run_at <= now and not initiator.ran:
            yield Fault("its time is past: it starts a run at once", f"/initiators/{n}/params/time")
        if initiator.type in _REQUESTS and _lists_nobody(source, n):
            yield Fault(
                "an empty list of requesters lets everybody ask; name those who may", f"/initiators/{n}/params/requesters"
            )


def _lists_nobody(source: Mapping[str, object], n: int) -> bool:
    initiators = field(source, "initiators")
    entry = initiators[n] if isinstance(initiators, list) and n < len(initiators) else None
    params = field(entry, "params") if isinstance(entry, dict) else UNSET
    return isinstance(params, dict) and field(params, "requesters") == []


def _times(job: Job, now: int) -> Iterator[Fault]:
    if job.end_at is not None and job.end_at <= now:
        yield Fault("the job's end is past: it starts nothing", "/endAt")


def _answers(job: Job) -> Iterator[Fault]:
    """A request is answered by a task that sends; what stands behind the first is done when the answer is out."""
    sending = [n for n, task in enumerate(job.tasks) if task.type in SENDING]
    if not sending:
        for n, initiator in enumerate(job.initiators):
            if initiator.type in _REQUESTS:
                yield Fault("no task sends an answer (ethtx): who asks pays and gets none", f"/initiators/{n}/type")
        return
    first = job.tasks[sending[0]].type
    for n in range(sending[0] + 1, len(job.tasks)):
        words = f"this comes behind {first}: it is done when that is safe on the chain, and changes no answer"
        yield Fault(words, f"/tasks/{n}/type")


def _sources(task: TaskSpec, n: int) -> Iterator[Fault]:
    own = _ASKS.get(task.type)
    for name in (own, "url") if own is not None else ():
        value = field(task.params, name)
        if isinstance(value, str) and value.lower().startswith("http://"):
            yield Fault("over plain http anybody on the way can change the answer; use https", f"/tasks/{n}/params/{name}")


def _calls(task: TaskSpec, n: int, job: Job) -> Iterator[Fault]:
    if task.type != "ethtx":
        return
    types = {initiator.type for initiator in job.initiators}
    if field(task.params, "address") is UNSET and not types & {*_REQUESTS, ETH_LOG}:
        words = "ethtx has no address, and no initiator gives one: unless the run brings it, the zero address is called"
        yield Fault(words, f"/tasks/{n}/params")
    if field(task.params, "functionSelector") is UNSET and not types & _REQUESTS:
        words = "ethtx has no functionSelector, and no initiator gives one: unless the run brings it, 0x00000000 is called"
        yield Fault(words, f"/tasks/{n}/params")
