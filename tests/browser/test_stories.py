"""Whole stories of an operator, in a real browser, before a real node on a real chain."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from adyton.dev import contracts as on_chain
from adyton.dev import world
from adyton.dev.node_process import NodeProcess
from adyton.dev.prices import PriceSource
from adyton.dev.world import Real
from support.browser import Person, a_person, needs_chromium
from support.contracts import SECRETS, World, start_node_in
from support.external_adapter import external_adapter

pytestmark = [pytest.mark.stories, pytest.mark.timeout(240), needs_chromium]  # a browser is slow on a busy machine

SECONDS = 20_000
"""Milliseconds that the chain and the node may take for what a story waits for."""


async def signed_in(person: Person, where: str = "/") -> Page:
    """A tab of somebody who is signed in."""
    page = await person.tab()
    await person.sign_in(page, SECRETS.email, SECRETS.password, where)
    return page


async def write_job(page: Page, job: object) -> None:
    """Put a job into the editor."""
    await page.get_by_label("The job, as JSON").fill(json.dumps(job, indent=2))


async def saved(page: Page) -> str:
    """Save what is in the editor; returns the id of the job whose page comes."""
    await page.get_by_role("button", name="Save").first.click()
    await expect(page.get_by_role("status").first).to_be_visible()
    await page.wait_for_url("**/jobs/*")
    return page.url.rpartition("/")[2].partition("?")[0]


@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
async def test_from_the_first_boot_to_the_first_answered_request(
    place: World, node: NodeProcess, browser: Browser, phone: bool
) -> None:
    async with a_person(browser, node.api.url, phone=phone) as person:
        page = await signed_in(person)
        # The node says what it lacks, and where its key is.
        await page.locator("main").get_by_role("link", name="key").first.click()
        await expect(page).to_have_url(f"{node.api.url}/keys")
        shown = await page.locator("[data-copy^='0x']").first.get_attribute("data-copy")
        assert shown is not None
        assert shown.lower() == place.address()
        await on_chain.welcome_node(place.chain, place.contracts, shown.lower())
        await person.look(page, "/jobs")
        await page.locator("main").get_by_role("link", name="New job").first.click()
        await write_job(page, {"initiators": [{"type": "runlog"}], "tasks": [{"type": "nothing-of-that-name"}]})
        await expect(page.locator("#check")).to_contain_text("nothing-of-that-name")  # while one types
        job = world.price_job(place.prices.url, place.contracts.oracle)
        await write_job(page, job)
        await expect(page.locator("#check")).not_to_contain_text("nothing-of-that-name")
        await page.get_by_label("Input, as JSON").fill('{"path": ["USD"], "times": 100}')
        await page.get_by_role("button", name="Try it", exact=True).click()
        await expect(page.locator("#trial")).to_contain_text("192345", timeout=SECONDS)
        place.job_id = await saved(page)
        request = await place.request()
        await person.look(page, "/")
        await place.answer(request)
        await place.run(node, "completed", request_id=request)
        await person.look(page, "/runs")
        await page.locator("tbody a[href^='/runs/']").first.click()
        await expect(page.locator("main .status").first).to_have_text("completed")
        await person.look(page, f"/explain?what={request}")
        await expect(page.locator("main")).to_contain_text("answered")


async def test_a_failing_source_is_found_and_mended(place: World, node: NodeProcess, browser: Browser) -> None:
    await place.welcome(node)
    async with PriceSource(status=503) as failing, a_person(browser, node.api.url) as person:
        job = {
            "initiators": [{"type": "web"}],
            "tasks": [{"type": "httpget", "params": {"get": failing.url}}, {"type": "jsonparse", "params": {"path": ["USD"]}}],
        }
        job_id = await node.api.create_job(job)
        run = await node.api.start_run(job_id)
        await place.until("the run has failed", lambda: _ended(node, run), seconds=30)
        # The overview tells of the problem; the run says which task it was, and what the source answered.
        page = await signed_in(person)
        await page.locator(f"main a[href='/runs/{run}']").first.click()
        await expect(page.locator("main")).to_contain_text("503")
        await expect(page.locator("main")).to_contain_text("httpget")
        # Edit as new, with a source that is well.
        await person.look(page, f"/jobs/{job_id}")
        await page.get_by_role("link", name="Edit as new").click()
        text = await page.get_by_label("The job, as JSON").input_value()
        await page.get_by_label("The job, as JSON").fill(text.replace(failing.url, place.prices.url))
        mended = await saved(page)
        assert mended != job_id
        again = await node.api.start_run(mended)
        await place.until("the run has ended", lambda: _ended(node, again), seconds=30)
        await person.look(page, f"/runs/{again}")
        await expect(page.locator("main .status").first).to_have_text("completed")
        # The old one goes, after a question.
        await person.look(page, f"/jobs/{job_id}")
        await page.get_by_text("Archive", exact=True).first.click()
        await page.get_by_role("button", name="Archive").click()
        await expect(page.get_by_role("status").first).to_contain_text("rchive")


async def _ended(node: NodeProcess, run: str) -> bool | None:
    return (await node.api.run(run))["status"] in {"completed", "errored"} or None


async def test_a_stuck_transaction_is_found_and_bumped(place: World, browser: Browser) -> None:
    async with start_node_in(place, ETH_GAS_BUMP_THRESHOLD="0") as node, a_person(browser, node.api.url) as person:
        await place.chain.rpc("evm_setAutomine", False)
        request = await place.send_request()
        await place.chain.mine()

        async def in_the_pool() -> bool | None:
            return await place.sent("pending") > await place.sent("latest") or None

        await place.until("the answer waits in the pool", in_the_pool)
        page = await signed_in(person, "/transactions")
        await expect(page.locator("main .status").first).to_have_text("unconfirmed", timeout=SECONDS)
        await page.locator("main a[href^='/transactions/']:has(code)").first.click()
        await page.get_by_role("link", name="Bump").first.click()
        await expect(page.locator("main")).to_contain_text("gwei")  # what it would cost
        await page.locator("main form[method=post] button.primary").first.click()
        await expect(page.get_by_role("status").first).to_be_visible()

        async def two_attempts() -> bool | None:
            await page.reload()
            return (
                "2 attempts" in await page.locator("main").inner_text() or await page.locator("tbody tr").count() >= 2 or None
            )

        await place.until("the dearer attempt is there", two_attempts)
        await place.chain.mine()
        await place.chain.rpc("evm_setAutomine", True)
        await place.answer(request)
        await place.chain.mine(3)
        await place.run(node, "completed", request_id=request)


async def test_a_bridge_is_added_tested_and_used(
    place: World, real: Real, node: NodeProcess, browser: Browser, tmp_path: Path
) -> None:
    await place.welcome(node)
    async with external_adapter(tmp_path, real) as adapter, a_person(browser, node.api.url) as person:
        page = await signed_in(person, "/bridges")
        form = page.locator("details", has_text="New bridge").first
        if not await form.evaluate("each => each.open"):
            await form.locator("summary").click()
        await form.get_by_label("Name").fill("prices")
        await form.get_by_label("URL").fill(adapter.url)
        await form.get_by_role("button", name="Create bridge").click()
        # The tokens are there once, and nowhere afterwards.
        token = await page.locator("[data-copy]").first.get_attribute("data-copy")
        assert token
        assert token not in page.url
        await person.look(page, "/bridges/prices")
        assert token not in await page.content()
        await page.get_by_label("Data, as a run would have them").fill('{"base": "ETH"}')
        await page.get_by_role("button", name="Send test request").click()
        await expect(page.locator("main")).to_contain_text("1923.45")
        await person.look(page, "/jobs/new")
        await write_job(page, {"initiators": [{"type": "web"}], "tasks": [{"type": "prices", "params": {"base": "ETH"}}]})
        job_id = await saved(page)
        run = await node.api.start_run(job_id)
        await place.until("the run has ended", lambda: _ended(node, run), seconds=30)
        await person.look(page, f"/runs/{run}")
        await expect(page.locator("main .status").first).to_have_text("completed")
        await person.look(page, "/bridges/prices")
        await expect(page.locator(f"main a[href='/jobs/{job_id}']").first).to_be_attached()  # folded


HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>\u202e\u0007"


async def test_hostile_text_stays_text(place: World, node: NodeProcess, browser: Browser) -> None:
    await place.welcome(node)
    answer = json.dumps({"USD": HOSTILE})
    async with PriceSource(answer) as hostile, a_person(browser, node.api.url) as person:
        job = {
            "name": HOSTILE[:-1],
            "initiators": [{"type": "web"}],
            "tasks": [
                {"type": "httpget", "params": {"get": hostile.url}},
                {"type": "jsonparse", "params": {"path": ["USD"]}},
                {"type": "multiply", "params": {"times": 2}},
            ],
        }
        job_id = await node.api.create_job(job)
        run = await node.api.start_run(job_id, {"given": HOSTILE})
        request = await place.request({"path": [HOSTILE], "times": 100, "<b>": "<i>"})
        await place.until("the run has failed", lambda: _ended(node, run), seconds=30)
        await place.run(node, "errored", request_id=request)
        page = await signed_in(person, "/runs")
        opened: list[str] = []
        page.on("dialog", lambda dialog: opened.append(dialog.message))
        for path in (
            "/",
            "/jobs",
            f"/jobs/{job_id}",
            f"/jobs/new?from={job_id}",
            "/runs",
            f"/runs/{run}",
            "/requests",
            f"/explain?what={request}",
            f"/explain?what={run}",
        ):
            await person.look(page, path)
            assert await page.locator("main img[src=x]").count() == 0, path
            assert await page.locator("main script").count() == 0, path
        assert not opened
