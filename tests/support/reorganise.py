"""Reorganisations on anvil."""

from __future__ import annotations

from typing import Any

from adyton.dev.chain import LocalChain


async def reorganise(chain: LocalChain, depth: int, *, keep: tuple[str, ...], carry: tuple[str, ...] = ()) -> list[str]:
    """Replace the last ``depth`` blocks by as many others, and return the hashes of transactions that are gone.

    Transactions of the senders in ``keep`` come again in the first new block, in their order, signed anew by the chain; those
    of ``carry`` come with them as they are, under the same hash. Those of others are gone from blocks and pool.
    """
    height = await chain.height()
    again: list[list[Any]] = []
    gone: list[str] = []
    for number in range(height - depth + 1, height + 1):
        block = await chain.rpc("eth_getBlockByNumber", hex(number), True)
        for each in block["transactions"]:
            if each["from"].lower() in keep:
                fields = {"from": each["from"], "to": each["to"], "data": each["input"], "value": each["value"]}
                again.append([fields | {"gas": hex(1_000_000)}, 0])
            elif each["from"].lower() in carry:
                again.append([await chain.rpc("eth_getRawTransactionByHash", each["hash"]), 0])
            else:
                gone.append(each["hash"])
    await chain.rpc("anvil_reorg", depth, again)
    return gone
