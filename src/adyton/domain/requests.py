"""Which logs ask for a run, and the request inside a log.

Three versions of the oracle contract's event are understood (and the layout that service agreements share with the first).
Topic 1 is the job's id: its 32 characters as ASCII, or its 16 bytes followed by zeros. Everything in a log is a stranger's
words: every offset is checked, and the CBOR is cut by its length word (v0.6.2 read to the end of the data, a DEFECT).
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from adyton.domain import cbor, evm
from adyton.domain.chain import ZERO_ADDRESS, Address, Hash, Hex, Log, LogFilter
from adyton.domain.jobs import Initiator, Job
from adyton.domain.runs import Data

RUN_LOG = "runlog"

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


ORIGINAL = Layout("0x76005c26", topics=4, words=4, indexed=True, repeats_callback=False)
LAYOUTS: dict[Hash, Layout] = {
    # OracleRequest(bytes32,address,bytes32,uint256,address,bytes4,uint256,uint256,bytes), the current contracts
    "0xd8d7ecc4800d25fa53ce0372f13a416d98907a7ef3d8d3bdd79cf4fe75529c65": Layout(
        "0x4ab0d190", topics=2, words=9, indexed=False, repeats_callback=True
    ),
    # RunRequest(bytes32,address,uint256,uint256,uint256,address,bytes4,uint256,bytes), January 2019
    "0xe9cf09ba23a60c27cfb5ad84043dba257ed0ccea7f0095ff7054ec8088ce5871": Layout(
        "0xeea57e70", topics=4, words=7, indexed=True, repeats_callback=True
    ),
    # RunRequest(bytes32,address,uint256,uint256,uint256,bytes), the original
    "0x6d6db1f8fe19d95b1d0fa6a4bce7bb24fbf84597b35a33ff95521fac453c1529": ORIGINAL,
}
RUN_LOG_TOPICS: tuple[Hash, ...] = tuple(LAYOUTS)


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


def merged_filter(jobs: Iterable[Job], also: Iterable[Address] = ()) -> LogFilter | None:
    """One filter that catches the requests of every runlog job and how they end; None when no job listens. ``also``: contracts
    whose requests are of interest in any case.

    Contracts are listed only when every initiator names one. Job ids are matched here, not by the node: a filter with a
    thousand topics costs the node more than it saves.
    """
    addresses = {i.address for job in jobs for i in job.initiators if i.type == RUN_LOG} | set(also)
    if not addresses:
        return None
    listed = () if ZERO_ADDRESS in addresses else tuple(sorted(addresses))
    return LogFilter(addresses=listed, topics=((*RUN_LOG_TOPICS, *CLOSINGS),))


def named_job(log: Log) -> str:
    """The id of the job that a request log names, in either spelling; the topic itself when it is neither."""
    topic = log.topics[1]
    if topic.endswith("0" * 32) and topic[2:34].strip("0"):
        return topic[2:34]
    words = bytes.fromhex(topic[2:])
    return words.decode() if words.isalnum() else topic


def read_run_log(log: Log) -> RunLog:
    """The request inside a log.

    Raises MalformedLog when it is too short to say who asks for what. CBOR that cannot be read is not malformed: the
    request stands, with ``error`` set, so that an errored run tells of it (as later versions; v0.6.2 left no trace).
    """
    layout = LAYOUTS.get(log.topics[0]) if log.topics else None
    if layout is None:
        raise MalformedLog(f"No parser for the RunLogEvent topic {log.topics[0] if log.topics else '(none)'}")
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
    parameters["functionSelector"] = layout.selector
    return RunLog(
        request_id="0x" + request_id,
        requester="0x" + requester,
        payment=int(payment, 16),
        data=parameters,
        expiration=min(int(callback[-64:], 16), _FARTHEST) if layout.repeats_callback else None,
        error=error,
    )


def run_log_in(log: Log) -> RunLog | None:
    """The request inside a log, if there is one that can be read."""
    if not log.topics or log.topics[0] not in LAYOUTS:
        return None
    try:
        return read_run_log(log)
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
