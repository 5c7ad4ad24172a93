"""Initiators that listen to the chain, as an operator writes them: the params that are theirs, and what is asked of them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import UNSET

from adyton.domain.chain import Hash
from adyton.domain.errors import Fault
from adyton.domain.event_logs import ETH_LOG
from adyton.domain.jobs import Initiator, Job
from adyton.domain.request_json import field, kind_of, written
from adyton.domain.requests import EXEC_AGREEMENT, RUN_LOG

LISTENERS = frozenset({RUN_LOG, ETH_LOG, EXEC_AGREEMENT})
"""The types that read the chain, and so may begin at a block of it."""

_HASH = re.compile(r"0[xX][0-9a-fA-F]{64}")
_PLACES = 4
"""Topics that a log has at most."""


def read_topics(kind: str, params: Mapping[str, object], pointer: str, faults: list[Fault]) -> tuple[tuple[Hash, ...], ...]:
    """``topics`` of an ethlog initiator, as in later versions: for each place of a log's topics what is wanted there, one hash
    or any of a list; null or an empty list: anything. What cannot be read is added to ``faults``."""
    value, at = field(params, "topics"), f"{pointer}/topics"
    if kind != ETH_LOG or value is UNSET or value is None:
        return ()
    if not isinstance(value, list):
        faults.append(
            Fault(f"{written(at)} must be a list with what is wanted of each topic, not {kind_of(value)}", at, code="ADY-0261")
        )
        return ()
    if len(value) > _PLACES:
        faults.append(Fault(f"{written(at)} has {len(value)} places; a log has {_PLACES} topics at most", at, code="ADY-0261"))
        return ()
    return tuple(_place(each, f"{at}/{number}", faults) for number, each in enumerate(value))


def _place(value: object, pointer: str, faults: list[Fault]) -> tuple[Hash, ...]:
    if value is None:
        return ()
    if isinstance(value, list):
        return tuple(dict.fromkeys(_hash(each, f"{pointer}/{number}", faults) for number, each in enumerate(value)))
    return (_hash(value, pointer, faults),)


def _hash(value: object, pointer: str, faults: list[Fault]) -> Hash:
    if isinstance(value, str) and _HASH.fullmatch(value):
        return value.lower()
    shown = f'"{value[:70]}"' if isinstance(value, str) else kind_of(value)
    faults.append(Fault(f"{written(pointer)} must be 0x and 64 hex digits, not {shown}", pointer, code="ADY-0261"))
    return "0x" + "0" * 64


def check_beginning(kind: str, value: object, pointer: str, faults: list[Fault]) -> None:
    """An ethlog initiator answers nobody, so it cannot begin with what is unanswered."""
    if kind == ETH_LOG and value == "unanswered":
        words = f"{written(pointer)}: nobody waits for an answer to a log that starts an ethlog initiator; give a block number"
        faults.append(Fault(words, pointer, code="ADY-0260"))


def judge_agreement(_initiator: Initiator, job: Job, pointer: str) -> list[Fault]:
    """As v0.6.2: what starts an agreement's runs starts nothing else."""
    alone = len(job.initiators) == 1
    return [] if alone else [Fault("ServiceAgreement should have at most one initiator", pointer, code="ADY-0270")]
