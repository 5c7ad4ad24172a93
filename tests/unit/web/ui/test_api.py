"""The API as pages ask it."""

from __future__ import annotations

import msgspec
import pytest
from starlette.datastructures import Headers
from starlette.responses import Response, StreamingResponse

from adyton.domain.access import Role
from adyton.web.ui.api import Answer, Fault, piece, read
from adyton.web.ui.formats import Exact
from support.api import Api
from support.builders import JOB_ID, job
from support.people import OTHER, another


@pytest.mark.parametrize(
    ("text", "made"), [("a", "a"), ("a/b", "a\u2215b"), ("../users", "..\u2215users"), ("", "\u2205"), ("a?b#c", "a?b#c")]
)
def test_a_piece_of_a_path_stays_one(text: str, made: str) -> None:
    assert piece(text) == made


@pytest.mark.parametrize("key", ["../users", "a/b", "", "?x=y", "%2F", "a\nb"])
async def test_no_text_leads_to_another_route(api: Api, key: str) -> None:
    answer = await api.client.post("/tokens/delete", data={"access_key": key})
    assert answer.status_code == 404
    assert "there is no token" in answer.text
    assert len((await api.get("/v2/users"))["data"]) == 1


async def test_what_a_page_does_is_in_the_audit_log_as_if_the_api_was_asked(api: Api) -> None:
    await api.client.post("/users/delete", data={"email": "x@y"})
    (entry,) = (await api.get("/v2/audit"))["data"]
    assert entry["attributes"]["action"] == "DELETE /v2/users/:email"
    assert entry["attributes"]["subject"] == "x@y"
    assert entry["attributes"]["address"] == "127.0.0.1"


async def test_a_role_that_a_page_does_not_ask_for_is_asked_for_by_the_api(api: Api) -> None:
    await api.job(job("noop"))
    client = await another(api, role=Role.VIEW)
    refused = await client.post(f"/jobs/{JOB_ID}/archive")
    assert refused.status_code == 403
    assert "this needs the role edit" in refused.text
    (entry,) = (await api.get("/v2/audit"))["data"]
    assert (entry["attributes"]["caller"], entry["attributes"]["outcome"]) == (OTHER, "refused")


# --- answers ---------------------------------------------------------------------------------------------------------


async def test_an_answer_is_flat() -> None:
    body = b'{"data":[{"type":"a","id":"1","attributes":{"x":1}},{"type":"a","id":"2"}],"meta":{"count":7}}'
    answer = await read(Response(body, media_type="application/vnd.api+json"))
    assert answer.items == [{"x": 1, "id": "1"}, {"id": "2"}]
    assert answer.count == 7
    assert answer.ok
    assert answer.faults == []


async def test_numbers_keep_their_digits_and_may_be_larger_than_floats() -> None:
    answer = await read(Response(b'{"a":1e400,"b":0.10000000000000000001,"c":5}', media_type="application/json"))
    assert [str(answer.document[name]) for name in "abc"] == ["1e400", "0.10000000000000000001", "5"]
    assert isinstance(answer.document["a"], Exact)
    assert answer.document["b"] == 0.1


async def test_a_long_list_is_read_whole() -> None:
    async def parts() -> object:
        yield b'{"data":['
        yield '{"id":"é"}'
        yield b"]}"

    answer = await read(StreamingResponse(parts(), media_type="application/vnd.api+json"))  # type: ignore[arg-type]
    assert answer.items == [{"id": "é"}]
    assert answer.count == 1


@pytest.mark.parametrize(
    ("status", "document", "headers", "fault"),
    [
        (422, {"errors": [{"detail": "no", "code": "ADY-1", "source": {"pointer": "/x"}}]}, {}, Fault("no", "ADY-1", "/x")),
        (422, {"errors": [{"detail": "no", "source": {"parameter": "page"}}]}, {}, Fault("no", parameter="page")),
        (429, {}, {"x-adyton-error": "ADY-1052"}, Fault("too many requests from this address; try again later", "ADY-1052")),
        (404, {}, {}, Fault("there is no such thing")),
        (503, {}, {}, Fault("status 503")),
        (500, {"errors": []}, {}, Fault("status 500")),
    ],
)
def test_every_refusal_says_something(status: int, document: object, headers: dict[str, str], fault: Fault) -> None:
    answer = Answer(status, document, Headers(headers))
    assert not answer.ok
    assert answer.faults == [fault]


def test_a_resource_keeps_its_own_id() -> None:
    document = msgspec.json.decode(b'{"data":{"type":"a","id":"1","attributes":{"id":"other","x":2}}}')
    assert Answer(200, document, Headers()).item == {"id": "1", "x": 2}
