"""The demo: a request on chain is answered on chain, by the real node, in front of your eyes."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

from adyton.dev import contracts as on_chain
from adyton.dev.report import Report
from adyton.dev.stage import PARAMETERS, Stage, ask, set_up
from adyton.dev.world import Real
from adyton.domain import evm


async def run(directory: Path, report: Report, real: Real) -> bool:
    """Play the whole demo in ``directory``; True if the contract holds the right value in the end."""
    report.line("Everything below is real and on this machine; one confirmation is enough here, so that it is quick.")
    async with set_up(directory, report, real) as stage:
        await ask(stage, report, PARAMETERS, nonce=1, real=real)
        held = await on_chain.current_price(stage.chain, stage.contracts)
    return _verdict(stage, held, report)


def _verdict(stage: Stage, held: str, report: Report) -> bool:
    price = json.loads(stage.prices.body, parse_float=Decimal)["USD"]
    wanted = int(price * 100)
    text = (
        f"Consumer {evm.checksum(stage.contracts.consumer)} holds currentPrice = 0x{int(held, 16):x} ({int(held, 16)} US cents)"
    )
    if int(held, 16) == wanted:
        report.done(f"{text}: right, in {report.elapsed:.1f} s")
        return True
    report.failed(f"{text}: wrong, {wanted} was expected")
    return False
