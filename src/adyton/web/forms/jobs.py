"""Forms of job specs."""

from __future__ import annotations

import msgspec

from adyton.web.form import DONE, JOB_ID, PAGE_REFUSED, SORTED_PAGES, Body, Form, many, one
from adyton.web.forms import filters
from adyton.web.presenters.job_errors import JobErrorAttributes
from adyton.web.presenters.jobs import JobAttributes
from adyton.web.schemas import job


class NextFires(msgspec.Struct, frozen=True):
    """When a cron initiator fires next."""

    schedule: str
    times: list[str]


class JobMeta(msgspec.Struct, frozen=True):
    """What stands beside one job with cron initiators."""

    nextFires: list[NextFires]  # noqa: N815 - the API's own name


INDEX = Form(answers=(many("specs", JobAttributes),), query=(*SORTED_PAGES, *filters.JOBS), refusals=PAGE_REFUSED)
SHOW = Form(
    answers=(one("specs", JobAttributes, meta=JobMeta),),
    path=(JOB_ID,),
    query=(filters.ARCHIVED,),
    refusals={422: "`archived` is neither `true` nor `false`."},
)
ERRORS = Form(answers=(one("specErrors", JobErrorAttributes),), path=(JOB_ID,))
CREATE = Form(
    answers=(one("specs", JobAttributes, meta=JobMeta),),
    body=Body(schema=job.schema(), about="The job. Keys match in any case, unknown ones are ignored.", examples=job.EXAMPLES),
    refusals={
        400: "The job is wrong; every fault at once, each with the place of its field.",
        409: "The id that the job brings along is in use, or a bridge that it names has just been deleted.",
        500: "The external initiator that the job names did not take it; the job is not created.",
    },
)
ARCHIVE = Form(answers=(DONE,), path=(JOB_ID,))
