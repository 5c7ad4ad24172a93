"""The account of a sound world, and each fault planted into it: the ledger must find every one, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from adyton.ledger.account import Account, End, Kind, text
from adyton.ledger.book import Book, ForeignNonces, Listener, RequestRow, RunRow, TransactionRow
from adyton.ledger.chain_side import Answered, Asked, ChainSide, ContractSide, KeySide, Malformed, RequestKey, Sent
from adyton.ledger.check import account
from adyton.ledger.ends import Rules
from support.builders import JOB_ID, LINK, ORACLE, SENDER

TOPIC = "0x" + JOB_ID.encode().hex()
FIRST, LAST, TIME = 10, 100, 1_700_000_000
NOW = TIME * 1_000_000
RULES = Rules(now=NOW, grace=5)
COST = 10**15


def word(number: int) -> str:
    return f"0x{number:064x}"


def key(number: int) -> RequestKey:
    return RequestKey(ORACLE, word(number))


def asked(number: int, **changes: Any) -> Asked:
    plain = Asked(
        key=key(number),
        job_topic=TOPIC,
        block_number=20 + number,
        transaction_hash=word(100 + number),
        payment=LINK,
        expiration=TIME + 300,
    )
    return replace(plain, **changes)


def sent(number: int, **changes: Any) -> Sent:
    plain = Sent(
        hash=word(200 + number),
        sender=SENDER,
        nonce=number,
        to=ORACLE,
        block_number=25 + number,
        time=TIME - 100,
        succeeded=True,
        cost=COST,
        answers=key(number),
    )
    return replace(plain, **changes)


def request_row(number: int, **changes: Any) -> RequestRow:
    plain = RequestRow(
        key=key(number),
        block_number=20 + number,
        decision="run started",
        run_id=f"run {number}",
        closed_as="answered",
        closed_tx=word(200 + number),
        closed_block=25 + number,
    )
    return replace(plain, **changes)


def open_row(number: int, **changes: Any) -> RequestRow:
    return request_row(number, **{"closed_as": None, "closed_tx": None, "closed_block": None} | changes)


def run_row(number: int, **changes: Any) -> RunRow:
    return replace(RunRow(id=f"run {number}", status="completed", updated_at=NOW, finished=True), **changes)


def transaction_row(number: int, **changes: Any) -> TransactionRow:
    plain = TransactionRow(
        id=number,
        sender=SENDER,
        state="safe",
        created_at=NOW,
        nonce=number,
        run_id=f"run {number}",
        receipt_block=25 + number,
        receipt_status=1,
        hashes=frozenset({word(200 + number)}),
    )
    return replace(plain, **changes)


def open_transaction(number: int, state: str = "unconfirmed", **changes: Any) -> TransactionRow:
    return transaction_row(number, **{"state": state, "receipt_block": None, "receipt_status": None} | changes)


COUNT = 4


def chain(**changes: Any) -> ChainSide:
    """Four requests, numbered from 0, all answered by our key."""
    plain = ChainSide(
        first=FIRST,
        last=LAST,
        time=TIME,
        contracts={ORACLE: ContractSide(withdrawable_before=0, withdrawable_after=COUNT * LINK, withdrawn=0)},
        keys={SENDER: KeySide(nonce_before=0, nonce_after=COUNT, balance_before=10**18, balance_after=10**18 - COUNT * COST)},
        asked=tuple(asked(number) for number in range(COUNT)),
        answers={key(n): (Answered(word(200 + n), SENDER, 25 + n, LINK),) for n in range(COUNT)},
        sent=tuple(sent(number) for number in range(COUNT)),
    )
    return replace(plain, **changes)


def book(**changes: Any) -> Book:
    plain = Book(
        listeners=(Listener(JOB_ID, ORACLE),),
        requests={key(n): request_row(n) for n in range(COUNT)},
        runs={f"run {n}": run_row(n) for n in range(COUNT)},
        transactions=tuple(transaction_row(n) for n in range(COUNT)),
        keys=frozenset({SENDER}),
        first_nonces={SENDER: 0},
    )
    return replace(plain, **changes)


def without_answer(number: int = 3, **changes: Any) -> ChainSide:
    """The chain as it is while one request, the last, has no answer."""
    whole = chain()
    left = {each: answer for each, answer in whole.answers.items() if each != key(number)}
    side = replace(
        whole,
        answers=left,
        sent=whole.sent[:number],
        keys={SENDER: replace(whole.keys[SENDER], nonce_after=number, balance_after=10**18 - number * COST)},
        contracts={ORACLE: ContractSide(withdrawable_before=0, withdrawable_after=number * LINK, withdrawn=0)},
    )
    return replace(side, **changes)


def with_open(row: RequestRow | None, run: RunRow | None, *transactions: TransactionRow) -> Book:
    """The rows of that world: what is known of request 3."""
    whole = book()
    requests = {each: kept for each, kept in whole.requests.items() if each != key(3)}
    runs = {each: kept for each, kept in whole.runs.items() if each != "run 3"}
    if row is not None:
        requests[key(3)] = row
    if run is not None:
        runs[run.id] = run
    return replace(whole, requests=requests, runs=runs, transactions=(*whole.transactions[:3], *transactions))


def kinds(found: Account) -> list[Kind]:
    return [finding.kind for finding in found.findings]


def test_a_sound_world_has_no_findings_and_adds_up() -> None:
    found = account(chain(), book(), replace(RULES, quiet=True))
    assert kinds(found) == []
    assert found.sound
    assert dict(found.ends) == {End.ANSWERED: COUNT}
    assert (found.requests, found.transactions, found.reverted) == (COUNT, COUNT, 0)
    assert [money.moved for money in (*found.earned, *found.spent)] == [COUNT * LINK, COUNT * COST]
    assert text(found).endswith("Everything adds up.")


# --- the ends of a request -------------------------------------------------------------------------------------------

FINE: dict[str, tuple[ChainSide, Book, End]] = {
    "refused with a reason": (
        without_answer(),
        with_open(open_row(3, decision="refused", reason="pays too little", run_id=None), None),
        End.REFUSED,
    ),
    "its run failed and says why": (
        without_answer(),
        with_open(open_row(3), run_row(3, status="errored", error="500 from the source")),
        End.REFUSED,
    ),
    "its run was cancelled and says why": (
        without_answer(),
        with_open(open_row(3), run_row(3, status="cancelled", error="the request left the chain")),
        End.REFUSED,
    ),
    "its job sends no answer": (without_answer(), with_open(open_row(3), run_row(3, sends=False)), End.REFUSED),
    "its job calls another contract": (
        without_answer(sent=chain().sent, keys=chain().keys),
        with_open(open_row(3), run_row(3), transaction_row(3, to=SENDER)),
        End.REFUSED,
    ),
    "expired after its run failed": (
        without_answer(asked=tuple(asked(n, expiration=TIME - 1) for n in range(COUNT))),
        with_open(open_row(3), run_row(3, status="errored", error="500 from the source")),
        End.EXPIRED,
    ),
    "in progress": (
        without_answer(),
        with_open(open_row(3), run_row(3, status="in_progress", finished=False)),
        End.IN_PROGRESS,
    ),
    "cancelled": (
        without_answer(cancellations={key(3): (word(300),)}),
        with_open(open_row(3, closed_as="cancelled", closed_tx=word(300), closed_block=90), run_row(3, status="cancelled")),
        End.CANCELLED,
    ),
    "too new to be known": (
        without_answer(asked=(*(asked(n) for n in range(3)), asked(3, block_number=LAST - 1))),
        with_open(None, None),
        End.NEW,
    ),
    "answered through a contract that nobody sees": (
        without_answer(closed_unseen=frozenset({key(3)})),
        with_open(open_row(3, closed_as="answered", closed_tx=word(1), closed_block=80), run_row(3, status="errored")),
        End.ANSWERED_BY_ANOTHER,
    ),
}


@pytest.mark.parametrize(("side", "rows", "end"), FINE.values(), ids=FINE)
def test_an_end_that_is_in_order(side: ChainSide, rows: Book, end: End) -> None:
    found = account(side, rows, RULES)
    assert kinds(found) == []
    assert dict(found.ends) == {End.ANSWERED: 3, end: 1}


LOST: dict[str, tuple[Book, Kind]] = {
    "no row at all": (with_open(None, None), Kind.LOST),
    "its run is not there": (with_open(open_row(3), None), Kind.LOST),
    "its run is completed without a transaction": (with_open(open_row(3), run_row(3)), Kind.LOST),
    "its answer reverted and the run is completed": (
        with_open(open_row(3), run_row(3), transaction_row(3, state="fatal_error", nonce=None, receipt_block=None)),
        Kind.LOST,
    ),
    "its run was cancelled because it had left the chain, where it is": (
        with_open(open_row(3), run_row(3, status="cancelled", error="it left the chain", strayed=True)),
        Kind.LOST,
    ),
    "refused without a word": (with_open(open_row(3, decision="refused", reason=" ", run_id=None), None), Kind.NO_REASON),
    "failed without a word": (with_open(open_row(3), run_row(3, status="errored")), Kind.NO_REASON),
    "cancelled without a word": (with_open(open_row(3), run_row(3, status="cancelled", error="")), Kind.NO_REASON),
}


@pytest.mark.parametrize(("rows", "kind"), LOST.values(), ids=LOST)
def test_a_request_that_the_contract_waits_for_and_no_row_excuses(rows: Book, kind: Kind) -> None:
    found = account(without_answer(), rows, RULES)
    assert kinds(found) == [kind]
    assert found.ends[End.UNACCOUNTED] == 1
    assert word(3) in found.findings[0].subject
    assert "Everything adds up" not in text(found)


def test_what_is_new_is_lost_all_the_same_once_everything_is_quiet() -> None:
    new = without_answer(asked=(*(asked(n) for n in range(3)), asked(3, block_number=LAST)))
    assert kinds(account(new, with_open(None, None), replace(RULES, quiet=True))) == [Kind.LOST]


def twice(side: ChainSide) -> ChainSide:
    answers = {**side.answers, key(1): (*side.answers[key(1)], Answered(word(999), "0x" + "99" * 20, 60, LINK))}
    paid = {ORACLE: ContractSide(withdrawable_before=0, withdrawable_after=5 * LINK, withdrawn=0)}
    return replace(side, answers=answers, contracts=paid)


def test_a_request_answered_twice() -> None:
    assert kinds(account(twice(chain()), book(), RULES)) == [Kind.DOUBLED]


def test_a_request_that_was_asked_twice_under_one_id_may_be_answered_twice() -> None:
    side = twice(chain(asked=(*(asked(n) for n in range(COUNT)), asked(1, block_number=50))))
    assert kinds(account(side, book(), RULES)) == []


def test_what_the_other_oracles_of_an_agreement_answer_is_neither_a_second_answer_nor_ours() -> None:
    theirs = Answered(word(998), "0x" + "98" * 20, 60, one_of_many=True)
    side = chain()
    ours = replace(side.answers[key(1)][0], one_of_many=True)
    unknown = {ORACLE: ContractSide(withdrawable_before=None, withdrawable_after=None, withdrawn=None)}
    both = replace(side, answers={**side.answers, key(1): (ours, theirs)}, contracts=unknown)
    assert kinds(account(both, book(), RULES)) == []
    missing = without_answer(contracts=unknown)
    found = account(replace(missing, answers={**missing.answers, key(3): (theirs,)}), with_open(None, None), RULES)
    assert kinds(found) == [Kind.LOST]


def test_a_request_under_an_agreement_is_known_by_the_agreement() -> None:
    agreed = Listener(JOB_ID, ORACLE, agreement=word(77))
    assert list(Book(listeners=(agreed,)).topics()) == [word(77)]


def test_a_request_that_is_answered_and_cancelled() -> None:
    assert kinds(account(chain(cancellations={key(1): (word(300),)}), book(), RULES)) == [Kind.TWO_ENDS]


def test_a_request_that_is_answered_in_the_database_only() -> None:
    found = account(without_answer(), with_open(request_row(3), run_row(3)), RULES)
    assert kinds(found) == [Kind.LOST, Kind.ONLY_IN_DATABASE]


def test_a_request_that_is_cancelled_on_the_chain_and_answered_in_the_database() -> None:
    found = account(without_answer(cancellations={key(3): (word(300),)}), with_open(request_row(3), run_row(3)), RULES)
    assert kinds(found) == [Kind.ONLY_IN_DATABASE]


@pytest.mark.parametrize(("depth", "found"), [(2, []), (50, [Kind.ONLY_ON_CHAIN])])
def test_an_answer_that_the_database_does_not_know_is_a_finding_once_it_is_deep(depth: int, found: list[Kind]) -> None:
    answers = {**chain().answers, key(3): (Answered(word(203), SENDER, LAST - depth, LINK),)}
    assert kinds(account(chain(answers=answers), with_open(open_row(3), run_row(3), transaction_row(3)), RULES)) == found


def test_requests_for_others_are_not_ours() -> None:
    others = (asked(7, job_topic=word(7)), asked(8, key=RequestKey("0x" + "77" * 20, word(8))))
    found = account(chain(asked=(*chain().asked, *others)), book(), RULES)
    assert found.sound
    assert found.requests == COUNT
    assert "2 requests were for jobs that are not this node's" in found.notes[0]


@pytest.mark.parametrize(("listener", "lost"), [
    (Listener(JOB_ID, "0x" + "0" * 40), 1),
    (Listener(JOB_ID, ORACLE, from_block=23), 1),
    (Listener(JOB_ID, ORACLE, from_block=24), 0),
    (Listener(JOB_ID, ORACLE, archived=True), 0),
])  # fmt: skip
def test_a_job_must_hear_what_it_listens_to(listener: Listener, lost: int) -> None:
    rows = replace(with_open(None, None), listeners=(listener,))
    assert kinds(account(without_answer(), rows, RULES)) == [Kind.LOST] * lost


def test_a_log_that_nobody_can_read_must_be_written_down() -> None:
    unreadable = Malformed(ORACLE, TOPIC, word(5), 3)
    assert kinds(account(chain(malformed=(unreadable,)), book(), RULES)) == [Kind.UNREAD]
    assert account(chain(malformed=(unreadable,)), book(malformed=frozenset({(word(5), 3)})), RULES).sound
    assert account(chain(malformed=(replace(unreadable, job_topic=word(9)),)), book(), RULES).sound


# --- nonces ----------------------------------------------------------------------------------------------------------


def rows_of(change: Callable[[list[TransactionRow]], object], **more: Any) -> Book:
    rows = list(book().transactions)
    change(rows)
    return book(transactions=tuple(rows), **more)


def test_a_nonce_that_the_chain_used_and_no_block_shows() -> None:
    found = account(chain(sent=chain().sent[:3]), book(), RULES)
    assert set(kinds(found)) == {Kind.NONCE_GAP, Kind.MINED_DIFFERENTLY, Kind.GAS_OFF}


def test_a_nonce_that_two_rows_hold() -> None:
    rows = rows_of(lambda rows: rows.append(transaction_row(3, id=9)))
    assert Kind.NONCE_TWICE in kinds(account(chain(), rows, RULES))


def test_a_hole_below_what_waits() -> None:
    rows = rows_of(lambda rows: rows.append(open_transaction(5)))
    found = account(chain(), rows, RULES)
    assert [(finding.kind, finding.subject) for finding in found.findings] == [(Kind.NONCE_GAP, f"nonce 4 of {SENDER}")]
    assert account(chain(), replace(rows, foreign=(ForeignNonces(SENDER, 4, 4),)), RULES).sound


def test_a_nonce_that_something_else_used_must_have_been_noticed() -> None:
    rows = book(transactions=book().transactions[:3])
    assert kinds(account(chain(), rows, RULES)) == [Kind.NONCE_UNKNOWN]
    assert account(chain(), replace(rows, foreign=(ForeignNonces(SENDER, 3, 3),)), RULES).sound


def test_a_nonce_whose_row_may_have_been_deleted_is_no_finding() -> None:
    rows = book(transactions=book().transactions[1:])
    assert account(chain(), rows, replace(RULES, forgotten_before=TIME)).sound


def test_what_a_key_sent_before_it_came_here_is_nobodys_business() -> None:
    rows = book(transactions=book().transactions[1:], first_nonces={SENDER: 1})
    transfer = chain(sent=(sent(0, answers=None), *chain().sent[1:]))
    assert account(transfer, rows, RULES).sound
    assert kinds(account(chain(), rows, RULES)) == [Kind.NONCE_UNKNOWN]  # it answered a request of this node
    later = replace(rows, first_nonces={SENDER: 0})
    assert kinds(account(transfer, later, RULES)) == [Kind.NONCE_UNKNOWN]


@pytest.mark.parametrize(("state", "quiet", "found"), [("unconfirmed", False, False), ("unconfirmed", True, True)])
def test_a_nonce_that_something_else_took_from_a_row(state: str, quiet: bool, found: bool) -> None:
    taken = open_transaction(3, state, hashes=frozenset({word(777)}))
    rows = rows_of(lambda rows: rows.__setitem__(3, taken))
    assert (Kind.NONCE_UNKNOWN in kinds(account(chain(), rows, replace(RULES, quiet=quiet)))) is found


@pytest.mark.parametrize("change", [{"receipt_status": 0}, {"hashes": frozenset({word(1)})}])
def test_a_receipt_that_the_chain_does_not_have(change: dict[str, Any]) -> None:
    rows = rows_of(lambda rows: rows.__setitem__(3, transaction_row(3, **change)))
    assert Kind.MINED_DIFFERENTLY in kinds(account(chain(), rows, RULES))


def test_a_receipt_beyond_the_last_block_is_left_out() -> None:
    later = transaction_row(4, receipt_block=LAST + 1)
    assert account(chain(), rows_of(lambda rows: rows.append(later)), RULES).sound


# --- money -----------------------------------------------------------------------------------------------------------


def test_gas_that_nobody_spent() -> None:
    poorer = {SENDER: replace(chain().keys[SENDER], balance_after=10**18 - COUNT * COST - 1)}
    found = account(chain(keys=poorer), book(), RULES)
    assert kinds(found) == [Kind.GAS_OFF]
    assert "but the transactions come to" in text(found)


def test_what_a_key_received_and_what_it_sent_along_count() -> None:
    rich = {SENDER: replace(chain().keys[SENDER], balance_after=10**18 - COUNT * COST + 500 - 70, received=500)}
    side = chain(keys=rich, sent=(*chain().sent[:3], sent(3, value=70)))
    assert account(side, book(), RULES).sound


def test_a_reverted_transaction_costs_gas_moves_nothing_and_is_counted() -> None:
    side = chain(
        sent=(*chain().sent[:3], sent(3, succeeded=False, value=70)),
        answers={each: value for each, value in chain().answers.items() if each != key(3)},
        contracts={ORACLE: ContractSide(withdrawable_before=0, withdrawable_after=3 * LINK, withdrawn=0)},
    )
    rows = with_open(open_row(3), run_row(3, status="errored", error="reverted"), transaction_row(3, receipt_status=0))
    found = account(side, rows, RULES)
    assert found.sound
    assert found.reverted == 1
    assert found.notes[0].startswith("1 transactions were paid for and reverted")


def test_a_no_op_is_counted() -> None:
    rows = rows_of(lambda rows: rows.__setitem__(3, transaction_row(3, noops=frozenset({word(203)}))))
    assert account(chain(), rows, RULES).noops == 1


@pytest.mark.parametrize(("after", "withdrawn", "sound"), [
    (COUNT * LINK - 1, 0, False), (LINK, 3 * LINK, True), (COUNT * LINK, LINK, False),
])  # fmt: skip
def test_link_that_came_and_link_that_was_withdrawn(after: int, withdrawn: int, sound: bool) -> None:
    side = chain(contracts={ORACLE: ContractSide(withdrawable_before=0, withdrawable_after=after, withdrawn=withdrawn)})
    assert kinds(account(side, book(), RULES)) == ([] if sound else [Kind.LINK_OFF])


def test_link_that_an_operator_contract_goes_on_reserving() -> None:
    short = ContractSide(withdrawable_before=0, withdrawable_after=COUNT * LINK - 5, withdrawn=0, reserved=5)
    assert account(chain(contracts={ORACLE: short}), book(), RULES).sound


def test_a_contract_that_no_job_names_may_lie_about_its_payments() -> None:
    liar = "0x" + "1a" * 20
    paid = {**chain().contracts, liar: ContractSide(withdrawable_before=0, withdrawable_after=LINK, withdrawn=0)}
    believed = account(chain(contracts=paid), book(), RULES, named={ORACLE})
    assert believed.sound
    assert liar in " ".join(believed.notes)
    trusted = account(chain(contracts=paid), book(), RULES, named={ORACLE, liar})
    assert kinds(trusted) == [Kind.LINK_OFF]


def test_what_cannot_be_looked_at_is_said() -> None:
    side = chain(
        keys={SENDER: replace(chain().keys[SENDER], balance_before=None)},
        contracts={ORACLE: ContractSide(withdrawable_before=None, withdrawable_after=1, withdrawn=0)},
    )
    found = account(side, book(), RULES)
    assert found.sound
    assert len(found.unchecked) == 2
    assert "not checked" in text(found)


# --- deadlines -------------------------------------------------------------------------------------------------------

HOURS = 3 * 3600 * 1_000_000


def stuck(status: str, **changes: Any) -> RunRow:
    return run_row(3, **{"status": status, "finished": False, "updated_at": NOW - HOURS} | changes)


@pytest.mark.parametrize(
    ("run", "late"),
    [
        (stuck(""), True),
        (stuck("in_progress"), True),
        (stuck("in_progress", updated_at=NOW), False),
        (stuck("pending_connection"), True),
        (stuck("pending_bridge"), False),
        (stuck("pending_sleep", wake_at=NOW - HOURS), True),
        (stuck("pending_sleep", wake_at=NOW + HOURS), False),
        (stuck("pending_sleep", due_at=NOW + HOURS), False),
        (stuck("pending_sleep", due_at=NOW - 61_000_000), True),
        (stuck("pending_bridge", due_at=NOW + HOURS), False),
        (stuck("pending_bridge", due_at=NOW - 61_000_000), True),
        (stuck("pending_bridge", due_at=NOW), False),
        (stuck("pending_confirmations", wake_height=LAST + 1, due_at=NOW - HOURS), True),
        (stuck("pending_confirmations", wake_height=LAST + 1), False),
        (stuck("pending_confirmations", wake_height=LAST - 49), False),
        (stuck("pending_confirmations", wake_height=LAST - 50), True),
        (stuck("pending_confirmations"), True),
        (stuck("of a later version"), True),
    ],
    ids=lambda value: f"{value.status} {value.wake_height or ''} {value.due_at or ''}" if isinstance(value, RunRow) else None,
)
def test_a_run_that_is_not_finished_in_time(run: RunRow, late: bool) -> None:
    found = account(without_answer(), with_open(open_row(3), run), RULES)
    assert kinds(found) == [Kind.OVERDUE] * late


def test_a_run_may_wait_as_long_as_its_transaction_does() -> None:
    waiting = open_transaction(3, "in_progress", waiting="no funds", created_at=NOW - HOURS)
    rows = with_open(open_row(3), stuck("pending_confirmations"), waiting)
    assert account(without_answer(), rows, RULES).sound
    settled = with_open(open_row(3), stuck("pending_confirmations"), replace(waiting, state="fatal_error", nonce=None))
    assert kinds(account(without_answer(), settled, RULES)) == [Kind.OVERDUE]


@pytest.mark.parametrize("state", ["unstarted", "in_progress", "unconfirmed"])
def test_a_transaction_that_stands_still_without_a_word(state: str) -> None:
    silent = open_transaction(3, state, created_at=NOW - HOURS, nonce=None if state == "unstarted" else 3)
    rows = with_open(open_row(3), stuck("pending_confirmations"), silent)
    assert kinds(account(without_answer(), rows, RULES)) == [Kind.OVERDUE]


def test_a_transaction_of_nobody() -> None:
    of_no_run = open_transaction(3, owned=False)
    of_no_key = open_transaction(3, sender="0x" + "55" * 20)
    running = run_row(3, status="pending_confirmations", finished=False)
    for orphan in (of_no_run, of_no_key):
        assert kinds(account(without_answer(), with_open(open_row(3), running, orphan), RULES)) == [Kind.OWNERLESS]


def test_nothing_may_be_open_once_everything_is_quiet() -> None:
    running = run_row(3, status="pending_confirmations", finished=False)
    found = account(without_answer(), with_open(open_row(3), running, open_transaction(3)), replace(RULES, quiet=True))
    assert kinds(found) == [Kind.UNFINISHED, Kind.UNFINISHED]
