"""Draws up an account: reads both sides and holds them against each other."""

from __future__ import annotations

from collections.abc import Collection

from adyton.domain.chain import ZERO_ADDRESS, Address, Head, LogFilter
from adyton.domain.errors import Disconnected, NotFound
from adyton.domain.requests import RUN_LOG_TOPICS
from adyton.ledger import book as books
from adyton.ledger.account import Account
from adyton.ledger.book import Book, Rows
from adyton.ledger.chain import ChainReader
from adyton.ledger.chain_reader import Reorganised, logs_between, read_chain
from adyton.ledger.check import account
from adyton.ledger.ends import Rules

SLACK = 60
"""Seconds by which a block's time may be behind the clock that a job was made by."""
TRIES = 3
"""Readings before a chain that is reorganised each time is given up."""


async def draw_up(
    db: Rows,
    chain: ChainReader,
    rules: Rules,
    *,
    link: Address | None,
    first: int | None = None,
    contracts: Collection[Address] = (),
) -> Account:
    """The account from block ``first`` (None: from the first that may hold a request of ours) to the newest.

    ``contracts``: none given means all that the node listens to or was asked through.

    The chain's height is taken before the rows are read, so that the rows know at least as much; what the rows know beyond it
    is left out. Raises NotFound when there is nothing to account for, Reorganised, and what chain and database raise.
    """
    for last_try in (*[False] * (TRIES - 1), True):
        try:
            return await _once(db, chain, rules, link=link, first=first, contracts=contracts)
        except Reorganised:
            if last_try:
                raise
    raise AssertionError


async def _once(
    db: Rows, chain: ChainReader, rules: Rules, *, link: Address | None, first: int | None, contracts: Collection[Address]
) -> Account:
    last = await _head(chain)
    begin = first if first is not None else await _first_block(db, chain, last)
    listened = set(contracts) or await books.contracts(db)
    if begin > last.number:
        raise NotFound(f"block {begin} is not there yet: the chain is at block {last.number}", code="ADY-1251")
    book = await books.read_book(db, first=begin)
    if not contracts:
        listened |= await _heard_anywhere(chain, book, begin, last.number)
    if not listened and not book.transactions:
        raise NotFound(
            "no job listens to a contract, no request was seen, and nothing was sent: name a contract with --contract",
            code="ADY-1252",
        )
    side = await read_chain(chain, contracts=listened, keys=book.keys, link=link, first=begin, last=last)
    return account(side, book, rules, named={*contracts, *(each.address for each in book.listeners)})


async def _first_block(db: Rows, chain: ChainReader, last: Head) -> int:
    """The first block that may hold a request of ours: that of the first row, or the first one since the oldest job was made,
    because a request before the first row may be the one that is lost. Genesis holds nothing."""
    row, born = await books.first_block(db), await books.first_job(db)
    known = [] if row is None else [row]
    if born is not None:
        known.append(await _block_since(chain, born - SLACK, last))
    return max(1, min(known, default=last.number))


async def _block_since(chain: ChainReader, time: int, last: Head) -> int:
    """The first block of that time (seconds) or later; the last one if there is none."""
    low, high = 0, last.number
    while low < high:
        middle = (low + high) // 2
        head = await chain.head(middle)
        if head is None:
            raise Reorganised(f"block {middle} is gone while the chain is read")
        low, high = (low, middle) if head.timestamp >= time else (middle + 1, high)
    return low


async def _heard_anywhere(chain: ChainReader, book: Book, first: int, last: int) -> set[Address]:
    """Contracts through which jobs were asked that listen to any contract."""
    if all(each.address != ZERO_ADDRESS for each in book.listeners):
        return set()
    topics = book.topics()
    logs = await logs_between(chain, LogFilter((), (RUN_LOG_TOPICS,)), first, last)
    return {log.address for log in logs if len(log.topics) > 1 and log.topics[1] in topics}


async def _head(chain: ChainReader) -> Head:
    head = await chain.head()
    if head is None:
        raise Disconnected("the Ethereum node has no newest block", code="ADY-1253")
    return head
