"""What is read when somebody asks for metrics, by name. docs/metrics.md says the same to people; a test compares them."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

import adyton
from adyton.domain.runs import RunStatus
from adyton.ethereum.views import FAILING, EndpointView
from adyton.services.parts import Parts
from adyton.services.watch import Numbers
from adyton.storage.alarms import CHAIN_REPLACED, FINALITY_VIOLATED

PREFIX = "adyton_"
Sample = tuple[tuple[str, ...], float]


class Family(NamedTuple):
    """A name's meaning and labels. ``counts``: it only grows while the node runs."""

    about: str
    labels: tuple[str, ...] = ()
    counts: bool = False


FAMILIES: Mapping[str, Family] = {
    "build_info": Family("Always 1; the labels say what is running.", ("version", "python")),
    "connected": Family("1 while there is a connection to the chain and its head is known."),
    "connections": Family("Connections made to the chain.", counts=True),
    "head_number": Family("The newest block."),
    "head_age_seconds": Family("Seconds since the time that the newest block says."),
    "endpoint_up": Family("1 while an endpoint can be used.", ("endpoint", "role")),
    "endpoint_active": Family("1 for the endpoint that is asked now.", ("endpoint", "role")),
    "endpoint_head": Family("The newest block that an endpoint has shown.", ("endpoint",)),
    "endpoint_head_age_seconds": Family("Seconds since an endpoint showed a newer block.", ("endpoint",)),
    "log_cursor": Family("The block through which logs have been taken in."),
    "log_cursor_lag": Family("Blocks between that and the newest."),
    "log_rereads_open": Family("Re-reads of old blocks that are not done."),
    "log_rereads_blocks": Family("Blocks that they have yet to read."),
    "runs_unfinished": Family("Runs that are not finished, by status.", ("status",)),
    "queue_depth": Family("Runs queued or being worked on."),
    "queue_overflowed": Family("1 while more runs are due than the queue keeps; the rest is in the database."),
    "transactions_open": Family("Transactions that are not safe yet, by state.", ("key", "state")),
    "transactions_waiting": Family("Those of them that say what they wait for.", ("key",)),
    "oldest_transaction_age_seconds": Family(
        "Age of a key's first transaction in a state: since it was signed, or asked for if it has no nonce.", ("key", "state")
    ),
    "oldest_transaction_blocks": Family("Blocks since a key's first unconfirmed transaction was sent.", ("key",)),
    "foreign_nonces_recorded": Family("Nonces of a key that something else used, in all.", ("key",)),
    "requests_open": Family("Requests that the chain still waits for an answer to, whatever the reason."),
    "requests_unaccounted": Family("Requests without an answer and without a reason. Must read 0."),
    "balance_wei": Family("What a key held when it was last looked at.", ("key",)),
    "link_balance_juels": Family("LINK that a key or a contract held then.", ("account", "kind")),
    "balance_low": Family("1 for a key or a contract that held less than it needs.", ("account", "kind")),
    "alarm": Family("1 while an alarm is raised.", ("name",)),
    "database_readable": Family("1 if the rows that these numbers come from could be read."),
    "database_commits": Family("Transactions committed to the database.", counts=True),
    "database_size_bytes": Family("Bytes that the database takes."),
    "api_connections": Family("Connections that the API serves now."),
    "api_connections_waiting": Family("Connections that wait for a place, because there are as many as may be."),
    "event_streams": Family("Clients that watch events now."),
    "explorer_connected": Family("1 while there is a connection to the explorer."),
    "explorer_messages": Family("Messages that the explorer has not acknowledged, by state.", ("state",)),
    "certificate_days_left": Family("Days until the API's certificate ends; negative after that."),
}


def families(parts: Parts, numbers: Numbers | None) -> Iterator[Metric]:
    """Every family with its samples now; ``numbers`` of None leaves out what only rows could tell."""
    yield from _process(parts)
    yield from _chain(parts)
    yield _family("database_readable", [((), numbers is not None)])
    if numbers is not None:
        yield from _rows(parts, numbers)


def _process(parts: Parts) -> Iterator[Metric]:
    yield _family("build_info", [((adyton.__version__, platform.python_version()), 1)])
    yield _family("queue_depth", [((), parts.engine.queue.depth)])
    yield _family("queue_overflowed", [((), parts.engine.queue.behind)])
    yield _family("database_commits", [((), parts.db.commits)])
    yield from _server(parts)
    yield from _balances(parts)


def _server(parts: Parts) -> Iterator[Metric]:
    edge = parts.edge
    yield _family("api_connections", [((), edge.connections)])
    yield _family("api_connections_waiting", [((), edge.waiting)])
    yield _family("event_streams", [((), len(parts.live.streams))])
    if edge.certificate is not None:
        yield _family("certificate_days_left", [((), edge.certificate.days_left(parts.clock.now()))])


