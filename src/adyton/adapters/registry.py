"""Task type -> adapter, as a table."""

from __future__ import annotations

from adyton.adapters import copy, eth_format, eth_tx, json_parse, multiply, noop
from adyton.adapters.base import ActiveAdapter, Adapter, AdapterSettings, PureAdapter
from adyton.adapters.http import HttpAdapter
from adyton.domain.errors import Invalid
from adyton.domain.runs import Data
from adyton.ports import Clock, HttpTransport

ETH_TX = "ethtx"


class Registry:
    """The adapters of a node."""

    def __init__(self, *, http: HttpTransport, clock: Clock, settings: AdapterSettings) -> None:
        self._settings = settings
        adapters: tuple[PureAdapter | ActiveAdapter, ...] = (
            copy.adapter,
            eth_format.ethbool,
            eth_format.ethbytes32,
            eth_format.ethint256,
            eth_format.ethuint256,
            eth_tx.adapter_for(settings.keys),
            HttpAdapter("httpget", "get", http=http, clock=clock, settings=settings),
            HttpAdapter("httppost", "post", http=http, clock=clock, settings=settings),
            json_parse.adapter,
            multiply.adapter(settings.numbers),
            noop.noop,
        )
        self._by_name: dict[str, Adapter] = {adapter.name: adapter for adapter in adapters}

    def find(self, task_type: str) -> Adapter:
        """The adapter of a task type. Raises Invalid with v0.6.2's text when there is none."""
        adapter = self._by_name.get(task_type)
        if adapter is None:
            raise Invalid(f"{task_type} is not a supported adapter type")
        return adapter

    def names(self) -> tuple[str, ...]:
        """Every task type, sorted."""
        return tuple(sorted(self._by_name))

    def check(self, task_type: str, params: Data) -> None:
        """Raises Invalid when the type does not exist or cannot take these params."""
        self.find(task_type).check(params)

    def cost(self, task_type: str) -> int:
        """Juels that a request must pay for a task of that type (as v0.6.2: only ethtx asks for any)."""
        return self._settings.minimum_contract_payment if task_type == ETH_TX else 0

    def min_confirmations(self, task_type: str) -> int:
        """Confirmations of the request that a task of that type waits for at least."""
        self.find(task_type)
        return self._settings.min_incoming_confirmations
