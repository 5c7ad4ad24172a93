"""A real browser before a real node: whoever looks at the pages sees what an operator sees.

Every page that is opened is watched: errors of scripts, broken policies, failed loads, and requests to anybody but the node
fail the test in the end.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Response, async_playwright, expect

CHROMIUM = shutil.which("chromium")
AXE = Path(__file__).parents[2] / "tools" / "npm" / "node_modules" / "axe-core" / "axe.min.js"
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the PATH (Debian: apt install chromium)")
DESK, PHONE = {"width": 1280, "height": 860}, {"width": 390, "height": 844}
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_SHIFTS = """
window.shifted = 0;
const shifts = (list) => { for (const each of list.getEntries()) if (!each.hadRecentInput) window.shifted += each.value; };
new PerformanceObserver(shifts).observe({ type: "layout-shift", buffered: true });
"""


@asynccontextmanager
async def a_browser() -> AsyncIterator[Browser]:
    """Chromium without a window."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            await browser.close()


class Person:
    """Somebody with a browser of their own, who is at one node. ``troubles`` is what must not have happened."""

    def __init__(self, context: BrowserContext, base: str, *, scripts: bool = True) -> None:
        self.context = context
        self.scripts = scripts
        self.base = base
        self.troubles: list[str] = []
        self.expected: list[re.Pattern[str]] = []
        context.on("page", self._watch)

    async def tab(self) -> Page:
        """Another tab."""
        return await self.context.new_page()

    async def sign_in(self, page: Page, email: str, password: str, where: str = "/") -> None:
        """Sign in, and be at ``where``."""
        await page.goto(f"{self.base}/signin?next={where}")
        await page.get_by_label("E-mail").fill(email)
        await page.get_by_label("Password").fill(password)
        await page.get_by_role("button", name="Sign in").click()
        await page.wait_for_url(f"{self.base}{where}")
        if self.scripts:
            await expect(page.locator("html.scripted")).to_be_attached()

    async def look(self, page: Page, path: str) -> Page:
        """Open a page of the node."""
        await page.goto(f"{self.base}{path}")
        return page

    def expect_trouble(self, pattern: str) -> None:
        """What this test brings about itself."""
        self.expected.append(re.compile(pattern))

    def check(self) -> None:
        """Raises AssertionError for what should not have happened."""
        unexpected = [each for each in self.troubles if not any(known.search(each) for known in self.expected)]
        assert not unexpected, "\n".join(unexpected)

    def _watch(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.troubles.append(f"script: {error}"))
        page.on("response", self._response)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.troubles.append(f"console: {message.text}")

    def _response(self, response: Response) -> None:
        if not response.url.startswith((self.base, "data:", "blob:")):
            self.troubles.append(f"foreign: {response.url}")
        if response.status >= 400:
            self.troubles.append(f"{response.status}: {response.url}")


@asynccontextmanager
async def a_person(
    browser: Browser, base: str, *, phone: bool = False, scripts: bool = True, **more: Any
) -> AsyncIterator[Person]:
    """Somebody who looks; what went wrong fails the test when they leave."""
    context = await browser.new_context(viewport=PHONE if phone else DESK, java_script_enabled=scripts, **more)  # type: ignore[arg-type]
    context.set_default_timeout(15_000)
    if scripts:
        await context.add_init_script(_SHIFTS)
    person = Person(context, base, scripts=scripts)
    try:
        yield person
        person.check()
    finally:
        await context.close()


async def broken_rules(page: Page) -> list[str]:
    """What axe finds against WCAG 2.2 AA and its own best practices: the rule, and where."""
    await page.evaluate(AXE.read_text())
    found: dict[str, Any] = await page.evaluate("rules => axe.run({ runOnly: rules })", _RULES)
    return [
        f"{each['id']}: {node['html'][:200]} {node['failureSummary'][:300]}"
        for each in found["violations"]
        for node in each["nodes"]
    ]


async def shifted(page: Page) -> float:
    """How much the page moved by itself since it was opened (0: not at all)."""
    return float(await page.evaluate("window.shifted"))


async def overflow(page: Page) -> int:
    """By how many pixels the page is wider than the window."""
    return int(await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def lines(found: Iterable[str]) -> str:
    """For the words of a failed assertion."""
    return "\n".join(found)


__all__ = (
    "DESK",
    "PHONE",
    "Person",
    "a_browser",
    "a_person",
    "broken_rules",
    "expect",
    "lines",
    "needs_chromium",
    "overflow",
    "shifted",
)
