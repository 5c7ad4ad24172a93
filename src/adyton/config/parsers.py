"""From the text of a setting to its value. Each parser raises ``ValueError`` with what is wrong; nothing bad becomes zero.

(v0.6.2 turned a bad value into the default, or silently into zero; a DEFECT not copied.)
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import TypeAlias
from urllib.parse import SplitResult, urlsplit

from adyton.config.redact import url as redacted
from adyton.domain.chain import Address

Parser: TypeAlias = Callable[[str], object]

_TRUE = frozenset({"1", "t", "true"})
_FALSE = frozenset({"0", "f", "false"})
_DIGITS = re.compile(r"[+-]?[0-9]+")
_ADDRESS = re.compile(r"(?:0[xX])?([0-9a-fA-F]{40})")
_HOST = re.compile(r"(?:[A-Za-z0-9.\-]+|\[[0-9a-fA-F:.]+\])(?::[0-9]{1,5})?")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")
_DURATION_PART = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")
_UNIT = {
    "ns": Decimal("1e-9"), "us": Decimal("1e-6"), "µs": Decimal("1e-6"), "μs": Decimal("1e-6"), "ms": Decimal("1e-3"),
    "s": Decimal(1), "m": Decimal(60), "h": Decimal(3600),
}  # fmt: skip
_LONGEST = 2**63 / 10**9
"""Seconds. The longest duration of v0.6.2, and short enough for every timer and every sum with a time."""
_SHOWN_UNITS = (("h", 3600 * 10**9), ("m", 60 * 10**9), ("s", 10**9), ("ms", 10**6), ("us", 10**3), ("ns", 1))

_MOST_DIGITS = 100  # no bound has so many, and the interpreter reads 4300 at most
UINT64 = 2**64 - 1
UINT256 = 2**256 - 1


ESTIMATORS = {
    "fixedprice": "FixedPrice",
    "feehistory": "FeeHistory",
    "blockhistory": "FeeHistory",
    "suggestedprice": "SuggestedPrice",
    "l2suggested": "SuggestedPrice",
}


def path(value: str) -> Path:
    """An absolute path; ``~`` is the home directory, a relative path starts at the working directory."""
    try:
        return Path(value).expanduser().absolute()
    except RuntimeError:
        raise ValueError("there is no home directory to put in place of ~") from None


def host(value: str) -> str:
    """A host name or address, with a port if need be; or nothing."""
    if value and not _HOST.fullmatch(value):
        raise ValueError("not a host name")
    return value


def hosts(value: str) -> tuple[str, ...]:
    """Host names or addresses separated by commas, lower case."""
    found = tuple(name.strip().lower() for name in value.split(",") if name.strip())
    for name in found:
        host(name)
    return found


def networks(value: str) -> tuple[str, ...]:
    """Addresses or networks separated by commas."""
    found = tuple(text.strip() for text in value.split(",") if text.strip())
    for text in found:
        try:
            ip_network(text)
        except ValueError:
            raise ValueError(f"{text!r} is neither an address nor a network such as 10.0.0.0/8") from None
    return found


def listen_ip(value: str) -> str:
    """An address to listen on; or nothing."""
    if value:
        try:
            ip_address(value)
        except ValueError:
            raise ValueError("not an IP address") from None
    return value


def boolean(value: str) -> bool:
    """1, t, true, 0, f, false, in any case."""
    word = value.lower()
    if word not in _TRUE | _FALSE:
        raise ValueError("not true or false")
    return word in _TRUE


def integer(least: int = 0, most: int = UINT64) -> Callable[[str], int]:
    """A base-10 integer between two bounds, both included."""

    def parse(value: str) -> int:
        if not _DIGITS.fullmatch(value):
            raise ValueError("not a whole number in base 10")
        digits = value.lstrip("+-").lstrip("0")[:_MOST_DIGITS]
        number = int(digits or "0") * (-1 if value[0] == "-" else 1)
        if not least <= number <= most:
            raise ValueError("too small" if number < least else "too large")
        return number

    return parse


def optional(parse: Parser) -> Parser:
    """Empty text is None."""
    return lambda value: parse(value) if value else None


def optional_text(parse: Callable[[str], str]) -> Callable[[str], str]:
    """A parser that takes the empty text as itself."""
    return lambda value: parse(value) if value else ""


def time_zone(value: str) -> str:
    """The name of a time zone that this machine knows, or the empty text."""
    if value:
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # noqa: PLC0415 - slow to import, for a setting that few give

        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("there is no such time zone") from None
    return value


def choice(*words: str) -> Callable[[str], str]:
    """One of some words, in any case."""

    def parse(value: str) -> str:
        if value.lower() not in words:
            raise ValueError("not one of the words")
        return value.lower()

    return parse


def duration(value: str) -> float:
    """A Go-style duration such as ``500ms``, ``15m`` or ``1h30m``, in seconds."""
    if value == "0":
        return 0.0
    parts = _DURATION_PART.findall(value)
    if not parts or "".join(number + unit for number, unit in parts) != value:
        advice = f"a duration needs a unit, such as {value}s" if re.fullmatch(r"[0-9.]+", value) else "not a duration"
        raise ValueError(advice)
    seconds = float(sum(Decimal(number) * _UNIT[unit] for number, unit in parts))
    if seconds > _LONGEST:
        raise ValueError("longer than 292 years")
    return seconds


def positive_duration(value: str) -> float:
    """A duration above zero, in seconds."""
    seconds = duration(value)
    if seconds <= 0:
        raise ValueError("must be longer than zero")
    return seconds


def show_duration(seconds: float) -> str:
    """The shortest Go-style text of a duration."""
    left = round(seconds * 10**9)
    words: list[str] = []
    for unit, size in _SHOWN_UNITS:
        if left >= size:
            words.append(f"{left // size}{unit}")
            left %= size
    return "".join(words) or "0s"


def address(value: str) -> Address:
    """20 bytes in hex with or without ``0x``, in any case (as v0.6.2: the checksum is not enforced); lower case."""
    found = _ADDRESS.fullmatch(value)
    if found is None:
        raise ValueError(f"Unable to parse '{value}' into EIP55-compliant address")
    return "0x" + found[1].lower()


def ethereum_urls(least: int = 0) -> Callable[[str], tuple[str, ...]]:
    """Websocket or HTTP URLs separated by commas, each once, ``least`` of them."""

    def parse(value: str) -> tuple[str, ...]:
        found = tuple(dict.fromkeys(_ethereum_url(part.strip()) for part in value.split(",") if part.strip()))
        if len(found) < least:
            raise ValueError("no URL")
        return found

    return parse


def _ethereum_url(value: str) -> str:
    parts = _split(value)
    if parts.scheme not in {"ws", "wss", "http", "https"}:
        raise ValueError(f"Ethereum url scheme must be websocket or http: {redacted(value)}")
    return _with_host(parts, value)


def estimator(value: str) -> str:
    """An estimator of gas prices, by its own name or a later version's for the same idea, in any case."""
    found = ESTIMATORS.get(value.strip().lower())
    if found is None:
        raise ValueError("no such estimator")
    return found


