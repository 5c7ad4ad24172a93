"""The JSON Schemas for editors, held against the node: what it takes they take, and what they refuse it refuses."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from adyton.adapters.base import AdapterSettings
from adyton.adapters.registry import Registry
from adyton.domain import job_requests
from adyton.domain.bridges import read_request
from adyton.domain.errors import Invalid
from adyton.system.clock import SystemClock
from adyton.system.http import AiohttpTransport
from adyton.web.schemas import standalone
from adyton.web.schemas.tasks import PARAMS, UNUSABLE
from support.api import Api
from support.builders import NOW

VECTORS = json.loads((Path(__file__).parent / "vectors" / "adapters.json").read_text())
DOCS = Path(__file__).parents[2] / "docs"
ADDRESS = "0x356a04bce728ba4c62a30294a55e6a8600a320b3"
WEB: dict[str, Any] = {"type": "web"}
NOOP: dict[str, Any] = {"type": "noop"}


@cache
def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(standalone.schema(name))


def registry() -> Registry:
    return Registry(http=AiohttpTransport(), clock=SystemClock(), settings=AdapterSettings())


def job(*tasks: Any, initiators: Any = (WEB,), **more: Any) -> dict[str, Any]:
    return {"initiators": list(initiators), "tasks": list(tasks or (NOOP,)), **more}


def task(kind: str, **params: Any) -> dict[str, Any]:
    return {"type": kind, "params": params}


def initiator(kind: str, **params: Any) -> dict[str, Any]:
    return {"type": kind, "params": params}


def complaint(name: str, value: Any) -> str | None:
    """What a schema says against a value."""
    found = next(iter(validator(name).iter_errors(value)), None)
    return None if found is None else found.message


def node_takes(spec: Any) -> bool:
    try:
        job_requests.read_job(json.dumps(spec).encode(), job_id="0" * 32, now=NOW, check=registry().check)
    except Invalid:
        return False
    return True


# --- the schemas themselves ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", standalone.NAMES)
def test_a_schema_is_one_of_draft_2020_12_and_has_good_examples(name: str) -> None:
    schema = standalone.schema(name)
    Draft202012Validator.check_schema(schema)
    assert (schema["$schema"], schema["$id"]) == (standalone.DIALECT, f"urn:adyton:schema:{name}")
    assert schema["title"]
    assert [complaint(name, example) for example in schema["examples"]] == [None] * len(schema["examples"])


def test_every_task_type_of_the_node_has_its_params() -> None:
    assert {*PARAMS, *UNUSABLE} == set(registry().names())
    assert all(params["description"] for params in PARAMS.values())


@pytest.mark.parametrize("name", standalone.NAMES)
async def test_it_is_served(name: str) -> None:
    async with Api() as api:
        response = await api.another_client().get(f"/v2/schemas/{name}.json")
    assert (response.status_code, response.headers["content-type"]) == (200, "application/schema+json")
    assert response.json() == json.loads(standalone.text(name))


# --- good ones -------------------------------------------------------------------------------------------------------

GOOD_JOBS = [
    job(),
    job(name="hourly", _comment="ignored"),
    job(startAt=None, endAt="2030-01-01T00:00:00Z"),
    job(startAt="2019-06-27T14:03:11.5+02:00"),
    job(minPayment="1000000000000000000"),
    job(minPayment=100, externalJobID="4c9a7f7a-0b1e-4d7c-8f2e-6a5b3d1c0f9e"),
    job(initiators=[initiator("cron", schedule="0 0 * * * *", missed="latest", overlap="skip")]),
    job(initiators=[initiator("cron", schedule="CRON_TZ=Europe/Berlin @every 90s")]),
    job(initiators=[initiator("runat", time="2030-01-01")]),
    job(initiators=[initiator("runat", time=1893456000, ran=False)]),
    job(initiators=[initiator("runlog", address=ADDRESS, requesters=[ADDRESS], fromBlock="unanswered")]),
    job(initiators=[initiator("runlog", fromBlock=1200), WEB]),
    job(initiators=[initiator("ethlog", address=ADDRESS, topics=[f"0x{'ab' * 32}", None, [f"0x{'cd' * 32}"]])]),
    job(initiators=[initiator("external", name="feed", body={"endpoint": "x"})]),
    job(initiators=[{"type": "execagreement"}]),
    job({"type": "noop", "confirmations": "7"}, {"type": "noop", "confirmations": None}),
    job(task("ethtx", address=ADDRESS, functionSelector="setPrice(uint256)", gasPrice="0x4a817c800", format="bytes")),
    job(task("httppost", url="https://prices.example/", body="{}", headers={"X-Key": ["$(secret:key)"]})),
    job(task("httpget", get="/relative", extPath=["v1", "eth"], queryParams="a=b&c=d")),
    job(task("multiply", times="1e18"), task("quotient", dividend=1.5), task("compare", operator="gte", value="1000")),
    job(task("jsonparse", path="a.b"), task("copy", copyPath=["a"]), task("sleep", until="2030-01-01T00:00:00Z")),
    job(task("ethtxabiencode", address=ADDRESS, functionABI={"name": "set", "inputs": [{"name": "x", "type": "uint256"}]})),
]


@pytest.mark.parametrize("spec", GOOD_JOBS, ids=lambda spec: json.dumps(spec)[:60])
def test_a_good_job_is_good_to_both(spec: Any) -> None:
    assert complaint("job", spec) is None
    assert node_takes(spec)


def test_a_bridges_task_may_have_any_params() -> None:
    assert complaint("job", job(task("random-number", any={"thing": [1]}))) is None


def taken(vector: dict[str, Any]) -> bool:
    """Whether the vector's adapter takes its params, and they are spelled as documented."""
    try:
        registry().check(vector["adapter"], vector["params"])
    except (Invalid, KeyError):
        return False
    known = PARAMS[vector["adapter"]].get("properties", {})
    spelled = {name.casefold(): name for name in known}
    return all(spelled.get(name.casefold(), name) == name for name in vector["params"])


