"""The files that pages load: named by their content, so that browsers may keep them for good, and packed once."""

from __future__ import annotations

import asyncio
import gzip
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

_FILES = Path(__file__).parent / "static"
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".webmanifest": "application/manifest+json"}
_FOR_GOOD = "public, max-age=31536000, immutable"


class Asset(NamedTuple):
    """A file's bytes. ``name`` has a piece of its hash in it."""

    name: str
    plain: bytes
    packed: bytes
    kind: str


@cache
def _all() -> dict[str, Asset]:
    """Every file under its path below ``static``."""
    return {str(file.relative_to(_FILES)): _read(file) for file in sorted(_FILES.rglob("*")) if file.suffix in _TYPES}


@cache
def _by_name() -> dict[str, Asset]:
    return {asset.name: asset for asset in _all().values()}


def _read(file: Path) -> Asset:
    content = file.read_bytes()
    name = f"{file.stem}.{sha256(content).hexdigest()[:12]}{file.suffix}"
    return Asset(name, content, gzip.compress(content, 9, mtime=0), _TYPES[file.suffix])


def url(path: str) -> str:
    """Where the file of a path below ``static`` is served."""
    return f"/static/{_all()[path].name}"


async def serve(request: Request) -> Response:
    """The file of a name. Anyone may have it: it is the same on every node of this version."""
    found = (await asyncio.to_thread(_by_name)).get(str(request.path_params["name"]))
    if found is None:
        return Response("404 page not found", 404, media_type="text/plain")
    headers = {"cache-control": _FOR_GOOD, "vary": "Accept-Encoding"}
    packed = "gzip" in request.headers.get("accept-encoding", "")
    if packed:
        headers["content-encoding"] = "gzip"
    return Response(found.packed if packed else found.plain, headers=headers, media_type=found.kind)
