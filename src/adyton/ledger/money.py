"""Whether nonces have no holes, gas adds up, and LINK adds up. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from adyton.domain.chain import Address
from adyton.ledger.account import Finding, Kind, Money
from adyton.ledger.book import Book, TransactionRow
from adyton.ledger.chain_side import ChainSide, KeySide, Sent
from adyton.ledger.ends import Rules

# --- nonces ----------------------------------------------------------------------------------------------------------


def nonces(chain: ChainSide, book: Book, rules: Rules) -> Iterator[Finding]:
    """What is wrong with the nonces of each key: on the chain, between rows and chain, and of what waits."""
    sent: defaultdict[Address, dict[int, Sent]] = defaultdict(dict)
    for each in chain.sent:
        sent[each.sender][each.nonce] = each
    rows: defaultdict[Address, list[TransactionRow]] = defaultdict(list)
    for row in book.transactions:
        if row.nonce is not None:
            rows[row.sender].append(row)
    for address, side in chain.keys.items():
        yield from _twice(address, rows[address])
        yield from _unseen(address, side, sent[address])
        yield from _unknown(address, sent[address], rows[address], book, rules)
        yield from _gaps(address, side, rows[address], book)
        yield from _mined_differently(address, chain, sent[address], rows[address], rules)


def _twice(address: Address, rows: list[TransactionRow]) -> Iterator[Finding]:
    for nonce, count in Counter(row.nonce for row in rows).items():
        if count > 1:
            yield Finding(Kind.NONCE_TWICE, _subject(address, nonce), f"{count} rows hold it")


def _unseen(address: Address, side: KeySide, sent: dict[int, Sent]) -> Iterator[Finding]:
    for nonce in range(side.nonce_before, side.nonce_after):
        if nonce not in sent:
            yield Finding(Kind.NONCE_GAP, _subject(address, nonce), "the chain has used it, and no block holds its transaction")


def _unknown(
    address: Address, sent: dict[int, Sent], rows: list[TransactionRow], book: Book, rules: Rules
) -> Iterator[Finding]:
    known = {row.nonce: row for row in rows}
    foreign = [each for each in book.foreign if each.sender == address]
    for nonce, transaction in sent.items():
        if any(each.first <= nonce <= each.last for each in foreign):
            continue
        row = known.get(nonce)
        if row is None:
            if transaction.time >= rules.forgotten_before and not _before_us(transaction, book):
                yield Finding(Kind.NONCE_UNKNOWN, _subject(address, nonce), f"{transaction.hash} is in no row")
        elif transaction.hash not in row.hashes and (rules.quiet or row.state != "unconfirmed"):
            # An unconfirmed one: the node waits for finality before it gives the nonce up.
            words = f"{transaction.hash} is none of the attempts of transaction {row.id}"
            yield Finding(Kind.NONCE_UNKNOWN, _subject(address, nonce), words)


def _before_us(transaction: Sent, book: Book) -> bool:
    """Sent before the key came to this node: below every nonce that a row holds, and no answer to a request of ours."""
    before = transaction.nonce < book.first_nonces.get(transaction.sender, transaction.nonce + 1)
    return before and transaction.answers not in book.requests


def _gaps(address: Address, side: KeySide, rows: list[TransactionRow], book: Book) -> Iterator[Finding]:
    """A nonce beyond the chain's that a row holds, with one below it that nobody holds: it would wait for ever."""
    held = {row.nonce for row in rows if row.nonce is not None}
    held |= {nonce for each in book.foreign if each.sender == address for nonce in range(each.first, each.last + 1)}
    for nonce in range(side.nonce_after, max(held, default=-1)):
        if nonce not in held:
            yield Finding(Kind.NONCE_GAP, _subject(address, nonce), f"transactions up to nonce {max(held)} wait for it")


def _mined_differently(
    address: Address, chain: ChainSide, sent: dict[int, Sent], rows: list[TransactionRow], rules: Rules
) -> Iterator[Finding]:
    for row in rows:
        if row.receipt_block is None or row.nonce is None or not chain.first <= row.receipt_block <= chain.last:
            continue
        mined = sent.get(row.nonce)
        recent = row.state != "safe" and chain.last - row.receipt_block < rules.grace and not rules.quiet
        if recent or (mined is not None and mined.hash in row.hashes and row.receipt_status == int(mined.succeeded)):
            continue
        shown = "nothing" if mined is None else f"{mined.hash}, {'succeeded' if mined.succeeded else 'reverted'}"
        words = f"transaction {row.id} is {row.state} with status {row.receipt_status}; the chain has {shown}"
        yield Finding(Kind.MINED_DIFFERENTLY, _subject(address, row.nonce), words)


def _subject(address: Address, nonce: int | None) -> str:
    return f"nonce {nonce} of {address}"


# --- gas -------------------------------------------------------------------------------------------------------------


def spent(chain: ChainSide) -> Iterator[Money]:
    """What each key lost, and what its transactions cost and sent less what others brought."""
    for address, side in chain.keys.items():
        if side.balance_before is None or side.balance_after is None:
            continue
        ours = [each for each in chain.sent if each.sender == address]
        out = sum(each.cost + (each.value if each.succeeded and each.to != address else 0) for each in ours)
        yield Money(address, side.balance_before - side.balance_after, out - side.received)


# --- LINK ------------------------------------------------------------------------------------------------------------


def earned(chain: ChainSide) -> Iterator[Money]:
    """What each contract holds for its owner more than before, withdrawals added, and what the answered requests paid, less
    what it goes on reserving for requests that were cancelled."""
    payments = {each.key: each.payment for each in chain.asked}
    for address, side in chain.contracts.items():
        if side.withdrawable_before is None or side.withdrawable_after is None or side.withdrawn is None:
            continue
        paid = sum(
            answer.payment if answer.payment is not None else payments.get(key, 0)
            for key, answers in chain.answers.items()
            if key.contract == address
            for answer in answers
        )
        yield Money(address, side.withdrawable_after - side.withdrawable_before + side.withdrawn, paid - side.reserved)
