"""The node's metrics as values with their meaning, for people: the same families that Prometheus reads."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain

import msgspec
from prometheus_client import ProcessCollector
from prometheus_client.metrics_core import Metric

from adyton.services.gauges import PREFIX, families
from adyton.services.parts import Parts
from adyton.services.watch import Watch

GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "The line to Ethereum",
        ("connected", "connections", "head_", "endpoint_", "rpc_", "heads_", "reorganisations", "finality_"),
    ),
    ("Requests", ("log_", "logs_", "requests_")),
    ("Schedules", ("schedule_",)),
    ("Runs", ("runs_", "task_", "queue_")),
    ("Transactions", ("transactions_", "oldest_", "gas_", "foreign_", "balance_", "link_balance_")),
    ("The node", ("",)),
)
"""The headings of docs/metrics.md, and how the names below each begin."""
_LONG = 200
"""Samples of a family that are given."""
_PROCESS = ProcessCollector(registry=None)


class Sample(msgspec.Struct, frozen=True):
    """One number. Of a histogram: how many there were (``count``) and their sum (``sum``), as ``of`` says."""

    labels: Mapping[str, str]
    value: float
    of: str = ""


class Family(msgspec.Struct, frozen=True):
    """Numbers of one name. ``kind`` is ``counter``, ``gauge`` or ``histogram``."""

    name: str
    group: str
    about: str
    kind: str
    samples: tuple[Sample, ...]


async def current(parts: Parts, watch: Watch) -> list[Family]:
    """Every family that has a sample now, by group."""
    numbers = await watch.numbers()
    found = [_family(each) for each in chain(parts.metrics.registry.collect(), families(parts, numbers), _PROCESS.collect())]
    order = [title for title, _ in GROUPS]
    return sorted((each for each in found if each.samples), key=lambda each: order.index(each.group))


def group_of(name: str) -> str:
    """The heading below which a name belongs."""
    if not name.startswith(PREFIX):
        return GROUPS[-1][0]
    own = name.removeprefix(PREFIX)
    return next(title for title, starts in GROUPS if own.startswith(starts))


def _family(metric: Metric) -> Family:
    samples = [
        Sample(each.labels, each.value, _of(metric, each.name)) for each in metric.samples if not each.name.endswith("_bucket")
    ]
    name = f"{metric.name}_total" if metric.type == "counter" else metric.name
    return Family(name, group_of(name), metric.documentation, metric.type, tuple(samples[:_LONG]))


def _of(metric: Metric, name: str) -> str:
    return name.removeprefix(f"{metric.name}_") if metric.type == "histogram" else ""
