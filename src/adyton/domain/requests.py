"""Which logs ask for a run, and the request inside a log.

Three versions of the oracle contract's event are understood (and the layout that service agreements of v0.6.2 share with the
first). Topic 1 is the job's id: its 32 characters as ASCII, or its 16 bytes followed by zeros; of a request to a Coordinator
the id of the service agreement. Everything in a log is a stranger's words: every offset is checked, and the CBOR is cut by its
length word (v0.6.2 read to the end of the data, a DEFECT).
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

import msgspec

from adyton.domain import cbor, evm
from adyton.domain.chain import ZERO_ADDRESS, Address, Hash, Hex, Log
from adyton.domain.jobs import Initiator, Job
from adyton.domain.runs import Data, RunRequest

RUN_LOG = "runlog"
EXEC_AGREEMENT = "execagreement"

RESERVED = ("address", "dataPrefix", "functionSelector")
"""Keys of a log-initiated run's input that always come from the log."""


CANCELLED_TOPIC: Hash = "0xa7842b9ec549398102c0d91b1b9919b2f20558aefdadf57528a95c6cd3292e93"
"""CancelOracleRequest(bytes32 indexed requestId), of every version."""
RESPONSE_TOPIC: Hash = "0x9e9bc7616d42c2835d05ae617e508454e63b30b934be8aa932ebc125e0e58a64"
"""OracleResponse(bytes32 indexed requestId), of Operator contracts."""


class End(StrEnum):
    """How a request ended on the chain."""

    ANSWERED = "answered"
    CANCELLED = "cancelled"


CLOSINGS: dict[Hash, End] = {CANCELLED_TOPIC: End.CANCELLED, RESPONSE_TOPIC: End.ANSWERED}


class MalformedLog(Exception):
    """The log has no request that could be answered; the message says what is missing."""


_FARTHEST = 2**63 - 1
"""The latest expiration that is told apart: the word is a stranger's, and the database keeps 64 bits."""


class Layout(msgspec.Struct, frozen=True):
    """Where one event version keeps its parts. Positions count 32-byte words of the data."""

    selector: Hex
    """The oracle's function that takes the answer."""
    topics: int
    words: int
    """Words before the CBOR: the last of them is its length."""
    indexed: bool
    """Requester and payment are topics 2 and 3; else they are words 0 and 2, and the request id word 1."""
    repeats_callback: bool
    """The answer repeats the payment, the callback and the expiration too, not only the request id; the last word of the
    callback is the expiration."""


ORACLE_REQUEST: Hash = "0xd8d7ecc4800d25fa53ce0372f13a416d98907a7ef3d8d3bdd79cf4fe75529c65"
"""OracleRequest(bytes32,address,bytes32,uint256,address,bytes4,uint256,uint256,bytes), of the current contracts."""
EXECUTION_TOPIC: Hash = "0x2ea0759b6563d8ce8fe9e1277cc47ce5bc7079092274040ae6ae2f63e7cb2d6a"
"""ServiceAgreementExecution(bytes32,address,uint256,uint256,uint256,bytes), which v0.6.2 listened for. No contract emits it."""

ORIGINAL = Layout("0x76005c26", topics=4, words=4, indexed=True, repeats_callback=False)
CURRENT = Layout("0x4ab0d190", topics=2, words=9, indexed=False, repeats_callback=True)
AGREEMENT = Layout("0x1f8f238c", topics=2, words=9, indexed=False, repeats_callback=False)
"""The same event of a Coordinator, whose ``fulfillOracleRequest(bytes32,bytes32)`` takes the request's id and the answer. Its
requests cannot be cancelled, so they have no expiration."""
LAYOUTS: dict[Hash, Layout] = {
    ORACLE_REQUEST: CURRENT,
    # RunRequest(bytes32,address,uint256,uint256,uint256,address,bytes4,uint256,bytes), January 2019
    "0xe9cf09ba23a60c27cfb5ad84043dba257ed0ccea7f0095ff7054ec8088ce5871": Layout(
        "0xeea57e70", topics=4, words=7, indexed=True, repeats_callback=True
    ),
    # RunRequest(bytes32,address,uint256,uint256,uint256,bytes), the original
    "0x6d6db1f8fe19d95b1d0fa6a4bce7bb24fbf84597b35a33ff95521fac453c1529": ORIGINAL,
}
RUN_LOG_TOPICS: tuple[Hash, ...] = tuple(LAYOUTS)
REQUEST_TOPICS: frozenset[Hash] = frozenset({*LAYOUTS, EXECUTION_TOPIC})

MANY_WORDS = "0x6ae0bc76"
"""The selector of ``fulfillOracleRequest2(bytes32,uint256,address,bytes4,uint256,bytes)`` of Operator contracts."""
_VERSION_2 = f"{2:064x}"
ANSWERS: frozenset[Hex] = frozenset(
    {ORIGINAL.selector, AGREEMENT.selector, MANY_WORDS, *(x.selector for x in LAYOUTS.values())}
)
"""Every function by which requests are answered."""


class RunLog(msgspec.Struct, frozen=True, kw_only=True):
    """A request as its log tells it. ``error`` is set when its parameters cannot be read; the request itself is sound.

    ``expiration``: the second from which the requester may cancel it; the original layout has none.
    """

    request_id: Hash
    requester: Address
    payment: int
    data: Data
    expiration: int | None = None
    error: str | None = None


