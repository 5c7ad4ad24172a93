"""The table of commands: a module a noun, each with its rows, and the nouns that they hang from."""

from __future__ import annotations

from adyton.cli.commands import (
    admin,
    alerts,
    bridges,
    initiators,
    jobs,
    keys,
    node,
    requests,
    running,
    runs,
    tools,
    txs,
    watching,
)

_NOUNS = (node, running, watching, requests, alerts, admin, jobs, runs, bridges, initiators, txs, keys, tools)
COMMANDS = tuple(entry for noun in _NOUNS for entry in noun.COMMANDS)
GROUPS = {word: group for noun in _NOUNS for word, group in noun.GROUPS.items()}
