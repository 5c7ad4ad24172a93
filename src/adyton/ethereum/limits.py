"""What an Ethereum node means when it does not answer for a range of blocks, or not now.

Providers share neither codes nor words, so both are a table. A range that is too wide, or whose answer would be too long, is
asked for again in parts; a block that the node does not have yet is asked for again later; and one that was asked too often
is given a rest.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from adyton.ethereum.errors import RpcError

RETRY_AFTER = "retry_after"
"""Where the transport puts the seconds of an HTTP header of that name: a key of the error's data."""


class Limit(NamedTuple):
    """One provider's way to say that it was asked for too much. ``code`` of None: whatever the code."""

    code: int | None
    pattern: str


TOO_MANY = (
    Limit(-32003, r".*"),
    Limit(-32005, r"query returned more than \d+ results.*"),
    Limit(-32602, r"Log response size exceeded\..*"),
    Limit(-32614, r"eth_getLogs is limited to a [\d,]+ range.*"),
    Limit(-32002, r"request timed out.*"),
    Limit(-32000, r"too wide blocks range, the limit is \d+.*"),
    Limit(-32000, r"requested too many blocks from \d+ to \d+, maximum is set to \d+.*"),
    # The same in words of others, whatever the code.
    Limit(None, r".*query (returned more than|exceeds max (results|block range)).*"),
    Limit(None, r".*(block range|blocks? distance|range) (is )?(too (large|wide|big)|exceed(s|ed)?|limit).*"),
    Limit(None, r".*(exceeds?|exceeded|maximum|max|up to) .*(block range|range of blocks|blocks?|logs|results).*"),
    Limit(None, r".*(response|result) (size|set) (is )?(too (large|big)|exceed(s|ed)?|should not).*"),
    Limit(None, r".*too many (results|logs|blocks).*"),
    Limit(None, r".*(logs|results|query) .*exceeds? (the )?(max|limit).*"),
    Limit(None, r".*(query|request|execution) (timeout|timed out).*"),
)
"""Patterns match the whole message, in any case."""

NOT_THERE = (
    r".*header (for hash )?not found.*",
    r".*unknown block.*",
    r".*block (\S+ )?not found.*",
    r".*(fromBlock|toBlock|from block|to block).*(greater|ahead|beyond|future).*",
    r".*(one of the blocks specified|block range extends beyond|invalid block range params).*",
    r".*cannot find block.*",
    r".*missing trie node.*",
    r".*filter not found.*",
)
"""The node does not have the block (yet). The whole message, in any case."""

THROTTLED = (
    Limit(429, r".*"),
    Limit(-32005, r".*"),
    Limit(-32007, r".*"),
    Limit(-32029, r".*"),
    # The same in words of others, whatever the code.
    Limit(None, r".*too many requests.*"),
    Limit(None, r".*rate.?limit.*"),
    Limit(None, r".*(exceeded|exceeds|over|out of|insufficient) .*(capacity|throughput|compute units|credits).*"),
    Limit(None, r".*(throughput|capacity|compute units) .*(exceeded|reached|limit).*"),
    Limit(None, r".*(requests? per second|/ ?sec(ond)? request|request (count|limit|quota)|daily limit).*"),
)
"""The node was asked too often, and has not done what it was asked. Whole messages, in any case; what means that too much was
asked for at once (``TOO_MANY``), and what a contract says when it reverts, is none of these."""

REVERTED = 3
"""The code of a call that reverted; its message holds a contract's words."""

_too_many = tuple((limit.code, re.compile(limit.pattern, re.IGNORECASE | re.DOTALL)) for limit in TOO_MANY)
_throttled = tuple((limit.code, re.compile(limit.pattern, re.IGNORECASE | re.DOTALL)) for limit in THROTTLED)
_not_there = re.compile("|".join(f"(?:{pattern})" for pattern in NOT_THERE), re.IGNORECASE | re.DOTALL)


def too_many(error: RpcError) -> bool:
    """Whether the node refuses the size of what it was asked for: a smaller part of it may be answered."""
    return any(code in (None, error.code) and pattern.fullmatch(error.message) for code, pattern in _too_many)


def header_not_found(error: RpcError) -> bool:
    """Whether the node does not have a block that it was asked about, and may have it later."""
    return _not_there.fullmatch(error.message) is not None


def throttled(error: RpcError) -> bool:
    """Whether the node was asked too often: the same call may be made again later, and less of everything until then."""
    if error.code == REVERTED or "revert" in error.message.lower() or too_many(error):
        return False
    return any(code in (None, error.code) and pattern.fullmatch(error.message) for code, pattern in _throttled)


def rest_asked_for(error: RpcError) -> float | None:
    """Seconds for which the node wants not to be asked, if it says (HTTP's Retry-After, Infura's ``backoff_seconds``)."""
    told = error.data if isinstance(error.data, dict) else {}
    rate = told.get("rate")
    seconds = told.get(RETRY_AFTER, rate.get("backoff_seconds") if isinstance(rate, dict) else None)
    return float(seconds) if isinstance(seconds, int | float) and seconds >= 0 else None
