"""wasm: the result goes through a WebAssembly module that the job brings along.

v0.6.2 ran it in its enclave build only; this takes what that took, and integers and text too. The module gets nothing but its
arguments: no imports, so much fuel, memory, stack and time.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from decimal import Decimal
from functools import cached_property, lru_cache
from types import ModuleType
from typing import Any

from adyton.adapters.base import TaskContext
from adyton.adapters.params import field, read, shown
from adyton.domain import wasm_module
from adyton.domain.data import as_text, plain, with_result
from adyton.domain.errors import Invalid
from adyton.domain.numbers import Unencodable, decimal_from_text, short
from adyton.domain.runs import Completed, Data, Errored, Outcome
from adyton.domain.wasm_module import BadModule, Signature
from adyton.ports import Clock

PARAM = "wasm"
_FUEL = 1_000_000_000
"""Instructions, about, for each second of the timeout: more than a machine does in it, and an end that hangs on no clock."""
_TICK = 0.05
"""Seconds between looks at the deadline."""
_BEYOND_F32 = 2.0**128 - 2.0**103
"""From here on the nearest f32 is infinity."""
_STACK = 256 << 10
_TABLE_ELEMENTS = 10_000
_CACHED = 64
"""Compiled modules that are kept: more than a node has jobs with one."""
_THREADS = 2
_MISSING = "wasm needs the library wasmtime, which is not installed; install it with: pip install 'adyton[wasm]'"


class WasmFault(ValueError):
    """What a module did wrong, or was given wrong."""


class Wasm:
    """The adapter. ``timeout`` (seconds) is what a task has once a thread has taken it up, ``memory_limit`` (bytes) what its
    module may hold."""

    name = "wasm"
    pure = False

    def __init__(self, *, clock: Clock, timeout: float, memory_limit: int) -> None:
        self._clock = clock
        ticks = max(1, math.ceil(timeout / _TICK))
        self._machine = Machine(fuel=int(timeout * _FUEL), ticks=ticks, memory_limit=memory_limit)
        self._timeout = timeout
        self._read = lru_cache(maxsize=_CACHED)(self._machine.read)
        self._running: set[Future[Any]] = set()
        self._ticking: asyncio.Task[None] | None = None

    def check(self, params: Data) -> None:
        """Raises Invalid for a module that could not be run, and on a node that lacks the library. Nothing is compiled yet."""
        module, _ = self._module(params)
        self._machine.validate(module)

    async def perform(self, params: Data, data: Data, context: TaskContext) -> Outcome:  # noqa: ARG002 - an adapter's signature
        """Runs the module in a thread. A crash meanwhile costs nothing: it is run again."""
        module, signature = self._module(params)
        try:
            answer = await self._in_a_thread(module, _arguments(signature, data.get("result")))
        except WasmFault as fault:
            return Errored(str(fault), data)
        return Completed(with_result(data, answer))

    def _module(self, params: Data) -> tuple[bytes, Signature]:
        """The module that the params bring along, and the signature of its function. Raises Invalid."""
        value = field(params, PARAM)
        if not isinstance(value, str) or not value:
            raise Invalid(f"{PARAM} must be a WebAssembly module in base64, not {shown(value)}", code="ADY-0284")
        return read(PARAM, lambda: self._read(value), code="ADY-0284")

    async def _in_a_thread(self, module: bytes, arguments: Sequence[int | float]) -> str:
        work = self._machine.threads.submit(self._machine.run, module, arguments)
        self._running.add(work)
        work.add_done_callback(self._running.discard)
        if self._ticking is None or self._ticking.done():
            self._ticking = asyncio.create_task(self._tick())
        try:
            return _answer(await asyncio.wrap_future(work))
        except TimeoutError:
            raise WasmFault(f"the module ran longer than WASM_TIMEOUT ({self._timeout:g} s)") from None

    async def _tick(self) -> None:
        """Lets the time of modules pass for as long as one runs, even if nobody waits for it any more. A node that stops waits
        for its threads, so then all time is over."""
        try:
            while self._running:
                await self._clock.sleep(_TICK)
                self._machine.tick()
        except asyncio.CancelledError:
            self._machine.expire()
            raise


class Machine:
    """Reads, compiles and runs modules. Its methods, but for ``run``, take no time to speak of."""

    def __init__(self, *, fuel: int, ticks: int, memory_limit: int) -> None:
        self._fuel = fuel
        self._ticks = ticks
        self._memory_limit = memory_limit
        self._compiled: OrderedDict[bytes, Any] = OrderedDict()
        self._lock = threading.Lock()

    @cached_property
    def threads(self) -> ThreadPoolExecutor:
        """Where modules run: few at a time, so that they leave a processor to the node."""
        return ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="wasm")

    @cached_property
    def library(self) -> ModuleType:
        """wasmtime, which a node without wasm jobs does not need. Raises Invalid."""
        try:
            import wasmtime  # noqa: PLC0415 - an extra: only wasm jobs need it
        except ImportError:
            raise Invalid(_MISSING, code="ADY-0285") from None
        return wasmtime

    @cached_property
    def _engine(self) -> Any:
        config = self.library.Config()
        config.consume_fuel = True
        config.epoch_interruption = True
        config.max_wasm_stack = _STACK
        config.wasm_threads = False
        config.wasm_gc = False
        config.wasm_memory64 = False
        config.parallel_compilation = False
        return self.library.Engine(config)

    def read(self, text: str) -> tuple[bytes, Signature]:
        """A module as a job spells it, and the signature of its function. Raises BadModule, Invalid."""
        library = self.library
        module = wasm_module.spelled(text)
        try:
            content = module if isinstance(module, bytes) else bytes(library.wat2wasm(module))
        except library.WasmtimeError as fault:
            raise BadModule(f"is no WebAssembly text: {_first_line(fault)}") from None
        signature = wasm_module.entry(content)
        if len(signature.results) != 1 or "other" in (*signature.params, *signature.results):
            raise BadModule(f"{wasm_module.ENTRY} must take numbers and answer with one number")
        return content, signature

    def validate(self, module: bytes) -> None:
        """Raises Invalid for a module that cannot be compiled."""
        try:
            self.library.Module.validate(self._engine, module)
        except self.library.WasmtimeError as fault:
            raise Invalid(f"{PARAM}: is no valid WebAssembly module: {_first_line(fault)}", code="ADY-0284") from None

    def tick(self) -> None:
        """A unit of every running module's time has passed."""
        self._engine.increment_epoch()

    def expire(self) -> None:
        """The time of every running module is over."""
        for _ in range(self._ticks + 1):
            self.tick()

    def run(self, module: bytes, arguments: Sequence[int | float]) -> object:
        """What ``perform`` answers. Blocks; for a thread. Raises WasmFault, TimeoutError."""
        library = self.library
        store = library.Store(self._engine)
        try:
            store.set_fuel(self._fuel)
            store.set_epoch_deadline(self._ticks + 1)
            store.set_limits(memory_size=self._memory_limit, table_elements=_TABLE_ELEMENTS, instances=1, tables=10, memories=1)
            instance = library.Instance(store, self._module(module), [])
            answer: object = instance.exports(store)[wasm_module.ENTRY](store, *arguments)
        except library.Trap as trap:
            if trap.trap_code is library.TrapCode.INTERRUPT:
                raise TimeoutError from None
            raise WasmFault(f"the module failed: {_words(trap.trap_code)}") from None
        except library.WasmtimeError as fault:
            raise WasmFault(f"the module cannot be run: {_first_line(fault)}") from None
        finally:
            store.close()
        return answer

    def _module(self, module: bytes) -> Any:
        """The compiled module. Two threads may compile the same one; one of the two is kept."""
        key = hashlib.sha256(module).digest()
        with self._lock:
            if key in self._compiled:
                self._compiled.move_to_end(key)
                return self._compiled[key]
        made = self.library.Module(self._engine, module)
        with self._lock:
            self._compiled[key] = made
            while len(self._compiled) > _CACHED:
                self._compiled.popitem(last=False)
        return made


