"""Values that no log line of this process may show, known since they were read."""

from __future__ import annotations

from collections.abc import Iterable

from adyton.domain import secrets

_values: set[str] = set()
_spellings: tuple[str, ...] = ()


def hide(values: Iterable[str]) -> None:
    """Show these values in no log line from now on; also when they are replaced by others, because they may still be valid."""
    global _spellings
    new = set(values) - _values
    if new:
        _values.update(new)
        _spellings = secrets.spellings(_values)


def without(text: str) -> str:
    """The text without any of the values."""
    return secrets.redact_with(_spellings, text) if _spellings else text
