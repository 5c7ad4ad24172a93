"""Signing in and out, a session that ends meanwhile, and two tabs of one person."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, Route, expect

from adyton.dev.node_process import NodeProcess
from support.browser import a_person, needs_chromium
from support.contracts import SECRETS, World

pytestmark = [pytest.mark.stories, pytest.mark.timeout(240), needs_chromium]  # a browser is slow on a busy machine
FILTERED = "/runs?status=errored"


async def test_whoever_is_not_signed_in_is_asked_and_comes_to_where_they_wanted_to_be(
    node: NodeProcess, browser: Browser
) -> None:
    async with a_person(browser, node.api.url) as person:
        page = await person.tab()
        await person.look(page, FILTERED)
        await expect(page).to_have_url(f"{node.api.url}/signin?next=%2Fruns%3Fstatus%3Derrored")
        await page.get_by_label("E-mail").fill(SECRETS.email)
        await page.get_by_label("Password").fill("not this one")
        person.expect_trouble("401")
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.get_by_role("alert")).to_contain_text("Invalid email or password")
        await expect(page.get_by_label("E-mail")).to_have_value(SECRETS.email)
        await page.get_by_label("Password").fill(SECRETS.password)
        await page.keyboard.press("Enter")
        await expect(page).to_have_url(f"{node.api.url}{FILTERED}")


async def test_signing_out_ends_the_session_in_every_tab(node: NodeProcess, browser: Browser) -> None:
    async with a_person(browser, node.api.url) as person:
        first, second = await person.tab(), await person.tab()
        await person.sign_in(first, SECRETS.email, SECRETS.password, "/runs")
        await person.look(second, "/runs")
        await expect(second).to_have_url(f"{node.api.url}/runs")
        await first.locator("details.account > summary").click()
        await first.get_by_role("button", name="Sign out").click()
        await expect(first.get_by_role("status")).to_contain_text("You are signed out")
        await second.reload()
        await expect(second).to_have_url(f"{node.api.url}/signin?next=%2Fruns")


async def test_a_session_that_ends_while_one_looks_leads_to_the_sign_in_page_and_back(
    place: World, node: NodeProcess, browser: Browser
) -> None:
    await place.welcome(node)
    async with a_person(browser, node.api.url) as person:
        page = await person.tab()
        await person.sign_in(page, SECRETS.email, SECRETS.password, "/runs")
        await expect(page.locator("html[data-stream=on]")).to_be_attached()
        await person.context.clear_cookies(name="clsession")
        await place.request()  # something happens, and the page wants to show it
        await expect(page).to_have_url(f"{node.api.url}/signin?next=%2Fruns")
        await page.get_by_label("E-mail").fill(SECRETS.email)
        await page.get_by_label("Password").fill(SECRETS.password)
        await page.get_by_role("button", name="Sign in").click()
        await expect(page).to_have_url(f"{node.api.url}/runs")
        await expect(page.locator("tbody tr")).to_have_count(1)


async def test_a_session_that_is_over_before_the_stream_begins_leads_there_as_well(node: NodeProcess, browser: Browser) -> None:
    async with a_person(browser, node.api.url) as person:
        page = await person.tab()
        await person.sign_in(page, SECRETS.email, SECRETS.password, "/runs")
        person.expect_trouble("401")

        async def too_late(route: Route) -> None:
            await person.context.clear_cookies(name="clsession")
            await route.fulfill(status=401)

        await page.route("**/v2/events*", too_late)
        await page.reload()
        await expect(page).to_have_url(f"{node.api.url}/signin?next=%2Fruns")


async def test_two_tabs_show_what_happens_without_being_loaded_again(place: World, node: NodeProcess, browser: Browser) -> None:
    await place.welcome(node)
    async with a_person(browser, node.api.url) as person:
        first, second = await person.tab(), await person.tab()
        await person.sign_in(first, SECRETS.email, SECRETS.password, "/runs")
        await person.look(second, "/runs")
        for count in (1, 2):
            request = await place.request()
            for page in (first, second):
                await expect(page.locator("tbody tr")).to_have_count(count)
            await place.run(node, "completed", request_id=request)
        for page in (first, second):
            await expect(page.locator("tbody .status").first).to_have_text("completed")


async def test_lists_are_read_filtered_and_paged_without_scripts(place: World, node: NodeProcess, browser: Browser) -> None:
    await place.welcome(node)
    request = await place.request()
    await place.run(node, "completed", request_id=request)
    async with a_person(browser, node.api.url, scripts=False) as person:
        page = await person.tab()
        await person.sign_in(page, SECRETS.email, SECRETS.password, "/runs")
        await expect(page.locator("tbody tr")).to_have_count(1)
        await page.get_by_label("Status").select_option("errored")
        await page.get_by_role("button", name="Filter").click()
        await expect(page.locator("tbody tr")).to_have_count(0)
        await person.look(page, "/runs?page=2")
        await expect(page.locator("tbody tr")).to_have_count(0)
