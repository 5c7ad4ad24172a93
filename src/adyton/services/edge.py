"""What the API's server says of itself, for health and metrics. In memory: it is about this process."""

from __future__ import annotations

import msgspec

DAY = 86400


class Certificate(msgspec.Struct, frozen=True):
    """The certificate that is served. ``expires`` is a Unix second; ``problem`` says why newer files are not used ("" if
    there are none)."""

    expires: int
    problem: str = ""

    def days_left(self, now: int) -> float:
        """Days until it ends, negative after that; ``now`` is in microseconds."""
        return (self.expires - now / 1_000_000) / DAY


class Edge(msgspec.Struct):
    """Written by the server, read by whoever watches."""

    certificate: Certificate | None = None
    connections: int = 0
    waiting: int = 0
