"""A log is a stranger's: whatever it says, it becomes a request, an errored one, or a reason, and never an exception."""

from __future__ import annotations

import unicodedata
from decimal import Decimal
from typing import Any

import cbor2
import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from adyton.adapters.params import task_params
from adyton.domain import cbor, data, evm
from adyton.domain.chain import Log
from adyton.domain.event_logs import event_data
from adyton.domain.jobs import Initiator
from adyton.domain.requests import (
    EXECUTION_TOPIC,
    MANY_WORDS,
    ORACLE_REQUEST,
    REQUEST_TOPICS,
    RESERVED,
    MalformedLog,
    RunLog,
    job_topics,
    read_run_log,
    reserved_keys,
)
from adyton.domain.runs import RunRequest
from adyton.initiators.findings import Decided, Known
from adyton.initiators.log_matching import decide
from adyton.initiators.routes import Routes
from support.builders import JOB_ID, LINK, ORACLE, Bench, number_hash, run_log
from support.intake import event_job

AGREEMENT = number_hash(400)
EVERY = event_job(Initiator(type="runlog"), Initiator(type="ethlog"), Initiator(type="execagreement", agreement=AGREEMENT))


def hexed(raw: bytes) -> str:
    return "0x" + raw.hex()


# --- any log at all --------------------------------------------------------------------------------------------------

TOPICS = st.one_of(
    st.sampled_from([*sorted(REQUEST_TOPICS), *job_topics(JOB_ID), AGREEMENT, "0x" + "0" * 64, "0x" + "f" * 64]),
    st.binary(min_size=32, max_size=32).map(hexed),
)
WORDS = st.one_of(
    st.binary(min_size=32, max_size=32),
    st.sampled_from([0, 1, 2, 3, 32, 256, 2**64, 2**255, 2**256 - 1]).map(lambda number: number.to_bytes(32, "big")),
)
BODIES = st.builds(lambda words, rest: hexed(b"".join(words) + rest), st.lists(WORDS, max_size=14), st.binary(max_size=40))
LOGS = st.builds(
    lambda topics, body, index: msgspec.structs.replace(run_log(), topics=tuple(topics), data=body, log_index=index),
    st.lists(TOPICS, max_size=4),
    BODIES,
    st.integers(0, 5),
)


@pytest.fixture(scope="module")
def bench() -> Bench:
    """Makes runs; nothing is stored."""
    made = Bench(None)  # type: ignore[arg-type] # no row is written
    made.jobs.jobs[EVERY.id] = EVERY
    return made


def taken_in(bench: Bench, *logs: Log) -> Decided:
    def make(job: Any, initiator: Any, log: Any, request: Any) -> Any:
        return bench.maker.from_log(job, initiator, log, request, 200)

    def make_event(subscription: Any, log: Any, name: str) -> Any:
        from adyton.engine.create import RunSource

        place = RunRequest(
            contract=log.address,
            transaction_hash=log.transaction_hash,
            block_hash=log.block_hash,
            log_index=log.log_index,
            request_id=name,
        )
        source = RunSource(given=event_data(log), height=log.block_number, head=200, request=place)
        return bench.maker.new_run(subscription.job, subscription.initiator, source)

    return decide(logs, routes=Routes([EVERY], [ORACLE]), make_run=make, make_event_run=make_event, known=Known())


@given(st.lists(LOGS, max_size=6, unique_by=lambda log: log.log_index))
@settings(deadline=None)
def test_whatever_a_block_holds_is_decided_about_without_a_defect(bench: Bench, logs: list[Log]) -> None:
    found = taken_in(bench, *logs)
    assert not [each for each in found.decisions if each.reason == "internal error"]
    for run in found.runs:
        assert run.input is not None
        text = data.encode(run.input)
        assert data.parse(text) == run.input
        if run.request is not None and run.request.requester is not None:
            assert run.input["address"] == evm.checksum(ORACLE)
            assert str(run.input["dataPrefix"]).startswith("0x" + str(run.request.request_id)[2:])


def read(log: Log, initiator: Initiator | None = None) -> RunLog | str:
    """The request in a log, or why there is none."""
    try:
        return read_run_log(log, initiator)
    except MalformedLog as fault:
        return str(fault)


