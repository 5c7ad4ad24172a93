"""``python -m adyton.sim.replay SEED`` (in ``tests/``): the trace of a seed's story, or with ``--digest`` only its name.

For looking into a seed that failed, and for proving that a seed means the same in another process.
"""

from __future__ import annotations

import argparse

from adyton.sim.faults import tired
from adyton.sim.loop import run
from adyton.sim.story import Story


def digest(seed: str) -> str:
    """The name of everything that happens in a seed's story."""
    return run(Story(seed).play()).trace.digest()


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description="Replay a seed of the simulation.")
    parser.add_argument("seed")
    parser.add_argument("--digest", action="store_true", help="print only the digest of the trace")
    parser.add_argument("--tired", action="store_true", help="with an Ethereum node that fails now and then")
    given = parser.parse_args()
    trace = run(Story(given.seed, faults=tired(given.seed) if given.tired else None).play()).trace
    print(trace.digest() if given.digest else trace.text().decode())


if __name__ == "__main__":
    main()
