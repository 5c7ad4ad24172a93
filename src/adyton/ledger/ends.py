"""To which end each request came: the chain first, then the reason that the database gives for the rest. Pure.

A request that the contract still waits for, and about which no row says why it gets no answer, is lost, and nothing excuses it
but that it is new.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

import msgspec

from adyton.domain import evm
from adyton.ledger.account import End, Finding, Kind
from adyton.ledger.book import Book, RequestRow, RunRow, TransactionRow
from adyton.ledger.chain_side import Answered, Asked, ChainSide, RequestKey


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of the two sides.

    ``now``: microseconds. ``grace``: blocks within which something may be known to one side only. ``finality``: blocks until
    what left the chain is given up. ``quiet``: everything was given time to finish, so whatever has not is a finding.
    ``forgotten_before``: the time (seconds) of a block before which finished transactions may have been deleted; 0: none.
    """

    now: int
    grace: int
    finality: int = 50
    quiet: bool = False
    forgotten_before: int = 0


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """A request with all that is known of it. ``times`` is how often it was asked under this id."""

    asked: Asked
    times: int
    answers: tuple[Answered, ...]
    cancellations: int
    by_us: bool
    """One of our keys answered."""
    recorded: bool
    """In a transaction that a row is about."""
    closed_unseen: bool
    row: RequestRow | None
    run: RunRow | None
    transactions: tuple[TransactionRow, ...]
    depth: int
    expired: bool


def judge(chain: ChainSide, book: Book, rules: Rules) -> tuple[Counter[End], list[Finding]]:
    """The end of every request of ours, and what is wrong with them."""
    ends: Counter[End] = Counter()
    findings: list[Finding] = []
    for case in _cases(chain, book):
        end = end_of(case, rules)
        ends[end] += 1
        subject = f"request {case.asked.key.request_id} of {case.asked.key.contract}"
        findings += [Finding(kind, subject, words) for kind, words in _wrong(case, end, rules)]
    findings += _unread(chain, book)
    return ends, findings


def end_of(case: Case, rules: Rules) -> End:
    """One request's end. What the chain says outranks what the database says."""
    if case.answers:
        return End.ANSWERED if case.by_us else End.ANSWERED_BY_ANOTHER
    if case.cancellations:
        return End.CANCELLED
    if case.closed_unseen:
        return End.ANSWERED_BY_ANOTHER
    if case.run is not None and not case.run.finished:
        return End.IN_PROGRESS
    if reason(case):
        return End.EXPIRED if case.expired else End.REFUSED
    return End.NEW if case.depth <= rules.grace and not rules.quiet else End.UNACCOUNTED


def reason(case: Case) -> str:
    """What the database gives as the reason for no answer; empty when it gives none."""
    if case.row is not None and case.row.decision == "refused":
        return (case.row.reason or "").strip()
    if case.run is not None:
        if case.run.strayed:
            return ""
        if case.run.status in ("errored", "cancelled"):
            return (case.run.error or "").strip()
        return _called_elsewhere(case) if case.run.sends else "its job sends no answer"
    return ((case.row.reason if case.row else None) or "").strip()


def _called_elsewhere(case: Case) -> str:
    """What a completed run says whose job names a contract of its own that its task calls."""
    done = (each for each in case.transactions if each.receipt_status == 1 and each.to not in (None, case.asked.key.contract))
    called = next((str(each.to) for each in done), None)
    return "" if called is None else f"its job called {evm.checksum(called)}, and not the contract that was asked"


# --- what is wrong with one ------------------------------------------------------------------------------------------


def _wrong(case: Case, end: End, rules: Rules) -> Iterator[tuple[Kind, str]]:
    if len(case.answers) > case.times:
        yield Kind.DOUBLED, f"{len(case.answers)} answers: {', '.join(each.transaction_hash for each in case.answers)}"
    if case.answers and case.cancellations and len(case.answers) + case.cancellations > case.times:
        yield Kind.TWO_ENDS, "answered and cancelled"
    if end is End.UNACCOUNTED:
        yield _no_reason(case)
    yield from _disagreement(case, rules)


