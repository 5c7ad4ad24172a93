"""What is counted about the transactions of a key, with its labels bound once."""

from __future__ import annotations

from adyton.domain.chain import Address, Receipt
from adyton.domain.transactions import Transaction
from adyton.metrics import Metrics


class Tally:
    """The counters of one key. They only grow: what a reorganisation takes back stays counted."""

    def __init__(self, metrics: Metrics, key: Address) -> None:
        self._succeeded = metrics.transactions_mined.labels(key, "succeeded")
        self._reverted = metrics.transactions_mined.labels(key, "reverted")
        self._gas_spent = metrics.gas_spent.labels(key)

    def mined(self, transaction: Transaction, receipt: Receipt) -> None:
        """Count a receipt and what it cost."""
        (self._reverted if receipt.status == 0 else self._succeeded).inc()
        self._gas_spent.inc(receipt.gas_used * _price(transaction, receipt))


def _price(transaction: Transaction, receipt: Receipt) -> int:
    """Wei a gas; of a receipt that does not say, the most it can have been."""
    if receipt.effective_gas_price is not None:
        return receipt.effective_gas_price
    return max((a.fee.ceiling for a in transaction.attempts if a.hash == receipt.transaction_hash), default=0)
