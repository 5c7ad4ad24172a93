"""Requests under service agreements: of a Coordinator, and the event of v0.6.2."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from adyton.domain import data, evm
from adyton.domain.chain import Hex, Log
from adyton.domain.jobs import Initiator, Job
from adyton.domain.requests import ANSWERS, CANCELLED_TOPIC, EXECUTION_TOPIC, ORACLE_REQUEST, job_topics, listener, read_run_log
from adyton.ethereum.errors import RpcError
from adyton.initiators.open_requests import TriedAnswers
from adyton.storage import requests as stored_requests
from adyton.storage.connect import open_memory
from support.builders import JOB_ID, LINK, ORACLE, REQUESTER, SENDER, Bench, number_hash, run_log
from support.intake import Rig, event_job, listening, request

AGREEMENT = number_hash(400)
OTHER = "0x" + "77" * 20
CBOR = bytes.fromhex("a1616102")


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    db = open_memory()
    yield Rig(Bench(db))
    await db.close()


def agreed(**params: Any) -> Job:
    initiator = Initiator(type="execagreement", **({"address": ORACLE, "agreement": AGREEMENT} | params))
    return msgspec.structs.replace(event_job(initiator), min_payment=2 * LINK)


def under(log: Log, agreement: str = AGREEMENT) -> Log:
    """The request as a Coordinator emits it."""
    return msgspec.structs.replace(log, topics=(ORACLE_REQUEST, agreement))


def executed(*, job_id: str = JOB_ID, block: int = 92, payment: int = 10**9, raw: bool = False) -> Log:
    """The event that v0.6.2 listened for."""
    words = b"".join(value.to_bytes(32, "big") for value in (0x17, 1, 0x60, len(CBOR))) + CBOR + bytes(3)
    named = job_topics(job_id)[int(raw)]
    topics = (EXECUTION_TOPIC, named, "0x" + REQUESTER[2:].rjust(64, "0"), f"0x{payment:064x}")
    return msgspec.structs.replace(run_log(block=block), topics=topics, data="0x" + words.hex())


async def inputs(rig: Rig) -> list[Any]:
    rows = await rig.bench.db.read("SELECT input FROM runs ORDER BY id")
    return [data.parse(str(row[0])) for row in rows]


async def errors(rig: Rig) -> list[str | None]:
    rows = await rig.bench.db.read("SELECT error FROM runs ORDER BY id")
    return [None if row[0] is None else str(row[0]) for row in rows]


# --- a Coordinator's -------------------------------------------------------------------------------------------------


async def test_the_answer_to_a_request_under_an_agreement_names_the_request_only(rig: Rig) -> None:
    await listening(rig, agreed())
    hostile = bytes.fromhex("a3") + b"".join(
        bytes([0x60 + len(key)]) + key + b"\x63bad" for key in (b"address", b"dataPrefix", b"functionSelector")
    )
    rig.blocks.emit(under(run_log(block=92, payment=2 * LINK, cbor=hostile)))

    await rig.at(92)

    assert await inputs(rig) == [{"address": evm.checksum(ORACLE), "dataPrefix": request(1), "functionSelector": "0x1f8f238c"}]
    (asked,) = await stored_requests.unclosed(rig.bench.db, limit=9)
    assert (asked.request_id, asked.job_id, asked.payment, asked.expiration) == (request(1), JOB_ID, 2 * LINK, None)


def test_the_selectors_are_those_of_the_contracts() -> None:
    signatures = (
        "fulfillData(uint256,bytes32)",
        "fulfillData(uint256,uint256,address,bytes4,uint256,bytes32)",
        "fulfillOracleRequest(bytes32,uint256,address,bytes4,uint256,bytes32)",
        "fulfillOracleRequest2(bytes32,uint256,address,bytes4,uint256,bytes)",
        "fulfillOracleRequest(bytes32,bytes32)",
    )
    assert {"0x" + evm.keccak(each.encode())[:4].hex() for each in signatures} == ANSWERS
    execution = "ServiceAgreementExecution(bytes32,address,uint256,uint256,uint256,bytes)"
    assert evm.event_topic(execution) == EXECUTION_TOPIC


async def test_a_request_that_pays_less_than_agreed_is_refused(rig: Rig) -> None:
    await listening(rig, agreed())
    rig.blocks.emit(under(run_log(block=92, payment=2 * LINK - 1)))
    await rig.at(92)
    ((error,),) = [await errors(rig)]
    assert "below minimum threshold" in str(error)


async def test_a_requester_who_is_not_listed_is_refused(rig: Rig) -> None:
    await listening(rig, agreed(requesters=(SENDER,)))
    rig.blocks.emit(under(run_log(block=92, payment=2 * LINK)))
    await rig.at(92)
    assert await errors(rig) == [f"Run Log didn't have have a valid requester: {evm.checksum(REQUESTER)}"]


@pytest.mark.parametrize(
    "log",
    [
        under(run_log(block=92, payment=2 * LINK), number_hash(401)),
        under(run_log(block=92, payment=2 * LINK, address=OTHER)),
        run_log(block=92, payment=2 * LINK),
        executed(),
    ],
)
async def test_what_is_not_asked_under_the_agreement_of_its_contract_is_none_of_our_business(rig: Rig, log: Log) -> None:
    await listening(rig, agreed())
    rig.blocks.emit(log)
    await rig.at(92)
    assert await rig.runs() == []
    assert await stored_requests.unclosed(rig.bench.db, limit=9) == []


async def test_of_several_answers_ours_is_one_run_and_a_reorganisation_moves_it(rig: Rig) -> None:
    await listening(rig, agreed(address="0x" + "00" * 20))
    rig.blocks.emit(under(run_log(block=92, payment=2 * LINK)))
    await rig.at(92)

    await rig.branch(94, 5, under(run_log(block=93, kind=5, payment=2 * LINK)), first=92)

    assert await rig.runs() == [("pending_confirmations", request(1), 93)]
    assert (await inputs(rig))[0]["functionSelector"] == "0x1f8f238c"


async def test_a_cancellation_of_a_coordinator_names_its_request_in_its_data_and_closes_nothing(rig: Rig) -> None:
    await listening(rig, agreed())
    asked = under(run_log(block=92, payment=2 * LINK))
    rig.blocks.emit(asked, msgspec.structs.replace(asked, topics=(CANCELLED_TOPIC,), data=request(1), log_index=1))
    await rig.at(92)
    (row,) = await stored_requests.unclosed(rig.bench.db, limit=9)
    assert row.request_id == request(1)


class Coordinator:
    """Has had this key's answer."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    async def calls(self, calls: Any, block: Any) -> list[Hex | RpcError]:
        """The answers."""
        self.asked += calls
        return [RpcError(3, "execution reverted: Cannot respond twice", None) for _ in calls]


