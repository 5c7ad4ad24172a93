"""The files that pages load."""

from __future__ import annotations

import gzip
import re

import pytest

from adyton.web.ui import assets
from support.api import Api


async def test_a_file_is_for_good_for_anybody_and_packed_for_whoever_can_unpack(api: Api) -> None:
    stranger = api.another_client()
    packed = await stranger.get(assets.url("app.css"), headers={"accept-encoding": "br, gzip"})
    plain = await stranger.get(assets.url("app.css"), headers={"accept-encoding": "identity"})

    assert packed.headers["cache-control"] == plain.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
    assert packed.content == plain.content  # the client unpacks
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"])
    assert gzip.compress(plain.content, 9, mtime=0)[:2] == b"\x1f\x8b"


async def test_a_name_has_the_hash_of_the_content(api: Api) -> None:
    name = assets.url("app.js").removeprefix("/static/")
    assert re.fullmatch(r"app\.[0-9a-f]{12}\.js", name)
    old = name.replace(name.split(".")[1], "0" * 12)
    assert (await api.client.get(f"/static/{old}")).status_code == 404


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("app.css", "text/css; charset=utf-8"),
        ("app.js", "text/javascript; charset=utf-8"),
        ("icons.svg", "image/svg+xml"),
        ("vendor/htmx.min.js", "text/javascript; charset=utf-8"),
    ],
)
async def test_files_have_their_types(api: Api, path: str, kind: str) -> None:
    response = await api.client.get(assets.url(path))
    assert (response.status_code, response.headers["content-type"]) == (200, kind)
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", ["nothing.css", "app.css", "..%2f..%2fpage.py", "%2e%2e/page.py", "htmx.LICENSE", ""])
async def test_nothing_else_is_served(api: Api, name: str) -> None:
    response = await api.client.get(f"/static/{name}")
    assert response.status_code == 404
    assert "immutable" not in response.headers.get("cache-control", "")


async def test_what_a_page_loads_is_there(api: Api) -> None:
    for path in ("/signin", "/runs", "/config", "/nothing"):
        text = (await api.client.get(path, headers={"accept": "text/html"}, follow_redirects=True)).text
        found = set(re.findall(r'(?:src|href)="(/static/[^"#]+)', text))
        assert found
        for each in found:
            assert (await api.client.get(each)).status_code == 200, each
        assert not re.findall(r'(?:src|href)="(?:https?:)?//', text)
