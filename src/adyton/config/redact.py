"""What may be shown of a text that can hold a secret.

RPC providers put their key into the path, databases put the password before the host, HTTP sources put keys into the query.
Scheme, host and port are enough to recognise an endpoint by, so only these are kept of the first kind.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

HIDDEN = "***"

_URL = re.compile(r"\b([a-zA-Z][a-zA-Z0-9+.-]*)://[^\s\"'<>`]*[^\s\"'<>`.,:;!?)\]}]")
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+:")
_SECRET_NAME = re.compile(
    r"password|passphrase|passwd|secret|token|credential|authorization|cookie|mnemonic|private_?key|api_?key|access_?key",
    re.IGNORECASE,
)
_KEYLIKE = re.compile(r"(?=[^/]*[0-9])[A-Za-z0-9_-]{16,}")


def url(value: str) -> str:
    """An URL with its path, query and user hidden: ``wss://host:1234/***``."""
    try:
        parts = urlsplit(value)
        where = _host(parts.hostname, parts.port)
    except ValueError:
        return HIDDEN
    if not parts.scheme or not where:
        return HIDDEN
    user = f"{HIDDEN}@" if parts.username or parts.password else ""
    rest = f"/{HIDDEN}" if parts.path.strip("/") or parts.query or parts.fragment else parts.path
    return f"{parts.scheme}://{user}{where}{rest}"


def proxy(value: str) -> str:
    """A proxy's URL like ``url``; it may lack its scheme."""
    return url(value if "://" in value else f"http://{value}") if value else ""


def urls(value: str) -> str:
    """Several URLs separated by commas, each like ``url``."""
    return ",".join(url(part.strip()) for part in value.split(",") if part.strip())


def hidden(value: str) -> str:
    """Nothing of a text but whether there is one."""
    return HIDDEN if value else ""


def database(value: str) -> str:
    """A database's URL without its password and without the values of its query."""
    if "://" not in value or value.startswith("file:"):
        # A scheme without its slashes is a mistake, and what follows it may be a password.
        return value if not _SCHEME.match(value) or value.startswith("file:") else HIDDEN
    try:
        parts = urlsplit(value)
        where = _host(parts.hostname, parts.port)
    except ValueError:
        return HIDDEN
    user = (parts.username or "") + (f":{HIDDEN}" if parts.password else "")
    query = f"?{HIDDEN}" if parts.query else ""
    return f"{parts.scheme}://{user + '@' if user else ''}{where}{parts.path}{query}"


def words(value: str) -> str:
    """A text in which every URL has lost its user, its query's values and whatever in its path looks like a key."""
    return _URL.sub(lambda found: _link(found[0]), value) if "://" in value else value


def secret_name(name: str) -> bool:
    """Whether a field of this name holds a secret."""
    return _SECRET_NAME.search(name) is not None


def _link(value: str) -> str:
    try:
        parts = urlsplit(value)
        where = _host(parts.hostname, parts.port)
    except ValueError:
        return HIDDEN
    if parts.scheme in {"ws", "wss"}:
        return url(value)
    user = f"{HIDDEN}@" if parts.username or parts.password else ""
    query = f"?{HIDDEN}" if parts.query else ""
    return f"{parts.scheme}://{user}{where}{_KEYLIKE.sub(HIDDEN, parts.path)}{query}"


def _host(name: str | None, port: int | None) -> str:
    shown = f"[{name}]" if name and ":" in name else name or ""
    return f"{shown}:{port}" if port is not None else shown
