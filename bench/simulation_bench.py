"""Seeds of the simulation with every fault: hours of a node's life a second, faults injected, losses and doubles.

``SIMULATION_SEEDS=2000 make bench`` plays more.
"""

from __future__ import annotations

import os

from adyton.sim.campaign import Figures, Plan, results
from common import main

SEEDS = int(os.environ.get("SIMULATION_SEEDS", "200"))


async def measure() -> None:
    jobs = os.cpu_count() or 1
    print(f"{SEEDS:,} seeds with every fault, {jobs} processes")
    plan, figures = Plan(), Figures()
    for result in results(plan, range(SEEDS), jobs=jobs):
        figures.add(result)
    print("\n".join(f"  {line}" for line in figures.text().splitlines()))
    for failed in figures.failures:
        print(f"  {plan.replay(failed.seed)}: {failed.failure}")


if __name__ == "__main__":
    main(measure)
