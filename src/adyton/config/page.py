"""docs/configuration.md, written from the table: ``python -m adyton.config > docs/configuration.md``."""

from __future__ import annotations

from itertools import groupby
from textwrap import fill

from adyton.config.setting import Setting
from adyton.config.settings import LATER, settings

_INTRODUCTION = """\
# Configuration

<!-- Written by `python -m adyton.config`; change the table in src/adyton/config/settings.py instead. -->

A setting is looked up in the environment, then in the file `adyton.toml` in ROOT (or `chainlink.toml`, if that is what is
there), then its default is taken. An empty value counts as not set. Names in the file are those of the environment:

```toml
ETH_URL = "wss://ethereum.example/key"
ETH_CHAIN_ID = 1
MIN_OUTGOING_CONFIRMATIONS = 3
```

- A wrong value stops the node before it does anything. Every fault is reported at once, with the setting, its value, where it
  came from and what is allowed. A name in the file that is no setting is a fault as well.
- ROOT cannot be set in the file, because the file lies in ROOT.
- Durations are written with units: `500ms`, `15m`, `8760h`, `1h30m`.
- Booleans are `true`, `t`, `1`, `false`, `f`, `0`, in any case.
- Amounts are whole numbers of wei or juels.
- `adyton config` shows every setting, its value and where the value came from. A value marked *secret* is shown without the
  parts that can hold a password or a key.
"""


def page() -> str:
    """The whole page."""
    sections = [_section(group, list(rows)) for group, rows in groupby(settings(), key=lambda row: row.group)]
    return "\n".join([_INTRODUCTION, *sections, _later()])


def _section(group: str, rows: list[Setting]) -> str:
    return "\n".join([f"## {group}", "", *(_entry(row) for row in rows)])


def _entry(row: Setting) -> str:
    newer = f"\n\nAlso `{row.newer}`, the name of later versions, which wins." if row.newer else ""
    secret = ", secret" if row.kind.mask else ""
    default = row.default.format(root="ROOT", chainlink_port="CHAINLINK_PORT")
    shown = f"`{default}`" if default else "empty"
    meaning = fill(row.meaning, 120, break_on_hyphens=False)
    return f"### {row.name}\n\n{meaning}{newer}\n\nDefault: {shown}. Allowed: {row.kind.allowed}{secret}.\n"


def _later() -> str:
    names = "\n".join(f"- `{name}`" for name in sorted(LATER))
    explanation = "These names are accepted, with a warning, and change nothing in this version:"
    return f"## Names without effect yet\n\n{explanation}\n\n{names}\n"
