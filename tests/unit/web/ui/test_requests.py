"""The pages of requests: lists by fate, one request with its story, running them again; for every role, hostile texts too."""

from __future__ import annotations

from typing import Any

import pytest

from adyton.domain.access import Role
from adyton.domain.credentials import User
from adyton.domain.requests import End
from adyton.domain.runs import RunStatus
from adyton.domain.transactions import TransactionState
from adyton.storage import users as stored_users
from adyton.web.auth import COOKIE
from support.api import Api
from support.asked import closing, request_of, run_for, store, transaction_of
from support.builders import NOW, ORACLE, job, number_hash, run_log

HOSTILE = "<script>alert(1)</script>\"'&"


async def page(api: Api, path: str, status: int = 200) -> str:
    response = await api.client.get(path)
    assert response.status_code == status, response.text
    return response.text


async def as_role(api: Api, role: Role) -> None:
    """Let the client be another user, of that role."""
    email = f"{role.value}@example.com"
    await stored_users.create(api.db, User(email, "not a hash", NOW, role=role))
    api.client.cookies.set(COOKIE, await api.session(email))


async def filled(api: Api) -> dict[str, str]:
    """A request of every fate; their ids by fate."""
    await api.job(job("noop", "ethtx"))
    made: dict[str, str] = {}

    async def add(name: str, number: int, status: RunStatus | None, error: str | None = None, **changes: Any) -> None:
        log = run_log(request=number, block=90 + number)
        run = None if status is None else run_for(api.bench, log, status, error)
        request = request_of(log, run_id=None if run is None else run.id, **{"expiration": 2**61, **changes})
        await store(api.db, *(() if run is None else (run,)), request)
        made[name] = request.request_id

    await add("unaccounted", 1, RunStatus.COMPLETED)
    await add("in progress", 2, RunStatus.IN_PROGRESS)
    await add("refused", 3, None, decision="refused", reason=HOSTILE)
    await add("expired", 4, RunStatus.ERRORED, "the source is down", expiration=5)
    await add("answered", 5, RunStatus.COMPLETED, closed=closing(End.ANSWERED, transaction=number_hash(5, 9)))
    await add("cancelled", 6, RunStatus.CANCELLED, "gone", closed=closing(End.CANCELLED, transaction=number_hash(6, 9)))
    await add("never", 7, RunStatus.IN_PROGRESS, expiration=None)
    return made


async def test_an_empty_node_says_what_to_do_first(api: Api) -> None:
    text = await page(api, "/requests")
    assert "No requests yet." in text
    assert 'href="/jobs/new"' in text
    assert "None here." not in text
    assert "Paste a name" in await page(api, "/explain")


async def test_every_fate_has_its_list_and_its_count(api: Api) -> None:
    made = await filled(api)
    everything = await page(api, "/requests")
    for name in made.values():
        assert name[:8] in everything
    for fate, count in {"unaccounted": 1, "in_progress": 2, "refused": 1, "expired": 1, "answered": 1, "cancelled": 1}.items():
        text = await page(api, f"/requests?filter={fate}")
        listed = text[text.index("<tbody>") : text.index("</tbody>")]
        assert listed.count("<tr ") == count, fate
        assert f'filter={fate}" aria-current="page"' in text


async def test_unaccounted_ones_stand_on_top_of_every_list_and_hostile_reasons_stay_text(api: Api) -> None:
    made = await filled(api)
    text = await page(api, "/requests?filter=refused")
    assert "1 unaccounted for" in text
    assert made["unaccounted"] in text
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "unaccounted for" not in await page(api, "/requests?filter=unaccounted")


async def test_who_only_looks_has_no_buttons_and_may_run_nothing(api: Api) -> None:
    made = await filled(api)
    assert "Run again" in await page(api, "/requests")
    await as_role(api, Role.VIEW)
    for path in ("/requests", "/requests?filter=unaccounted", f"/requests/{made['unaccounted']}"):
        assert 'action="/requests/run"' not in await page(api, path)
    refused = await api.client.post("/requests/run", data={"only": made["unaccounted"]})
    assert refused.status_code == 403


async def test_one_is_run_again_with_one_click(api: Api) -> None:
    made = await filled(api)
    asked = f"{ORACLE}:{made['unaccounted']}"
    answer = await api.client.post("/requests/run", data={"only": asked, "back": "/requests?filter=unaccounted"})
    # The chain that the test holds does not have it: the API says so, and the visitor is back where they were.
    assert (answer.status_code, answer.headers["location"]) == (303, "/requests?filter=unaccounted")
    assert "ADY-0613" in answer.headers["set-cookie"]


async def test_all_shown_are_asked_for_one_after_the_other(api: Api) -> None:
    made = await filled(api)
    ids = [f"{ORACLE}:{made[name]}" for name in ("unaccounted", "in progress")]
    answer = await api.client.post("/requests/run", data={"id": ids, "back": "//elsewhere.example"})
    assert answer.headers["location"] == "/requests"
    assert "0%20of%202%20requests" in answer.headers["set-cookie"]
    assert "No%20request" in (await api.client.post("/requests/run", data={})).headers["set-cookie"]


@pytest.mark.parametrize("fate", ["unaccounted", "in progress", "refused", "expired", "answered", "cancelled", "never"])
async def test_one_request_is_shown_whole(api: Api, fate: str) -> None:
    made = await filled(api)
    text = await page(api, f"/requests/{made[fate]}")
    assert made[fate] in text
    assert "What happened" in text
    assert "request seen" in text
    assert "<script>alert" not in text


async def test_a_request_that_is_not_there(api: Api) -> None:
    assert "ADY-0611" in await page(api, f"/requests/{number_hash(99)}", 404)
    assert "ADY-0622" in await page(api, "/requests?filter=strange", 422)


async def test_the_answer_is_linked(api: Api) -> None:
    await api.job(job("noop", "ethtx"))
    run = run_for(api.bench, run_log(), RunStatus.COMPLETED)
    sent = transaction_of(run, TransactionState.SAFE)
    request = request_of(run_log(), run_id=run.id)
    await store(api.db, run, sent, request)
    assert f"/explain?what={sent.attempts[0].hash}" in await page(api, f"/requests/{request.request_id}")


async def test_pages_of_a_long_list(api: Api) -> None:
    await api.job(job("noop", "ethtx"))
    for number in range(1, 54):
        await store(
            api.db, request_of(run_log(request=number, block=number), decision="refused", reason="why", expiration=None)
        )
    first = await page(api, "/requests?filter=refused")
    assert 'rel="next"' in first
    second = await page(api, "/requests?filter=refused&page=2")
    assert second.count('<tr id="request-') == 3
    assert "behind the last one" in await page(api, "/requests?filter=refused&page=3")
