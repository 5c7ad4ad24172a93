"""Forms of what a node has done, and of how it is at a glance."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from adyton.web.form import JOB_ID, PAGE_REFUSED, SORTED_PAGES, Form, Parameter, many, one
from adyton.web.presenters.statistics import JobStatisticsAttributes, OverviewAttributes, StatisticsAttributes
from adyton.web.schemas.pieces import rfc3339

_TIME = Annotated[Any, Meta(extra_json_schema={"anyOf": [dict(rfc3339("A time.")), {"type": "string", "maxLength": 0}]})]

INDEX = Form(
    answers=(many("statistics", StatisticsAttributes, paged=False),),
    query=(
        Parameter(
            name="step",
            about="How long each stretch of time is: `hour`, which is what is shown if it is not said, or `day`.",
            kind=Annotated[str, Meta(pattern="^(hour|day)?$")],
            example="day",
        ),
        Parameter(name="jobSpecId", about="Only what was done for that job.", example=JOB_ID.example),
        Parameter(
            name="since",
            about="From the step on that this time is in; if it is not said, the last 24 hours or 30 days before `until`.",
            kind=_TIME,
            example="2030-06-26T00:00:00Z",
        ),
        Parameter(
            name="until", about="Before that time; if it is not said, until now.", kind=_TIME, example="2030-06-27T00:00:00Z"
        ),
    ),
    refusals={422: "The step or a time is wrong, or there are too many steps between the times."},
)
JOBS = Form(
    answers=(many("jobStatistics", JobStatisticsAttributes),),
    query=(
        *SORTED_PAGES,
        Parameter(
            name="ids",
            about="Only these jobs, with commas between; those that are archived or not there are left out.",
            example=JOB_ID.example,
        ),
    ),
    refusals=PAGE_REFUSED,
)
OVERVIEW = Form(answers=(one("overviews", OverviewAttributes),))
