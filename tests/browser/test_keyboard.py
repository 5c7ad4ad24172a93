"""Everything by keyboard: shortcuts, the command palette, the way past the menu; and the menu of a phone."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from adyton.dev.node_process import NodeProcess
from support.browser import a_person, broken_rules, lines, needs_chromium
from support.contracts import SECRETS

pytestmark = [pytest.mark.stories, pytest.mark.timeout(240), needs_chromium]  # a browser is slow on a busy machine


async def test_the_first_stop_leads_past_the_menu(node: NodeProcess, browser: Browser) -> None:
    async with a_person(browser, node.api.url) as person:
        page = await person.tab()
        await person.sign_in(page, SECRETS.email, SECRETS.password, "/runs")
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.locator("main")).to_be_focused()


async def test_two_keys_lead_to_a_page_and_one_to_its_filter(node: NodeProcess, browser: Browser) -> None:
    async with a_person(browser, node.api.url) as person:
        page = await person.tab()
        await person.sign_in(page, SECRETS.email, SECRETS.password, "/tokens")
        await page.keyboard.press("g")
        await page.keyboard.press("r")
        await expect(page).to_have_url(f"{node.api.url}/runs")
        await expect(page.locator("html.scripted")).to_be_attached()
        await page.keyboard.press("/")
        await expect(page.locator(".filters input, .filters select").first).to_be_focused()
        await page.keyboard.type("g")  # typed, and no shortcut
        await page.keyboard.type("t")
        await expect(page).to_have_url(f"{node.api.url}/runs")


async def test_the_palette_finds_pages_and_explains_what_is_pasted(node: NodeProcess, browser: Browser) -> None:
    async with a_person(browser, node.api.url) as person:
        page = await person.tab()
        await person.sign_in(page, SECRETS.email, SECRETS.password, "/runs")
        await page.keyboard.press("Control+k")
        box = page.get_by_role("combobox", name="Page, run, request or transaction")
        await expect(box).to_be_focused()
        broken = await broken_rules(page)
        assert not broken, lines(broken)
        await page.keyboard.type("toke")
        await page.keyboard.press("Enter")
        await expect(page).to_have_url(f"{node.api.url}/tokens")
        await page.keyboard.press("Control+k")
        await page.keyboard.type("0x" + 64 * "a")
        await page.keyboard.press("Enter")
        await expect(page).to_have_url(f"{node.api.url}/explain?what=0x{64 * 'a'}")


async def test_help_names_the_keys_and_escape_closes_it(node: NodeProcess, browser: Browser) -> None:
    async with a_person(browser, node.api.url) as person:
        page = await person.tab()
        await person.sign_in(page, SECRETS.email, SECRETS.password, "/runs")
        await page.keyboard.press("?")
        help_ = page.get_by_role("dialog", name="Keyboard shortcuts")
        await expect(help_).to_contain_text("Transactions")
        await page.keyboard.press("Escape")
        await expect(help_).to_be_hidden()


@pytest.mark.parametrize("scripts", [True, False])
async def test_a_phones_menu_opens_and_leads_elsewhere(node: NodeProcess, browser: Browser, scripts: bool) -> None:
    async with a_person(browser, node.api.url, phone=True, scripts=scripts) as person:
        page = await person.tab()
        await person.sign_in(page, SECRETS.email, SECRETS.password, "/runs")
        link = page.get_by_role("navigation", name="Pages").get_by_role("link", name="API tokens")
        await expect(link).to_be_hidden()
        await page.locator("details.menu > summary").click()
        await link.click()
        await expect(page).to_have_url(f"{node.api.url}/tokens")
