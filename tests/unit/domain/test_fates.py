"""What became of a request: whatever can be known of it comes to exactly one fate, by the order of the rules."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import msgspec
import pytest

from adyton.domain import evm
from adyton.domain.fates import RULES, Case, Fate, Kind, fate
from adyton.domain.requests import End, Request
from adyton.domain.runs import Run, RunStatus
from adyton.domain.transactions import Transaction, TransactionState
from adyton.storage.connect import open_memory
from support.asked import ANSWER, SETTLED, closing, request_of, run_for, transaction_of
from support.builders import REQUESTER, Bench, job, run_log

LOG = run_log(block=100)
EARLY, LATE = 0, 2**62
S = TransactionState
MINED = (S.CONFIRMED, S.SAFE)
FINISHED = [
    (RunStatus.COMPLETED, None),
    (RunStatus.ERRORED, "the source is away"),
    (RunStatus.ERRORED, None),
    (RunStatus.CANCELLED, "its request left the chain"),
]
UNFINISHED = [(status, None) for status in RunStatus if not status.finished]


def make_run(status: RunStatus, error: str | None, *, sends: bool = True) -> Run:
    """A run of a job that sends an answer, or does not."""
    bench = Bench(open_memory())
    spec = job("noop", "ethtx") if sends else job("noop")
    bench.jobs.add(spec)
    return msgspec.structs.replace(run_for(bench, LOG), status=status, error=error)


RUNS: list[Run | None] = [
    None,
    *(make_run(status, error) for status, error in FINISHED + UNFINISHED),
    make_run(RunStatus.COMPLETED, None, sends=False),
]
SENT: list[Transaction | None] = [
    None,
    *(transaction_of(RUNS[1], state) for state in S),
    *(transaction_of(RUNS[1], state, status=0, revert_reason="Not enough") for state in MINED),
    *(transaction_of(RUNS[1], state, noop=True) for state in MINED),
    *(transaction_of(RUNS[1], state, to_address=REQUESTER) for state in MINED),
]
REQUESTS: list[Request] = [
    request_of(LOG, run_id="1" * 32),
    request_of(LOG, decision="refused", reason="paid too little"),
    *(request_of(LOG, closed=closing(how)) for how in End),
]


def every() -> Iterator[Case]:
    for request, run, sent, now in product(REQUESTS, RUNS, SENT, (EARLY, LATE)):
        yield Case(request, run, () if sent is None else (sent,), now)


def end(case: Case) -> Fate:
    return fate(*case)


# --- all of them -----------------------------------------------------------------------------------------------------


def test_every_case_has_a_fate_with_a_reason() -> None:
    assert {end(case).kind for case in every()} == set(Kind)
    assert all(end(case).reason for case in every())


def test_the_first_rule_that_fits_decides() -> None:
    for case in every():
        fits = [rule.kind for rule in RULES if rule.fits(case)]
        assert fits[0] is end(case).kind


def test_what_the_chain_says_outranks_everything() -> None:
    for case in every():
        if case.request.closed is None:
            continue
        kind = Kind.ANSWERED if case.request.closed.how is End.ANSWERED or _succeeded(case) else Kind.CANCELLED
        assert end(case).kind is kind


def test_an_answer_of_ours_counts_as_soon_as_it_is_in_a_block() -> None:
    for case in every():
        if _succeeded(case):
            assert end(case).kind is Kind.ANSWERED
            assert end(case).transaction == ANSWER


def test_nothing_that_still_moves_is_called_ended() -> None:
    for case in every():
        moves = any(each.state not in SETTLED for each in case.transactions)
        under_way = case.run is not None and not case.run.status.finished
        if case.request.closed is None and not _succeeded(case):
            assert (end(case).kind is Kind.IN_PROGRESS) == (moves or under_way)


def test_only_what_has_a_reason_is_refused_or_expired_and_only_what_has_none_is_unaccounted() -> None:
    for case in every():
        found = end(case)
        if found.kind in (Kind.REFUSED, Kind.EXPIRED):
            assert found.reason == case.reason
            assert (found.kind is Kind.EXPIRED) == (case.now == LATE)
        if found.kind is Kind.UNACCOUNTED:
            assert case.reason == ""


def test_only_what_is_answered_cancelled_or_on_its_way_names_a_transaction() -> None:
    for case in every():
        if end(case).transaction is not None:
            assert end(case).kind in (Kind.ANSWERED, Kind.CANCELLED, Kind.IN_PROGRESS)


def _succeeded(case: Case) -> bool:
    done = (each for each in case.transactions if each.state in MINED and each.receipt_status == 1 and not each.cancelled)
    return any(each.to_address == case.request.contract for each in done)


# --- some of them ----------------------------------------------------------------------------------------------------

COMPLETED = make_run(RunStatus.COMPLETED, None)
ERRORED = make_run(RunStatus.ERRORED, "the source is away")
REVERTED = transaction_of(COMPLETED, status=0, revert_reason="Params do not match request ID")
STARTED = request_of(LOG, run_id=COMPLETED.id)


@pytest.mark.parametrize(
    ("request_row", "run", "sent", "now", "wanted"),
    [
        (
            request_of(LOG, closed=closing(End.ANSWERED, block=120)),
            None,
            (),
            EARLY,
            Fate(Kind.ANSWERED, "in block 120", ANSWER),
        ),
        (
            request_of(LOG, closed=closing(End.CANCELLED, block=120)),
            ERRORED,
            (),
            EARLY,
            Fate(Kind.CANCELLED, "by its requester in block 120", ANSWER),
        ),
        (STARTED, COMPLETED, (transaction_of(COMPLETED),), LATE, Fate(Kind.ANSWERED, "by us in block 105", ANSWER)),
        (
            STARTED,
            make_run(RunStatus.PENDING_CONNECTION, None),
            (),
            LATE,
            Fate(Kind.IN_PROGRESS, f"run {COMPLETED.id} waits for a connection to the chain"),
        ),
        (
            STARTED,
            COMPLETED,
            (transaction_of(COMPLETED, S.UNCONFIRMED, waiting="no funds"),),
            EARLY,
            Fate(Kind.IN_PROGRESS, "its answer left the chain; transaction 1 is unconfirmed again: no funds", ANSWER),
        ),
        (STARTED, ERRORED, (), EARLY, Fate(Kind.REFUSED, "the source is away")),
        (STARTED, ERRORED, (), LATE, Fate(Kind.EXPIRED, "the source is away")),
        (
            request_of(LOG, expiration=None),
            ERRORED,
            (),
            LATE,
            Fate(Kind.REFUSED, "the source is away"),
        ),
        (
            request_of(LOG, decision="refused", reason="no job of that id"),
            None,
            (),
            EARLY,
            Fate(Kind.REFUSED, "no job of that id"),
        ),
        (
            STARTED,
            COMPLETED,
            (transaction_of(COMPLETED, noop=True),),
            EARLY,
            Fate(Kind.REFUSED, "cancelled by an operator: its nonce was used by a no-op"),
        ),
        (
            STARTED,
            COMPLETED,
            (REVERTED,),
            LATE,
            Fate(
                Kind.UNACCOUNTED,
                f"run {COMPLETED.id} is completed, but its answer was undone: transaction {ANSWER} reverted on-chain: "
                "Params do not match request ID",
            ),
        ),
        (
            STARTED,
            COMPLETED,
            (),
            EARLY,
            Fate(Kind.UNACCOUNTED, f"run {COMPLETED.id} is completed, but there is no transaction of it that answers"),
        ),
        (
            request_of(LOG, run_id="gone"),
            None,
            (),
            EARLY,
            Fate(Kind.UNACCOUNTED, "its run gone is not there"),
        ),
        (request_of(LOG), None, (), EARLY, Fate(Kind.UNACCOUNTED, "no run was started, and nothing says why")),
        (
            STARTED,
            make_run(RunStatus.ERRORED, None),
            (),
            EARLY,
            Fate(Kind.UNACCOUNTED, f"run {COMPLETED.id} is errored and does not say why"),
        ),
    ],
)
def test_the_words(request_row: Request, run: Run | None, sent: tuple[Transaction, ...], now: int, wanted: Fate) -> None:
    assert fate(request_row, run, sent, now) == wanted


def test_a_call_of_a_contract_that_was_not_asked_is_no_answer_but_a_reason() -> None:
    found = fate(STARTED, COMPLETED, (transaction_of(COMPLETED, to_address=REQUESTER),), EARLY)
    called = f"run {COMPLETED.id} called {evm.checksum(REQUESTER)}, and not the contract that was asked"
    assert found == Fate(Kind.REFUSED, called)


def test_a_job_that_sends_nothing_is_a_reason() -> None:
    found = fate(STARTED, make_run(RunStatus.COMPLETED, None, sends=False), (), EARLY)
    assert (found.kind, found.reason.split(":")[0]) == (Kind.REFUSED, f"job {COMPLETED.job_id} sends no answer")


def test_a_request_that_waits_for_its_confirmations_says_for_which_block() -> None:
    waiting = msgspec.structs.replace(make_run(RunStatus.PENDING_CONFIRMATIONS, None), wake_height=102)
    assert "waits for block 102" in fate(STARTED, waiting, (), EARLY).reason
