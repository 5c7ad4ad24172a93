"""Transactions and attempts as the API shows them: v0.6.2's attributes, and behind them what it did not tell."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

from adyton.domain.calls import Call, read_call
from adyton.domain.chain import Receipt
from adyton.domain.diagnosis import Finding, Remedy
from adyton.domain.evm import checksum
from adyton.domain.times import rfc3339
from adyton.domain.transactions import Attempt, Transaction, TransactionState
from adyton.services.doctor import Examined
from adyton.services.transactions import Shown, Wished
from adyton.storage.transaction_lists import AttemptOf
from adyton.web.jsonapi import Resource


class TransactionVersion(msgspec.Struct, frozen=True, omit_defaults=True):
    """A signed version of a transaction."""

    hash: str
    gasPrice: str  # noqa: N815 - the API's own name
    state: str
    createdAt: str  # noqa: N815 - the API's own name
    sentAt: str  # noqa: N815 - the API's own name
    gasTipCap: str | None = None  # noqa: N815 - the API's own name
    noop: bool = False


class TransactionReceipt(msgspec.Struct, frozen=True):
    """What the chain says of the mined one. ``status`` is 1, or 0 if it reverted; ``gasPrice`` and ``cost`` (gas used times
    price) are wei, null on chains whose receipts do not say the price."""

    hash: str
    status: int
    blockNumber: int  # noqa: N815 - the API's own name
    blockHash: str  # noqa: N815 - the API's own name
    gasUsed: str  # noqa: N815 - the API's own name
    gasPrice: str | None  # noqa: N815 - the API's own name
    cost: str | None


class TransactionAttributes(msgspec.Struct, frozen=True, kw_only=True):
    """v0.6.2's attributes first. As there, ``confirmed`` is left out when it is not so, and empty bytes are left out."""

    confirmed: bool | UnsetType = UNSET
    data: str | UnsetType = UNSET
    from_: str = msgspec.field(name="from")
    gasLimit: str  # noqa: N815 - the API's own name
    gasPrice: str  # noqa: N815 - the API's own name
    hash: str
    rawHex: str | UnsetType = UNSET  # noqa: N815 - the API's own name
    nonce: str
    sentAt: str  # noqa: N815 - the API's own name
    to: str
    value: str
    txId: int  # noqa: N815 - the API's own name
    state: str
    createdAt: str  # noqa: N815 - the API's own name
    waiting: str | None
    error: str | None
    runId: str | None  # noqa: N815 - the API's own name
    purpose: str | None
    idempotencyKey: str | None  # noqa: N815 - the API's own name
    wish: str | None
    minedIn: str | None  # noqa: N815 - the API's own name
    attempts: list[TransactionVersion]
    receipt: TransactionReceipt | None = None
    call: Call | None = None


class AttemptAttributes(msgspec.Struct, frozen=True):
    """The capitals are v0.6.2's: it showed the columns of its database."""

    ID: int
    TxID: int
    CreatedAt: str
    Hash: str
    GasPrice: int
    Confirmed: bool
    SentAt: int
    SignedRawTx: str
    Noop: bool


class WishAttributes(msgspec.Struct, frozen=True):
    """What an operator wishes of a transaction, and what comes of it. Amounts are wei."""

    wish: str
    dryRun: bool  # noqa: N815 - the API's own name
    outcome: str
    gasPrice: str | None  # noqa: N815 - the API's own name
    mostCost: str  # noqa: N815 - the API's own name
    txId: int  # noqa: N815 - the API's own name
    hash: str
    nonce: str
    from_: str = msgspec.field(name="from")
    state: str
    runId: str | None  # noqa: N815 - the API's own name


class KeyRemedy(msgspec.Struct, frozen=True):
    """What helps: the command to type, and what it may cost."""

    help: str
    words: str
    command: str | None
    gasPrice: str | None  # noqa: N815 - the API's own name
    mostCost: str | None  # noqa: N815 - the API's own name


class KeyDiagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """What keeps a key from sending."""

    address: str
    blocked: bool
    latestNonce: int | None  # noqa: N815 - the API's own name
    pendingNonce: int | None  # noqa: N815 - the API's own name
    nextNonce: int  # noqa: N815 - the API's own name
    balance: str | None
    needed: str | None
    baseFee: str | None  # noqa: N815 - the API's own name
    unstarted: int
    sent: int
    lowest: TransactionAttributes | None
    ageSeconds: float | None  # noqa: N815 - the API's own name
    ageBlocks: int | None  # noqa: N815 - the API's own name
    findings: tuple[Finding, ...]
    remedies: list[KeyRemedy]


def transaction_resource(shown: Shown) -> Resource:
    """A transaction; its id is the hash of the attempt that stands for it, or its row's id as long as it has none."""
    attributes = _transaction(shown)
    return Resource("transactions", attributes.hash or str(attributes.txId), attributes)


