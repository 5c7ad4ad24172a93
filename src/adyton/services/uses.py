"""Which live jobs use a bridge, or name an external initiator."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from adyton.domain.jobs import Job
from adyton.services.parts import Parts

SHOWN = 20
"""Jobs that are named for each, the oldest first; all are counted."""


class Used(StrEnum):
    """What is used."""

    BRIDGE = "bridge"
    INITIATOR = "externalInitiator"


class Use(msgspec.Struct, frozen=True):
    """How many live jobs use one of them, and the first of these."""

    kind: Used
    name: str
    count: int
    jobs: tuple[Job, ...]


def of(parts: Parts, kind: Used, names: Sequence[str]) -> list[Use]:
    """The uses of each name, in the order of the names; of a name that nothing has there are none."""
    mentions = parts.jobs.mentions()
    known = mentions.by_task if kind is Used.BRIDGE else mentions.by_initiator
    found = ((name, known.get(name.lower(), [])) for name in names)
    return [Use(kind, name, len(jobs), tuple(jobs[:SHOWN])) for name, jobs in found]