def _words(code: Any) -> str:
    """A trap in words: OUT_OF_FUEL is "out of fuel"."""
    return "trapped" if code is None else str(code.name).replace("_", " ").lower()


def _first_line(fault: Exception) -> str:
    return short(str(fault).strip().partition("\n")[0])


# --- numbers in and out ----------------------------------------------------------------------------------------------


def _arguments(signature: Signature, result: object) -> list[int | float]:
    """As the enclave build: a number is one argument, a list one for each, null none. Raises WasmFault."""
    values = [] if result is None else result if isinstance(result, list) else [result]
    if len(values) != len(signature.params):
        raise WasmFault(f"{wasm_module.ENTRY} takes {len(signature.params)} arguments; the result has {len(values)}")
    return [_argument(kind, value) for kind, value in zip(signature.params, values, strict=True)]


def _argument(kind: str, value: object) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        raise WasmFault(f"an argument must be a number, or a text with one, not {shown(value)}")
    try:
        number = decimal_from_text(str(value))
    except Unencodable:
        raise WasmFault(f"an argument must be a number, or a text with one, not {shown(value)}") from None
    return _integer(kind, number) if kind.startswith("i") else _float(kind, number)


def _integer(kind: str, number: Decimal) -> int:
    """Signed as the library wants it; the upper half of the unsigned numbers is welcome too."""
    bits = int(kind[1:])
    if number != int(number) or not -(1 << bits - 1) <= number < 1 << bits:
        raise WasmFault(f"{shown(number)} is no {kind}")
    whole = int(number)
    return whole - (1 << bits) if whole >= 1 << bits - 1 else whole


def _float(kind: str, number: Decimal) -> float:
    """The nearest number that the machine has."""
    double = float(number)
    if math.isinf(double) or (kind == "f32" and abs(double) >= _BEYOND_F32):
        raise WasmFault(f"{shown(number)} is too large for an {kind}")
    return double


def _answer(answer: object) -> str:
    """The answer as a text in plain digits. Raises WasmFault for NaN and infinity."""
    if isinstance(answer, float):
        if not math.isfinite(answer):
            raise WasmFault(f"the module answered {answer}, which is no number to go on with")
        return plain(Decimal(repr(answer)))
    return as_text(answer)
