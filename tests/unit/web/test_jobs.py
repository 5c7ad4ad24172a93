"""Job specs over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from support.api import Api, details
from support.builders import JOB_ID, NOW, job

ORACLE = "0x356a04bce728ba4c62a30294a55e6a8600a320b3"
ASKED: dict[str, Any] = {
    "initiators": [
        {"type": "web"},
        {"type": "RunLog", "params": {"address": ORACLE.upper().replace("X", "x"), "requesters": [ORACLE]}},
    ],
    "tasks": [
        {"type": "HttpGet", "confirmations": "2", "params": {"get": "https://example.com/ticker"}},
        {"type": "noop"},
    ],
    "endAt": "2030-01-01T01:00:00+01:00",
    "_comment": "ignored",
}
CREATED = "2023-11-14T22:13:20Z"


async def test_a_created_job_is_shown_in_the_form_of_v062(api: Api) -> None:
    response = await api.client.post("/v2/specs", json=ASKED)

    assert response.status_code == 200
    assert response.headers["content-type"] == "application/vnd.api+json"
    shown = response.json()
    job_id = shown["data"]["id"]
    assert shown == {
        "data": {
            "type": "specs",
            "id": job_id,
            "attributes": {
                "initiators": [{"type": "web", "params": {}}, {"type": "runlog", "params": {"address": ORACLE}}],
                "id": job_id,
                "createdAt": CREATED,
                "tasks": [
                    {
                        "ID": 1,
                        "CreatedAt": CREATED,
                        "UpdatedAt": CREATED,
                        "DeletedAt": None,
                        "type": "httpget",
                        "confirmations": 2,
                        "params": {"get": "https://example.com/ticker"},
                    },
                    {
                        "ID": 2,
                        "CreatedAt": CREATED,
                        "UpdatedAt": CREATED,
                        "DeletedAt": None,
                        "type": "noop",
                        "confirmations": None,
                        "params": {},
                    },
                ],
                "startAt": None,
                "endAt": "2030-01-01T00:00:00Z",
            },
        }
    }
    assert len(job_id) == 32
    assert int(job_id, 16)
    assert await api.get(f"/v2/specs/{job_id}") == shown
    assert (await api.get("/v2/specs"))["data"] == [shown["data"]]


async def test_a_created_job_is_live_at_once(api: Api) -> None:
    job_id = (await api.post("/v2/specs", ASKED))["data"]["id"]
    assert job_id in api.parts.jobs.jobs


async def test_a_job_is_found_with_dashes_in_its_id(api: Api) -> None:
    await api.job(job())
    dashed = f"{JOB_ID[:8]}-{JOB_ID[8:12]}-{JOB_ID[12:16]}-{JOB_ID[16:20]}-{JOB_ID[20:]}"
    assert (await api.get(f"/v2/specs/{dashed}"))["data"]["id"] == JOB_ID


async def test_every_fault_of_a_job_is_listed_with_its_place(api: Api) -> None:
    faults = await api.post(
        "/v2/specs", {"initiators": [{"type": "cron"}, {"type": "x"}], "tasks": [{"type": "nope"}, {"type": "noop"}]}, 400
    )

    assert faults == {
        "errors": [
            {
                "detail": "Schedule must have a cron",
                "code": "ADY-0262",
                "source": {"pointer": "/initiators/0/params/schedule"},
            },
            {"detail": "type x does not exist", "code": "ADY-0258", "source": {"pointer": "/initiators/1/type"}},
            {"detail": "nope is not a supported adapter type", "code": "ADY-0255", "source": {"pointer": "/tasks/0"}},
        ]
    }
    assert (await api.get("/v2/specs"))["meta"] == {"count": 0}


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ("", "EOF"),
        ("{", "unexpected EOF"),
        ("null", "Must have at least one Initiator and one Task"),
        ('{"initiators":[{"type":"web"}],"tasks":[{"type":"multiply","params":{"times":[]}}]}', "cannot parse into float: []"),
        ("[" * 20000, "nested too deeply"),
    ],
)
async def test_what_is_no_job_is_refused(api: Api, body: str, detail: str) -> None:
    assert detail in details(await api.post("/v2/specs", body, 400))[0]


@pytest.mark.parametrize("path", ["/v2/specs/unknown", f"/v2/specs/{'f' * 32}"])
async def test_an_unknown_job_is_not_found(api: Api, path: str) -> None:
    assert details(await api.get(path, 404)) == ["JobSpec not found"]
    assert (await api.client.delete(path)).status_code == 404


async def test_an_archived_job_is_gone(api: Api) -> None:
    await api.job(job())

    response = await api.client.delete(f"/v2/specs/{JOB_ID}")

    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["content-type"] == "application/vnd.api+json"
    assert details(await api.get(f"/v2/specs/{JOB_ID}", 404)) == ["JobSpec not found"]
    assert (await api.get("/v2/specs"))["data"] == []
    assert (await api.client.delete(f"/v2/specs/{JOB_ID}")).status_code == 404
    assert JOB_ID not in api.parts.jobs.jobs


async def test_jobs_are_listed_by_age_in_pages_with_links(api: Api) -> None:
    for number in range(3):
        api.bench.clock.micros = NOW + number
        await api.job(job(job_id=f"{number:032x}"))

    first = await api.get("/v2/specs?size=2&x=a%26b")
    second = await api.get("/v2/specs?size=2&page=2")
    newest = await api.get("/v2/specs?sort=-createdAt&size=1&page=2")
    beyond = await api.get("/v2/specs?page=9")

    assert [item["id"][-1] for item in first["data"]] == ["0", "1"]
    assert first["links"] == {"next": "/v2/specs?page=2&size=2&x=a%26b"}
    assert first["meta"] == {"count": 3}
    assert [item["id"][-1] for item in second["data"]] == ["2"]
    assert second["links"] == {"prev": "/v2/specs?page=1&size=2"}
    assert [item["id"][-1] for item in newest["data"]] == ["1"]
    assert newest["links"] == {
        "next": "/v2/specs?page=3&size=1&sort=-createdAt",
        "prev": "/v2/specs?page=1&size=1&sort=-createdAt",
    }
    assert beyond == {"data": [], "meta": {"count": 3}}


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("size=x", 'invalid size param, error: strconv.Atoi: parsing "x": invalid syntax'),
        ("size=0", "invalid size param, error: <nil>"),
        ("page=-1", "invalid page param, error: <nil>"),
        ("page=1_0", 'invalid page param, error: strconv.Atoi: parsing "1_0": invalid syntax'),
        ("page=%D9%A1", 'invalid page param, error: strconv.Atoi: parsing "١": invalid syntax'),
        (f"page={2**63}", f'invalid page param, error: strconv.Atoi: parsing "{2**63}": value out of range'),
    ],
)
async def test_a_page_that_cannot_be_is_refused(api: Api, query: str, detail: str) -> None:
    assert details(await api.get(f"/v2/specs?{query}", 422)) == [detail]


@pytest.mark.parametrize("query", ["size=9223372036854775807&page=9223372036854775807", "size=%2B5", "page=&size="])
async def test_odd_pages_are_served(api: Api, query: str) -> None:
    assert (await api.get(f"/v2/specs?{query}"))["data"] == []
