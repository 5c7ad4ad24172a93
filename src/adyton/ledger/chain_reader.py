"""Reads the chain's side: every block between two, every log of the contracts, and what they and our keys hold.

One call for each block, so a long account takes its time. Balances and contracts' accounts at the first block need an Ethereum
node that remembers old states; where it does not, the account says what was not checked.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from adyton.domain import evm
from adyton.domain.chain import Address, BlockTransaction, Hash, Head, Hex, Log, LogFilter, Receipt
from adyton.domain.errors import TryAgain
from adyton.domain.requests import RUN_LOG_TOPICS, MalformedLog, read_run_log
from adyton.ethereum.errors import RpcError
from adyton.ethereum.reverts import revert_text
from adyton.ledger.chain import ChainReader
from adyton.ledger.chain_side import (
    CANCELLED,
    RESPONDED,
    TRANSFERRED,
    Answered,
    Asked,
    ChainSide,
    ContractSide,
    KeySide,
    Malformed,
    RequestKey,
    Sent,
    fulfilled,
    is_one_of_many,
    payment_in,
)

AT_ONCE = 20
"""Blocks that are asked for at the same time."""
LOG_RANGE = 500
RECEIPTS = 100

_WITHDRAWABLE = "0x" + evm.selector("withdrawable()").hex()
_OWNER = "0x" + evm.selector("owner()").hex()
_SENDERS = "0x" + evm.selector("getAuthorizedSenders()").hex()
_CLOSED = "valid requestid"
"""In the words of every version of the contract: ``Must have a valid requestId``."""


class Reorganised(TryAgain):
    """The chain changed while it was read."""

    usual = "ADY-1250"


async def read_chain(
    chain: ChainReader,
    *,
    contracts: Collection[Address],
    keys: Collection[Address],
    link: Address | None,
    first: int,
    last: Head,
) -> ChainSide:
    """Everything from block ``first`` to ``last``. ``link``: the LINK token, None when it is not known.

    Raises Reorganised when the last block is another one in the end, and what the chain raises.
    """
    logs = await logs_between(chain, LogFilter(tuple(sorted(contracts)), (_topics(),)), first, last.number) if contracts else []
    asked, malformed = _asked(logs)
    cancellations = _by_request(logs, CANCELLED)
    transactions = await _transactions(chain, first, last.number)
    receipts = await _receipts(
        chain, [each for each in transactions.values() if each.sender in keys or _answers(each, contracts)]
    )
    times = await _times(chain, {receipt.block_number for receipt in receipts.values()})
    answers = _answered(transactions, receipts, logs, contracts)
    unclear = [each for each in asked if each.key not in answers and each.key not in cancellations]
    side = ChainSide(
        first=first,
        last=last.number,
        time=last.timestamp,
        contracts={each: await _contract(chain, each, link, cancellations, first, last.number) for each in sorted(contracts)},
        keys={each: await _key(chain, each, transactions, first, last.number) for each in sorted(keys)},
        asked=tuple(asked),
        malformed=tuple(malformed),
        answers=answers,
        cancellations=cancellations,
        closed_unseen=frozenset([each.key for each in unclear if await _closed(chain, each, keys, last.number)]),
        sent=tuple(_sent(each, receipts[each.hash], times) for each in transactions.values() if each.sender in keys),
    )
    now = await chain.head(last.number)
    if now is None or now.hash != last.hash:
        raise Reorganised(f"block {last.number} was replaced while the chain was read")
    return side


# --- logs ------------------------------------------------------------------------------------------------------------


def _topics() -> tuple[Hash, ...]:
    return (*RUN_LOG_TOPICS, CANCELLED, RESPONDED)


async def logs_between(chain: ChainReader, wanted: LogFilter, first: int, last: int) -> list[Log]:
    """Logs of the blocks from ``first`` to ``last``, in ranges that the Ethereum node can bear."""
    found: list[Log] = []
    for begin in range(first, last + 1, LOG_RANGE):
        found += await _logs_within(chain, wanted, begin, min(begin + LOG_RANGE - 1, last))
    return found


async def _logs_within(chain: ChainReader, wanted: LogFilter, first: int, last: int) -> list[Log]:
    """A range that the node finds too long is halved, down to one block."""
    try:
        return await chain.logs(wanted, first, last)
    except RpcError:
        if first == last:
            raise
    middle = (first + last) // 2
    return [
        *await _logs_within(chain, wanted, first, middle),
        *await _logs_within(chain, wanted, middle + 1, last),
    ]


def _asked(logs: Iterable[Log]) -> tuple[list[Asked], list[Malformed]]:
    asked, malformed = [], []
    for log in logs:
        if log.removed or not log.topics or log.topics[0] not in RUN_LOG_TOPICS:
            continue
        topic = log.topics[1] if len(log.topics) > 1 else "0x"
        try:
            request = read_run_log(log)
        except MalformedLog:
            malformed.append(Malformed(log.address, topic, log.block_hash, log.log_index))
            continue
        prefix = str(request.data["dataPrefix"])
        asked.append(
            Asked(
                key=RequestKey(log.address, request.request_id),
                job_topic=topic,
                block_number=log.block_number,
                transaction_hash=log.transaction_hash,
                payment=request.payment,
                expiration=_expiration(prefix),
                prefix=str(request.data["functionSelector"]) + prefix[2:],
            )
        )
    return asked, malformed


def _expiration(prefix: Hex) -> int | None:
    """The last of the five words that an answer repeats; the original contract has but the first."""
    return int(prefix[-64:], 16) if len(prefix) > 2 + 64 else None


def _by_request(logs: Iterable[Log], topic: Hash) -> dict[RequestKey, tuple[Hash, ...]]:
    found: defaultdict[RequestKey, list[Hash]] = defaultdict(list)
    for log in logs:
        if len(log.topics) > 1 and log.topics[0] == topic and not log.removed:
            found[RequestKey(log.address, log.topics[1])].append(log.transaction_hash)
    return {key: tuple(hashes) for key, hashes in found.items()}


# --- transactions ----------------------------------------------------------------------------------------------------


async def _transactions(chain: ChainReader, first: int, last: int) -> dict[Hash, BlockTransaction]:
    """Every transaction of every block, in the chain's order. A block that is not there is a reorganisation."""
    found: dict[Hash, BlockTransaction] = {}
    for begin in range(first, last + 1, AT_ONCE):
        numbers = range(begin, min(begin + AT_ONCE, last + 1))
        for number, block in zip(numbers, await asyncio.gather(*map(chain.block_transactions, numbers)), strict=True):
            if block is None:
                raise Reorganised(f"block {number} is gone while the chain is read")
            found |= {each.hash: each for each in block}
    return found


