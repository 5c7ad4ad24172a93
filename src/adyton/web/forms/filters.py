"""The parameters by which lists are chosen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from msgspec import Meta

from adyton.domain.jobs import JobState
from adyton.domain.runs import RunStatus
from adyton.domain.transactions import TransactionState
from adyton.web.filters import PURPOSES, UNSTARTED
from adyton.web.form import JOB_ID, RUN_ID, Parameter
from adyton.web.schemas.pieces import rfc3339

TIME = Annotated[Any, Meta(extra_json_schema={"anyOf": [dict(rfc3339("A time.")), {"type": "string", "maxLength": 0}]})]
_HASH = Annotated[str, Meta(pattern="^(0[xX][0-9a-fA-F]{64})?$")]
_ADDRESS = Annotated[str, Meta(pattern="^(0[xX][0-9a-fA-F]{40})?$")]
_INITIATORS = ("web", "cron", "runat", "runlog", "ethlog", "execagreement", "external")


def _listed(known: Iterable[str]) -> Any:
    """One of some words, or several with commas between."""
    word = f"({'|'.join(known)})"
    return Annotated[str, Meta(pattern=f"^({word}(,{word})*)?$")]


def _one_of(known: Iterable[str]) -> Any:
    return Annotated[str, Meta(pattern=f"^({'|'.join(known)})?$")]


_STATUSES = [status.value or UNSTARTED for status in RunStatus]
_STATES = [state.value for state in TransactionState]
_INITIATOR = Parameter(name="initiator", about="With an initiator of that type.", kind=_one_of(_INITIATORS), example="web")

DRY_RUN = Parameter(
    name="dryRun",
    about="Only say what would come of it.",
    kind=Annotated[str, Meta(pattern="^([tT][rR][uU][eE]|[fF][aA][lL][sS][eE]|0|1|)$")],
    example="true",
)
RUNS = (
    Parameter(name="jobSpecId", about="Only runs of that job; of one that is not there, none.", example=JOB_ID.example),
    Parameter(
        name="status",
        about=f"Only runs of that status, or of several with commas between: {', '.join(_STATUSES)}.",
        kind=_listed(_STATUSES),
        example="errored,cancelled",
    ),
    Parameter(
        name="initiator", about="Only runs that an initiator of that type started.", kind=_one_of(_INITIATORS), example="web"
    ),
    Parameter(
        name="createdAfter", about="Only runs that began at that time or later.", kind=TIME, example="2019-06-27T00:00:00Z"
    ),
    Parameter(name="createdBefore", about="Only runs that began before that time.", kind=TIME, example="2030-06-27T00:00:00Z"),
    Parameter(name="requestId", about="Only runs of that request.", kind=_HASH, example=f"0x{'0' * 63}1"),
    Parameter(
        name="transactionHash",
        about="Only runs that were asked for, or answered, in that transaction.",
        kind=_HASH,
        example="0xb7862c896a6ba2711bccc0410184e46d793ea83b3e05470f1d359ea276d16bb5",
    ),
)
TRANSACTIONS = (
    Parameter(
        name="state",
        about=f"Only those in that state, or in several with commas between: {', '.join(_STATES)}.",
        kind=_listed(_STATES),
        example=_STATES[0],
    ),
    Parameter(
        name="from", about="Only those of that key.", kind=_ADDRESS, example="0x356a04bce728ba4c62a30294a55e6a8600a320b3"
    ),
    Parameter(name="run", about="Only those of that run.", example=RUN_ID.example),
    Parameter(
        name="purpose",
        about=f"Only those that no task asked for: {', '.join(PURPOSES)}, or several with commas between.",
        kind=_listed(PURPOSES),
        example="withdrawal",
    ),
    Parameter(name="sort", about="`createdAt`: the oldest first; anything else: the newest first.", example="createdAt"),
)
JOBS = (
    Parameter(name="name", about="Only jobs of that name.", example="eth-usd"),
    _INITIATOR,
    Parameter(name="task", about="Only jobs with a task of that type, or of that bridge.", example="httpget"),
    Parameter(name="search", about="Only jobs with that piece in their name, in either case, or in their id.", example="usd"),
    Parameter(
        name="state",
        about=f"Only jobs in that state: {', '.join(JobState)}. Without it, those that are not archived.",
        kind=_one_of(JobState),
        example=JobState.ARCHIVED.value,
    ),
)
ARCHIVED = Parameter(
    name="archived", about="`true`: also when it is archived.", kind=_one_of(("true", "false")), example="true"
)