async def test_whether_a_coordinator_still_waits_is_asked_with_its_own_function() -> None:
    (initiator,) = agreed().initiators
    known = {(ORACLE, request(1)): read_run_log(under(run_log()), initiator)}
    coordinator = Coordinator()
    assert await TriedAnswers(chain=coordinator, keys=lambda: (SENDER,)).closed(known) == set(known)
    ((_, calldata, _, _),) = coordinator.asked
    assert calldata == "0x1f8f238c" + request(1)[2:] + "0" * 64


# --- v0.6.2's --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("raw", [False, True])
async def test_the_event_of_v062_starts_a_job_without_an_agreement(rig: Rig, raw: bool) -> None:
    await listening(rig, event_job(Initiator(type="execagreement")))
    rig.blocks.emit(executed(raw=raw))
    await rig.at(92)
    assert await inputs(rig) == [
        {"a": 2, "address": evm.checksum(ORACLE), "dataPrefix": f"0x{0x17:064x}", "functionSelector": "0x76005c26"}
    ]
    ((payment,),) = await rig.bench.db.read("SELECT payment FROM runs")
    assert payment == "1000000000"


@pytest.mark.parametrize("log", [executed(job_id="5" * 32), run_log(block=92)])
async def test_no_other_event_starts_it(rig: Rig, log: Log) -> None:
    await listening(rig, event_job(Initiator(type="execagreement")))
    rig.blocks.emit(log)
    await rig.at(92)
    assert await rig.runs() == []


async def test_the_event_of_v062_starts_no_runlog_job(rig: Rig) -> None:
    await listening(rig, event_job(Initiator(type="runlog"), Initiator(type="ethlog", address=OTHER)))
    rig.blocks.emit(executed())
    await rig.at(92)
    assert await rig.runs() == []


async def test_an_event_of_v062_that_is_cut_short_is_refused(rig: Rig) -> None:
    await listening(rig, event_job(Initiator(type="execagreement")))
    rig.blocks.emit(msgspec.structs.replace(executed(), data="0x" + "00" * 32))
    await rig.at(92)
    assert await rig.decisions() == [("refused", "the event has 32 bytes of data, its version needs 128")]


# --- who takes what --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("initiators", "log", "taken_by"),
    [
        ((Initiator(type="runlog", address=OTHER), Initiator(type="runlog")), run_log(), 1),
        ((Initiator(type="runlog"),), run_log(job_id="5" * 32), None),
        ((Initiator(type="runlog"),), under(run_log()), None),
        ((Initiator(type="runlog"),), executed(), None),
        ((Initiator(type="execagreement", agreement=AGREEMENT),), under(run_log()), 0),
        ((Initiator(type="execagreement", agreement=AGREEMENT),), run_log(), None),
        ((Initiator(type="execagreement"),), executed(), 0),
        ((Initiator(type="execagreement"),), run_log(), None),
        ((Initiator(type="web"), Initiator(type="ethlog")), run_log(), None),
        ((Initiator(type="runlog"),), msgspec.structs.replace(run_log(), topics=()), None),
    ],
)
def test_the_initiator_that_takes_a_request(initiators: Any, log: Log, taken_by: int | None) -> None:
    wanted = None if taken_by is None else initiators[taken_by]
    assert listener(event_job(*initiators), log) == wanted
