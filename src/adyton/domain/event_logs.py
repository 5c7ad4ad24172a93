"""Logs that start runs although they ask for nothing: what an ethlog initiator wants of a log, and what its run is given.

Such a run happens once for each initiator and log. A log has no name of its own that survives a reorganisation (its place in
the block changes with the block), so it is known by what stays: its transaction, what it says, and which of the equal logs of
that transaction it is.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from adyton.domain import evm
from adyton.domain.chain import ZERO_ADDRESS, Hash, Log
from adyton.domain.jobs import Initiator, Job
from adyton.domain.runs import Data

ETH_LOG = "ethlog"

_MARK = "log:"
"""What the id of a log begins with, and that of no request: a request's is 0x and hex digits, whatever a contract makes up."""


class Subscription(msgspec.Struct, frozen=True):
    """An ethlog initiator of a job; ``place`` is where it stands among the job's initiators. Of a job that is archived
    (``live`` is false) no run starts any more, but those under way follow their logs."""

    job: Job
    initiator: Initiator
    place: int
    live: bool = True

    @property
    def name(self) -> str:
        """The job's id and the place: what decisions about logs are kept under, since each initiator decides for itself."""
        return f"{self.job.id}/{self.place}"


def subscriptions(job: Job, *, live: bool = True) -> list[Subscription]:
    """The ethlog initiators of a job."""
    return [Subscription(job, each, place, live) for place, each in enumerate(job.initiators) if each.type == ETH_LOG]


def begun(job: Job, height: int | None) -> Job:
    """A new job whose ethlog initiators take the logs of the blocks from now on, unless they say from where: what they listen
    to has been there for long, and the last blocks are read again now and then. ``height`` is the last block read; None: none
    yet, and log intake will say where it begins."""
    if height is None or not subscriptions(job):
        return job
    begins = height + 1
    initiators = tuple(
        msgspec.structs.replace(each, from_block=begins) if each.type == ETH_LOG and each.from_block is None else each
        for each in job.initiators
    )
    return msgspec.structs.replace(job, initiators=initiators)


def wants(initiator: Initiator, log: Log) -> bool:
    """Whether an ethlog initiator wants a log: of its contract, with one of the listed hashes in each place that lists some.
    A log with fewer topics has none there."""
    if initiator.address not in (ZERO_ADDRESS, log.address):
        return False
    has = len(log.topics)
    return all(not any_of or (place < has and log.topics[place] in any_of) for place, any_of in enumerate(initiator.topics))


def repeats(logs: Iterable[Log]) -> dict[tuple[Hash, int], int]:
    """Which of the equal logs of its transaction a log is, by (block hash, log index); the first ones, number 0, are left out.
    Needs the logs in the chain's order, and all of a transaction."""
    seen: dict[tuple[object, ...], int] = {}
    found: dict[tuple[Hash, int], int] = {}
    for log in logs:
        key = (log.block_hash, log.transaction_hash, log.address, log.topics, log.data)
        number = seen.get(key, 0)
        seen[key] = number + 1
        if number:
            found[(log.block_hash, log.log_index)] = number
    return found


def event_id(subscription: Subscription, log: Log, number: int) -> str:
    """What the run of a log is known by, in the place of a request's id; ``number`` is as in ``repeats``."""
    said = (subscription.name, log.transaction_hash, log.address, ",".join(log.topics), log.data, str(number))
    return _MARK + evm.keccak(" ".join(said).encode()).hex()


def is_event(request_id: str | None) -> bool:
    """Whether an id is that of a log, and not a request's."""
    return request_id is not None and request_id.startswith(_MARK)


def event_data(log: Log) -> Data:
    """The input of a run that a log starts: the log itself. As v0.6.2: quantities in hex, the address in lower case, null for
    no topics."""
    return {
        "address": log.address,
        "topics": list(log.topics) or None,
        "data": log.data,
        "blockNumber": hex(log.block_number),
        "transactionHash": log.transaction_hash,
        "transactionIndex": hex(log.transaction_index),
        "blockHash": log.block_hash,
        "logIndex": hex(log.log_index),
        "removed": False,
    }
