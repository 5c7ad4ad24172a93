"""The process in which the Python adapters of one package run: ``python -m adyton.worker``, started by the node only.

It reads questions from the pipe that was its standard input and answers on the one that was its standard output, one JSON line
each; what an adapter prints goes to standard error. One call at a time: whatever goes wrong belongs to that call.
"""

from __future__ import annotations

import asyncio
import contextlib
import decimal
import importlib.metadata
import inspect
import math
import os
import queue
import resource
import signal
import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any, BinaryIO, NoReturn

import msgspec

from adyton.domain.data import encode_bytes, parse
from adyton.domain.python_adapters import Answer, Loaded, Question, Ready, Setup
from adyton.sdk import GROUP, Adapter

_LONGEST_ERROR = 8000
"""Characters; more than a run keeps, which cuts the text after the secrets are hidden in it."""
_DIGITS = 100
"""Of a result of decimal arithmetic: more than a word of the EVM has (Python's default, 28, has fewer)."""


def main() -> None:
    """Answer until the node closes the pipe."""
    with contextlib.suppress(PermissionError):  # it leads a session already, if the node has started it
        os.setsid()
    signal.signal(signal.SIGTERM, _deaf_to_sigterm(os.getpid()))
    incoming, outgoing = _pipes()
    decimal.DefaultContext.prec = decimal.getcontext().prec = _DIGITS
    setup = msgspec.json.decode(incoming.readline(), type=Setup)
    _limit(setup.memory_limit)
    adapters, ready = _load(setup)
    _say(outgoing, msgspec.json.encode(ready))
    questions: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(incoming, questions.put), daemon=True).start()
    loop = asyncio.new_event_loop()
    while True:
        question = msgspec.json.decode(questions.get(), type=Question)
        _say(outgoing, _answer(question, adapters[question.name], loop, setup.answer_limit))


def _deaf_to_sigterm(worker: int) -> Callable[[int, object], None]:
    """What a process does with SIGTERM. The worker itself ignores it: whoever stops a service may tell all its processes, and
    the run of the call would fail that the node takes up again at its next start; the node kills. A copy of the process, which
    an adapter has made, ends."""

    def told(number: int, _frame: object) -> None:
        if os.getpid() != worker:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    return told


def _end() -> NoReturn:
    """End the process and what it has started: the node is gone."""
    os.killpg(0, signal.SIGKILL)
    os._exit(0)


def _pipes() -> tuple[BinaryIO, BinaryIO]:
    """The two pipes, out of the way of code that reads from standard input or prints."""
    incoming, outgoing = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return incoming, outgoing


def _limit(memory: int) -> None:
    """Bound the memory, leave no core files, and be the first to go when the machine runs out of memory."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if memory:
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123 - no Path needed here
        file.write("1000")


def _listen(incoming: BinaryIO, take: Callable[[bytes], None]) -> None:
    """Read questions; end the process when the node is gone, whatever an adapter is doing."""
    for line in incoming:
        take(line)
    _end()


def _say(outgoing: BinaryIO, line: bytes) -> None:
    try:
        outgoing.write(line + b"\n")
        outgoing.flush()
    except BrokenPipeError:
        _end()


# --- loading ---------------------------------------------------------------------------------------------------------


def _load(setup: Setup) -> tuple[dict[str, Adapter[Any, Any] | None], Ready]:
    adapters: dict[str, Adapter[Any, Any] | None] = {}
    loaded: dict[str, Loaded] = {}
    for name, target in setup.targets.items():
        try:
            found = adapters[name] = _loaded(name, target)
            loaded[name] = Loaded(timeout=found.timeout)
        except BaseException as fault:  # noqa: BLE001 - a module may raise anything while it is imported
            adapters[name] = None
            loaded[name] = Loaded(error=_words(fault))
    return adapters, Ready(loaded)


def _loaded(name: str, target: str) -> Adapter[Any, Any]:
    found = importlib.metadata.EntryPoint(name, target, GROUP).load()
    if not isinstance(found, Adapter):
        raise TypeError(f"{target} is not an adapter: put @adyton.sdk.adapter(...) on the function")
    return found


# --- calls -----------------------------------------------------------------------------------------------------------


def _answer(question: Question, adapter: Adapter[Any, Any] | None, loop: asyncio.AbstractEventLoop, limit: int) -> bytes:
    try:
        line = msgspec.json.encode(_performed(question, adapter, loop))
    except BaseException as fault:  # noqa: BLE001 - also SystemExit and MemoryError are this call's alone
        return msgspec.json.encode(Answer(number=question.number, error=_words(fault)))
    if len(line) <= limit:
        return line
    error = f"ValueError: the answer has {len(line)} bytes; {limit} are allowed"
    return msgspec.json.encode(Answer(number=question.number, error=error))


def _performed(question: Question, adapter: Adapter[Any, Any] | None, loop: asyncio.AbstractEventLoop) -> Answer:
    if adapter is None:
        raise LookupError(f"{question.name} could not be loaded")
    if question.op == "check":
        adapter.read(question.params)
        return Answer(number=question.number)
    value = adapter(adapter.read(_known(question.params, adapter)), parse(bytes(question.data)))
    if inspect.isawaitable(value):
        value = loop.run_until_complete(_awaited(value))
    plain = msgspec.to_builtins(value, builtin_types=(Decimal,), str_keys=True)
    _finite(plain)
    return Answer(number=question.number, value=msgspec.Raw(encode_bytes(plain)), merge=isinstance(plain, dict))


async def _awaited(value: Any) -> Any:
    return await value


def _known(params: msgspec.Raw, adapter: Adapter[Any, Any]) -> bytes | msgspec.Raw:
    """Of the params only those that the adapter's Struct has: the others are input of the run that is meant for other tasks."""
    if adapter.fields is None:
        return params
    given = msgspec.json.decode(params, type=dict[str, msgspec.Raw])
    return msgspec.json.encode({name: value for name, value in given.items() if name in adapter.fields})


def _finite(value: object) -> None:
    """Raises ValueError for a number that JSON cannot say; it would become null or worse."""
    match value:
        case float() if not math.isfinite(value):
            raise ValueError(f"the answer holds {value}, which is no number of JSON")
        case Decimal() if not value.is_finite():
            raise ValueError(f"the answer holds {value}, which is no number of JSON")
        case dict():
            for inner in value.values():
                _finite(inner)
        case list():
            for inner in value:
                _finite(inner)


def _words(fault: BaseException) -> str:
    """An exception as its name and its text."""
    try:
        text = str(fault)
    except Exception:  # noqa: BLE001 - an exception of a stranger's making
        text = ""
    name = type(fault).__name__
    return (f"{name}: {text}" if text else name)[:_LONGEST_ERROR]


if __name__ == "__main__":
    main()