@given(LOGS, st.sampled_from([None, AGREEMENT]))
def test_a_request_log_is_read_or_says_what_it_lacks(log: Log, agreement: str | None) -> None:
    asked = read(log, Initiator(type="execagreement", agreement=agreement))
    if isinstance(asked, str):
        assert asked
        return
    assert 0 <= asked.payment < 2**256
    assert len(asked.request_id) == 66
    assert len(asked.requester) == 42
    assert asked.expiration is None or 0 <= asked.expiration < 2**63


@pytest.mark.parametrize("topic", sorted(REQUEST_TOPICS))
def test_a_log_may_be_cut_anywhere(topic: str) -> None:
    whole = run_log(cbor=bytes.fromhex("a1616102")).data
    topics = (topic, number_hash(1), number_hash(2), number_hash(3))
    for length in range(2, len(whole) + 1, 2):
        found = read(msgspec.structs.replace(run_log(), topics=topics, data=whole[:length]))
        assert isinstance(found, RunLog) or "bytes of data" in found


@pytest.mark.parametrize("length", [5, 2**31, 2**64, 2**256 - 1])
def test_a_length_beyond_the_data_is_an_error_of_the_request_and_costs_nothing(length: int) -> None:
    body = run_log(cbor=bytes.fromhex("a1616102")).data
    start = 2 + 9 * 64
    forged = body[: start - 64] + f"{length:064x}" + body[start : start + 8]
    asked = read_run_log(msgspec.structs.replace(run_log(), data=forged))
    assert asked.error == f"Error parsing CBOR: the log announces {length} bytes and has 4"
    assert set(asked.data) == set(RESERVED)


# --- data versions ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "selector"), [(0, "0x4ab0d190"), (1, "0x4ab0d190"), (2, MANY_WORDS), (3, "0x4ab0d190"), (2**255, "0x4ab0d190")]
)
def test_a_request_of_version_2_is_answered_with_many_words_and_any_other_as_the_first(version: int, selector: str) -> None:
    body = run_log().data
    log = msgspec.structs.replace(run_log(), data=body[: 2 + 6 * 64] + f"{version:064x}" + body[2 + 7 * 64 :])
    asked = read_run_log(log)
    assert asked.data["functionSelector"] == selector
    assert asked.data["dataPrefix"] == read_run_log(run_log()).data["dataPrefix"]


def test_a_coordinator_has_one_function_whatever_the_version() -> None:
    body = run_log().data
    log = msgspec.structs.replace(
        run_log(), topics=(ORACLE_REQUEST, AGREEMENT), data=body[: 2 + 6 * 64] + f"{2:064x}" + body[2 + 7 * 64 :]
    )
    assert read_run_log(log, EVERY.initiators[2]).data["functionSelector"] == "0x1f8f238c"


# --- whose keys count ------------------------------------------------------------------------------------------------

SPELLINGS = ("Address", "ADDRESS", "addreſs", "DATAPREFIX", "functionselector", "functionſelector")


@given(st.dictionaries(st.sampled_from([*RESERVED, *SPELLINGS]), st.text(max_size=5)))
@example({"addreſs": "0xevil", "functionſelector": "0xbad"})
def test_no_spelling_of_a_reserved_key_reaches_a_task(said: dict[str, str]) -> None:
    asked = read_run_log(run_log(cbor=cbor2.dumps(said)))
    params = task_params({}, asked.data, RESERVED)
    for name in RESERVED:
        named = [value for key, value in params.items() if unicodedata.normalize("NFKC", key).casefold() == name.casefold()]
        assert named == [asked.data[name]]
    assert params["address"] == evm.checksum(ORACLE)
    assert params["functionSelector"] == "0x4ab0d190"


def test_of_an_events_run_the_jobs_address_counts_and_the_logs_where_it_names_none() -> None:
    log = run_log()
    place = RunRequest(contract=log.address, transaction_hash="0x1", block_hash="0x2", log_index=0, request_id="log:1")
    reserved = reserved_keys(place)
    assert task_params({"address": "0xmine", "functionSelector": "f()"}, event_data(log), reserved)["address"] == "0xmine"
    assert task_params({"functionSelector": "f()"}, event_data(log), reserved)["address"] == ORACLE
    theirs = task_params({"address": "0xmine"}, event_data(log), reserved, requester_wins=True)
    assert theirs["address"] == ORACLE


def test_who_is_asked_decides_which_keys_are_the_logs() -> None:
    place = RunRequest(contract=ORACLE, transaction_hash="0x1", block_hash="0x2", log_index=0, requester=ORACLE)
    assert reserved_keys(place) == RESERVED
    assert reserved_keys(None) is None


