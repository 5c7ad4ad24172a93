"""Forms of drafts."""

from __future__ import annotations

from typing import Any

from adyton.web.form import JOB_ID, Answer, Body, Form, Many, one
from adyton.web.forms import filters
from adyton.web.presenters.drafts import ChangeAttributes, DraftAttributes, ExportAttributes, TryAttributes
from adyton.web.schemas import job
from adyton.web.schemas.pieces import address, digits, listed, nullable, several, text, thing, whole

_JOB = job.schema()
_ID = {"type": "string", "pattern": "^[0-9a-fA-F]{32}$"}
_EXAMPLE: Any = next(iter(job.EXAMPLES.values()))
_SPEC = _EXAMPLE.get("value", _EXAMPLE) if isinstance(_EXAMPLE, dict) else {}

_REQUEST = several(
    "The request on chain that the run is to answer: the id of one that the node knows, or what its log would say.",
    {"type": "string"},
    thing(
        "A request that nobody made. What is left out is zero.",
        {
            "contract": address("The oracle contract."),
            "requester": address("Who asks."),
            "requestId": {"type": "string", "pattern": "^0x[0-9a-fA-F]{64}$"},
            "payment": digits("Juels.", "1000000000000000000"),
            "callbackAddress": address("Whom the contract calls with the answer."),
            "callbackFunctionId": {"type": "string", "pattern": "^0x[0-9a-fA-F]{8}$"},
            "expiration": whole("The second from which it may be cancelled.", 0, 2**63 - 1),
            "dataVersion": whole("1, or 2 for several values.", 1, 2),
        },
    ),
    {"type": "null"},
)
_OPTIONS = {
    "input": nullable(thing("What the run is given.", {})),
    "request": _REQUEST,
    "outputs": nullable(thing("Stand-ins for what tasks answer, by position from 0: laid over what the task was given.", {})),
    "allowBridges": {"type": "boolean", "description": "Bridges and installed adapters are asked."},
    "allowPosts": {"type": "boolean", "description": "httppost tasks are done."},
}
_TRY = several(
    "A draft or a job, and what its run is given.",
    thing("A draft.", {"job": _JOB, **_OPTIONS}, required=("job",)),
    thing("A job of the node.", {"jobSpecId": _ID, **_OPTIONS}, required=("jobSpecId",)),
)
_ENTRY = thing(
    "A job that is kept in a file.",
    {"key": text("What it is known by.", minLength=1, maxLength=255), "spec": _JOB},
    required=("key", "spec"),
)
_APPLY = thing(
    "The jobs that are kept in files.",
    {
        "jobs": listed("Each with its key.", _ENTRY),
        "prune": {"type": "boolean", "description": "Archive jobs that were applied and are not in the list."},
        "dryRun": {"type": "boolean", "description": "Say what would be done, and do nothing."},
        "plan": nullable(text("`meta.plan` of the dry run that was agreed to: any other plan is refused.")),
    },
    required=("jobs",),
)

VALIDATE = Form(
    answers=(one("specDrafts", DraftAttributes),),
    body=Body(schema=_JOB, about="The job.", examples=job.EXAMPLES),
    refusals={400: "The job is wrong; every fault at once, each with the place of its field."},
)
TRY = Form(
    answers=(one("specTries", TryAttributes),),
    body=Body(schema=_TRY, examples={"a draft": {"job": _SPEC, "input": {}}}),
    refusals={
        400: "The draft, or what is to be done with it, is wrong; every fault at once.",
        409: "Nothing is known any more of what the request brought, or several contracts have one of that id.",
    },
)
APPLY = Form(
    answers=(Answer((Many("specChanges", ChangeAttributes, paged=False),)),),
    body=Body(schema=_APPLY, examples={"one job": {"jobs": [{"key": "eth-usd", "spec": _SPEC}], "dryRun": True}}),
    refusals={
        400: "A job is wrong; every fault of every job, with pointers such as `/jobs/0/spec/tasks/1/params`. Nothing is done.",
        409: "Somebody else changed one of the jobs at the same time. Nothing is done.",
    },
    about="`meta.applied` says whether anything was written, `meta.plan` is the mark of this plan.",
)
EXPORT = Form(
    answers=(one("specExports", ExportAttributes),),
    path=(JOB_ID,),
    query=(filters.ARCHIVED,),
    refusals={422: "`archived` is neither `true` nor `false`."},
)
