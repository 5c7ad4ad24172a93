"""Log lines: to the console for people or machines, and to a file; never with a secret in them.

The JSON lines are v0.6.2's: ``level``, ``ts`` in seconds, ``caller``, ``msg``, then the fields. Fields whose name says that
they are secret are masked, and so are users, keys and query values of every URL in any text, and the values of the secrets that
jobs name. A line that cannot be written (a full disk, a closed terminal) is lost and counted; the node goes on.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TextIO, TypeAlias

import msgspec
import structlog

from adyton.config.redact import HIDDEN, secret_name, words
from adyton.system import hidden
from adyton.system.clock import SystemClock

_LEVELS: Final = {
    "debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR,
    "dpanic": logging.CRITICAL, "panic": logging.CRITICAL, "fatal": logging.CRITICAL,
}  # fmt: skip
_NAMES: Final = {"warning": "warn", "critical": "fatal", "exception": "error"}
_COLOURS: Final = {"debug": 90, "info": 32, "warn": 33, "error": 31, "fatal": 35}
_STANDARD: Final = frozenset({logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL})
_DEEPEST = 6
_ENCODER = msgspec.json.Encoder(enc_hook=str, decimal_format="number")

Line: TypeAlias = MutableMapping[str, Any]


class _Bound(structlog.make_filtering_bound_logger(logging.INFO)):  # type: ignore[misc]  # a class that is made at run time
    """The loggers of this process. Its methods are those of the level: loggers that exist change with it, and a line that is
    below it costs no more than a call."""


def configure(*, level: str, json_console: bool, file: Path | None, console: TextIO | None = None) -> None:
    """Set logging up for this process, once, before anything is logged.

    ``level`` is one of LOG_LEVEL's words, ``file`` the JSON lines file (made with mode 0600, appended to), ``console`` the
    standard error unless it is said otherwise. Raises OSError when the file cannot be opened.
    """
    outlet = _Outlet(console or sys.stderr, json_console=json_console, file=_open(file) if file else None)
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, structlog.processors.format_exc_info, redact, outlet.render],
        wrapper_class=_Bound,
        logger_factory=lambda *name: _Logger(outlet, *name),
        cache_logger_on_first_use=True,
    )
    # Libraries log through the standard library; what they warn of arrives here as well.
    logging.basicConfig(handlers=[_FromLibraries()], level=logging.WARNING, force=True)
    logging.captureWarnings(capture=True)
    Levels().set(level)


class Levels:
    """The least important lines that are written: one of LOG_LEVEL's words, for the whole process."""

    words = tuple(_LEVELS)
    _now = "info"

    @property
    def now(self) -> str:
        """The word."""
        return Levels._now

    def set(self, word: str) -> None:
        """Another one, from the next line on."""
        for name, method in vars(structlog.make_filtering_bound_logger(_LEVELS[word])).items():
            if not name.startswith("__"):
                setattr(_Bound, name, method)
        logging.getLogger().setLevel(max(_LEVELS[word], logging.WARNING))
        Levels._now = word


def redact(_logger: object, _method: str, line: Line) -> Line:
    """Mask the secrets of a line: by the name of the field, and in URLs."""
    return _without_secrets(line, _DEEPEST)


def _without_secrets(fields: Mapping[Any, Any], depth: int) -> dict[str, Any]:
    shown = {str(name): value for name, value in fields.items()}
    return {name: HIDDEN if secret_name(name) and value else _redacted(value, depth) for name, value in shown.items()}


def _redacted(value: object, depth: int) -> object:
    match value:
        case str():
            return words(hidden.without(value))
        case None | bool() | int() | float():
            return value
        case Mapping() if depth:
            return _without_secrets(value, depth - 1)
        case list() | tuple() | set() | frozenset() if depth:
            return [_redacted(item, depth - 1) for item in value]
        case _:
            return words(hidden.without(str(value)))


class _Outlet:
    """Renders each line for its two places and writes it."""

    def __init__(self, console: TextIO, *, json_console: bool, file: int | None) -> None:
        self._console = console
        self._file = file
        self._json = json_console
        self._colour = not json_console and console.isatty()
        self._clock = SystemClock()
        self._lost = 0

    def render(self, logger: _Logger, method: str, line: Line) -> tuple[tuple[str, bytes], dict[str, Any]]:
        """The last processor: the text for the console and the bytes for the file."""
        now = self._clock.now()
        level = _NAMES.get(method, method)
        event = str(line.pop("event", ""))
        encoded = b""
        if self._json or self._file is not None:
            encoded = _ENCODER.encode({"level": level, "ts": now / 1e6, "caller": logger.name, "msg": event, **line}) + b"\n"
        text = encoded.decode() if self._json else _pretty(now, level, event, logger.name, line, colour=self._colour)
        return (text, encoded), {}

    def write(self, text: str, encoded: bytes) -> None:
        """Write a rendered line."""
        with contextlib.suppress(OSError, ValueError):  # nobody may be reading the console any more
            self._console.write(text)
            self._console.flush()
        if self._file is not None:
            self._append(self._file, encoded)

    def _append(self, file: int, encoded: bytes) -> None:
        try:
            os.write(file, encoded)
        except OSError:
            self._lost += 1  # said as soon as there is room again
            return
        lost, self._lost = self._lost, 0
        if lost:
            structlog.get_logger(__name__).warning("log lines were lost: the file could not be written", lines=lost)


class _Logger:
    """What structlog hands a rendered line to; it knows who is speaking."""

    def __init__(self, outlet: _Outlet, name: str = "") -> None:
        self.name = name
        self.debug = self.info = self.warning = self.error = self.critical = self.exception = self.msg = outlet.write


class _FromLibraries(logging.Handler):
    """Hands on the lines of the standard library's loggers."""

    def emit(self, record: logging.LogRecord) -> None:
        level = record.levelno if record.levelno in _STANDARD else logging.WARNING
        structlog.get_logger(record.name).log(level, record.getMessage(), exc_info=record.exc_info)


def _pretty(now: int, level: str, event: str, caller: str, line: Line, *, colour: bool) -> str:
    """A line for people, laid out as v0.6.2's: time, level, message, caller, fields by name; what is empty is left out."""
    time = datetime.fromtimestamp(now // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    tag = f"[{level.upper()}]".ljust(8)
    if colour:
        tag = f"\x1b[{_COLOURS.get(level, 0)}m{tag}\x1b[0m"
    trace = line.pop("exception", None)
    fields = " ".join(f"{name}={_shown(value)}" for name, value in sorted(line.items()) if value not in (None, ""))
    text = f"{time} {tag} {_printable(event):<50} {caller:<30} {fields}".rstrip() + "\n"
    return f"{text}{trace}\n" if trace else text


def _shown(value: object) -> str:
    text = _printable(value if isinstance(value, str) else _ENCODER.encode(value).decode())
    return f'"{text}"' if " " in text else text


def _printable(text: str) -> str:
    """A stranger's words can neither start a line of their own nor speak to the terminal."""
    return text if text.isprintable() else "".join(part if part.isprintable() else repr(part)[1:-1] for part in text)


def _open(path: Path) -> int:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    os.fchmod(descriptor, 0o600)
    return descriptor
