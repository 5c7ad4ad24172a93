"""What happened, told step by step: from values to words. Nothing here asks anybody.

Params of tasks may hold secrets, so only their types are told; texts that sources or Ethereum nodes wrote lose what in their
URLs could be one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from adyton.config.redact import words
from adyton.domain import evm
from adyton.domain.chain import Hash
from adyton.domain.fates import NOT_ASKED, Fate, Kind
from adyton.domain.gas import GWEI
from adyton.domain.jobs import Job
from adyton.domain.requests import EXEC_AGREEMENT, RUN_LOG, Request
from adyton.domain.times import rfc3339, seconds_text
from adyton.domain.transactions import Attempt, Transaction, TransactionState
from adyton.storage.rereads import Reread

_ASKED = (RUN_LOG, EXEC_AGREEMENT)
"""Initiators that take requests."""


class Step(msgspec.Struct, frozen=True):
    """One thing that happened or was found. ``at`` is in microseconds, None where nobody noted the time; ``block`` is the one
    that it is about."""

    what: str
    detail: str
    at: int | None = None
    block: int | None = None


class Chapter(msgspec.Struct, frozen=True, kw_only=True):
    """One request, run or transaction: its steps in order, what became of it, and what to do now ("" if there is nothing)."""

    subject: str
    steps: tuple[Step, ...]
    fate: Fate | None = None
    next: str = ""


class Explanation(msgspec.Struct, frozen=True):
    """What was asked for, and what is known of it: a chapter for each request, run or transaction that it names."""

    what: str
    chapters: tuple[Chapter, ...]


class Sight(msgspec.Struct, frozen=True, kw_only=True):
    """The chain as it is now. ``hashes`` are those of canonical blocks by height, without those that could not be told."""

    head: int | None
    hashes: Mapping[int, Hash | None] = {}
    problem: str | None = None

    def where(self, number: int, block_hash: Hash | None) -> str:
        """Whether a block is on the chain, and how deep."""
        if number not in self.hashes or self.head is None:
            return f"block {number} (whether it is on the chain cannot be told now: {self.problem or 'no answer'})"
        if self.lacks(number, block_hash):
            return f"block {number}, which is not on the chain any more"
        return f"block {number}, {max(0, self.head - number + 1)} deep now"

    def lacks(self, number: int, block_hash: Hash | None) -> bool:
        """Whether a block certainly is not on the chain."""
        return number in self.hashes and block_hash is not None and self.hashes[number] != block_hash


# --- a request -------------------------------------------------------------------------------------------------------


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What a job asks of a request. ``job`` is None when there is none; ``cost`` in juels, None when it cannot be told."""

    job: Job | None
    cost: int | None
    confirmations: int | None


def told_request(request: Request, terms: Terms, sight: Sight, rereads: Sequence[Reread]) -> Iterator[Step]:
    """Where it was asked, of whom, by whom, for how much, and what was decided."""
    contract = evm.checksum(request.contract)
    where = sight.where(request.block_number, request.block_hash)
    yield Step(
        "request seen",
        f"request {request.request_id} of contract {contract}, log {request.log_index} of transaction "
        f"{request.transaction_hash}, in {where}",
        request.seen_at,
        request.block_number,
    )
    for reread in rereads:
        if reread.from_block <= request.block_number < reread.next_block:
            span = f"blocks {reread.from_block} to {reread.next_block - 1}"
            yield Step("read again", f"{span}: {reread.reason}", reread.asked_at, request.block_number)
    yield _job(request, terms.job)
    yield _requester(request, terms.job)
    yield _payment(request, terms.cost)
    if request.expiration is not None:
        since = seconds_text(request.expiration)
        yield Step("expiration", "never" if since is None else f"from {since} on the requester may cancel it")
    if terms.confirmations is not None:
        yield Step(
            "confirmations", f"the job waits until the request is {terms.confirmations} deep; its own block counts as one"
        )
    because = f": {words(request.reason)}" if request.reason else ""
    yield Step("decision", f"{request.decision}{because}", request.seen_at)


