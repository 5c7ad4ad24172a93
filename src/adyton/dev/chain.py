"""A real local chain: anvil as a child process, and the few JSON-RPC calls that this world makes itself.

It speaks HTTP, the node speaks websocket to the same port. Transactions are signed by anvil with its own funded accounts.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from adyton.dev import processes, tools
from adyton.dev.processes import Child
from adyton.dev.waiting import until
from adyton.domain.errors import TryAgain
from adyton.ports import Clock, HttpFailure, HttpRequest, HttpTransport

CHAIN_ID = 31337
BODY_LIMIT = 64 * 1024 * 1024


class ChainRefused(TryAgain):
    """The chain answered a call with an error, or a transaction reverted."""

    usual = "ADY-1264"


class LocalChain:
    """One anvil. ``child`` is None for a chain that somebody else started."""

    def __init__(self, url: str, *, http: HttpTransport, clock: Clock, child: Child | None = None) -> None:
        self.url = url
        self.child = child
        self._http = http
        self._clock = clock

    @property
    def websocket(self) -> str:
        """What to give a node as ETH_URL."""
        return self.url.replace("http://", "ws://")

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.url.rsplit(":", 1)[1])

    async def rpc(self, method: str, *params: object) -> Any:
        """One JSON-RPC call. Raises ChainRefused with the chain's words, and HttpFailure when it is not there."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = HttpRequest(
            method="POST",
            url=self.url,
            headers=(("Content-Type", "application/json"),),
            body=body,
            limit=BODY_LIMIT,
            unrestricted=True,
        )
        answer = json.loads((await self._http.request(request)).body)
        if "error" in answer:
            raise ChainRefused(f"{method}: {answer['error'].get('message')}")
        return answer["result"]

    async def accounts(self) -> list[str]:
        """The funded accounts that anvil signs for, in lower case."""
        return [account.lower() for account in await self.rpc("eth_accounts")]

    async def send(
        self, sender: str, *, to: str | None = None, data: str = "0x", value: int = 0, gas: int | None = None
    ) -> dict[str, Any]:
        """Send a transaction and return its receipt. Raises ChainRefused if it reverts.

        ``gas`` is for what may cost more in its block than the chain estimates now, such as a stored time that has not changed.
        """
        fields = {"from": sender, "data": data, "value": hex(value)} | ({"to": to} if to else {})
        if gas is not None:
            fields["gas"] = hex(gas)
        transaction = await self.rpc("eth_sendTransaction", fields)
        receipt = await self.receipt(transaction)
        if receipt["status"] != "0x1":
            raise ChainRefused(f"transaction {transaction} reverted")
        return receipt

    async def receipt(self, transaction: str) -> dict[str, Any]:
        """The receipt of a transaction, once it is in a block."""

        async def probe() -> dict[str, Any] | None:
            found: dict[str, Any] | None = await self.rpc("eth_getTransactionReceipt", transaction)
            return found

        return await until(f"receipt of {transaction}", probe, clock=self._clock)

    async def deploy(self, sender: str, contract: str, arguments: bytes = b"") -> str:
        """Deploy a contract of the official package, for example ``v0.6/Oracle``; returns its address, in lower case."""
        receipt = await self.send(sender, data=tools.bytecode(contract) + arguments.hex())
        address: str = receipt["contractAddress"]
        return address.lower()

    async def call(self, to: str, data: str) -> str:
        """``eth_call`` at the latest block."""
        answer: str = await self.rpc("eth_call", {"to": to, "data": data}, "latest")
        return answer

    async def height(self) -> int:
        """The latest block's number."""
        return int(await self.rpc("eth_blockNumber"), 16)

    async def mine(self, blocks: int = 1) -> None:
        """Add empty blocks at once."""
        await self.rpc("anvil_mine", hex(blocks))

    async def mine_every(self, seconds: int) -> None:
        """From now on a block every ``seconds``, instead of one for each transaction; 0: only when told to."""
        await self.rpc("evm_setAutomine", False)
        await self.rpc("evm_setIntervalMining", seconds)

    async def stop(self) -> None:
        """End the process."""
        if self.child is not None:
            await self.child.stop()


async def start_chain(
    directory: Path,
    *,
    http: HttpTransport,
    clock: Clock,
    port: int = 0,
    chain_id: int = CHAIN_ID,
    arguments: tuple[str, ...] = (),
) -> LocalChain:
    """Start an anvil on a free port (or ``port``) that mines a block for each transaction; its output goes to ``directory``.

    Raises NotFound when anvil is not installed, TooLate when it does not come up.
    """
    command = [tools.anvil(), "--host", "127.0.0.1", "--port", str(port), "--chain-id", str(chain_id), *arguments]
    log = directory / "anvil.log"
    log.unlink(missing_ok=True)
    child = await processes.start("anvil", command, log=log)

    async def listening() -> int | None:
        if child.exit_status is not None:
            raise ChainRefused("anvil ended: " + " ".join(child.last_lines(3)))
        found = re.search(r"Listening on \S+:(\d+)", child.output())
        return int(found[1]) if found else None

    try:
        actual = await until("the local chain listens", listening, clock=clock)
        chain = LocalChain(f"http://127.0.0.1:{actual}", http=http, clock=clock, child=child)
        await chain.rpc("eth_chainId")
    except (ChainRefused, TryAgain, HttpFailure):
        await child.kill()
        raise
    return chain
