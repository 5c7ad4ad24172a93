"""What to ask an Ethereum node for, so that no log is missed that a job wants and few are sent that none does.

What jobs want is told apart by its shape: whether it names contracts, and in which places it names topics. Wants of one shape
make one filter, because a filter restricts nothing but what all in it restrict: one for "Transfer to me, of any contract" and
one for "requests of my oracle" are two small answers, and both together would be every transfer on the chain. Job ids are
matched here, not by the node: a filter with a thousand topics costs the node more than it saves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from adyton.domain.chain import ZERO_ADDRESS, Address, LogFilter
from adyton.domain.event_logs import ETH_LOG
from adyton.domain.jobs import Initiator, Job
from adyton.domain.requests import CLOSINGS, EXEC_AGREEMENT, EXECUTION_TOPIC, ORACLE_REQUEST, RUN_LOG, RUN_LOG_TOPICS

_REQUESTS = ((*RUN_LOG_TOPICS, *CLOSINGS),)


def wanted_logs(jobs: Iterable[Job], also: Iterable[Address] = ()) -> tuple[LogFilter, ...]:
    """The filters that catch every log which starts runs of the jobs, and how requests end; empty when no job listens.
    ``also``: contracts whose requests are of interest in any case."""
    wants = [LogFilter((address,), _REQUESTS) for address in also]
    wants += [want for job in jobs for initiator in job.initiators for want in _wants(initiator)]
    shapes: dict[tuple[object, ...], list[LogFilter]] = {}
    for want in wants:
        shapes.setdefault((bool(want.addresses), *map(bool, want.topics)), []).append(want)
    merged = [_merged(alike) for alike in shapes.values()]
    return tuple(each for each in merged if not any(_covers(other, each) for other in merged if other is not each))


def takes_everything(filters: Iterable[LogFilter]) -> bool:
    """Whether every log of the chain is asked for."""
    return any(not each.addresses and not each.topics for each in filters)


def _wants(initiator: Initiator) -> Iterator[LogFilter]:
    addresses = () if initiator.address == ZERO_ADDRESS else (initiator.address,)
    if initiator.type == RUN_LOG:
        yield LogFilter(addresses, _REQUESTS)
    elif initiator.type == EXEC_AGREEMENT:
        yield LogFilter(addresses, ((EXECUTION_TOPIC if initiator.agreement is None else ORACLE_REQUEST,),))
    elif initiator.type == ETH_LOG:
        yield LogFilter(addresses, _trimmed(initiator.topics))


def _trimmed(topics: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
    """Without places at the end that ask for nothing: a node would ask of a log that it has a topic there."""
    last = max((place for place, any_of in enumerate(topics, start=1) if any_of), default=0)
    return topics[:last]


def _merged(alike: list[LogFilter]) -> LogFilter:
    addresses = {address for each in alike for address in each.addresses}
    places = zip(*(each.topics for each in alike), strict=True)
    return LogFilter(tuple(sorted(addresses)), tuple(_union(place) for place in places))


def _union(place: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
    """Every hash that is listed in a place, once, in order."""
    return tuple(dict.fromkeys(topic for any_of in place for topic in any_of))


def _covers(wide: LogFilter, narrow: LogFilter) -> bool:
    """Whether one filter finds all that another does."""
    if wide.addresses and not (narrow.addresses and set(narrow.addresses) <= set(wide.addresses)):
        return False
    listed = (*narrow.topics, *[()] * len(wide.topics))
    return all(not any_of or (mine and set(mine) <= set(any_of)) for any_of, mine in zip(wide.topics, listed, strict=False))