def _job(request: Request, job: Job | None) -> Step:
    if job is None:
        return Step("job", f"{request.job_id}: there is no such job on this node")
    named = [each.agreement for each in job.initiators if each.agreement is not None]
    under = f", by agreement {named[0]}" if named else ""
    archived = f", archived {rfc3339(job.archived_at)}" if job.archived_at is not None else ""
    tasks = ", ".join(task.type for task in job.tasks)
    changed = " now (it was changed since it was made; a run keeps the tasks that it began with)" if job.version > 1 else ""
    return Step("job", f"{job.id}{under}{archived}, with tasks {tasks}{changed}; {listens(job)}")


def listens(job: Job) -> str:
    """Which contracts a job takes requests of."""
    addresses = [each.address for each in job.initiators if each.type in _ASKED]
    if not addresses:
        return "it takes no requests from the chain"
    named = [evm.checksum(address) for address in addresses if int(address, 16)]
    return f"it listens to {', '.join(named)}" if len(named) == len(addresses) else "it listens to every contract"


def _requester(request: Request, job: Job | None) -> Step:
    listed = {each for i in (job.initiators if job is not None else ()) if i.type in _ASKED for each in i.requesters}
    who = evm.checksum(request.requester)
    if job is None:
        return Step("requester", who)
    if not listed:
        return Step("requester", f"{who}; anyone may ask")
    return Step("requester", f"{who}, who {'may' if request.requester in listed else 'may not'} ask this job")


def _payment(request: Request, cost: int | None) -> Step:
    paid = f"{evm.eighteen(request.payment)} LINK"
    if cost is None:
        return Step("payment", f"{paid}; what the job asks for is not known")
    enough = "enough" if request.payment >= cost else "too little"
    return Step("payment", f"{paid}; the job asks for {evm.eighteen(cost)} LINK now: {enough}")


def told_closing(request: Request, sight: Sight) -> Iterator[Step]:
    """What the chain says of its end."""
    if request.closed is not None:
        where = sight.where(request.closed.block_number, request.closed.block_hash)
        detail = f"{request.closed.how.value} in transaction {request.closed.transaction_hash}, in {where}"
        yield Step("closed on the chain", detail, None, request.closed.block_number)


# --- a transaction ---------------------------------------------------------------------------------------------------


def told_transaction(transaction: Transaction, sight: Sight) -> Iterator[Step]:
    """A transaction, its attempts, and its receipt."""
    nonce = "no nonce yet" if transaction.nonce is None else f"nonce {transaction.nonce}"
    why = f", a {transaction.purpose}" if transaction.purpose else ""
    waiting = f"; it waits: {words(transaction.waiting)}" if transaction.waiting else ""
    error = f": {words(transaction.error)}" if transaction.error else ""
    yield Step(
        f"transaction {transaction.id}",
        f"{transaction.state.value}{error}, from {evm.checksum(transaction.from_address)}, {nonce}{why}{waiting}",
        transaction.created_at,
    )
    for number, attempt in enumerate(transaction.attempts, start=1):
        yield _attempt(number, attempt)
    if transaction.receipt is not None:
        yield _receipt(transaction, sight)


def _attempt(number: int, attempt: Attempt) -> Step:
    fee = attempt.fee
    if fee.gas_price is not None:
        price = f"at {gwei(fee.gas_price)} gwei"
    else:
        price = f"at {gwei(fee.fee_cap or 0)} gwei at most, with a tip of {gwei(fee.tip_cap or 0)} gwei"
    sent = "an Ethereum node has taken it" if attempt.state == "broadcast" else "signed; it may have been sent"
    since = "" if attempt.broadcast_before is None else f" before block {attempt.broadcast_before}"
    noop = "a no-op that takes the nonce, " if attempt.noop else ""
    return Step(f"attempt {number}", f"{noop}{attempt.hash} {price}; {sent}{since}", attempt.created_at)


