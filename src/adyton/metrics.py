"""What the node counts while it works, for Prometheus. One ``Metrics`` belongs to one node.

Parts count into it as things happen; what can be read from rows and states (queues, heads, balances) is read when somebody
asks, by ``services.metrics``. docs/metrics.md lists every name.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

# When a counter was born is of no use here, and would double the lines.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the library leaves it without types

_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """Every counter, in a registry of its own. Bind labels once, outside loops: ``runs_finished.labels("completed")``."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry(auto_describe=True)

        def counter(name: str, about: str, *labels: str) -> Counter:
            return Counter(f"adyton_{name}", about, labels, registry=registry)

        def histogram(name: str, about: str, *labels: str, buckets: tuple[float, ...] = _SECONDS) -> Histogram:
            return Histogram(f"adyton_{name}", about, labels, registry=registry, buckets=buckets)

        # --- the line to Ethereum
        self.rpc_calls = counter("rpc_calls", "Calls to an endpoint, by method and outcome.", "endpoint", "method", "outcome")
        self.rpc_seconds = histogram("rpc_seconds", "Seconds that an endpoint took to answer.", "endpoint")
        self.rpc_throttled = counter("rpc_throttled", "Times that an endpoint asked for patience (429).", "endpoint")
        self.rpc_failovers = counter("rpc_failovers", "Times that another endpoint became the active one.")
        self.heads_received = counter("heads_received", "Heads that became the tip.")
        self.reorganisations = counter("reorganisations", "Reorganisations seen.")
        self.finality_violations = counter("finality_violations", "Reorganisations deeper than finality.")
        # --- log intake
        self.logs_taken_in = counter("logs_taken_in", "Logs decided about, by decision.", "decision")
        self.log_range_refusals = counter("log_range_refusals", "Ranges of blocks that an endpoint refused to answer for.")
        self.requests_run_again = counter("requests_run_again", "Requests run again, by why.", "because")
        # --- schedules
        self.schedule_fires = counter("schedule_fires", "Runs that schedules started, by type of initiator.", "type")
        self.schedule_skips = counter("schedule_skips", "Times of schedules that started no run, by why.", "because")
        self.schedule_lateness = histogram("schedule_lateness_seconds", "Seconds from a time of a schedule to its stored run.")
        # --- runs
        self.runs_finished = counter("runs_finished", "Runs that ended, by status.", "status")
        self.task_seconds = histogram("task_seconds", "Seconds that a task took which asks the world, by type.", "type")
        # --- transactions
        self.transactions_sent = counter("transactions_sent", "First sends of transactions.", "key")
        self.transactions_bumped = counter("transactions_bumped", "Prices raised.", "key")
        self.transactions_resent = counter("transactions_resent", "Bytes sent again.", "key")
        self.transactions_mined = counter("transactions_mined", "Receipts stored, by outcome.", "key", "outcome")
        self.transactions_spared = counter("transactions_spared", "Transactions not sent because they would have reverted.")
        self.transactions_reopened = counter("transactions_reopened", "Mined transactions whose block left the chain.")
        self.foreign_nonces = counter("foreign_nonces", "Nonces of our keys that something else used.", "key")
        self.gas_spent = counter("gas_spent_wei", "Wei paid for mined transactions.", "key")
        # --- the world
        self.balance_failures = counter("balance_failures", "Balances that could not be read.")
