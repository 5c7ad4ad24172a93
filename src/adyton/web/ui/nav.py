"""Where the pages are: the menu, the command palette and the shortcuts are all made from this table."""

from __future__ import annotations

from typing import NamedTuple


class Place(NamedTuple):
    """A page of the menu. ``key`` goes there after a g; ``role`` is what its visitors need."""

    name: str
    path: str
    icon: str
    key: str = ""
    role: str = "view"


GROUPS: tuple[tuple[str, tuple[Place, ...]], ...] = (
    (
        "Work",
        (
            Place("Overview", "/", "overview", "o"),
            Place("Jobs", "/jobs", "jobs", "j"),
            Place("Runs", "/runs", "runs", "r"),
            Place("Requests", "/requests", "requests", "q"),
            Place("Explain", "/explain", "explain", "e"),
        ),
    ),
    (
        "Chain",
        (
            Place("Transactions", "/transactions", "transactions", "t"),
            Place("Withdrawals and transfers", "/withdrawals", "transactions", "w", "admin"),
            Place("Keys and balances", "/keys", "keys", "k"),
            Place("Chains and endpoints", "/chains", "chains", "c"),
        ),
    ),
    (
        "Connections",
        (
            Place("Bridges", "/bridges", "bridges", "b"),
            Place("External initiators", "/external_initiators", "initiators", "i"),
        ),
    ),
    (
        "Node",
        (
            Place("Alerts and metrics", "/alerts", "alerts", "a"),
            Place("Configuration", "/config", "config", "s"),
            Place("Users", "/users", "users", "u", "admin"),
            Place("API tokens", "/tokens", "tokens", "n"),
            Place("Audit log", "/audit", "audit", "l", "admin"),
        ),
    ),
)