def attempt_resource(of: AttemptOf) -> Resource:
    """An attempt."""
    attempt = of.attempt
    attributes = AttemptAttributes(
        attempt.id,
        attempt.transaction_id,
        rfc3339(attempt.created_at),
        attempt.hash,
        attempt.fee.ceiling,
        of.safe == attempt.hash,
        attempt.broadcast_before or 0,
        attempt.raw,
        attempt.noop,
    )
    return Resource("txattempts", attempt.hash, attributes)


def wish_resource(wished: Wished) -> Resource:
    """What an operator wished, or would."""
    transaction, fee = wished.transaction, wished.foreseen.fee
    attributes = WishAttributes(
        wish=wished.wish.value,
        dryRun=wished.dry,
        outcome=wished.foreseen.words,
        gasPrice=None if fee is None else str(fee.ceiling),
        mostCost=str(wished.foreseen.cost),
        txId=transaction.id,
        hash=transaction.attempts[-1].hash if transaction.attempts else "",
        nonce="" if transaction.nonce is None else str(transaction.nonce),
        from_=transaction.from_address,
        state=transaction.state.value,
        runId=transaction.run_id,
    )
    return Resource("wishes", str(transaction.id), attributes)


def key_resource(examined: Examined) -> Resource:
    """What the doctor found of a key."""
    facts = examined.facts
    lowest = facts.lowest
    attributes = KeyDiagnosis(
        address=checksum(facts.address),
        blocked=examined.diagnosis.blocked,
        latestNonce=facts.latest,
        pendingNonce=facts.pending,
        nextNonce=facts.next_nonce,
        balance=_text(facts.balance),
        needed=_text(facts.needed),
        baseFee=_text(facts.base_fee),
        unstarted=facts.unstarted,
        sent=facts.sent,
        lowest=None if lowest is None else _transaction(Shown(lowest, lowest.attempts[-1] if lowest.attempts else None)),
        ageSeconds=facts.age_seconds,
        ageBlocks=facts.age_blocks,
        findings=examined.diagnosis.findings,
        remedies=[_remedy(each) for each in examined.diagnosis.remedies],
    )
    return Resource("keyDiagnoses", attributes.address, attributes)


def _remedy(remedy: Remedy) -> KeyRemedy:
    return KeyRemedy(remedy.help.value, remedy.words, remedy.command, _text(remedy.price), _text(remedy.cost))


def _transaction(shown: Shown) -> TransactionAttributes:
    transaction, attempt = shown.transaction, shown.attempt
    receipt = transaction.receipt
    return TransactionAttributes(
        confirmed=_confirmed(transaction, attempt) or UNSET,
        data=UNSET if transaction.data in {"", "0x"} else transaction.data,
        from_=transaction.from_address,
        gasLimit=str(transaction.gas_limit),
        gasPrice="0" if attempt is None else str(attempt.fee.ceiling),
        hash="" if attempt is None else attempt.hash,
        rawHex=UNSET if attempt is None else attempt.raw,
        nonce="0" if transaction.nonce is None else str(transaction.nonce),
        sentAt="0" if attempt is None else str(attempt.broadcast_before or 0),
        to=transaction.to_address,
        value=str(transaction.value),
        txId=transaction.id,
        state=transaction.state.value,
        createdAt=rfc3339(transaction.created_at),
        waiting=transaction.waiting,
        error=transaction.failure,
        runId=transaction.run_id,
        purpose=transaction.purpose,
        idempotencyKey=transaction.idempotency_key,
        wish=transaction.wish,
        minedIn=None if receipt is None else str(receipt.block_number),
        attempts=[_version(each) for each in transaction.attempts],
        receipt=None if receipt is None else _receipt(receipt),
        call=read_call(transaction.data),
    )


def _receipt(receipt: Receipt) -> TransactionReceipt:
    price = receipt.effective_gas_price
    return TransactionReceipt(
        hash=receipt.transaction_hash,
        status=receipt.status,
        blockNumber=receipt.block_number,
        blockHash=receipt.block_hash,
        gasUsed=str(receipt.gas_used),
        gasPrice=_text(price),
        cost=None if price is None else str(price * receipt.gas_used),
    )


def _confirmed(transaction: Transaction, attempt: Attempt | None) -> bool:
    """As v0.6.2: deep enough, and mined as this attempt."""
    if transaction.state is not TransactionState.SAFE or transaction.receipt is None or attempt is None:
        return False
    return transaction.receipt.transaction_hash == attempt.hash


def _version(attempt: Attempt) -> TransactionVersion:
    return TransactionVersion(
        hash=attempt.hash,
        gasPrice=str(attempt.fee.ceiling),
        gasTipCap=_text(attempt.fee.tip_cap),
        state=attempt.state,
        createdAt=rfc3339(attempt.created_at),
        sentAt=str(attempt.broadcast_before or 0),
        noop=attempt.noop,
    )


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)
