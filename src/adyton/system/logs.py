"""Where log lines go: text for people or JSON on the console, JSON in ROOT/log.jsonl; never a secret.

A line that cannot be written (a full disk, a closed terminal) is lost; the node is not.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, TextIO

import msgspec
import structlog

from adyton.config import redact

LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "dpanic": logging.CRITICAL,
    "panic": logging.CRITICAL,
    "fatal": logging.CRITICAL,
}
Event = MutableMapping[str, Any]


def configure(*, level: str, console: TextIO, json_console: bool, file: Path | None) -> None:
    """Send log lines of ``level`` and above to ``console`` and, if given, to ``file`` (mode 0600, appended to)."""
    colours = not json_console and console.isatty()
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.processors.format_exc_info,
            _without_secrets,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
            _Renderer(json_console=json_console, colours=colours, to_file=file is not None),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=lambda *_: _Output(console, None if file is None else _open(file)),
        cache_logger_on_first_use=True,
    )
    # Libraries speak up only when something is wrong.
    logging.basicConfig(level=logging.ERROR, stream=console, format="%(levelname)s %(name)s: %(message)s")


def _open(file: Path) -> TextIO:
    """The one handle of the log file, however many loggers there are."""
    if file not in _handles:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        _handles[file] = os.fdopen(descriptor, "a", buffering=1, encoding="utf-8", errors="backslashreplace")
    return _handles[file]


_handles: dict[Path, TextIO] = {}


def _without_secrets(_logger: object, _level: str, event: Event) -> Event:
    for name, value in event.items():
        if redact.secret_name(name):
            event[name] = redact.HIDDEN
        elif isinstance(value, str):
            event[name] = redact.words(value)
    return event


class _Renderer:
    """One event as the two texts that the outputs take."""

    def __init__(self, *, json_console: bool, colours: bool, to_file: bool) -> None:
        self._pretty = (
            None if json_console else structlog.dev.ConsoleRenderer(colors=colours, timestamp_key="ts", pad_event_to=44)
        )
        self._to_file = to_file

    def __call__(self, logger: object, level: str, event: Event) -> tuple[tuple[str, str], dict[str, Any]]:
        line = _json(event) if self._to_file or self._pretty is None else ""
        return (line if self._pretty is None else str(self._pretty(logger, level, event)), line), {}


def _json(event: Event) -> str:
    return msgspec.json.encode(dict(event), enc_hook=str).decode()


class _Output:
    """Writes the two texts of a line."""

    def __init__(self, console: TextIO, file: TextIO | None) -> None:
        self._console = console
        self._file = file

    def write(self, shown: str, line: str) -> None:
        """Write; what cannot be written is lost."""
        for target, text in ((self._console, shown), (self._file, line)):
            if target is not None:
                try:
                    target.write(text + "\n")
                    target.flush()
                except (OSError, ValueError):
                    continue

    debug = info = warning = error = critical = exception = fatal = msg = write
