"""The box that explains: whatever is pasted into it, with or without what belongs to a name."""

from __future__ import annotations

import pytest

from adyton.domain.runs import RunStatus
from adyton.web.ui.story import chapters, pieces
from support.api import Api
from support.asked import request_of, run_for, store
from support.builders import ORACLE, job, number_hash, run_log

NAME = number_hash(1)


async def told(api: Api, what: str) -> tuple[int, str]:
    response = await api.client.get("/explain", params={"what": what})
    return response.status_code, response.text


async def asked(api: Api) -> str:
    """A request with a failed run; the run's id."""
    await api.job(job("noop", "ethtx"))
    run = run_for(api.bench, run_log(), RunStatus.ERRORED, "<b>no</b>")
    await store(api.db, run, request_of(run_log(), run_id=run.id))
    return run.id


@pytest.mark.parametrize(
    "form",
    [
        "{0}",
        "  {0} \n",
        "{1}",
        "{2}",
        "'{0}'",
        "{3}",
        "{4}:{0}",
    ],
)
async def test_a_name_is_found_however_it_is_pasted(api: Api, form: str) -> None:
    await asked(api)
    spaced = f"{NAME[:20]} {NAME[20:40]}\n{NAME[40:]}"
    what = form.format(NAME, NAME.removeprefix("0x"), NAME.upper().replace("0X", "0x"), spaced, ORACLE)
    status, text = await told(api, what)
    assert status == 200
    assert f'href="/requests/{NAME}"' in text
    assert "What to do:" in text
    assert "&lt;b&gt;no&lt;/b&gt;" in text


async def test_a_run_is_told_with_links(api: Api) -> None:
    run_id = await asked(api)
    status, text = await told(api, run_id.upper())
    assert status == 200
    assert f'href="/runs/{run_id}"' in text
    assert f'href="/jobs/{job().id}"' in text


async def test_the_code_of_an_error_leads_to_its_page(api: Api) -> None:
    response = await api.client.get("/explain?what=ady-611")
    assert (response.status_code, response.headers["location"]) == (303, "/errors/ADY-0611")


@pytest.mark.parametrize(("what", "status"), [("nonsense", 400), ("../users", 400), ("0" * 32, 404)])
async def test_what_is_nothing_gets_a_helpful_answer(api: Api, what: str, status: int) -> None:
    found, text = await told(api, what)
    assert found == status
    assert "Nothing is known by that name." in text
    assert f'value="{what}"' in text


async def test_a_hash_that_nobody_knows_is_looked_up_on_the_chain(api: Api) -> None:
    status, text = await told(api, number_hash(77, 7))
    assert status == 200
    assert "this node" in text


async def test_without_a_question_the_latest_are_offered(api: Api) -> None:
    await asked(api)
    for what in ("", " "):
        status, text = await told(api, what)
        assert status == 200
        assert f":{NAME}" in text[text.index("Or one of the latest requests") :]


def test_names_in_a_text_become_links() -> None:
    run, of = "0" * 31 + "1", "0" * 31 + "2"
    text = f"run {run} of job {of} sent transaction 7, {NAME}, to {ORACLE}: see `adyton txs doctor`"
    found = [(each.kind, each.href) for each in pieces(text) if each.kind != "text" or each.href]
    assert found == [
        ("hash", f"/runs/{run}"),
        ("hash", f"/jobs/{of}"),
        ("text", "/transactions/7"),
        ("hash", f"/explain?what={NAME}"),
        ("address", ""),
        ("code", "/transactions/doctor"),
    ]
    assert "".join(each.text for each in pieces(text)).replace("adyton", "`adyton") + "`" == text
    assert pieces(f"{ORACLE}:{NAME}")[0].href == f"/requests/{ORACLE}:{NAME}"
    assert len(pieces("`a`" * 3000)) <= 401
    assert pieces(f"0x{'1' * 90}") == [("text", f"0x{'1' * 90}", "")]
    assert [
        each.href for each in pieces(f"`adyton runs show {run}` `adyton explain ADY-0408` `adyton x`") if each.kind == "code"
    ] == [
        f"/runs/{run}",
        "/errors/ADY-0408",
        "",
    ]


def test_a_story_has_its_moods() -> None:
    steps = [
        {"at": None, "what": "receipt", "detail": "0x1 succeeded", "block": 3},
        {"at": "2019-06-27T14:02:11Z", "what": "task 1", "detail": "errored: no; it was given {}", "block": None},
        {"at": None, "what": "job", "detail": "0" * 32 + ": gone", "block": None},
    ]
    (chapter,) = chapters({"chapters": [{"subject": "run 1", "fate": None, "next": "", "steps": steps}]})
    assert [step.mood for step in chapter.steps] == ["good", "bad", "plain"]
    assert chapter.steps[1].data == [("text", "given {}", "")]
    assert chapter.steps[2].detail[0].href == f"/jobs/{'0' * 32}"
    assert (chapter.kind, chapter.href) == ("run", "/runs/1")