def test_the_params_of_every_vector_that_the_node_takes_are_good() -> None:
    vectors = [
        each for each in VECTORS if isinstance(each.get("params"), dict) and each.get("adapter") in PARAMS and taken(each)
    ]
    assert len(vectors) > 150
    complaints = {each["id"]: complaint("job", job(task(each["adapter"], **each["params"]))) for each in vectors}
    assert {name: said for name, said in complaints.items() if said is not None} == {}


def test_every_job_in_the_docs_is_good() -> None:
    examples = [*GOOD_JOBS]
    for page in DOCS.rglob("*.md"):
        for block in page.read_text().split("```json\n")[1:]:
            try:
                value = json.loads(block.split("```")[0].replace("0x…", ADDRESS).replace("<the oracle's address>", ADDRESS))
            except ValueError:
                continue
            if isinstance(value, dict) and {"initiators", "tasks"} <= value.keys():
                examples.append(value)
    assert len(examples) > len(GOOD_JOBS)
    assert [each for each in examples if complaint("job", each) is not None] == []


# --- bad ones --------------------------------------------------------------------------------------------------------

BAD_JOBS = [
    [],
    "job",
    {},
    {"initiators": [WEB]},
    {"tasks": [NOOP]},
    job(initiators=[]),
    {**job(), "tasks": []},
    job(initiators=[{}]),
    job(initiators=[{"params": {}}]),
    job(initiators=["web"]),
    job(initiators={"type": "web"}),
    job(initiators=[{"type": "webhook"}]),
    job(initiators=[{"type": 1}]),
    job(initiators=[{"type": "web", "params": []}]),
    job(initiators=[{"type": "cron"}]),
    job(initiators=[initiator("cron")]),
    job(initiators=[initiator("cron", schedule="")]),
    job(initiators=[initiator("cron", schedule=5)]),
    job(initiators=[initiator("cron", schedule="@hourly", missed="sometimes")]),
    job(initiators=[initiator("cron", schedule="@hourly", overlap=True)]),
    job(initiators=[{"type": "runat"}]),
    job(initiators=[initiator("runat", time=None)]),
    job(initiators=[initiator("runat", time=True)]),
    job(initiators=[initiator("runat", time="2030-01-01", ran="no")]),
    job(initiators=[initiator("runlog", address="0x1")]),
    job(initiators=[initiator("runlog", address=None)]),
    job(initiators=[initiator("runlog", address=ADDRESS[2:])]),
    job(initiators=[initiator("runlog", requesters=ADDRESS)]),
    job(initiators=[initiator("runlog", requesters=["x"])]),
    job(initiators=[initiator("runlog", fromBlock=-1)]),
    job(initiators=[initiator("runlog", fromBlock="sometime")]),
    job(initiators=[initiator("ethlog", topics="0x")]),
    job(initiators=[initiator("ethlog", topics=["0x1"])]),
    job(initiators=[initiator("ethlog", topics=[None] * 5)]),
    job(initiators=[{"type": "external"}]),
    job(initiators=[initiator("external", name="feed", body=[])]),
    job(startAt=5),
    job(startAt="yesterday"),
    job(endAt=""),
    job(minPayment=-1),
    job(minPayment="1.5"),
    job(externalJobID="x"),
    {**job(), "tasks": NOOP},
    job({"type": ""}),
    job({"params": {}}),
    job({"type": "a b"}),
    job({"type": "noop", "confirmations": -1}),
    job({"type": "noop", "confirmations": "x"}),
    job({"type": "noop", "confirmations": 2**32}),
    job({"type": "noop", "params": None}),
    job({"type": "noop", "params": []}),
    job({"type": "random"}),
    job(task("httpget", get="")),
    job(task("httpget", get=5)),
    job(task("httpget", get="https://x.example/", headers={"a": "b"})),
    job(task("httpget", get="https://x.example/", headers={"a b": ["c"]})),
    job(task("httpget", get="https://x.example/", extPath=5)),
    job(task("httppost", post="https://x.example/", body={})),
    job(task("jsonparse", path=5)),
    job(task("jsonparse", path=["a", 1])),
    job(task("multiply", times="ten")),
    job(task("multiply", times=True)),
    job(task("quotient", dividend=[1])),
    job(task("compare", operator="like")),
    job(task("compare", value=5)),
    job(task("ethtx", address="0x1")),
    job(task("ethtx", address=None)),
    job(task("ethtx", dataPrefix="0x1")),
    job(task("ethtx", format=5)),
    job(task("ethtx", gasLimit=-1)),
    job(task("ethtx", gasPrice=True)),
    job(task("ethtx", abiEncoding=["uint7"])),
    job(task("ethtx", minRequiredOutgoingConfirmations=100_001)),
    job(task("ethtx", fromAddresses=ADDRESS)),
    job({"type": "ethtxabiencode"}),
    job(task("ethtxabiencode", functionABI={"name": "set", "inputs": []}, unknown=1)),
    job(task("sleep", until=True)),
    job({"type": "wasm"}),
]


