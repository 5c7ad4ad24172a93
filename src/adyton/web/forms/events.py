"""Forms of live updates."""

from __future__ import annotations

from adyton.web.form import JOB_ID, RUN_ID, Answer, Form, Parameter, Value

STREAM = Form(
    answers=(
        Answer(
            (Value(media="text/event-stream", schema={"type": "string"}),),
            about="A stream that does not end by itself: events `state`, `run`, `head`, `transaction`, `alert` and `reset`.",
            headers=(("X-Accel-Buffering", "`no`, so that nginx passes events on at once."),),
        ),
    ),
    query=(
        Parameter(
            name="kinds",
            about="Which, separated by commas: `runs`, `heads`, `transactions`, `alerts`. None: all.",
            example="runs",
        ),
        Parameter(name="jobSpecId", about="Of runs and transactions only those of this job.", example=JOB_ID.example),
        Parameter(name="runId", about="Of runs and transactions only those of this run.", example=RUN_ID.example),
        Parameter(name="lastEventId", about="As the header, for clients that cannot set it."),
    ),
    headers=(Parameter(name="Last-Event-ID", about="The id of the last event that the client has had: it goes on behind it."),),
    refusals={404: "There is no such job or run.", 422: "`kinds` names something else."},
)
