"""What the author of a Python adapter imports.

An adapter is a typed function behind an entry point of the group ``adyton.adapters``, whose name is the task type::

    class Params(msgspec.Struct):
        symbol: str
        decimals: int = 8

    @adapter(params=Params, timeout=10)
    def price(params: Params, data: Data, /) -> Decimal:
        ...

It runs in a process of its own, off the node's event loop. Numbers in ``data`` are ``int`` and ``Decimal``, never ``float``.
More in docs/howto/python-adapters.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Generic, TypeAlias, TypeVar, cast

import msgspec

P = TypeVar("P")
R = TypeVar("R")

Data: TypeAlias = dict[str, Any]
"""The run's data: a JSON object. ``data["result"]`` is what the task before left, if there was one."""

GROUP = "adyton.adapters"
"""The group of entry points that a node looks for adapters in."""


class Adapter(Generic[P, R]):
    """An adapter. Calling it calls its function, so that its tests need no node.

    ``params`` is the type that a task's params are read into, ``timeout`` the seconds that one call may take (None: the node's
    PYTHON_ADAPTER_TIMEOUT).
    """

    def __init__(self, perform: Callable[[P, Data], R], params: type[P], timeout: float | None) -> None:
        if timeout is not None and not (math.isfinite(timeout) and timeout > 0):
            raise ValueError(f"timeout must be a number of seconds above zero, not {timeout}")
        self.params = params
        self.timeout = timeout
        self.read = msgspec.json.Decoder(params).decode
        """The params from their JSON text. Raises msgspec.ValidationError."""
        self.fields = _fields(params)
        """The names of the params; None when there may be any."""
        self._perform = perform
        self.__doc__ = perform.__doc__
        self.__name__ = getattr(perform, "__name__", "adapter")

    def __call__(self, params: P, data: Data, /) -> R:
        """What the function answers (an awaitable if it is an async one)."""
        return self._perform(params, data)


def adapter(
    *, params: type[P] | None = None, timeout: float | None = None
) -> Callable[[Callable[[P, Data], R]], Adapter[P, R]]:
    """Make an adapter of a function, which may be async.

    The function gets the params, read into the type ``params`` (a msgspec Struct; without one, a dict), and the run's data. A
    dict that it returns is laid over the run's data; anything else becomes their ``result``. What it raises ends the run with
    ``<task type> failed: <exception>: <text>``.
    """
    kind = cast("type[P]", dict) if params is None else params
    return lambda perform: Adapter(perform, kind, timeout)


def _fields(kind: Any) -> frozenset[str] | None:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return frozenset(field.encode_name for field in msgspec.structs.fields(kind))
    return None