def _balances(parts: Parts) -> Iterator[Metric]:
    held = parts.holdings()
    yield _family("balance_wei", [((each.address,), each.eth) for each in held if each.eth is not None])
    units = [((each.address, each.kind.value), each.link) for each in held if each.link is not None]
    yield _family("link_balance_juels", units)
    yield _family("balance_low", [((each.address, each.kind.value), each.low is not None) for each in held])


def _chain(parts: Parts) -> Iterator[Metric]:
    yield from _endpoints(parts)
    state = parts.chain.state
    yield _family("connected", [((), state.connected)])
    yield _family("connections", [((), state.connection)])
    if state.head is not None:
        yield _family("head_number", [((), state.head.number)])
        yield _family("head_age_seconds", [((), max(0, parts.clock.now() // 1_000_000 - state.head.timestamp))])


def _endpoints(parts: Parts) -> Iterator[Metric]:
    found = parts.endpoints()
    yield _family("endpoint_up", [((each.name, each.role), usable(each)) for each in found])
    yield _family("endpoint_active", [((each.name, each.role), each.active) for each in found])
    yield _family("endpoint_head", [((each.name,), each.head) for each in found if each.head is not None])
    yield _family("endpoint_head_age_seconds", [((each.name,), each.head_age) for each in found if each.head_age is not None])


def _rows(parts: Parts, numbers: Numbers) -> Iterator[Metric]:
    yield from _intake(numbers)
    unfinished = [status for status in RunStatus if not status.finished]
    yield _family("runs_unfinished", [((status.value or "unstarted",), numbers.runs.get(status, 0)) for status in unfinished])
    yield from _transactions(parts, numbers)
    if numbers.requests is not None:
        yield _family("requests_open", [((), numbers.requests.open)])
        yield _family("requests_unaccounted", [((), numbers.requests.unaccounted)])
    raised = {alarm.name for alarm in numbers.alarms}
    yield _family("alarm", [((name,), name in raised) for name in sorted({FINALITY_VIOLATED, CHAIN_REPLACED} | raised)])
    yield _family("database_size_bytes", [((), numbers.database_size)])
    if numbers.explorer is not None:
        yield _family("explorer_connected", [((), parts.explorer.connected)])
        told = numbers.explorer
        yield _family("explorer_messages", [(("waiting",), told.waiting), (("put aside",), told.parked)])


def _intake(numbers: Numbers) -> Iterator[Metric]:
    if numbers.cursor is not None:
        yield _family("log_cursor", [((), numbers.cursor.block_number)])
        if numbers.lag is not None:
            yield _family("log_cursor_lag", [((), numbers.lag)])
    yield _family("log_rereads_open", [((), numbers.rereads.count)])
    yield _family("log_rereads_blocks", [((), numbers.rereads.blocks)])


def _transactions(parts: Parts, numbers: Numbers) -> Iterator[Metric]:
    yield _family("transactions_open", [((each.address, each.state), each.count) for each in numbers.transactions])
    waiting: dict[str, int] = {}
    for each in numbers.transactions:
        waiting[each.address] = waiting.get(each.address, 0) + each.waiting
    yield _family("transactions_waiting", [((address,), count) for address, count in waiting.items()])
    now, head = parts.clock.now(), parts.chain.state.head
    ages = [((each.address, each.state), max(0, now - each.since) / 1e6) for each in numbers.oldest]
    yield _family("oldest_transaction_age_seconds", ages)
    sent = [each for each in numbers.oldest if each.state == "unconfirmed" and each.since_block is not None]
    height = 0 if head is None else head.number
    blocks = [((each.address,), max(0, height - (each.since_block or 0))) for each in sent]
    yield _family("oldest_transaction_blocks", [] if head is None else blocks)
    yield _family("foreign_nonces_recorded", [((address,), count) for address, count in numbers.foreign_nonces.items()])


def usable(endpoint: EndpointView) -> bool:
    """Whether an endpoint does its work. One that is in use does unless it fails, even if something is to be said of it."""
    return endpoint.state != FAILING and (endpoint.active or endpoint.problem is None)


def _family(name: str, samples: Sequence[Sample]) -> Metric:
    about, labels, counts = FAMILIES[name]
    kind: type[CounterMetricFamily | GaugeMetricFamily] = CounterMetricFamily if counts else GaugeMetricFamily
    family = kind(PREFIX + name, about, labels=labels)
    for values, number in samples:
        family.add_metric(values, float(number))
    return family