def _answers(transaction: BlockTransaction, contracts: Collection[Address]) -> RequestKey | None:
    key = fulfilled(transaction.to, transaction.data)
    return key if key is not None and key.contract in contracts else None


async def _receipts(chain: ChainReader, transactions: Sequence[BlockTransaction]) -> dict[Hash, Receipt]:
    found: dict[Hash, Receipt] = {}
    for begin in range(0, len(transactions), RECEIPTS):
        hashes = [each.hash for each in transactions[begin : begin + RECEIPTS]]
        for hash_, receipt in zip(hashes, await chain.receipts(hashes), strict=True):
            if receipt is None:
                raise Reorganised(f"transaction {hash_} of a block has no receipt")
            found[hash_] = receipt
    return found


async def _times(chain: ChainReader, numbers: Collection[int]) -> dict[int, int]:
    wanted = sorted(numbers)
    found: dict[int, int] = {}
    for begin in range(0, len(wanted), RECEIPTS):
        for head in await chain.heads(wanted[begin : begin + RECEIPTS]):
            if head is None:
                raise Reorganised("a block is gone while the chain is read")
            found[head.number] = head.timestamp
    return found


def _answered(
    transactions: Mapping[Hash, BlockTransaction],
    receipts: Mapping[Hash, Receipt],
    logs: Iterable[Log],
    contracts: Collection[Address],
) -> dict[RequestKey, tuple[Answered, ...]]:
    """Successful fulfilments: transactions to the contracts, and (of contracts that tell) those that came through others."""
    found: defaultdict[RequestKey, dict[Hash, Answered]] = defaultdict(dict)
    for log in logs:
        if len(log.topics) > 1 and log.topics[0] == RESPONDED and not log.removed:
            key = RequestKey(log.address, log.topics[1])
            found[key][log.transaction_hash] = Answered(log.transaction_hash, None, log.block_number)
    for each in transactions.values():
        tried = _answers(each, contracts)
        if tried is not None and receipts[each.hash].status == 1:
            height = receipts[each.hash].block_number
            several = is_one_of_many(each.data)
            found[tried][each.hash] = Answered(each.hash, each.sender, height, payment_in(each.data), several)
    return {key: tuple(answers.values()) for key, answers in found.items()}


