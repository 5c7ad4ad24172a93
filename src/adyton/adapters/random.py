"""random: the name is taken, so that no bridge can have it; a job with it is refused."""

from __future__ import annotations

from adyton.adapters.base import Pure, TaskContext
from adyton.domain.errors import Invalid
from adyton.domain.runs import Data, Outcome


def _check(params: Data) -> None:  # noqa: ARG001 - an adapter's signature
    raise Invalid("random needs a VRF key; this version has none", code="ADY-0286")


def _perform(params: Data, data: Data, context: TaskContext) -> Outcome:  # noqa: ARG001 - an adapter's signature
    raise Invalid("random needs a VRF key; this version has none", code="ADY-0286")


adapter = Pure("random", _check, _perform)
