"""From the sources to checked values: everything that is wrong is found in one go."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from adyton.config.setting import DEFAULT, Given, Setting
from adyton.config.sources import ENVIRONMENT, gather
from adyton.domain.errors import Invalid


class Loaded(NamedTuple):
    """Values and their sources by field, and what to tell the operator."""

    values: dict[str, Any]
    sources: dict[str, str]
    warnings: list[str]


def read(table: Sequence[Setting], later: Collection[str], environ: Mapping[str, str], root: Path | None) -> Loaded:
    """Read every setting of the table, ROOT first because the file lies there. Raises ``Invalid`` with all faults."""
    loaded = Loaded({}, {}, [])
    where, *others = table
    faults = _set(where, Given("ROOT", str(root), "argument") if root else _root_of(environ), loaded)
    found = gather({row.name: row.names for row in others}, later, environ, loaded.values[where.field])
    loaded.warnings.extend(found.warnings)
    faults += found.faults
    for row in others:
        faults += _set(row, found.given.get(row.name), loaded)
    faults += _contradictions(loaded)
    if faults:
        raise Invalid(*faults, code="ADY-0950")
    return loaded


def _root_of(environ: Mapping[str, str]) -> Given | None:
    text = environ.get("ROOT", "").strip()
    return Given("ROOT", text, ENVIRONMENT) if text else None


def _set(row: Setting, given: Given | None, loaded: Loaded) -> list[str]:
    """Parse one setting. After a fault the default stands in, so that later settings can be checked too."""
    faults = []
    if given is not None:
        try:
            loaded.values[row.field] = row.kind.parse(given.text)
        except ValueError as problem:
            faults.append(row.fault(given, str(problem)))
        else:
            loaded.sources[row.field] = given.source
            return []
    else:
        loaded.sources[row.field] = DEFAULT
    loaded.values[row.field] = row.kind.parse(row.default.format_map(loaded.values))
    return faults


def _contradictions(loaded: Loaded) -> list[str]:
    """Pairs of settings that cannot both be right. A setting that is wrong by itself has no source, and is not blamed twice."""
    values, right = loaded.values, loaded.sources.keys()
    rules = (
        ("eth_max_gas_price_wei", "eth_gas_price_default", "must be greater than or equal to"),
        ("eth_head_tracker_history_depth", "eth_finality_depth", "must be equal to or greater than"),
    )
    found = [
        f"{high.upper()} = {values[high]}: {high.upper()} {words} {low.upper()}, which is {values[low]}"
        for high, low, words in rules
        if values[low] is not None and values[high] < values[low] and {high, low} <= right
    ]
    if values["chainlink_port"] == 0 and values["chainlink_tls_port"] == 0:
        found.append("CHAINLINK_PORT = 0, CHAINLINK_TLS_PORT = 0: You must specify at least one port to listen on")
    return found