def http_url(value: str) -> str:
    """An HTTP URL, without the slash at its end."""
    parts = _split(value)
    if parts.scheme not in {"http", "https"}:
        raise ValueError("not an http or https URL")
    return _with_host(parts, value).rstrip("/")


def websocket_url(value: str) -> str:
    """The URL of a websocket."""
    parts = _split(value)
    if parts.scheme not in {"ws", "wss"}:
        raise ValueError("not a ws or wss URL")
    return _with_host(parts, value)


def proxy_url(value: str) -> str:
    """The URL of an HTTP proxy; without a scheme it is http (as Go's client reads it)."""
    parts = _split(value if "://" in value else f"http://{value}")
    if parts.scheme not in {"http", "https"}:
        raise ValueError("only http and https proxies can be used")
    return _with_host(parts, parts.geturl()).rstrip("/")


def database_url(value: str) -> str:
    """Empty, a path, a ``file:`` URL, or a PostgreSQL URL."""
    parts = _split(value)
    if parts.scheme == "sqlite":
        where = parts.netloc + parts.path
        raise ValueError(f"do not have full support for the sqlite URL, please use file:// instead for path {where}")
    if "\0" in value:
        raise ValueError("no path has a zero byte")
    scheme = _SCHEME.match(value)
    if scheme is None:
        path(value)
    elif scheme[1].lower() not in {"file", "postgres", "postgresql"}:
        raise ValueError("no such kind of database")
    elif scheme[1].lower() != "file" and not value[scheme.end() :].startswith("//"):
        raise ValueError(f"{scheme[0]} must be followed by //")
    return value


def origins(value: str) -> tuple[str, ...]:
    """Origins separated by commas, lower case; ``*`` alone is all of them."""
    found = tuple(origin.strip().rstrip("/").lower() for origin in value.split(",") if origin.strip())
    for origin in found:
        if not (origin.startswith(("http://", "https://")) or "*" in origin):
            raise ValueError(f"origin {origin!r} does not start with http:// or https://")
    return found


def _split(value: str) -> SplitResult:
    try:
        return urlsplit(value)
    except ValueError:
        raise ValueError("not a URL") from None


def _with_host(parts: SplitResult, value: str) -> str:
    """Check host and port. The parts' own errors would repeat the URL, so they are replaced."""
    try:
        parts.port  # noqa: B018 - reading it is the check
    except ValueError:
        raise ValueError("the port is not a number from 0 to 65535") from None
    if not parts.hostname:
        raise ValueError("the URL names no host to connect to")
    return value
