"""What every answer says to browsers, and how long an answer may take to begin."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
import structlog
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from adyton.sim.loop import run
from adyton.system.clock import SystemClock
from adyton.web.middleware import POLICY, Patience, RequestLog, SafeHeaders
from support.middle import ask, says_what_arrives

DAY = 86400


async def test_every_answer_says_what_browsers_may_not_do() -> None:
    headers = (await ask(SafeHeaders(says_what_arrives, DAY))).headers
    assert headers["content-security-policy"] == POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "camera=()" in headers["permissions-policy"]
    assert headers["cache-control"] == "no-store"


def test_the_policy_allows_no_script_at_all() -> None:
    assert re.match(r"default-src 'none'(;|$)", POLICY)
    assert "unsafe" not in POLICY


async def test_a_page_with_a_policy_of_its_own_keeps_it() -> None:
    async def page(scope: Scope, receive: Receive, send: Send) -> None:
        own = {"Content-Security-Policy": "default-src 'self'", "cache-control": "max-age=60", "x-frame-options": "SAMEORIGIN"}
        await Response("", headers=own)(scope, receive, send)

    headers = (await ask(SafeHeaders(page, DAY))).headers
    assert headers.get_list("content-security-policy") == ["default-src 'self'"]
    assert headers.get_list("cache-control") == ["max-age=60"]
    assert headers.get_list("x-frame-options") == ["SAMEORIGIN"]


async def test_browsers_are_told_to_stay_with_tls_over_tls_only() -> None:
    app = SafeHeaders(says_what_arrives, DAY)
    assert (await ask(app, url="https://node.example/")).headers["strict-transport-security"] == "max-age=86400"
    assert "strict-transport-security" not in (await ask(app, url="http://node.example/")).headers
    never = SafeHeaders(says_what_arrives, 0)
    assert "strict-transport-security" not in (await ask(never, url="https://node.example/")).headers


async def test_a_long_path_is_cut_in_the_log() -> None:
    with structlog.testing.capture_logs() as lines:
        await ask(RequestLog(says_what_arrives, SystemClock()), url="http://node.example/" + "a" * 10_000)
    assert len(lines[0]["path"]) == 500


# --- an answer begins in time ------------------------------------------------------------------------------------------


async def waits(scope: Scope, receive: Receive, send: Send) -> None:
    seconds = float(Request(scope).query_params["seconds"])
    await asyncio.sleep(seconds)
    await Response("done")(scope, receive, send)


async def streams(scope: Scope, receive: Receive, send: Send) -> None:
    async def slowly() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b"x"
            await asyncio.sleep(60)

    await StreamingResponse(slowly())(scope, receive, send)


async def gives_up_itself(scope: Scope, receive: Receive, send: Send) -> None:
    raise TimeoutError("its own")


async def answered(app: ASGIApp, seconds: float) -> tuple[int, str, float]:
    before = asyncio.get_running_loop().time()
    answer = await ask(Patience(app, 60.0), url=f"http://node.example/?seconds={seconds}")
    return answer.status_code, answer.text, asyncio.get_running_loop().time() - before


def test_an_answer_that_does_not_begin_is_given_up() -> None:
    assert run(answered(waits, 59))[0] == 200
    status, text, seconds = run(answered(waits, 3600))
    assert status == 503
    assert "ADY-1007" in text
    assert seconds == pytest.approx(60)


def test_a_stream_has_no_end_set_to_it() -> None:
    status, text, seconds = run(answered(streams, 0))
    assert (status, text) == (200, "x" * 10)
    assert seconds > 60


def test_what_runs_out_of_time_for_itself_is_no_lack_of_ours() -> None:
    with pytest.raises(TimeoutError, match="its own"):
        run(answered(gives_up_itself, 0))
