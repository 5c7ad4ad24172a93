"""The kinds of settings: how a text becomes the value, and how to say what is allowed."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from adyton.config import parsers, redact
from adyton.config.parsers import UINT64, UINT256, Parser, integer

_LEVELS = ("debug", "info", "warn", "error", "dpanic", "panic", "fatal")
_A_DURATION = "a duration such as 500ms, 15m or 1h30m"


class Kind(NamedTuple):
    """``allowed`` completes "allowed: ..."; ``mask`` turns a text that holds a secret into what may be shown."""

    parse: Parser
    allowed: str
    mask: Callable[[str], str] | None = None


BOOLEAN = Kind(parsers.boolean, "true or false")
DURATION = Kind(parsers.duration, _A_DURATION)
POSITIVE_DURATION = Kind(parsers.positive_duration, f"{_A_DURATION}, above zero")
PATH = Kind(parsers.path, "a path")
OPTIONAL_PATH = Kind(parsers.optional(parsers.path), "empty, or a path")
NAME = Kind(str, "any text")
HOST = Kind(parsers.host, "a host name, with a port if it is not 443")
HOSTS = Kind(parsers.hosts, "host names, with a port if need be, separated by commas")
NETWORKS = Kind(parsers.networks, "addresses or networks such as 10.0.0.0/8, separated by commas")
LISTEN_IP = Kind(parsers.listen_ip, "empty, or an address of this machine such as 127.0.0.1 or ::")
PORT = Kind(integer(0, 65535), "a port, 0 to 65535")
HTTP_URL = Kind(parsers.http_url, "an http:// or https:// URL", redact.words)
ETHEREUM_URLS = Kind(
    parsers.ethereum_urls(least=1), "ws://, wss://, http:// or https:// URLs, separated by commas", redact.urls
)
MORE_ETHEREUM_URLS = Kind(parsers.ethereum_urls(), f"empty, or {ETHEREUM_URLS.allowed}", redact.urls)
TOKEN = Kind(str, "any text", redact.hidden)
ESTIMATORS = Kind(parsers.estimator, "FixedPrice, FeeHistory or SuggestedPrice")
PERCENTILE = Kind(integer(1, 100), "a whole number of percent, 1 to 100")
OPTIONAL_BOOLEAN = Kind(parsers.optional(parsers.boolean), "empty, true or false")
OPTIONAL_BLOCKS = Kind(parsers.optional(integer(1, 2**32 - 1)), "empty, or a whole number of blocks, at least 1")
CALLS = Kind(integer(0, 10**6), "a whole number of calls")
BATCH = Kind(integer(1, 1000), "a whole number, 1 to 1000")
GAS = Kind(integer(21_000, 2**32 - 1), "a whole number of gas, at least 21000")
DATABASE_URL = Kind(parsers.database_url, "empty, a path, a file: URL, or a postgresql:// URL", redact.database)
ORIGINS = Kind(parsers.origins, "origins with http:// or https://, separated by commas, or *")
LOG_LEVEL = Kind(parsers.choice(*_LEVELS), ", ".join(_LEVELS))
MISSED_FIRES = Kind(parsers.choice("skip", "latest", "all"), "skip, latest or all")
OVERLAP = Kind(parsers.choice("allow", "skip"), "allow or skip")
TIME_ZONE = Kind(parsers.time_zone, "empty, or the name of a time zone such as Europe/Berlin or UTC")
SECONDS = Kind(integer(0, 2**32 - 1), "a whole number of seconds")
HTTP_URL_OR_NONE = Kind(parsers.optional_text(parsers.http_url), "empty, or an http:// or https:// URL", redact.words)
WEBSOCKET_URL_OR_NONE = Kind(parsers.optional_text(parsers.websocket_url), "empty, or a ws:// or wss:// URL", redact.words)
PROXY = Kind(parsers.optional_text(parsers.proxy_url), "empty, or host:port or an http:// or https:// URL", redact.proxy)
PROXY_EXCEPTIONS = Kind(str, "domains, addresses and networks, separated by commas, or *")
MEMORY = Kind(integer(0, 2**50), "a whole number of bytes, or 0")
NUMBERS = Kind(parsers.choice("exact", "v0.6.2"), "exact or v0.6.2")
BYTES = Kind(integer(1, 2**31 - 1), "a whole number of bytes, at least 1")
ATTEMPTS = Kind(integer(1, 1000), "a whole number, 1 to 1000")
CONNECTIONS = Kind(integer(10, 10**6), "a whole number of connections, at least 10")
REQUESTS = Kind(integer(1, 10**9), "a whole number of requests, at least 1")
BLOCKS = Kind(integer(0, 2**32 - 1), "a whole number of blocks")
SOME_BLOCKS = Kind(integer(1, 2**32 - 1), "a whole number of blocks, at least 1")
WEI = Kind(integer(0, UINT256), "a whole number of wei")
JUELS = Kind(integer(0, UINT256), "a whole number of juels")
BUMP_PERCENT = Kind(integer(10, 10_000), "a whole number of percent, 10 to 10000")
OPTIONAL_CHAIN_ID = Kind(parsers.optional(integer(1, UINT64)), "empty, or a whole number, at least 1")
OPTIONAL_ADDRESS = Kind(parsers.optional(parsers.address), "empty, or an address, 0x and 40 hex digits")
