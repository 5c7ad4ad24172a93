"""The pages of settings and of error codes."""

from __future__ import annotations

import re
from html import unescape

import httpx
import pytest
from markupsafe import Markup

from adyton import codes
from adyton.domain.access import Role
from adyton.web.ui import prose
from support.api import Api
from support.people import another


async def page(client: httpx.AsyncClient, path: str, status: int = 200) -> str:
    response = await client.get(path, headers={"accept": "text/html"})
    assert response.status_code == status, response.text
    return unescape(response.text)


def shown(text: str) -> list[str]:
    return re.findall(r'<li id="([A-Z0-9_]+)"', text)


# --- settings --------------------------------------------------------------------------------------------------------


async def test_every_setting_is_shown_with_what_the_api_says(api: Api) -> None:
    text = await page(api.client, "/config")
    every = (await api.get("/v2/config/settings"))["data"]
    assert shown(text) == [each["id"] for each in every]
    assert f"{len(every)} of {len(every)} settings" in text


async def test_settings_are_found_by_words_and_by_being_no_default(api: Api) -> None:
    found = shown(await page(api.client, "/config?q=gas+BUMP+percent"))
    assert found == ["ETH_GAS_BUMP_PERCENT"]
    assert shown(await page(api.client, "/config?changed=yes")) == ["ROOT"]
    assert "No setting fits." in await page(api.client, "/config?q=<nothing>")


async def test_amounts_have_their_unit_and_what_they_are_in_gwei(api: Api) -> None:
    text = await page(api.client, "/config?q=ETH_GAS_PRICE_DEFAULT")
    assert '<code>20000000000</code> <span class="unit">wei</span>'.replace("</code> ", "</code>\N{NO-BREAK SPACE}") in text
    assert 'title="20,000,000,000 wei">20 <span class="unit">gwei</span>' in text


async def test_a_secret_stays_masked() -> None:
    async with Api(environment={"ETH_URL": "wss://mainnet.example/v3/0123456789abcdef0123456789abcdef"}) as api:
        text = await page(api.client, "/config")
        assert "0123456789abcdef0123456789abcdef" not in text
        assert "environment" in text


async def test_an_admin_sets_the_gas_price_and_what_is_logged(api: Api) -> None:
    changed = await api.client.post("/config/gas", data={"ethGasPriceDefault": "40,000,000,000"})
    assert (changed.status_code, changed.headers["location"]) == (303, "/config")
    text = await page(api.client, "/config?q=ETH_GAS_PRICE_DEFAULT")
    assert "40000000000" in text
    assert "set at run time" in text

    await api.client.post("/config/log", data={"level": "debug", "sqlEnabled": "true"})
    assert api.parts.levels.now == "debug"
    assert api.parts.sql_log.speaks
    await api.client.post("/config/log", data={"level": "info"})
    assert not api.parts.sql_log.speaks


async def test_a_price_that_cannot_be_is_refused_and_stays_in_the_form(api: Api) -> None:
    answer = await api.client.post("/config/gas", data={"ethGasPriceDefault": "1 gwei"})
    assert answer.status_code == 422
    assert 'value="1 gwei"' in answer.text
    assert 'href="/errors/ADY-0170"' in answer.text


@pytest.mark.parametrize("role", [Role.VIEW, Role.RUN, Role.EDIT])
async def test_only_admins_have_the_forms(api: Api, role: Role) -> None:
    client = await another(api, role=role)
    text = await page(client, "/config")
    assert 'action="/config/gas"' not in text
    assert "The role admin may change these." in text
    assert (await client.post("/config/gas", data={"ethGasPriceDefault": "1"})).status_code == 403


# --- error codes -----------------------------------------------------------------------------------------------------


async def test_every_page_of_a_code_is_shown(api: Api) -> None:
    for code in codes.known():
        text = await page(api.client, f"/errors/{code}")
        assert "<h2>Cause</h2>" in text
        assert "<h2>Cure</h2>" in text


async def test_codes_are_listed_and_found_by_words_of_their_pages(api: Api) -> None:
    everything = await page(api.client, "/errors")
    assert re.findall(r'href="/errors/(ADY-\d{4})"', everything) == codes.known()
    found = re.findall(r'href="/errors/(ADY-\d{4})"', await page(api.client, "/errors?q=HTTP+source+answered+429+SECRETS.md"))
    assert found == ["ADY-0312"]
    assert "No page has these words." in await page(api.client, "/errors?q=<nothing>")


@pytest.mark.parametrize("written", ["312", "ady-0312", "ADY0312"])
async def test_a_code_has_one_address_however_it_is_written(api: Api, written: str) -> None:
    response = await api.client.get(f"/errors/{written}")
    assert (response.status_code, response.headers["location"]) == (303, "/errors/ADY-0312")


@pytest.mark.parametrize("unknown", ["ADY-9999", "nothing", "<b>", "1" * 40])
async def test_a_code_that_is_none_is_not_found(api: Api, unknown: str) -> None:
    assert "Not found" in await page(api.client, f"/errors/{unknown}", 404)


async def test_error_pages_are_for_those_who_are_signed_in(api: Api) -> None:
    response = await api.another_client().get("/errors/ADY-0312")
    assert response.headers["location"] == "/signin?next=%2Ferrors%2FADY-0312"


# --- their small markdown --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("one\ntwo\n\nthree", "<p>one two</p>\n<p>three</p>"),
        ("`a < b`", "<p><code>a &lt; b</code></p>"),
        ("<b>&amp;</b>", "<p>&lt;b&gt;&amp;amp;&lt;/b&gt;</p>"),
        ("- one\n- two\n  more", "<ul><li>one</li><li>two more</li></ul>"),
        ("1. one\n2. `two`", "<ol><li>one</li><li><code>two</code></li></ol>"),
        (
            "Type:\n\n```sh\na <b>\n\n- c\n```\n\nThen.",
            '<p>Type:</p>\n<pre class="block" tabindex="0"><code>a &lt;b&gt;\n\n- c</code></pre>\n<p>Then.</p>',
        ),
        ("see ADY-0312 and LOG_LEVEL, not NO_SETTING", "<p>see {} and {}, not NO_SETTING</p>"),
        ("a lone ` stays", "<p>a lone ` stays</p>"),
        ("", ""),
    ],
)
def test_the_small_markdown_becomes_html_and_nothing_else_of_it_is_markup(text: str, html: str) -> None:
    links = '<a href="/errors/ADY-0312">ADY-0312</a>', '<a href="/config?q=LOG_LEVEL">LOG_LEVEL</a>'
    assert prose.html(text) == Markup(html.format(*links) if "{}" in html else html)
