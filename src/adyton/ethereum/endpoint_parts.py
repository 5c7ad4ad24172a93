"""What endpoints are made of and work for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import msgspec

from adyton.ethereum.connection import Deliver
from adyton.metrics import Metrics
from adyton.ports import Clock, Entropy, RpcTransport

if TYPE_CHECKING:
    from adyton.ethereum.endpoint import Endpoint


class Subscription:
    """A standing subscription: made again on every connection. ``deliver`` is called by the reader with each notification's
    JSON, so it must only put it somewhere."""

    def __init__(self, params: Sequence[object], deliver: Deliver) -> None:
        self.params = tuple(params)
        self.deliver = deliver

    @property
    def heads(self) -> bool:
        """Whether it is for new heads: these can be had without subscriptions too."""
        return self.params == ("newHeads",)


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """How endpoints are used.

    ``timeout`` (seconds) bounds opening a connection, each frame, and waiting for a turn. ``rate_limit`` is calls a second (0:
    no limit), ``batch_size`` calls in a frame. Endpoints that stand by are looked at every ``poll_interval`` seconds, and one
    that is more than ``sync_threshold`` blocks behind another is not used.
    """

    timeout: float = 10.0
    rate_limit: int = 0
    batch_size: int = 100
    poll_interval: float = 10.0
    sync_threshold: int = 5


class World(msgspec.Struct, frozen=True, kw_only=True):
    """What endpoints need of the world."""

    transport: RpcTransport
    clock: Clock
    entropy: Entropy
    metrics: Metrics


class Owner(Protocol):
    """Whoever keeps endpoints. Every method is called in the middle of things, so none waits."""

    @property
    def chain_id(self) -> int | None:
        """The chain that endpoints must serve, if it is known."""
        ...

    @property
    def subscriptions(self) -> Sequence[Subscription]:
        """What is subscribed to on every connection."""
        ...

    def saw(self, endpoint: Endpoint, number: int) -> None:
        """It has said how high it is."""
        ...

    def check_chain(self, served: int) -> None:
        """Raises WrongChain."""
        ...

    def changed(self, endpoint: Endpoint) -> None:
        """It has become usable, or is no more."""
        ...

    def told(self, endpoint: Endpoint, subscription: Subscription, notification: msgspec.Raw) -> None:
        """A notification has come."""
        ...
