"""URLs as they may be shown.

Providers put their keys into the path, the query or the user part of a URL, so a message, a log line or a health report
shows the scheme, the host and the port and nothing else.
"""

from __future__ import annotations

from urllib.parse import urlsplit

UNREADABLE = "(unreadable URL)"
"""What is shown of a text that is no URL."""


def redact(url: str) -> str:
    """``scheme://host[:port]`` of ``url``; a text that cannot be taken apart is not shown at all."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return UNREADABLE
    if not parts.scheme or not host:
        return UNREADABLE
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + (f":{port}" if port is not None else "")
