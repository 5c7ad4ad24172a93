"""Where settings come from: the environment, else a TOML file in ROOT, else the default.

A name in the file that nobody knows is a fault (a misspelt setting would otherwise be silently ignored). The environment is
full of other programs' variables, so there only a near miss of a name is mentioned, as a warning.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from adyton.config.setting import Given

FILES = ("adyton.toml", "chainlink.toml")
OTHER_FORMATS = tuple(f"chainlink.{kind}" for kind in ("yaml", "yml", "json", "hcl", "properties"))
ENVIRONMENT = "environment"
_SMALL_LETTERS = ("http_proxy", "https_proxy", "no_proxy")
_OUR_PREFIXES = ("CHAINLINK_", "CLIENT_NODE_", "DEFAULT_HTTP_", "ETH_", "EVM_", "LINK_CONTRACT_", "MINIMUM_", "MIN_")


class Found(NamedTuple):
    """What the sources hold: texts by setting name, names given twice, and everything to tell the operator."""

    given: dict[str, Given]
    warnings: list[str]
    faults: list[str]


def gather(names: Mapping[str, Sequence[str]], later: Collection[str], environ: Mapping[str, str], root: Path) -> Found:
    """Look every setting up.

    ``names`` maps a setting to the names it may be given under, the newest first; ``later`` are names of other versions that
    have no effect yet.
    """
    found = Found({}, [], [])
    environ = _in_capitals(environ)
    from_file = read_file(root, found)
    known = {name for group in names.values() for name in group} | set(later)
    _refuse_unknown(from_file, known, found)
    _mention_near_misses(environ, known, found)
    from_environment = {name: Given(name, text.strip(), ENVIRONMENT) for name, text in environ.items() if text.strip()}
    for layer in (from_file, from_environment):
        _mention_later(layer, later, found)
        for setting, group in names.items():
            _take(setting, [layer[name] for name in group if name in layer], found)
    return found


def _in_capitals(environ: Mapping[str, str]) -> Mapping[str, str]:
    """The environment with the proxies' names in capitals: other programs write them in small letters as well, and Go's HTTP
    client, which v0.6.2 used, read both."""
    small = {name.upper(): environ[name] for name in _SMALL_LETTERS if environ.get(name, "").strip()}
    return {**small, **{name: text for name, text in environ.items() if text.strip() or name not in small}}


def read_file(root: Path, found: Found) -> dict[str, Given]:
    """The texts in ROOT's TOML file, by name in capitals. What is wrong with the file goes to ``found``."""
    present = [root / name for name in FILES if (root / name).exists()]
    unread = [str(path) for path in present[1:]] + [str(root / name) for name in OTHER_FORMATS if (root / name).exists()]
    found.warnings.extend(f"{path} is not read: settings in a file belong in {root / FILES[0]}" for path in unread)
    if not present:
        return {}
    try:
        with present[0].open("rb") as file:
            return _texts(tomllib.load(file), f"file {present[0]}", found)
    except OSError as problem:
        found.faults.append(f"{present[0]} cannot be read: {problem.strerror}")
    except ValueError as problem:  # a TOML error or text that is not UTF-8
        found.faults.append(f"{present[0]} is not TOML: {problem}")
    return {}


def _texts(table: Mapping[str, object], source: str, found: Found) -> dict[str, Given]:
    texts: dict[str, Given] = {}
    for key, value in table.items():
        name = key.upper()
        text = _text(value)
        if text is None:
            found.faults.append(f"{name} (from {source}) is neither a text, a whole number, true, false nor a list of texts")
        elif name in texts:
            found.faults.append(f"{name} (from {source}) is written twice, in capitals and in small letters: keep one")
        elif text.strip():
            texts[name] = Given(name, text.strip(), source)
    return texts


def _text(value: object) -> str | None:
    """A TOML value as it would be written in the environment; None if it cannot be."""
    match value:
        case bool():
            return "true" if value else "false"
        case str() | int():
            return str(value)
        case list() if all(isinstance(item, str) for item in value):
            return ",".join(value)
        case _:
            return None


def _take(setting: str, candidates: Sequence[Given], found: Found) -> None:
    """The newest name wins over the older ones in the same place."""
    if not candidates:
        return
    found.given[setting] = candidates[0]
    for loser in candidates[1:]:
        found.warnings.append(f"{loser.name} (from {loser.source}) is ignored: {candidates[0].name} is set as well, and wins")


def _refuse_unknown(texts: dict[str, Given], known: Collection[str], found: Found) -> None:
    if "ROOT" in texts:
        found.faults.append(
            f"ROOT (from {texts.pop('ROOT').source}) cannot be set in the file, which lies in ROOT: use the environment"
        )
    for name in [name for name in texts if name not in known]:
        near = difflib.get_close_matches(name, known, n=1)
        advice = f"did you mean {near[0]}?" if near else "`adyton config` lists every setting"
        found.faults.append(f"{name} (from {texts.pop(name).source}) is not a setting: {advice}")


def _mention_near_misses(environ: Mapping[str, str], known: Collection[str], found: Found) -> None:
    for name in environ:
        if name.startswith(_OUR_PREFIXES) and name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.85)
            found.warnings.extend(f"{name} (from {ENVIRONMENT}) is not a setting: did you mean {other}?" for other in near)


def _mention_later(layer: Mapping[str, Given], later: Collection[str], found: Found) -> None:
    for name in sorted(layer.keys() & set(later)):
        found.warnings.append(f"{name} (from {layer[name].source}) has no effect in this version")
