"""What accounts hold, all in one batch."""

from __future__ import annotations

from collections.abc import Sequence

from adyton.domain.chain import Address
from adyton.ethereum import codec
from adyton.ethereum.connection import Call
from adyton.ethereum.errors import MalformedAnswer, RpcError
from adyton.ethereum.rpc import RpcClient

BALANCE_OF = "0x70a08231"
"""Selector of ``balanceOf(address)``."""


class HoldingsReader:
    """Asks for balances. What one account holds may be refused while another's is told."""

    def __init__(self, rpc: RpcClient) -> None:
        self._rpc = rpc

    async def read(
        self, accounts: Sequence[Address], *, token: Address | None, holders: Sequence[Address]
    ) -> tuple[list[int | None], list[int | None]]:
        """Wei of ``accounts``, and units of ``token`` (None: nobody has any) of ``holders``, in order; None where the Ethereum
        node did not say. Raises TryAgain."""
        calls: list[Call] = [("eth_getBalance", (account, "latest")) for account in accounts]
        if token is not None:
            data = [f"{BALANCE_OF}{holder[2:]:0>64}" for holder in holders]
            calls += [("eth_call", (codec.message(to=token, data=each), "latest")) for each in data]
        answers = await self._rpc.batch_raw(calls) if calls else []
        eth = [None if isinstance(answer, RpcError) else codec.quantity(answer) for answer in answers[: len(accounts)]]
        units = [None if isinstance(answer, RpcError) else _word(codec.data(answer)) for answer in answers[len(accounts) :]]
        return eth, units if token is not None else [None] * len(holders)


def _word(answer: str) -> int | None:
    """A number as a contract answers it; None for anything else: the token is not one."""
    if len(answer) != 66:
        return None
    try:
        return int(answer, 16)
    except ValueError as error:
        raise MalformedAnswer(f"balance: {error}") from error
