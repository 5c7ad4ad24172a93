"""The Ethereum nodes that the node asks, with what was counted about the calls to each."""

from __future__ import annotations

from collections import Counter

import msgspec

from adyton.ethereum.recent import Recently
from adyton.ethereum.views import EndpointView
from adyton.services.parts import Parts

_OK = "ok"


class RpcNode(msgspec.Struct, frozen=True):
    """One of them. ``calls``, ``errors`` and ``refusals`` (it was asked too often) are since the start; ``latency`` the average
    in seconds, None before any answer; ``recently`` is the last hour."""

    view: EndpointView
    calls: int
    errors: int
    latency: float | None
    refusals: int
    recently: Recently


def every(parts: Parts) -> list[RpcNode]:
    """All, in the order in which they were given."""
    calls, errors = Counter[str](), Counter[str]()
    for family in parts.metrics.rpc_calls.collect():
        for sample in (each for each in family.samples if each.name.endswith("_total")):
            calls[sample.labels["endpoint"]] += round(sample.value)
            errors[sample.labels["endpoint"]] += 0 if sample.labels["outcome"] == _OK else round(sample.value)
    seconds, refusals = _averages(parts), _refusals(parts)
    return [
        RpcNode(view, calls[view.name], errors[view.name], seconds.get(view.name), refusals[view.name], view.recently())
        for view in parts.endpoints()
    ]


def reorganisations(parts: Parts) -> int:
    """Reorganisations seen since the start."""
    samples = [sample for family in parts.metrics.reorganisations.collect() for sample in family.samples]
    return round(sum(sample.value for sample in samples if sample.name.endswith("_total")))


def _refusals(parts: Parts) -> Counter[str]:
    families = parts.metrics.rpc_throttled.collect()
    samples = [sample for family in families for sample in family.samples if sample.name.endswith("_total")]
    return Counter({sample.labels["endpoint"]: round(sample.value) for sample in samples})


def _averages(parts: Parts) -> dict[str, float]:
    sums: dict[str, float] = {}
    counts: dict[str, float] = {}
    for family in parts.metrics.rpc_seconds.collect():
        for sample in family.samples:
            if sample.name.endswith("_sum"):
                sums[sample.labels["endpoint"]] = sample.value
            elif sample.name.endswith("_count"):
                counts[sample.labels["endpoint"]] = sample.value
    return {name: sums[name] / count for name, count in counts.items() if count}
