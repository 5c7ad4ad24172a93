"""What holds for every page: no rule of WCAG 2.2 AA is broken, nothing moves by itself, nothing comes from elsewhere, it fits a
phone, it is there without scripts, and a first visit is small."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, Page, Response

from adyton.dev.node_process import NodeProcess
from adyton.web.ui.routes import PAGES
from support.browser import Person, a_person, broken_rules, expect, lines, needs_chromium, overflow, shifted
from support.contracts import SECRETS, World

pytestmark = [pytest.mark.stories, pytest.mark.timeout(400), needs_chromium]  # some thirty pages each

FIRST_VISIT = 150_000
"""Bytes, on the wire."""
STILL = 0.01
"""Layout shift that nobody sees; 0.1 is what is called good."""
NEITHER = frozenset({"/signin"})


def paths(**known: str) -> list[str]:
    """Every page that can be looked at; those whose path names something, if that is known."""
    found = []
    for page in PAGES:
        if page.method != "GET" or page.path in NEITHER or page.path.endswith(".json"):
            continue
        path = page.path
        for name, value in known.items():
            path = path.replace("{" + name + "}", value)
        if "{" not in path:
            found.append(path)
    return found


async def faults(page: Page, person: Person, path: str) -> list[str]:
    """What is wrong with a page, each with the path."""
    await person.look(page, path)
    await page.wait_for_load_state("load")
    wrong = await broken_rules(page)
    moved, wide = await shifted(page), await overflow(page)
    cut = await page.locator(".table").evaluate_all(
        "all => all.filter((each) => each.scrollWidth > each.clientWidth + 1).length"
    )
    wrong += [f"{cut} of its tables scroll sideways"] if cut else []
    wrong += [f"moves by {moved:.3f}"] if moved > STILL else []
    wrong += [f"is {wide} px too wide"] if wide > 0 else []
    return [f"{path}: {each}" for each in wrong]


@pytest.mark.parametrize("look", ["light", "dark", "phone"])
async def test_no_page_breaks_a_rule_moves_or_is_too_wide(place: World, node: NodeProcess, browser: Browser, look: str) -> None:
    await place.welcome(node)
    request = await place.request()
    await place.answer(request)
    run = await place.run(node, "completed", request_id=request)
    known = {"job_id": place.job_id, "run_id": run["id"], "request_id": request, "code": "ADY-0312"}
    async with a_person(
        browser, node.api.url, phone=look == "phone", color_scheme="dark" if look == "dark" else "light"
    ) as person:
        page = await person.tab()
        await person.sign_in(page, SECRETS.email, SECRETS.password, "/runs")
        # Statistics come a moment after what they count; what moves then is news.
        await person.look(page, f"/jobs/{place.job_id}")
        await expect(page.locator("main")).to_contain_text("100 %", timeout=20_000)
        wrong = [each for path in paths(**known) for each in await faults(page, person, path)]
    assert not wrong, lines(wrong)


async def test_no_page_of_a_node_that_has_nothing_yet_breaks_a_rule(node: NodeProcess, browser: Browser) -> None:
    async with a_person(browser, node.api.url) as person:
        page = await person.tab()
        await person.sign_in(page, SECRETS.email, SECRETS.password, "/runs")
        wrong = [each for path in paths() for each in await faults(page, person, path)]
    assert not wrong, lines(wrong)


async def test_every_page_is_there_without_scripts(place: World, node: NodeProcess, browser: Browser) -> None:
    await place.welcome(node)
    async with a_person(browser, node.api.url, scripts=False) as person:
        page = await person.tab()
        await person.sign_in(page, SECRETS.email, SECRETS.password, "/runs")
        for path in paths(job_id=place.job_id):
            await person.look(page, path)
            assert await page.locator("h1").count() == 1, path
            assert await page.locator(".js:visible").count() == 0, f"{path} shows what only works with scripts"


async def test_a_first_visit_is_small(node: NodeProcess, browser: Browser) -> None:
    async with a_person(browser, node.api.url) as person:
        page = await person.tab()
        loaded: list[Response] = []
        page.on("response", lambda response: loaded.append(response))  # noqa: PLW0108 - a bound builtin takes no marks
        await person.sign_in(page, SECRETS.email, SECRETS.password, "/")
        await page.wait_for_load_state("load")
        sizes = {each.url: await _size(each) for each in loaded if "/v2/events" not in each.url}
    assert sum(sizes.values()) < FIRST_VISIT, sizes


async def _size(response: Response) -> int:
    sizes = await response.request.sizes()
    return sizes["responseBodySize"] + sizes["responseHeadersSize"]
