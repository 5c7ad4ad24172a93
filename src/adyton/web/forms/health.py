"""Forms of what watchers ask."""

from __future__ import annotations

from adyton.services.health import Check
from adyton.web.form import Answer, Form, Many, Parameter, Value, many
from adyton.web.metrics import MetricAttributes

_CHECKS = (Many("checks", Check, paged=False),)

SHOW = Form(answers=(Answer(_CHECKS, about="Every check passes."), Answer(_CHECKS, 503, "A check fails, or the node stops.")))
READY = Form(
    answers=(
        Answer(about="The API can serve. With `full` the checks are shown as on `/health`; without it there is no body."),
        Answer((), 503, "The API cannot serve, or the node stops. The body is as above."),
    ),
    query=(Parameter(name="full", about="Show the checks as well."),),
)
METRIC_LIST = Form(answers=(many("metrics", MetricAttributes, paged=False),))
METRICS = Form(
    answers=(
        Answer(
            (
                Value(media="text/plain", schema={"type": "string"}),
                Value(media="application/openmetrics-text", schema={"type": "string"}),
            ),
            about="In the format that the Accept header asks for.",
        ),
    )
)
