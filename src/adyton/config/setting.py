"""One row of the table of settings."""

from __future__ import annotations

from typing import NamedTuple

from adyton.config import parsers
from adyton.config.kinds import Kind

DEFAULT = "default"
"""The source of a value that nobody gave."""


class Given(NamedTuple):
    """The text that somebody gave a setting, under which name, and where."""

    name: str
    text: str
    source: str


class Setting(NamedTuple):
    """What there is to know of a setting.

    ``default`` may name earlier fields in braces. ``newer`` is the name that later versions use. ``field`` is the field of
    ``Config``.
    """

    default: str
    kind: Kind
    group: str
    meaning: str
    newer: str | None = None
    field: str = ""

    @property
    def name(self) -> str:
        """The name in the environment and in the file."""
        return self.field.upper()

    @property
    def names(self) -> tuple[str, ...]:
        """Every name, the newest first."""
        return (self.newer, self.name) if self.newer else (self.name,)

    def fault(self, given: Given, problem: str) -> str:
        """The message about a bad value."""
        shown = self.kind.mask(given.text) if self.kind.mask else given.text
        return f'{given.name} = "{shown}" (from {given.source}): {problem}; allowed: {self.kind.allowed}'

    def shown(self, value: object) -> str:
        """A value as one would write it, masked."""
        match value:
            case None:
                return ""
            case bool():
                return "true" if value else "false"
            case float():
                return parsers.show_duration(value)
            case tuple():
                text = ",".join(str(item) for item in value)
                return self.kind.mask(text) if self.kind.mask else text
            case _:
                return self.kind.mask(str(value)) if self.kind.mask else str(value)
