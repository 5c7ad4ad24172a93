"""What a simulated Ethereum node answers to each JSON-RPC method, with geth's codes and words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from adyton.sim.blocks import Block
from adyton.sim.contracts import Revert, apply, call_contract, view
from adyton.sim.faults import Faults
from adyton.sim.mempool import BLOCK_GAS, Rejected
from adyton.sim.rlp import SimTransaction, Undecodable, hexed, unhex
from adyton.sim.shapes import full_block, log_json, matching, receipt_json, transaction_json
from adyton.sim.view import View

TIP = 10**9
HISTORY = 1024
"""Blocks that ``eth_feeHistory`` looks back at most."""
TOO_MANY = ("query returned more than {} results", "query exceeds max results {}", "logs matched by query exceeds limit of {}")
TOO_WIDE = (
    "block range is too wide",
    "eth_getLogs is limited to a {} range",
    "exceed maximum block range: {}",
    "query timeout exceeded",
)
GATEWAY = ((502, "Bad Gateway"), (503, "Service Unavailable"), (504, "Gateway Timeout"))
LIMITED = ("Too Many Requests", "request rate limited", "Your app has exceeded its compute units per second capacity")
"""Words of providers; the braces are for their limit."""


class RpcFault(Exception):
    """A JSON-RPC error: the text is its message."""

    def __init__(self, code: int, message: str, data: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.data = data


class Methods:
    """The method table over an endpoint's view of the chain. ``call`` is the way in."""

    def __init__(self, view: View, faults: Faults) -> None:
        chain = view.chain
        self._chain = view
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
            "eth_gasPrice": lambda: hex((self._latest().base_fee or TIP) + TIP),
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
        if self._faults.strikes("limited"):
            raise RpcFault(429, self._faults.choose(LIMITED))
        gateway = self._faults.choose(GATEWAY) if self._faults.strikes("gateway") else None
        if gateway is not None and self._faults.draw((0, 1)) < 0.5:
            raise RpcFault(*gateway)
        try:
            result = function(*params)
        except (TypeError, ValueError, AttributeError) as error:
            raise RpcFault(-32602, f"invalid argument: {error}") from error
        if gateway is not None:
            raise RpcFault(*gateway)
        return result

    # --- blocks ----------------------------------------------------------------------------------------------------

    def _latest(self) -> Block:
        behind = self._faults.stale_blocks if self._faults.strikes("stale_heads") else 0
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

    def _known(self, block: Block | None) -> None:
        """Raises RpcFault when a question about a young block goes to a machine that does not have it."""
        young = block is not None and self._chain.chain.age(block) < self._faults.unknown_seconds
        if young and self._faults.strikes("header_not_found"):
            raise RpcFault(-32000, "header not found")

    def _logs(self, wanted: dict[str, Any]) -> list[dict[str, Any]]:
        blocks = self._range(wanted)
        self._known(blocks[-1] if blocks else None)
        limit, most = self._faults.range_limit, self._faults.log_limit
        if limit and len(blocks) > limit:
            self._faults.struck("range_limit")
            raise RpcFault(-32005, self._faults.choose(TOO_WIDE).format(limit))
        found = list(self._found(blocks, wanted))
        if len(found) > most:
            self._faults.struck("log_limit")
            raise RpcFault(-32005, self._faults.choose(TOO_MANY).format(most))
        return found

    def _found(self, blocks: list[Block], wanted: dict[str, Any]) -> Iterator[dict[str, Any]]:
        last = self._chain.head.number
        if self._faults.strikes("empty_logs"):
            last -= self._faults.stale_blocks
        for block in blocks:
            young = self._chain.chain.age(block) < self._faults.hidden_seconds
            for log in matching(block, wanted):
                if block.number <= last and not (young and self._faults.strikes("hidden_logs")):
                    yield log_json(log, block)

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
        if place is None or self._faults.strikes("missing_receipts"):
            return None
        if self._chain.chain.age(place[0]) < self._faults.receipt_lag:
            self._faults.struck("receipt_lag")
            return None
        return receipt_json(*place)

    def _send(self, raw: str) -> str:
        if self._faults.strikes("underpriced"):
            raise RpcFault(-32000, "transaction underpriced: gas tip cap 1, minimum needed 2")
        if self._faults.strikes("nonce_too_high"):
            raise RpcFault(-32000, "nonce too high")
        try:
            taken = self._chain.chain.submit(unhex(raw))
        except (Undecodable, Rejected) as error:
            raise RpcFault(-32000, str(error)) from error
        if self._faults.strikes("known"):
            raise RpcFault(-32000, "already known")
        return taken

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
        block = self._chain.by_hash.get(tag) if len(tag) == 66 else self._chain.block(self._number(tag))
        if block is None:
            raise RpcFault(-32000, "header not found")
        self._known(block)
        state, imagined = self._chain.chain.state_after(block), _imagined(wanted)
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
        imagined = _imagined(wanted)
        state.balances[imagined.sender] = 10**30
        outcome = apply(state, imagined, timestamp=self._chain.head.timestamp, base_fee=0)
        return hex(outcome.gas_used * 5 // 4)

    def _fee_history(self, count: str | int, tag: str, percentiles: list[float] | None = None) -> dict[str, Any]:
        newest = self._number(tag)
        wanted = min(HISTORY, count if isinstance(count, int) else int(count, 16))
        blocks = self._chain.blocks[max(0, newest + 1 - wanted) : newest + 1]
        if not blocks:
            return {"oldestBlock": "0x0", "gasUsedRatio": None}
        fees = [block.base_fee or 0 for block in blocks]
        after = self._chain.block(newest + 1)
        coming = after.base_fee if after else self._chain.chain.next_base_fee
        history: dict[str, Any] = {
            "oldestBlock": hex(blocks[0].number),
            "gasUsedRatio": [0.5] * len(blocks),
            "baseFeePerGas": [hex(fee) for fee in (*fees, coming or 0)],
        }
        if percentiles:
            history["reward"] = [[hex(_tip(block, each)) for each in percentiles] for block in blocks]
        return history


def _tip(block: Block, percentile: float) -> int:
    """What ``percentile`` of a block's transactions paid at most; what strangers pay when the simulation knows of none."""
    tips = sorted(each.tip(block.base_fee or 0) for each in block.transactions)
    if not tips:
        return TIP + int(percentile) * 10**7
    return tips[min(len(tips) - 1, int(len(tips) * percentile / 100))]


def _imagined(wanted: dict[str, Any]) -> SimTransaction:
    sender = (wanted.get("from") or "0x" + "00" * 20).lower()
    data = unhex(wanted.get("input") or wanted.get("data") or "0x")
    gas = int(wanted["gas"], 16) if wanted.get("gas") else BLOCK_GAS
    return SimTransaction(hash="0x", sender=sender, nonce=0, to=str(wanted.get("to")).lower(), data=data, gas=gas)
