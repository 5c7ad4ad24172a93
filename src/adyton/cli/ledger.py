"""``adyton ledger``: from the chain and the database alone, did every request come to exactly one end, does the money add up?

It asks the node nothing, takes no lock and changes nothing, so it may run beside the node, or after it has died.
"""

from __future__ import annotations

import asyncio
import re
import sys

import click
import msgspec

from adyton.cli.output import clean, write_json
from adyton.cli.settings import bad, load
from adyton.cli.tree import Failure, wants_json
from adyton.config import Config
from adyton.domain import evm
from adyton.domain.errors import AdytonError, Invalid
from adyton.ethereum.client import Chain
from adyton.ethereum.rpc import RpcClient
from adyton.ledger.account import Account, text
from adyton.ledger.draw_up import draw_up
from adyton.ledger.ends import Rules
from adyton.ledger.line import connected
from adyton.storage.snapshot import open_snapshot
from adyton.system import logs
from adyton.system.clock import SystemClock
from adyton.system.entropy import SystemEntropy
from adyton.system.rpc import EthereumTransport

GRACE = 10
"""Blocks beyond the confirmations asked for within which one side may know what the other does not know yet."""
SLACK = 3600.0
"""Seconds by which a block's time may differ from this machine's."""


def show(first: int | None, contracts: tuple[str, ...]) -> None:
    """Print the account of the blocks from ``first`` on; exit status 1 when something was found. Raises Failure."""
    config = load()
    logs.configure(level="error", json_console=False, file=None)
    try:
        account = asyncio.run(_draw_up(config, first, [_address(contract) for contract in contracts]))
    except Invalid as invalid:
        raise bad(invalid) from None
    except AdytonError as fault:
        raise Failure(str(fault) or type(fault).__name__, code=fault.error_code) from None
    if wants_json():
        write_json(msgspec.json.encode(msgspec.to_builtins(account) | {"sound": account.sound}))
    else:
        click.echo(clean(text(account)))
    sys.exit(0 if account.sound else 1)


def _address(text: str) -> str:
    """In its checksummed spelling, as a person knows it, or all in lower case, as the database has it."""
    if re.fullmatch("0x[0-9a-f]{40}", text):
        return text
    try:
        return evm.parse_address(text)
    except ValueError as error:
        raise Failure(f"--contract: {error}", code="ADY-1254") from None


async def _draw_up(config: Config, first: int | None, contracts: list[str]) -> Account:
    clock = SystemClock()
    async with open_snapshot(config.database_url, root=config.root) as database:
        rpc = RpcClient(
            transport=EthereumTransport(),
            url=config.eth_url[0],
            standbys=config.eth_url[1:],
            clock=clock,
            entropy=SystemEntropy(),
            expected_chain_id=config.eth_chain_id,
        )
        async with connected(rpc):
            assert rpc.chain_id is not None, "a connection has shown its chain"
            forgotten = config.eth_tx_reaper_threshold and clock.now() // 1_000_000 - config.eth_tx_reaper_threshold + SLACK
            rules = Rules(
                now=clock.now(),
                grace=max(config.min_incoming_confirmations, config.min_outgoing_confirmations) + GRACE,
                finality=config.finality_depth(rpc.chain_id),
                forgotten_before=int(forgotten),
            )
            link = config.link_address(rpc.chain_id)
            return await draw_up(database, Chain(rpc), rules, link=link, first=first, contracts=contracts)