class Closing(msgspec.Struct, frozen=True, kw_only=True):
    """What the chain says of a request that it does not wait for any more."""

    how: End
    transaction_hash: Hash
    block_number: int
    block_hash: Hash | None


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A request that a contract of ours was asked: where it is on the chain, and what the node made of it.

    ``decision`` is "run started" or "refused" (then ``reason`` says why); ``run_id`` is its newest run, also one that is
    errored from the start. ``payment`` is in juels; ``expiration`` the second from which the requester may cancel, None in
    layouts that have none. ``seen_at`` is in microseconds. ``closed`` is what the chain says.
    """

    contract: Address
    request_id: Hash
    job_id: str
    block_number: int
    block_hash: Hash
    transaction_hash: Hash
    log_index: int
    requester: Address
    payment: int
    expiration: int | None
    decision: str
    reason: str | None = None
    run_id: str | None = None
    seen_at: int
    closed: Closing | None = None


def job_topics(job_id: str) -> tuple[Hash, Hash]:
    """The two spellings of a job's id as a topic: ASCII characters, and bytes padded on the right."""
    return "0x" + job_id.encode().hex(), "0x" + job_id + "0" * 32


def accepts(initiator: Initiator, log: Log) -> bool:
    """Whether a log initiator listens to the contract that emitted the log."""
    return initiator.address in (ZERO_ADDRESS, log.address)


def listener(job: Job, log: Log) -> Initiator | None:
    """The initiator by which a job takes a request log; None if it takes it by none."""
    return next((each for each in job.initiators if _takes(each, job, log)), None)


def _takes(initiator: Initiator, job: Job, log: Log) -> bool:
    if len(log.topics) < 2 or not accepts(initiator, log):
        return False
    event, named = log.topics[:2]
    if initiator.type == RUN_LOG:
        return event in LAYOUTS and named in job_topics(job.id)
    if initiator.type != EXEC_AGREEMENT:
        return False
    if initiator.agreement is not None:
        return event == ORACLE_REQUEST and named == initiator.agreement
    return event == EXECUTION_TOPIC and named in job_topics(job.id)


def reserved_keys(asked: RunRequest | None) -> Collection[str] | None:
    """The keys of a run's input that always come from the log: none of one that an event started, which answers nobody; None of
    a run that no log started."""
    if asked is None:
        return None
    return () if asked.requester is None else RESERVED


def named_job(log: Log) -> str:
    """The id of the job that a request log names, in either spelling; the topic itself when it is neither."""
    topic = log.topics[1]
    if topic.endswith("0" * 32) and topic[2:34].strip("0"):
        return topic[2:34]
    words = bytes.fromhex(topic[2:])
    return words.decode() if words.isalnum() else topic


def read_run_log(log: Log, initiator: Initiator | None = None) -> RunLog:
    """The request inside a log, as ``initiator`` takes it (None: a runlog, or nobody).

    Raises MalformedLog when it is too short to say who asks for what. CBOR that cannot be read is not malformed: the
    request stands, with ``error`` set, so that an errored run tells of it (as later versions; v0.6.2 left no trace).
    """
    layout = _layout(log, initiator)
    _check_size(log, layout)
    body = log.data[2:]
    if layout.indexed:
        request_id, requester, payment = body[0:64], log.topics[2][26:], log.topics[3][2:]
        callback = body[128:320]
    else:
        request_id, requester, payment = body[64:128], body[24:64], body[128:192]
        callback = body[192:384]
    prefix = request_id + payment + callback if layout.repeats_callback else request_id
    parameters, error = _parameters(body, layout.words)
    parameters["address"] = evm.checksum(log.address)
    parameters["dataPrefix"] = "0x" + prefix
    # As v0.10. Any other version is answered as the first, as v0.6.2 answered all: Oracle contracts do not look at it.
    parameters["functionSelector"] = MANY_WORDS if layout is CURRENT and body[384:448] == _VERSION_2 else layout.selector
    return RunLog(
        request_id="0x" + request_id,
        requester="0x" + requester,
        payment=int(payment, 16),
        data=parameters,
        expiration=min(int(callback[-64:], 16), _FARTHEST) if layout.repeats_callback else None,
        error=error,
    )


def _layout(log: Log, initiator: Initiator | None) -> Layout:
    topic = log.topics[0] if log.topics else "(none)"
    layout = ORIGINAL if topic == EXECUTION_TOPIC else LAYOUTS.get(topic)
    if layout is None:
        raise MalformedLog(f"No parser for the RunLogEvent topic {topic}")
    return AGREEMENT if layout is CURRENT and initiator is not None and initiator.agreement is not None else layout


def run_log_in(log: Log, initiator: Initiator | None = None) -> RunLog | None:
    """The request inside a log, if there is one that can be read."""
    if not log.topics or log.topics[0] not in REQUEST_TOPICS:
        return None
    try:
        return read_run_log(log, initiator)
    except MalformedLog:
        return None


def _check_size(log: Log, layout: Layout) -> None:
    if len(log.topics) < layout.topics:
        raise MalformedLog(f"the event has {len(log.topics)} topics, its version needs {layout.topics}")
    if len(log.data) - 2 < layout.words * 64:
        raise MalformedLog(f"the event has {(len(log.data) - 2) // 2} bytes of data, its version needs {layout.words * 32}")


def _parameters(body: str, words: int) -> tuple[Data, str | None]:
    start = words * 64
    length = int(body[start - 64 : start], 16)
    if length * 2 > len(body) - start:
        available = (len(body) - start) // 2
        return {}, f"Error parsing CBOR: the log announces {length} bytes and has {available}"
    try:
        return cbor.decode_map(bytes.fromhex(body[start : start + length * 2])), None
    except cbor.CborError as error:
        return {}, f"Error parsing CBOR: {error}"