# --- CBOR ------------------------------------------------------------------------------------------------------------

LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**64), 2**64 - 1),
    st.integers(-(2**300), 2**300),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=10),
)
DOCUMENTS = st.dictionaries(
    st.text(max_size=8),
    st.recursive(
        LEAVES,
        lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=5), inner, max_size=4)),
        max_leaves=12,
    ),
    max_size=5,
)


def open_ended(value: Any) -> bytes:
    """CBOR whose maps, lists and texts say their end instead of their length."""
    match value:
        case dict(fields):
            return b"\xbf" + b"".join(open_ended(key) + open_ended(item) for key, item in fields.items()) + b"\xff"
        case list(items):
            return b"\x9f" + b"".join(map(open_ended, items)) + b"\xff"
        case str(text):
            return b"\x7f" + b"".join(cbor2.dumps(character) for character in text) + b"\xff"
        case _:
            return cbor2.dumps(value)


def as_json(value: Any) -> Any:
    """What a CBOR library's values are in a run's data."""
    match value:
        case dict(fields):
            return {key: as_json(item) for key, item in fields.items()}
        case list(items):
            return [as_json(item) for item in items]
        case float(number):
            return int(number) if number.is_integer() and abs(number) < 2**53 else Decimal(repr(number))
        case _:
            return value


@given(DOCUMENTS)
@settings(deadline=None)
def test_parameters_are_what_another_library_wrote(document: dict[str, Any]) -> None:
    wanted = as_json(document)
    assert cbor.decode_map(cbor2.dumps(document)) == wanted
    assert cbor.decode_map(open_ended(document)) == wanted


@given(DOCUMENTS.filter(bool))
@settings(deadline=None)
def test_parameters_without_the_map_around_them_are_the_same(document: dict[str, Any]) -> None:
    """As contracts send them: pairs only."""
    pairs = b"".join(cbor2.dumps(key) + cbor2.dumps(value) for key, value in document.items())
    asked = read_run_log(run_log(cbor=pairs))
    assert asked.error is None
    wanted = {key: value for key, value in as_json(document).items() if key not in RESERVED}
    assert {key: value for key, value in asked.data.items() if key not in RESERVED} == wanted


@given(st.binary(max_size=60))
@settings(deadline=None)
def test_any_bytes_are_parameters_or_an_error_that_is_told(raw: bytes) -> None:
    asked = read_run_log(run_log(cbor=raw))
    text = data.encode(asked.data)
    assert data.parse(text) == asked.data
    assert asked.error is None or asked.error.startswith("Error parsing CBOR: ")


OPENINGS = (b"\x81", b"\x9f", b"\xa1\x61a", b"\xbf\x61a", b"\xc1", b"\xd9\x01\x02", b"\x5f")


@given(st.lists(st.sampled_from(OPENINGS), max_size=300))
@settings(deadline=None)
def test_nesting_without_end_is_an_error_that_is_told(openings: list[bytes]) -> None:
    asked = read_run_log(run_log(cbor=b"\xa1\x61x" + b"".join(openings)))
    assert asked.error is not None


def test_of_a_key_that_stands_twice_the_last_counts() -> None:
    assert read_run_log(run_log(cbor=bytes.fromhex("616101616102"))).data["a"] == 2


def test_a_request_that_pays_nothing_is_refused(bench: Bench) -> None:
    spec = msgspec.structs.replace(EVERY, min_payment=LINK)
    bench.jobs.jobs[spec.id] = spec
    run = bench.maker.from_log(spec, spec.initiators[0], run_log(payment=0), read_run_log(run_log(payment=0)), 200)
    assert run.status == "errored"


def test_a_request_for_a_job_of_others_is_noted_on_a_contract_of_ours_and_starts_nothing(bench: Bench) -> None:
    found = taken_in(bench, run_log(job_id="5" * 32))
    assert [each.reason for each in found.requests] == [f"no job {'5' * 32} on this node"]
    assert [run.payment for run in found.runs] == [None]  # the ethlog initiator's


def test_an_execution_event_without_its_topics_says_so() -> None:
    log = msgspec.structs.replace(run_log(), topics=(EXECUTION_TOPIC, job_topics(JOB_ID)[0]))
    with pytest.raises(MalformedLog, match="2 topics, its version needs 4"):
        read_run_log(log)
