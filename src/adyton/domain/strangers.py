"""What a job may not hold that somebody else than the operator makes: the job of a service agreement, for which nobody logs in,
and that of an external initiator."""

from __future__ import annotations

from collections.abc import Callable

from adyton.domain import secrets
from adyton.domain.errors import Fault
from adyton.domain.jobs import Job

UNRESTRICTED = "withunrestrictednetworkaccess"
"""The end of the names of the task types that reach every address, as from v0.8.0."""


_HARMLESS = frozenset(
    {
        "compare",
        "copy",
        "ethbool",
        "ethbytes32",
        "ethint256",
        "ethtx",
        "ethuint256",
        "httpget",
        "httppost",
        "jsonparse",
        "multiply",
        "noop",
        "quotient",
        "resultcollect",
        "sleep",
    }
)
"""What anybody may have the node do. Not in here: whatever calls contracts in other words than the answer to the request, asks
the operator's own programs (bridges, installed adapters), or runs code."""


def initiators_faults(job: Job) -> list[Fault]:
    """Of a job that an external initiator makes, which the operator let in: it may ask for any work, but the node's secrets are
    not its to send anywhere, and the operator's network is not its to look into."""
    return [*_secrets(job), *_others(job, lambda kind: not kind.endswith(UNRESTRICTED))]


def faults(job: Job) -> list[Fault]:
    """The node's secrets are not a stranger's to send anywhere, its network is not his to look into, and its keys sign answers
    to the requests of his job and nothing else, for the price that the node chooses."""
    return [
        *_secrets(job),
        *_others(job, _HARMLESS.__contains__),
        *(
            Fault(f"only a job that the operator creates may say {name} to ethtx", f"/tasks/{n}/params/{name}", code="ADY-0520")
            for n, task in enumerate(job.tasks)
            if task.type == "ethtx"
            for name in task.params
            if name.casefold() != "format"
        ),
    ]


def _secrets(job: Job) -> list[Fault]:
    return [
        Fault("only a job that the operator creates may name secrets", f"/tasks/{n}/params", code="ADY-0520")
        for n, task in enumerate(job.tasks)
        if secrets.named_in(task.params)
    ]


def _others(job: Job, allowed: Callable[[str], bool]) -> list[Fault]:
    return [
        Fault(f"only a job that the operator creates may have tasks of type {task.type}", f"/tasks/{n}/type", code="ADY-0520")
        for n, task in enumerate(job.tasks)
        if not allowed(task.type)
    ]
