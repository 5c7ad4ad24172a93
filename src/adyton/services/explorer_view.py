"""How the line to the explorer is, for those who look after the node."""

from __future__ import annotations

import msgspec


class ExplorerView(msgspec.Struct):
    """``problem`` says why there is no line."""

    connected: bool = False
    problem: str = "not connected yet"
