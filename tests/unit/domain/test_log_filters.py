"""The filters that an Ethereum node is asked with: they find every log that a job wants, and are no wider than they must be."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from adyton.domain.chain import ZERO_ADDRESS, Log, LogFilter
from adyton.domain.event_logs import wants
from adyton.domain.jobs import Initiator
from adyton.domain.log_filters import takes_everything, wanted_logs
from adyton.domain.requests import CLOSINGS, EXECUTION_TOPIC, ORACLE_REQUEST, RUN_LOG_TOPICS
from support.builders import ORACLE, number_hash
from support.intake import TRANSFER, event, event_job, finds

TOKEN = "0x" + "66" * 20
ME, YOU = number_hash(1), number_hash(2)
REQUESTS = (*RUN_LOG_TOPICS, *CLOSINGS)


def ethlog(*topics: tuple[str, ...], address: str = ZERO_ADDRESS) -> Initiator:
    return Initiator(type="ethlog", address=address, topics=topics)


def runlog(address: str = ZERO_ADDRESS) -> Initiator:
    return Initiator(type="runlog", address=address)


def test_a_job_without_listeners_asks_for_nothing() -> None:
    assert wanted_logs([event_job(Initiator(type="web"))]) == ()


def test_contracts_with_the_same_kind_of_topics_share_a_filter() -> None:
    found = wanted_logs([event_job(runlog(ORACLE)), event_job(ethlog((TRANSFER,), address=TOKEN))])
    assert found == (LogFilter((TOKEN, ORACLE), ((*REQUESTS, TRANSFER),)),)


def test_a_contract_of_which_everything_is_wanted_does_not_widen_the_requests_of_any_contract() -> None:
    found = wanted_logs([event_job(runlog()), event_job(ethlog(address=TOKEN))])
    assert found == (LogFilter((), (REQUESTS,)), LogFilter((TOKEN,), ()))


def test_transfers_to_one_account_stay_apart_from_requests() -> None:
    found = wanted_logs([event_job(runlog()), event_job(ethlog((TRANSFER,), (), (ME,)), ethlog((TRANSFER,), (), (YOU,)))])
    assert found == (LogFilter((), (REQUESTS,)), LogFilter((), ((TRANSFER,), (), (ME, YOU))))


def test_a_place_that_only_one_of_two_restricts_keeps_them_apart() -> None:
    found = wanted_logs([event_job(ethlog((), (), (ME,)), ethlog((TRANSFER,), (), (YOU,)))])
    assert found == (LogFilter((), ((), (), (ME,))), LogFilter((), ((TRANSFER,), (), (YOU,))))


def test_places_at_the_end_that_ask_for_nothing_are_left_out_for_a_log_may_have_no_topic_there() -> None:
    assert wanted_logs([event_job(ethlog((TRANSFER,), (), ()))]) == (LogFilter((), ((TRANSFER,),)),)


def test_whoever_wants_everything_makes_the_other_filters_superfluous() -> None:
    found = wanted_logs([event_job(runlog(ORACLE)), event_job(ethlog((), ())), event_job(ethlog((TRANSFER,)))])
    assert found == (LogFilter(),)
    assert takes_everything(found)
    assert not takes_everything(wanted_logs([event_job(runlog()), event_job(ethlog(address=TOKEN))]))


def test_a_filter_that_another_contains_is_not_asked_with() -> None:
    assert wanted_logs([event_job(runlog()), event_job(runlog(ORACLE))], [TOKEN]) == (LogFilter((), (REQUESTS,)),)


def test_agreements_are_listened_for_by_their_event() -> None:
    mine = Initiator(type="execagreement", address=ORACLE, agreement=number_hash(5))
    assert wanted_logs([event_job(mine)]) == (LogFilter((ORACLE,), ((ORACLE_REQUEST,),)),)
    old = Initiator(type="execagreement", address=ORACLE)
    assert wanted_logs([event_job(old)]) == (LogFilter((ORACLE,), ((EXECUTION_TOPIC,),)),)


ADDRESSES = st.sampled_from([ZERO_ADDRESS, ORACLE, TOKEN, "0x" + "67" * 20])
HASHES = st.sampled_from([TRANSFER, ME, YOU, number_hash(3)])
INITIATORS = st.builds(
    Initiator,
    type=st.just("ethlog"),
    address=ADDRESSES,
    topics=st.lists(st.lists(HASHES, max_size=2).map(tuple), max_size=4).map(tuple),
)
LOGS = st.builds(
    lambda address, topics: Log(
        address=address,
        topics=tuple(topics),
        data="0x",
        block_number=1,
        block_hash=number_hash(1),
        transaction_hash=number_hash(2),
        transaction_index=0,
        log_index=0,
    ),
    ADDRESSES,
    st.lists(HASHES, max_size=4),
)


@given(st.lists(st.one_of(INITIATORS, ADDRESSES.map(runlog)), min_size=1, max_size=6), LOGS)
def test_what_an_initiator_wants_some_filter_finds(initiators: list[Initiator], log: Log) -> None:
    found = any(finds(each, log) for each in wanted_logs([event_job(*initiators)]))
    wanted = any(each.type == "ethlog" and wants(each, log) for each in initiators)
    assert found or not wanted


@given(INITIATORS, LOGS)
def test_the_filter_of_one_initiator_finds_what_it_wants_and_nothing_else(initiator: Initiator, log: Log) -> None:
    (one,) = wanted_logs([event_job(initiator)])
    assert finds(one, log) == wants(initiator, log)


def test_a_log_with_fewer_topics_than_are_wanted_is_not_wanted() -> None:
    assert not wants(ethlog((), (ME,)), event(TRANSFER))
    assert wants(ethlog((), ()), event(TRANSFER))