def _sent(transaction: BlockTransaction, receipt: Receipt, times: Mapping[int, int]) -> Sent:
    return Sent(
        hash=transaction.hash,
        sender=transaction.sender,
        nonce=transaction.nonce,
        to=transaction.to,
        block_number=receipt.block_number,
        time=times[receipt.block_number],
        succeeded=receipt.status == 1,
        cost=receipt.gas_used * (receipt.effective_gas_price or 0),
        value=transaction.value,
        answers=fulfilled(transaction.to, transaction.data),
    )


# --- states ----------------------------------------------------------------------------------------------------------


async def _key(
    chain: ChainReader, address: Address, transactions: Mapping[Hash, BlockTransaction], first: int, last: int
) -> KeySide:
    incoming = [each for each in transactions.values() if each.to == address and each.sender != address and each.value]
    received = await _receipts(chain, incoming)
    return KeySide(
        nonce_before=await chain.transaction_count(address, hex(first - 1)) if first > 0 else 0,
        nonce_after=await chain.transaction_count(address, hex(last)),
        balance_before=await _balance(chain, address, first - 1),
        balance_after=await _balance(chain, address, last),
        received=sum(each.value for each in incoming if received[each.hash].status == 1),
    )


async def _balance(chain: ChainReader, address: Address, number: int) -> int | None:
    try:
        return await chain.balance(address, number) if number >= 0 else None
    except RpcError:
        return None


async def _contract(
    chain: ChainReader,
    address: Address,
    link: Address | None,
    cancellations: Mapping[RequestKey, tuple[Hash, ...]],
    first: int,
    last: int,
) -> ContractSide:
    refunds = {hash_ for key, hashes in cancellations.items() if key.contract == address for hash_ in hashes}
    withdrawn, refunded = None, 0
    if link is not None:
        wanted = LogFilter((link,), ((TRANSFERRED,), ("0x" + address[2:].rjust(64, "0"),)))
        moved = await logs_between(chain, wanted, first, last)
        withdrawn = sum(int(log.data, 16) for log in moved if log.transaction_hash not in refunds)
        refunded = sum(int(log.data, 16) for log in moved if log.transaction_hash in refunds)
    return ContractSide(
        withdrawable_before=await _withdrawable(chain, address, first - 1) if first > 0 else 0,
        withdrawable_after=await _withdrawable(chain, address, last),
        withdrawn=withdrawn,
        reserved=refunded if refunded and await _is_operator(chain, address, last) else 0,
    )


async def _is_operator(chain: ChainReader, address: Address, number: int) -> bool:
    """Operator contracts list who may answer; the Oracle contracts before them can only be asked about one address."""
    try:
        return len(await chain.call(address, _SENDERS, block=number)) > 2
    except RpcError:
        return False


async def _withdrawable(chain: ChainReader, address: Address, number: int) -> int | None:
    """Juels. Older contracts tell only their owner; a contract that is not there yet holds nothing."""
    for by_owner in (False, True):
        try:
            sender = "0x" + (await chain.call(address, _OWNER, block=number))[-40:] if by_owner else None
            answer = await chain.call(address, _WITHDRAWABLE, sender=sender, block=number)
        except RpcError:
            continue
        return int(answer, 16) if len(answer) > 2 else 0
    return None


async def _closed(chain: ChainReader, asked: Asked, keys: Collection[Address], number: int) -> bool:
    """Whether the contract says that it does not wait for a request any more: asked by trying an answer."""
    attempt = asked.prefix + "0" * 64
    for key in sorted(keys):
        try:
            await chain.call(asked.key.contract, attempt, sender=key, block=number)
        except RpcError as error:
            if _CLOSED in revert_text(error).lower():
                return True
    return False
