"""What a simulated Ethereum node answers to each JSON-RPC method, with geth's codes and words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adyton.sim.chain import Block, SimulatedChain
from adyton.sim.contracts import Revert, apply, call_contract, view
from adyton.sim.faults import Faults
from adyton.sim.mempool import BLOCK_GAS, Rejected
from adyton.sim.rlp import SimTransaction, Undecodable, hexed, unhex
from adyton.sim.shapes import full_block, log_json, matching, receipt_json, transaction_json

TIP = 10**9
LOG_LIMIT = 10_000


class RpcFault(Exception):
    """A JSON-RPC error: the text is its message."""

    def __init__(self, code: int, message: str, data: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.data = data


class Methods:
    """The method table over a chain. ``call`` is the way in."""

    def __init__(self, chain: SimulatedChain, faults: Faults) -> None:
        self._chain = chain
        self._faults = faults
        self.counts: dict[str, int] = {}
        self._table: dict[str, Callable[..., Any]] = {
            "web3_clientVersion": lambda: "Simulated/v1.0.0",
            "net_version": lambda: str(chain.chain_id),
            "net_listening": lambda: True,
            "eth_syncing": lambda: False,
            "eth_chainId": lambda: hex(chain.chain_id),
            "eth_blockNumber": lambda: hex(self._latest().number),
            "eth_getBlockByNumber": self._block_by_number,
            "eth_getBlockByHash": self._block_by_hash,
            "eth_getLogs": self._logs,
            "eth_getTransactionByHash": self._transaction,
            "eth_getTransactionReceipt": self._receipt,
            "eth_getTransactionCount": self._transaction_count,
            "eth_getBalance": self._balance,
            "eth_getCode": lambda *_: "0x00",
            "eth_call": self._call,
            "eth_estimateGas": self._estimate,
            "eth_gasPrice": lambda: hex((chain.head.base_fee or TIP) + TIP),
            "eth_maxPriorityFeePerGas": lambda: hex(TIP),
            "eth_feeHistory": self._fee_history,
            "eth_sendRawTransaction": self._send,
        }

    def call(self, method: str, params: list[Any]) -> Any:
        """The result of a call. Raises RpcFault."""
        self.counts[method] = self.counts.get(method, 0) + 1
        function = self._table.get(method)
        if function is None:
            raise RpcFault(-32601, f"the method {method} does not exist/is not available")
        try:
            return function(*params)
        except (TypeError, ValueError, AttributeError) as error:
            raise RpcFault(-32602, f"invalid argument: {error}") from error

    # --- blocks ----------------------------------------------------------------------------------------------------

    def _latest(self) -> Block:
        behind = self._faults.stale_blocks if self._faults.strikes(self._faults.stale_heads) else 0
        return self._chain.blocks[max(0, len(self._chain.blocks) - 1 - behind)]

    def _number(self, tag: str) -> int:
        if tag in {"latest", "pending"}:
            return self._latest().number
        if tag in {"safe", "finalized"}:
            return max(0, self._chain.head.number - 64)
        return 0 if tag == "earliest" else int(tag, 16)

    def _block_by_number(self, tag: str, details: bool = False) -> Any:
        block = self._chain.block(self._number(tag))
        return None if block is None else full_block(block, details=details)

    def _block_by_hash(self, identity: str, details: bool = False) -> Any:
        block = self._chain.by_hash.get(identity)
        return None if block is None else full_block(block, details=details)

    def _logs(self, wanted: dict[str, Any]) -> list[dict[str, Any]]:
        found = [log_json(log, block) for block in self._range(wanted) for log in matching(block, wanted)]
        if len(found) > LOG_LIMIT:
            raise RpcFault(-32005, f"query returned more than {LOG_LIMIT} results")
        return found

    def _range(self, wanted: dict[str, Any]) -> list[Block]:
        if wanted.get("blockHash"):
            block = self._chain.by_hash.get(wanted["blockHash"])
            if block is None:
                raise RpcFault(-32000, "unknown block")
            return [block]
        first, last = (self._number(wanted.get(end) or "latest") for end in ("fromBlock", "toBlock"))
        if first > last:
            raise RpcFault(-32000, "invalid block range params")
        return self._chain.blocks[first : last + 1]

    # --- transactions ----------------------------------------------------------------------------------------------

    def _mined(self, identity: str) -> tuple[Block, int] | None:
        block = self._chain.block_of(identity)
        if block is None:
            return None
        return block, next(index for index, each in enumerate(block.transactions) if each.hash == identity)

    def _transaction(self, identity: str) -> Any:
        place = self._mined(identity)
        if place is not None:
            return transaction_json(place[0].transactions[place[1]], place[0])
        waiting = self._chain.pool.find(identity)
        return None if waiting is None else transaction_json(waiting, None)

    def _receipt(self, identity: str) -> Any:
        place = self._mined(identity)
        if place is None or self._faults.strikes(self._faults.missing_receipts):
            return None
        if self._chain.age(place[0]) < self._faults.receipt_lag:
            return None
        return receipt_json(*place)

    def _send(self, raw: str) -> str:
        try:
            return self._chain.submit(unhex(raw))
        except (Undecodable, Rejected) as error:
            raise RpcFault(-32000, str(error)) from error

    # --- accounts --------------------------------------------------------------------------------------------------

    def _transaction_count(self, address: str, tag: str = "latest") -> str:
        sender = address.lower()
        if tag == "pending":
            return hex(self._chain.pool.next_nonce(sender, self._chain.state))
        return hex(self._chain.state_at(self._number(tag)).nonces.get(sender, 0))

    def _balance(self, address: str, tag: str = "latest") -> str:
        return hex(self._chain.state_at(self._number(tag)).balances.get(address.lower(), 0))

    # --- calls and prices ------------------------------------------------------------------------------------------

    def _call(self, wanted: dict[str, Any], tag: str = "latest", *_: Any) -> str:
        number = self._chain.by_hash[tag].number if len(tag) == 66 else self._number(tag)
        state, imagined = self._chain.state_at(number), _imagined(wanted)
        answer = view(state, imagined.to, imagined.data)
        if answer is not None:
            return hexed(answer)
        try:
            call_contract(state.copy(), imagined, self._chain.head.timestamp)
        except Revert as revert:
            raise RpcFault(3, f"execution reverted: {revert}", revert.data) from revert
        return "0x" + f"{1:064x}"

    def _estimate(self, wanted: dict[str, Any], *_: Any) -> str:
        self._call(wanted)
        state = self._chain.state.copy()
        state.balances.setdefault(_imagined(wanted).sender, 0)
        outcome = apply(state, _imagined(wanted), timestamp=self._chain.head.timestamp, base_fee=0)
        return hex(outcome.gas_used * 5 // 4)

    def _fee_history(self, count: str | int, tag: str, percentiles: list[float] | None = None) -> dict[str, Any]:
        newest = self._number(tag)
        wanted = count if isinstance(count, int) else int(count, 16)
        blocks = self._chain.blocks[max(0, newest + 1 - wanted) : newest + 1]
        fees = [hex(block.base_fee or 0) for block in blocks]
        history: dict[str, Any] = {"oldestBlock": hex(blocks[0].number), "gasUsedRatio": [0.5] * len(blocks)}
        history["baseFeePerGas"] = [*fees, fees[-1]]
        if percentiles:
            history["reward"] = [[hex(TIP + int(percentile) * 10**7) for percentile in percentiles] for _ in blocks]
        return history


def _imagined(wanted: dict[str, Any]) -> SimTransaction:
    sender = (wanted.get("from") or "0x" + "00" * 20).lower()
    data = unhex(wanted.get("input") or wanted.get("data") or "0x")
    gas = int(wanted["gas"], 16) if wanted.get("gas") else BLOCK_GAS
    return SimTransaction(hash="0x", sender=sender, nonce=0, to=str(wanted.get("to")).lower(), data=data, gas=gas)
