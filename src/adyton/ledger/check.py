"""The account: the two sides held against each other. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator

from adyton.domain.chain import Address
from adyton.ledger.account import Account, End, Finding, Kind, Money
from adyton.ledger.book import Book, TransactionRow
from adyton.ledger.chain_side import ChainSide
from adyton.ledger.deadlines import OPEN, run_overdue, transaction_overdue
from adyton.ledger.ends import Rules, judge
from adyton.ledger.money import earned, nonces, spent


def account(chain: ChainSide, book: Book, rules: Rules, *, named: Collection[Address] | None = None) -> Account:
    """Everything that the ledger can say about the blocks of ``chain``.

    ``named``: the contracts that the operator trusts by name (None: all). Any other may have claimed payments in its events
    that it never got: worth a note, and no fault of this node's.
    """
    ends, findings = judge(chain, book, rules)
    gas, link = tuple(spent(chain)), tuple(earned(chain))
    unseen = ends[End.ANSWERED_BY_ANOTHER] > 0 and bool(chain.closed_unseen)
    findings += nonces(chain, book, rules)
    findings += [
        Finding(Kind.GAS_OFF, f"key {each.address}", f"it lost {each.moved} wei, its transactions come to {each.expected}")
        for each in gas
        if not each.adds_up
    ]
    off = [each for each in link if not each.adds_up and not unseen]
    lied = [] if named is None else [each for each in off if each.address not in named]
    findings += [
        Finding(Kind.LINK_OFF, f"contract {each.address}", f"it earned {each.moved} juels, its answers come to {each.expected}")
        for each in off
        if each not in lied
    ]
    findings += _overdue(chain, book, rules)
    mined_noops = {hash_ for row in book.transactions for hash_ in row.noops}
    return Account(
        first=chain.first,
        last=chain.last,
        requests=sum(ends.values()),
        ends=ends,
        transactions=len(chain.sent),
        reverted=sum(not each.succeeded for each in chain.sent),
        noops=sum(each.hash in mined_noops for each in chain.sent),
        earned=link,
        spent=gas,
        findings=tuple(findings),
        notes=(*_notes(chain, book), *map(_lie, lied)),
        unchecked=tuple(_unchecked(chain, unseen=unseen)),
    )


def _overdue(chain: ChainSide, book: Book, rules: Rules) -> Iterator[Finding]:
    by_run: defaultdict[str, list[TransactionRow]] = defaultdict(list)
    for row in book.transactions:
        if row.run_id is not None:
            by_run[row.run_id].append(row)
    for run in book.runs.values():
        late = run_overdue(run, now=rules.now, height=chain.last, finality=rules.finality, transactions=by_run.get(run.id, []))
        if late is not None:
            yield Finding(Kind.OVERDUE, f"run {run.id}", late)
        elif rules.quiet and not run.finished:
            yield Finding(Kind.UNFINISHED, f"run {run.id}", f"it is {run.status or 'unstarted'}")
    for row in book.transactions:
        yield from _transaction(row, book, rules)


def _transaction(row: TransactionRow, book: Book, rules: Rules) -> Iterator[Finding]:
    if row.state not in OPEN:
        return
    subject = f"transaction {row.id}"
    if row.sender not in book.keys:
        yield Finding(Kind.OWNERLESS, subject, f"it is {row.state}, and its key {row.sender} is unknown")
    elif not row.owned:
        yield Finding(Kind.OWNERLESS, subject, f"it is {row.state}, and its run {row.run_id} is not there")
    late = transaction_overdue(row, now=rules.now)
    if late is not None:
        yield Finding(Kind.OVERDUE, subject, late)
    elif rules.quiet:
        yield Finding(Kind.UNFINISHED, subject, f"it is {row.state}" + (f": {row.waiting}" if row.waiting else ""))


def _notes(chain: ChainSide, book: Book) -> Iterator[str]:
    reverted = [each for each in chain.sent if not each.succeeded]
    if reverted:
        wei = sum(each.cost for each in reverted)
        yield f"{len(reverted)} transactions were paid for and reverted, {wei} wei: {', '.join(e.hash for e in reverted[:5])}"
    ours = {each.key for each in book.ours(chain.asked)}
    others = sum(each.key not in ours for each in chain.asked)
    if others:
        yield f"{others} requests were for jobs that are not this node's, that began later, or that are archived"
    gone = set(book.requests) - {each.key for each in chain.asked}
    if gone:
        yield f"{len(gone)} requests of the database are not on the chain between these blocks: reorganisations removed them"
    foreign = sum(each.last - each.first + 1 for each in book.foreign)
    if foreign:
        yield f"{foreign} nonces of our keys were used by something else, and the node noticed"


def _lie(money: Money) -> str:
    return (
        f"contract {money.address}, which no job names, earned {money.moved} juels and claimed {money.expected}: "
        "a job that listens to any contract believed it"
    )


def _unchecked(chain: ChainSide, *, unseen: bool) -> Iterator[str]:
    for address, key in chain.keys.items():
        if key.balance_before is None or key.balance_after is None:
            yield f"gas of {address}: the Ethereum node does not remember its balance at block {chain.first - 1}"
    for address, contract in chain.contracts.items():
        if contract.withdrawable_before is None or contract.withdrawable_after is None:
            yield f"LINK of {address}: what it could withdraw is not said, or not remembered"
        elif contract.withdrawn is None:
            yield f"LINK of {address}: what was withdrawn is not known without the LINK token's address"
    if unseen:
        yield f"LINK: {len(chain.closed_unseen)} requests were answered through a contract, for what payment is not seen"
