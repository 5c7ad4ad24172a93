"""Form of what jobs use."""

from __future__ import annotations

from adyton.services.uses import Used
from adyton.web.form import Form, Parameter, many
from adyton.web.uses import MOST, UseAttributes

INDEX = Form(
    answers=(many("uses", UseAttributes, paged=False),),
    query=(
        Parameter(name="kind", about="What the names are of.", kind=Used, example=Used.BRIDGE.value, required=True),
        Parameter(name="names", about=f"Names, at most {MOST}, with commas between.", example="prices,random-number"),
    ),
    refusals={422: "`kind` is none, or there are too many names."},
)