def _receipt(transaction: Transaction, sight: Sight) -> Step:
    receipt = transaction.receipt
    assert receipt is not None, "the caller has looked"
    done = "succeeded" if receipt.status == 1 else f"reverted: {words(transaction.revert_reason or 'no reason is known')}"
    paid = "" if receipt.effective_gas_price is None else f" at {gwei(receipt.effective_gas_price)} gwei"
    where = sight.where(receipt.block_number, receipt.block_hash)
    depth = f"{max(1, transaction.min_confirmations)} deep was asked for"
    detail = f"{receipt.transaction_hash} {done}, in {where}; {depth}; {receipt.gas_used} gas{paid}"
    return Step("receipt", detail, None, receipt.block_number)


def gwei(wei: int) -> str:
    """Wei as gwei, every digit."""
    whole, rest = divmod(wei, GWEI)
    return f"{whole}.{rest:09d}".rstrip("0").rstrip(".")


# --- what to do ------------------------------------------------------------------------------------------------------


class Cure(NamedTuple):
    """What can be done about a reason with these words in it, and whether the same request can be answered after that."""

    words: str
    what: str
    again: bool = True


CURES = (
    Cure("below minimum threshold", "The requester must pay more, or MINIMUM_CONTRACT_PAYMENT be lower."),
    Cure("valid requester", "A job's `requesters` say who may ask it; a new job may have others.", again=False),
    Cure(
        "does not listen to contract", "A job's `address` says which contract it listens to; a new job may have another.", False
    ),
    Cure(
        "no job ",
        "Requesters must name the id of a job of this node (`adyton jobs list`), or a new job be given that id "
        "(`externalJobID`) and begin with what is unanswered (`fromBlock`).",
        again=False,
    ),
    Cure("is archived", "Requesters must name the id of a job of this node: `adyton jobs list`.", again=False),
    Cure("it has no ethtx task", "A job answers with an ethtx task; a new job may have one.", again=False),
    Cure(NOT_ASKED, "A job answers with an ethtx task; a new job may have one.", again=False),
    Cure("left the chain", "Nothing is asked any more. Should the request come back, it goes on by itself.", again=False),
    Cure("before the job begins", "It can be run all the same."),
    Cure("reverted on-chain", "The contract refused the answer: its reason says why."),
)


def advice(request: Request, fate: Fate, transactions: Iterable[Transaction], sight: Sight, job: Job | None) -> str:
    """What an operator can do now; "" when there is nothing to be done. ``job`` is the one that the request names."""
    again = f"adyton requests run {evm.checksum(request.contract)}:{request.request_id}"
    match fate.kind:
        case Kind.ANSWERED | Kind.CANCELLED:
            undone = request.closed is not None and sight.lacks(request.closed.block_number, request.closed.block_hash)
            return "That block is not on the chain any more. If it stays so, `adyton health` says what to do." if undone else ""
        case Kind.IN_PROGRESS:
            stuck = next((each for each in transactions if each.waiting and each.state is not TransactionState.SAFE), None)
            return "`adyton txs doctor` says what can be done about the transaction." if stuck is not None else "Wait."
        case Kind.EXPIRED:
            cure = _cure(request, fate, job)
            still = f" Until then an answer still counts: `{again}`" if cure.again else f" {cure.what}"
            return f"The requester may take the payment back.{still}"
        case Kind.REFUSED:
            cure = _cure(request, fate, job)
            return f"{cure.what} Then: `{again}`" if cure.again else cure.what
        case Kind.UNACCOUNTED:
            return f"Report it, with this text, and run it: `{again}`"


def _cure(request: Request, fate: Fate, job: Job | None) -> Cure:
    found = next((cure for cure in CURES if cure.words in fate.reason), None)
    if found is None:
        seen = "" if request.run_id is None else f" `adyton runs show {request.run_id}` shows what each task came to."
        return Cure("", f"Correct the cause.{seen}")
    if found.words == "no job " and job is not None and job.archived_at is None:
        return Cure("", "The job is there now.")
    return found
