"""The node's metrics as Prometheus reads them: what was counted, and what is read now."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from prometheus_client import ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from adyton.services.gauges import families
from adyton.services.parts import Parts
from adyton.services.watch import Watch

_OPEN_METRICS = "application/openmetrics-text"
_END = b"# EOF\n"
_AT_ONCE = 50
"""Lines that are read and written before others have their turn: a long list must not hold up the node."""
_PROCESS = ProcessCollector(registry=None)


async def exposition(parts: Parts, watch: Watch, accept: str) -> tuple[bytes, str]:
    """The text and its content type: OpenMetrics when ``accept`` (the header) asks for it, else Prometheus's own."""
    numbers = await watch.numbers()
    open_format = _OPEN_METRICS in accept
    encode = openmetrics.generate_latest if open_format else generate_latest
    written: list[bytes] = []
    lines = 0
    for family in chain(parts.metrics.registry.collect(), families(parts, numbers), _PROCESS.collect()):
        lines += len(family.samples)
        if lines >= _AT_ONCE:
            lines = 0
            await parts.clock.sleep(0)
        written.append(encode(_Only(family)).removesuffix(_END))
    written.append(_END if open_format else b"")
    return b"".join(written), openmetrics.CONTENT_TYPE_LATEST if open_format else CONTENT_TYPE_PLAIN_0_0_4


class _Only(Collector):
    """One family that has been read already."""

    def __init__(self, family: Metric) -> None:
        self._family = family

    def collect(self) -> Iterator[Metric]:
        yield self._family
