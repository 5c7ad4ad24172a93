"""What a hostile or tired Ethereum node does to the node that asks it. Everything is off by default."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from adyton.sim.entropy import stream


@dataclass
class Faults:
    """Chances in [0, 1] for each message, and sizes.

    A test may change them while the simulation runs: it is a switchboard.
    """

    slow: float = 0.0
    """An answer takes ``slow_seconds`` longer."""
    slow_seconds: tuple[float, float] = (1.0, 20.0)
    dropped: float = 0.0
    """The connection breaks instead of the request being read."""
    missing_receipts: float = 0.0
    """``eth_getTransactionReceipt`` answers null although there is one."""
    receipt_lag: float = 0.0
    """Receipts are null for so many seconds after their block came."""
    stale_heads: float = 0.0
    """``latest`` answers from ``stale_blocks`` ago."""
    stale_blocks: int = 3
    lost_replies: float = 0.0
    """A transaction is taken, and the connection breaks before the node hears of it."""
    missed_heads: float = 0.0
    """A subscription leaves an event out."""
    doubled_heads: float = 0.0
    """A subscription says an event twice."""
    seed: int | str = 0
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = stream(self.seed, "faults")

    def strikes(self, chance: float) -> bool:
        """Whether a fault of that chance happens now."""
        return chance > 0 and self._random.random() < chance

    def delay(self) -> float:
        """Extra seconds for an answer."""
        return self._random.uniform(*self.slow_seconds) if self.strikes(self.slow) else 0.0


def tired(seed: int | str) -> Faults:
    """A node that fails in every way it knows, now and then, and works in between."""
    return Faults(
        slow=0.05,
        dropped=0.01,
        missing_receipts=0.2,
        receipt_lag=3.0,
        stale_heads=0.1,
        lost_replies=0.2,
        missed_heads=0.1,
        doubled_heads=0.1,
        seed=seed,
    )
