"""Forms of requests, and of the story of one."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from adyton.services.error_pages import ErrorLine, ErrorPage
from adyton.storage.fates import Chosen
from adyton.web.form import JOB_ID, PAGE_REFUSED, PAGES, Answer, Form, One, Parameter, identity, many, one
from adyton.web.presenters.requests import ExplanationAttributes, FateCounts, RequestAttributes
from adyton.web.presenters.runs import RunAttributes

_REQUEST = identity("request_id", "The request's id, alone or behind its contract and a colon.", f"0x{'0' * 63}1")
_AMBIGUOUS = {409: "Several contracts have a request of that id; the text names them."}
_OF = (
    Parameter(name="jobSpecId", about="Only requests of that job.", example=JOB_ID.example),
    Parameter(
        name="contract",
        about="Only requests of that contract.",
        kind=Annotated[str, Meta(pattern="^(0[xX][0-9a-fA-F]{40})?$")],
        example="0x356a04bce728ba4c62a30294a55e6a8600a320b3",
    ),
)

INDEX = Form(
    answers=(many("requests", RequestAttributes),),
    query=(
        *PAGES,
        Parameter(name="sort", about="`createdAt`: the oldest first; anything else: the newest first.", example="createdAt"),
        Parameter(
            name="filter",
            about="Which requests: of a fate (`answered`, `cancelled`, `in_progress`, `refused`, `expired`, `unaccounted`), "
            "`unanswered` (neither answered nor cancelled), or `all`.",
            kind=Annotated[str, Meta(pattern=f"^({'|'.join(Chosen)})?$")],
            example=Chosen.UNANSWERED.value,
        ),
        *_OF,
    ),
    refusals=PAGE_REFUSED,
)
FATES = Form(
    answers=(one("requestFates", FateCounts),),
    query=_OF,
    refusals={422: "A parameter cannot be read."},
)
SHOW = Form(answers=(one("requests", RequestAttributes),), path=(_REQUEST,), refusals=_AMBIGUOUS)
RUN = Form(
    answers=(one("runs", RunAttributes),),
    path=(_REQUEST,),
    refusals={409: "It cannot be run again now, and why; or several contracts have a request of that id."},
)
ERRORS = Form(
    answers=(many("errorPages", ErrorLine, paged=False),),
    query=(Parameter(name="q", about="Only those whose page has each of these words, in any case.", example="nonce gap"),),
)
EXPLAIN = Form(
    answers=(Answer((One("explanations", ExplanationAttributes), One("errorPages", ErrorPage))),),
    path=(
        Parameter(
            name="what",
            about="The hash of a transaction, the id of a request, alone or behind its contract and a colon, the id of a run, "
            "or the code of an error, whose page is shown then.",
            kind=Annotated[
                str,
                Meta(
                    pattern="^(0x[0-9a-fA-F]{40}:0x[0-9a-fA-F]{64}|(0x)?[0-9a-fA-F]{64}"
                    "|[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}|([aA][dD][yY]-?)?[0-9]{1,4})$"
                ),
            ],
            example="9f0e1d2c3b4a59687786950a1b2c3d4e",
            required=True,
        ),
    ),
    refusals={400: "It is the name of nothing that could be explained."},
)
