"""Forms of runs."""

from __future__ import annotations

import msgspec

from adyton.web.form import (
    DONE,
    JOB_ID,
    PAGE_REFUSED,
    RUN_ID,
    SORTED_PAGES,
    Body,
    Form,
    many,
    one,
)
from adyton.web.forms import filters
from adyton.web.presenters.runs import RunAttributes
from adyton.web.presenters.traces import TraceAttributes
from adyton.web.schemas.pieces import listed, nullable, rfc3339, several, text, thing


class RunMeta(msgspec.Struct, frozen=True):
    """What stands beside a run that an error ended: the code of the page about it."""

    errorCode: str  # noqa: N815 - the API's own name


_SHOWN = one("runs", RunAttributes)
_STATUSES = ["completed", "errored", "cancelled"]

CREATE = Form(
    answers=(_SHOWN,),
    path=(JOB_ID,),
    body=Body(
        schema={"description": "The run's input: any JSON. An object counts over the params of the job's tasks."},
        about="The run's input; an empty body is `{}`.",
        examples={"input": {"result": "5"}, "none": {}},
        required=False,
    ),
    refusals={
        403: "The job has no initiator through which the caller may start it.",
        500: "The input is not JSON, or the job has not started yet or has ended (a 500, as clients of v0.6.2 know it).",
    },
)
INDEX = Form(answers=(many("runs", RunAttributes),), query=(*SORTED_PAGES, *filters.RUNS), refusals=PAGE_REFUSED)
SHOW = Form(answers=(one("runs", RunAttributes, meta=RunMeta),), path=(RUN_ID,))
TRACE = Form(answers=(one("runTraces", TraceAttributes),), path=(RUN_ID,))
CANCEL = Form(
    answers=(_SHOWN,),
    path=(RUN_ID,),
    refusals={409: "The run is finished, or its transaction may be on the chain."},
)
BULK_DELETE = Form(
    answers=(DONE,),
    body=Body(
        schema=nullable(
            thing(
                "Which runs. Without a status, or without a time, none.",
                {
                    "status": nullable(listed("Of these statuses.", {"type": "string", "enum": _STATUSES})),
                    "updatedBefore": nullable(rfc3339("Not changed since then.")),
                },
            )
        ),
        examples={"old": {"status": ["completed", "errored"], "updatedBefore": "2019-06-01T00:00:00Z"}},
    ),
    refusals={400: "The body cannot be read.", 422: "Runs of such a status are not finished."},
)
LATE_ANSWER = Form(
    answers=(_SHOWN,),
    path=(RUN_ID,),
    security=(("bridge",),),
    body=Body(
        schema=nullable(
            thing(
                "A bridge's answer.",
                {
                    "data": {"description": "What the task leaves: an object, or a value that becomes `result`."},
                    "error": several(
                        "Any text, even an empty one, fails the task.",
                        {"type": "string"},
                        {"type": "null"},
                        thing(
                            "As v0.6.2 wrote it.",
                            {"String": nullable(text("The error.")), "Valid": {"type": ["boolean", "null"]}},
                        ),
                    ),
                    "pending": nullable({"type": "boolean", "description": "The answer comes later still."}),
                    "status": nullable(
                        text("`errored` fails the task, `pending_bridge` waits on; anything else is an answer.")
                    ),
                },
            )
        ),
        examples={"answer": {"data": {"result": "100"}}, "failure": {"error": "no price"}, "later": {"pending": True}},
    ),
    refusals={
        405: "The run does not wait for a bridge.",
        500: "The body cannot be read, or the bridge is not there any more (a 500 in v0.6.2).",
    },
)