@pytest.mark.parametrize("spec", BAD_JOBS, ids=lambda spec: json.dumps(spec)[:80])
def test_a_bad_job_is_bad_to_both(spec: Any) -> None:
    assert complaint("job", spec) is not None
    assert not node_takes(spec)


GOOD_BRIDGES = [
    {"name": "randomNumber", "url": "https://example.com/randomNumber", "confirmations": 10, "minimumContractPayment": "100"},
    {"name": "x", "url": "http://localhost:8080"},
    {"name": "a-b_c", "url": "$(secret:prices-url)/eth", "confirmations": None, "minimumContractPayment": None, "other": 1},
]
BAD_BRIDGES = [
    [],
    {"name": "x"},
    {"name": "a b", "url": "https://example.com/"},
    {"name": 5, "url": "https://example.com/"},
    {"name": "x" * 513, "url": "https://example.com/"},
    {"name": "x", "url": ""},
    {"name": "x", "url": "example.com"},
    {"name": "x", "url": "/relative"},
    {"name": "x", "url": "ftp://example.com/"},
    {"name": "x", "url": "https://example.com/", "confirmations": -1},
    {"name": "x", "url": "https://example.com/", "confirmations": "3"},
    {"name": "x", "url": "https://example.com/", "minimumContractPayment": 100},
    {"name": "x", "url": "https://example.com/", "minimumContractPayment": "-1"},
]


@pytest.mark.parametrize("bridge", GOOD_BRIDGES)
def test_a_good_bridge_is_good_to_both(bridge: Any) -> None:
    assert complaint("bridge", bridge) is None
    assert read_request(json.dumps(bridge).encode()).name == bridge["name"].lower()


@pytest.mark.parametrize("bridge", BAD_BRIDGES, ids=lambda bridge: json.dumps(bridge)[:60])
def test_a_bad_bridge_is_bad_to_both(bridge: Any) -> None:
    assert complaint("bridge", bridge) is not None
    with pytest.raises(Invalid):
        read_request(json.dumps(bridge).encode())


async def test_what_the_schema_takes_the_api_takes() -> None:
    async with Api() as api:
        client: httpx.AsyncClient = api.client
        refused = []
        for spec in GOOD_JOBS:
            response = await client.post("/v2/specs", json=spec)
            # Whom a job names is not there: an external initiator, a secret.
            if response.status_code != 200 and "there is no " not in response.text:
                refused.append((spec, response.text))
        assert refused == []