def _no_reason(case: Case) -> tuple[Kind, str]:
    if case.run is None:
        if case.row is not None and case.row.decision == "refused":
            return Kind.NO_REASON, "its row says refused and not why"
        seen = "there is no row of it" if case.row is None else f"its run {case.row.run_id} is not there"
        return Kind.LOST, f"asked in block {case.asked.block_number}, {case.depth} blocks deep, and {seen}"
    if case.run.strayed:
        return Kind.LOST, f"run {case.run.id} was cancelled because the request had left the chain; it is there"
    if case.run.status != "completed":
        return Kind.NO_REASON, f"run {case.run.id} is {case.run.status} and does not say why"
    states = ", ".join(f"{each.state} ({'reverted' if each.receipt_status == 0 else each.nonce})" for each in case.transactions)
    return Kind.LOST, f"run {case.run.id} is completed; its transactions: {states or 'none'}; the contract still waits"


def _disagreement(case: Case, rules: Rules) -> Iterator[tuple[Kind, str]]:
    """Where the row and the chain name different ends."""
    row = case.row
    if row is None:
        if case.by_us and _settled(case, rules):
            yield Kind.ONLY_ON_CHAIN, f"answered by our key in {case.answers[0].transaction_hash}, and there is no row of it"
        return
    on_chain = "answered" if case.answers or case.closed_unseen else "cancelled" if case.cancellations else None
    if row.closed_as is not None and on_chain != row.closed_as:
        yield Kind.ONLY_IN_DATABASE, f"{row.closed_as} in {row.closed_tx}, says the row; on the chain: {on_chain or 'open'}"
    elif row.closed_as is None and _settled(case, rules) and (case.cancellations or case.recorded):
        yield Kind.ONLY_ON_CHAIN, f"{on_chain} on the chain, and the row does not say so"


def _settled(case: Case, rules: Rules) -> bool:
    """Deep enough that the database must know of it."""
    return rules.quiet or case.depth > rules.grace


# --- putting the two sides together ----------------------------------------------------------------------------------


def _cases(chain: ChainSide, book: Book) -> Iterator[Case]:
    ours: defaultdict[RequestKey, list[Asked]] = defaultdict(list)
    for asked in book.ours(chain.asked):
        ours[asked.key].append(asked)
    sent: defaultdict[str, list[TransactionRow]] = defaultdict(list)
    hashes = {hash_ for transaction in book.transactions for hash_ in transaction.hashes}
    for transaction in book.transactions:
        if transaction.run_id is not None:
            sent[transaction.run_id].append(transaction)
    for key, times in ours.items():
        asked, row = times[-1], book.requests.get(key)
        run = book.runs.get(row.run_id) if row is not None and row.run_id is not None else None
        # Of an agreement's oracles each answers for itself: what the others said is not the end of what we owe.
        answers = tuple(each for each in chain.answers.get(key, ()) if not each.one_of_many or each.sender in chain.keys)
        newest = max([asked.block_number, *(each.block_number for each in answers)])
        yield Case(
            asked=asked,
            times=len(times),
            answers=answers,
            cancellations=len(chain.cancellations.get(key, ())),
            by_us=any(each.sender in chain.keys for each in answers),
            recorded=any(each.transaction_hash in hashes for each in answers),
            closed_unseen=key in chain.closed_unseen,
            row=row,
            run=run,
            transactions=tuple(sent[run.id]) if run is not None else (),
            depth=chain.last - newest + 1,
            expired=asked.expiration is not None and asked.expiration < chain.time,
        )


def _unread(chain: ChainSide, book: Book) -> list[Finding]:
    topics = book.topics()
    return [
        Finding(Kind.UNREAD, f"log {each.log_index} of block {each.block_hash}", f"for a job of ours, from {each.contract}")
        for each in chain.malformed
        if each.job_topic in topics and (each.block_hash, each.log_index) not in book.malformed
    ]
