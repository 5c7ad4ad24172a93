"""Task type -> adapter, as a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import structlog

from adyton.adapters import (
    compare,
    copy,
    eth_format,
    eth_tx,
    eth_tx_abi_encode,
    json_parse,
    multiply,
    noop,
    quotient,
    random,
    result_collect,
)
from adyton.adapters.base import ActiveAdapter, Adapter, AdapterSettings, PureAdapter
from adyton.adapters.bridge import BridgeAdapter, BridgeAdapters
from adyton.adapters.http import HttpAdapter
from adyton.adapters.python_adapter import PythonAdapter
from adyton.adapters.sleep import Sleep
from adyton.adapters.wasm import Wasm
from adyton.domain.errors import Fault, Invalid
from adyton.domain.jobs import TaskSpec
from adyton.domain.runs import Data
from adyton.domain.secrets import named_in
from adyton.domain.strangers import UNRESTRICTED
from adyton.ports import NO_SECRETS, NO_WORKERS, Clock, HttpTransport, Secrets, Workers
from adyton.storage.bridges import Bridges

log = structlog.get_logger(__name__)

SENDING = ("ethtx", eth_tx_abi_encode.NAME)


class Registry:
    """The adapters of a node: the table's, then the bridges, which can hide none of them."""

    def __init__(
        self,
        *,
        http: HttpTransport,
        clock: Clock,
        settings: AdapterSettings,
        bridges: Bridges | None = None,
        secrets: Secrets = NO_SECRETS,
        workers: Workers = NO_WORKERS,
    ) -> None:
        self._settings = settings
        self._bridges = BridgeAdapters(http=http, clock=clock, settings=settings, bridges=bridges, secrets=secrets)
        self._secrets = secrets
        adapters: tuple[PureAdapter | ActiveAdapter, ...] = (
            compare.adapter(settings.numbers),
            copy.adapter,
            eth_format.ethbool,
            eth_format.ethbytes32,
            eth_format.ethint256,
            eth_format.ethuint256,
            eth_tx.adapter_for(settings.keys),
            eth_tx_abi_encode.adapter_for(settings.keys),
            *_http(http, clock, settings, secrets),
            json_parse.adapter,
            multiply.adapter(settings.numbers),
            noop.noop,
            noop.nooppend,
            noop.nooppendoutgoing,
            quotient.adapter(settings.numbers),
            random.adapter,
            result_collect.adapter,
            Sleep(clock),
            Wasm(clock=clock, timeout=settings.wasm_timeout, memory_limit=settings.wasm_memory_limit),
        )
        self._by_name: dict[str, Adapter] = {adapter.name: adapter for adapter in adapters}
        self._by_name |= self._installed(workers)

    def _installed(self, workers: Workers) -> dict[str, Adapter]:
        """The Python adapters of installed packages: the node's own task types keep their names."""
        found: dict[str, Adapter] = {}
        for each in workers.installed:
            used = {"adapter": each.name, "package": each.package, "version": each.version}
            if each.name in self._by_name:
                log.warning("an installed Python adapter is not used: its name is that of a task type of the node", **used)
                continue
            if self._bridges.find(each.name) is not None:
                log.warning("a bridge is not asked any more: an installed Python adapter has the same name", **used)
            log.info("Python adapter installed", **used)
            found[each.name] = PythonAdapter(each.name, workers=workers, secrets=self._secrets)
        return found

    def find(self, task_type: str) -> Adapter:
        """The adapter of a task type. Raises Invalid with v0.6.2's text when there is none."""
        adapter = self._by_name.get(task_type) or self._bridges.find(task_type)
        if adapter is None:
            raise Invalid(f"{task_type} is not a supported adapter type", code="ADY-0255")
        return adapter

    def bridge(self, name: str) -> BridgeAdapter | None:
        """The adapter of a bridge; None when there is none of that name, or another adapter has it."""
        return None if name in self._by_name else self._bridges.find(name)

    @property
    def version(self) -> int:
        """Grows with every change of what is found here, or of what it asks for."""
        return self._bridges.version

    def names(self) -> tuple[str, ...]:
        """Every task type but the bridges, sorted."""
        return tuple(sorted(self._by_name))

    def check(self, task_type: str, params: Data) -> None:
        """Raises Invalid when the type does not exist or cannot take these params."""
        self.find(task_type).check(params)

    async def verify(self, tasks: Sequence[TaskSpec]) -> None:
        """What ``check`` cannot see, once for a new job: that every secret named can be read, and that installed adapters take
        their params. Raises Invalid with every fault."""
        faults: list[Fault] = []
        for n, task in enumerate(tasks):
            try:
                await self._verify(task)
            except Invalid as invalid:
                faults += [
                    Fault(fault.detail, f"/tasks/{n}/params", fault.code or invalid.error_code) for fault in invalid.faults
                ]
        if faults:
            raise Invalid(*faults)

    async def _verify(self, task: TaskSpec) -> None:
        adapter, names = self.find(task.type), named_in(task.params)
        if names and not getattr(adapter, "takes_secrets", False):
            raise Invalid(
                f"a task of type {task.type} takes no secrets: $(secret:{names[0]}) would stay as it is written",
                code="ADY-0288",
            )
        values = await self._secrets.values(names) if names else {}
        if isinstance(adapter, PythonAdapter):
            await adapter.verify(task.params, values)

    def cost(self, task_type: str) -> int:
        """Juels that a request must pay for a task of that type: the node's minimum if it sends, a bridge's own (as v0.6.2)."""
        if task_type in SENDING:
            return self._settings.minimum_contract_payment
        adapter = self.find(task_type)
        return (adapter.bridge.minimum_payment or 0) if isinstance(adapter, BridgeAdapter) else 0

    def min_confirmations(self, task_type: str) -> int:
        """Confirmations of the request that a task of that type waits for at least."""
        adapter, least = self.find(task_type), self._settings.min_incoming_confirmations
        return max(least, adapter.bridge.confirmations) if isinstance(adapter, BridgeAdapter) else least


def _http(http: HttpTransport, clock: Clock, settings: AdapterSettings, secrets: Secrets) -> Iterator[HttpAdapter]:
    for own in ("get", "post"):
        for end in ("", UNRESTRICTED):
            yield HttpAdapter(
                f"http{own}{end}", own, http=http, clock=clock, settings=settings, secrets=secrets, unrestricted=bool(end)
            )
