"""The loop that follows what was sent until nothing can happen to it any more.

At each head: receipts for the transactions whose nonces the chain has used, receipts taken back whose block left the chain,
prices raised, silence answered by sending again, and ``safe`` for what is deep enough. What it asks the database is indexed by
what is open and due, so finished transactions, and open ones that a head does not concern, cost nothing.

Everything it knows is in the rows, and each step may be repeated, so a crash anywhere costs a look.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from typing import NamedTuple

import structlog

from adyton.domain.chain import Address, Hash, Head, Receipt
from adyton.domain.errors import Broken, Disconnected, Refused, TryAgain
from adyton.domain.gas import safe_height
from adyton.domain.transactions import Transaction
from adyton.ethereum import reverts
from adyton.ethereum.errors import RpcError
from adyton.storage import foreign_nonces, judgements, requests
from adyton.storage import transactions as stored
from adyton.storage.database import Statement
from adyton.storage.foreign_nonces import ForeignNonces
from adyton.storage.transaction_rows import Mined
from adyton.transactions.bumps import Bumper
from adyton.transactions.gaps import GapFiller
from adyton.transactions.parts import Parts
from adyton.transactions.sending import BackOff
from adyton.transactions.tallies import Tally
from adyton.transactions.trial import is_revert
from adyton.transactions.wishes import Wishes

PAGE = 200
"""Transactions whose receipts are asked for and stored at once; also safe ones that are judged again at once."""
IDLE_LOOK = 10.0
"""Seconds after which the loop looks without a new head, while something is unconfirmed."""
REASON_PATIENCE = 3.0
"""Seconds spent on finding out why transactions reverted, before they are stored without a reason."""

log = structlog.get_logger(__name__)


class Listening(NamedTuple):
    """Whom the loop tells: ``settled`` which runs' transactions are safe, ``waiting`` that there are rows to send again from
    the beginning."""

    settled: Callable[[Iterable[str | None]], None]
    waiting: Callable[[], None]


class Verdict(NamedTuple):
    """Which mined transactions are still in the chain and which have left it; ``untold``: some it cannot be told of now."""

    canonical: list[Mined]
    gone: list[Mined]
    untold: bool


class Look(NamedTuple):
    """What one look left: transactions that are sent and not mined, and something that should be there already but is not."""

    open: bool
    soon: bool


class Confirmer:
    """Follows the transactions of every key, also of those whose key file is gone."""

    def __init__(self, parts: Parts, listening: Listening) -> None:
        self._parts = parts
        self._listening = listening
        self._bumper = Bumper(parts)
        self._gap_filler = GapFiller(parts)
        self._wishes = Wishes(parts, self._bumper)
        self._tallies: dict[Address, Tally] = {}
        self._signal = asyncio.Event()
        self._gaps: set[Address] = set()
        self._last: Head | None = None
        self._soon = BackOff(parts.entropy, first=0.25, last=5.0)

    def wake(self) -> None:
        """There is a new head, or something was sent."""
        self._signal.set()

    def fill_gap(self, sender: Address) -> None:
        """A node misses earlier transactions of that key: send them again now."""
        self._gaps.add(sender)
        self._signal.set()

    async def run(self) -> None:
        """Follow, for ever, through lost connections, a failing database and defects. Cancel to stop."""
        patience: float | None = 0.0
        while True:
            await self._called(patience)
            state = self._parts.heads.state
            if not state.connected or state.head is None:
                patience = None
                continue
            look = Look(open=True, soon=True)
            try:
                look = await self._look(state.head)
            except (TryAgain, RpcError, Refused, Broken) as fault:
                log.warning("following transactions failed; trying again", because=str(fault))
            except Exception:
                log.exception("following transactions failed in a way that it must not; trying again")
            patience = self._patience(look)

    def _patience(self, look: Look) -> float | None:
        """Seconds to the next look should nobody call; None: only when called."""
        if look.soon:
            return self._soon.next()
        self._soon.reset()
        return IDLE_LOOK if look.open else None

    async def _called(self, patience: float | None) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._signal.wait()
        self._signal.clear()

    async def _look(self, head: Head) -> Look:
        gaps, self._gaps = self._gaps, set()
        if self._last is None or self._last.hash != head.hash:
            await self._arrive(head)
        more = await self._judge_again()
        senders = await stored.senders_open(self._parts.db)
        missing = await asyncio.gather(*(self._follow(sender, head, now=sender in gaps) for sender in senders))
        returned = await self._finish(head)
        return Look(open=bool(senders), soon=any(missing) or returned or more)

    async def _arrive(self, head: Head) -> None:
        """A new head: stamp what was sent before it, and look whether the chain under it is the one that was."""
        if await stored.anything_unseen(self._parts.db):
            await self._parts.db.write(*stored.seen(head.number))
        if await self._follows(head) or await self._reorganised(head):
            self._last = head

    async def _follows(self, head: Head) -> bool:
        """Whether the head grew from the last one."""
        last = self._last
        return last is not None and (head.parent_hash == last.hash or await self._canonical(last.number) == last.hash)

    async def _reorganised(self, head: Head) -> bool:
        """Look where everything was mined that may have left the chain. Safe transactions too: a depth that is enough for an
        answer need not be for a nonce, and a nonce that is missing blocks the key. False when not all could be looked at."""
        verdict = await self._judge(await stored.confirmed_until(self._parts.db, None))
        if verdict.gone:
            await self._parts.db.write(stored.reorganised([mined.id for mined in verdict.gone]))
            self._parts.metrics.transactions_reopened.inc(len(verdict.gone))
        safe = await self._judge(await stored.safe_since(self._parts.db, head.number - self._parts.finality_depth))
        if safe.gone:
            await self._reopen(safe.gone)
        return not safe.untold

    async def _reopen(self, gone: list[Mined], *more: Statement) -> None:
        taken_back = requests.reopened([(m.run_id, m.answer) for m in gone if m.run_id and m.answer])
        await self._parts.db.write(stored.reopened([mined.id for mined in gone]), taken_back, *more)
        self._parts.metrics.transactions_reopened.inc(len(gone))

    async def _judge_again(self) -> bool:
        """Judge some of the safe transactions that an operator wants judged again, because the chain lost what was final.
        Returns whether to look again soon: there are more, or it could not be told of these."""
        first = await judgements.wanted(self._parts.db)
        if first is None:
            return False
        found = await judgements.safe_from(self._parts.db, first, PAGE)
        verdict = await self._judge(found)
        if verdict.untold:
            return True
        ends = len(found) < PAGE
        reached = judgements.progress(first, None if ends else found[-1].block + 1)
        # A crash before this is durable judges the same ones again.
        if verdict.gone:
            await self._reopen(verdict.gone, reached)
        else:
            await self._parts.db.write(reached)
        return not ends

    # --- one key -----------------------------------------------------------------------------------------------------

    async def _follow(self, sender: Address, head: Head, *, now: bool) -> bool:
        """Everything about one key; its troubles are not those of the others. Returns whether to look again soon."""
        try:
            count = await self._parts.chain.transaction_count(sender, "latest")
            missing = await self._receipts(sender, count, head)
            await self._gap_filler.fill(sender, count, head)
            await self._bumper.decide(sender, head)
            await self._wishes.obey(sender, count, head)
            await self._bumper.bump(sender, count, head)
            await self._bumper.resend(sender, count, head, now=now)
        except Disconnected as fault:
            log.info("following transactions stops: no connection to the chain", key=sender, because=str(fault))
        except (TryAgain, RpcError, Refused, Broken) as fault:
            log.warning("following the transactions of a key failed; trying again", key=sender, because=str(fault))
            return True
        except Exception:
            log.exception("following the transactions of a key failed in a way that it must not; trying again", key=sender)
            return True
        else:
            return missing
        return False

    async def _receipts(self, sender: Address, count: int, head: Head) -> bool:
        """Find and store receipts. Returns whether one is missing that should exist."""
        after, missing = -1, False
        while page := await stored.minable(self._parts.db, sender, count, after, PAGE):
            after = page[-1].nonce or 0
            found = await self._found(page)
            if found:
                inclusions = await asyncio.gather(
                    *(self._inclusion(transaction, found[transaction.id]) for transaction in _in(page, found))
                )
                # A crash before this is durable asks for the receipts again.
                await self._parts.db.write(*stored.confirmed(inclusions))
                for transaction in _in(page, found):
                    self._tell_mined(transaction, found[transaction.id])
            for transaction in page:
                if transaction.id not in found:
                    missing = not await self._displaced(transaction, head) or missing
        return missing

    def _tell_mined(self, transaction: Transaction, receipt: Receipt) -> None:
        """Log and count a receipt."""
        tell = log.warning if receipt.status == 0 else log.debug
        tell(
            "transaction reverted" if receipt.status == 0 else "transaction mined",
            transaction=transaction.id,
            run=transaction.run_id,
            attempt=receipt.transaction_hash,
            block=receipt.block_number,
        )
        key = transaction.from_address
        if key not in self._tallies:
            self._tallies[key] = Tally(self._parts.metrics, key)
        self._tallies[key].mined(transaction, receipt)

    async def _found(self, page: list[Transaction]) -> dict[int, Receipt]:
        """The receipts that there are, by transaction; any attempt may be the one that was mined."""
        attempts = [attempt for transaction in page for attempt in transaction.attempts]
        receipts = await self._parts.chain.receipts([attempt.hash for attempt in attempts])
        return {
            attempt.transaction_id: receipt
            for attempt, receipt in zip(attempts, receipts, strict=True)
            if receipt is not None and receipt.transaction_hash == attempt.hash
        }

    async def _inclusion(self, transaction: Transaction, receipt: Receipt) -> stored.Inclusion:
        return stored.Inclusion(
            transaction_id=transaction.id,
            receipt=receipt,
            safe_height=safe_height(receipt.block_number, transaction.min_confirmations),
            revert_reason=await self._reason(transaction, receipt) if receipt.status == 0 else None,
        )

    async def _reason(self, transaction: Transaction, receipt: Receipt) -> str | None:
        """Why it reverted, by asking what it would do on the state before its block; a guess when others in the block came
        first, and never worth waiting for."""
        try:
            async with asyncio.timeout(REASON_PATIENCE):
                await self._parts.chain.call(
                    transaction.to_address,
                    transaction.data,
                    sender=transaction.from_address,
                    block=max(receipt.block_number - 1, 0),
                    gas=transaction.gas_limit,
                )
        except RpcError as refusal:
            return reverts.revert_text(refusal) or None if is_revert(refusal) else None
        except (TryAgain, TimeoutError) as fault:
            log.debug(
                "the reason of a revert is not known",
                transaction=transaction.id,
                run=transaction.run_id,
                because=str(fault),
            )
        return None

    async def _displaced(self, transaction: Transaction, head: Head) -> bool:
        """Whether something else used the transaction's nonce, deeper than the chain can change. Then it can never be mined
        under that nonce, was never mined, and starts over."""
        depth = self._parts.finality_depth
        if transaction.waiting_since is None or head.number < transaction.waiting_since + depth:
            return False
        settled = await self._parts.chain.transaction_count(transaction.from_address, hex(max(head.number - depth, 0)))
        if transaction.nonce is None or settled <= transaction.nonce:
            return False
        key, nonce = transaction.from_address, transaction.nonce
        log.error(
            "something else used this node's key and the nonce of a transaction",
            transaction=transaction.id,
            run=transaction.run_id,
            key=key,
            nonce=nonce,
            so="it is given up, as an operator wished" if transaction.unwanted else "it starts over",
        )
        if transaction.unwanted:
            end = stored.given_up(transaction.id, "cancelled by an operator: something else used its nonce")
        else:
            end = stored.displaced(transaction.id)
        foreign = foreign_nonces.adopted(ForeignNonces(key, nonce, nonce, self._parts.clock.now()))
        await self._parts.db.write(*end, foreign)
        self._parts.metrics.foreign_nonces.labels(key).inc()
        if transaction.unwanted:
            self._listening.settled([transaction.run_id])
        self._listening.waiting()
        return True

    # --- depth -------------------------------------------------------------------------------------------------------

    async def _finish(self, head: Head) -> bool:
        """End the watching of what is deep enough, if its block still is in the chain. Returns whether some was not."""
        verdict = await self._judge(await stored.confirmed_until(self._parts.db, head.number))
        if verdict.gone:
            await self._parts.db.write(stored.reorganised([mined.id for mined in verdict.gone]))
            self._parts.metrics.transactions_reopened.inc(len(verdict.gone))
        if verdict.canonical:
            answers = [(m.run_id, m.answer, m.block, m.block_hash) for m in verdict.canonical if m.run_id and m.answer]
            await self._parts.db.write(stored.safe([mined.id for mined in verdict.canonical]), requests.answered(answers))
            self._listening.settled([mined.run_id for mined in verdict.canonical])
        return bool(verdict.gone)

    async def _judge(self, found: list[Mined]) -> Verdict:
        """Whether the blocks that mined transactions are in the chain; changes nothing."""
        blocks = {block: await self._canonical(block) for block in {mined.block: None for mined in found}}
        height = self._parts.head().number
        gone = [m for m in found if blocks[m.block] not in {None, m.block_hash} or m.block > height]
        for mined in gone:
            log.warning("a transaction's block left the chain", transaction=mined.id, run=mined.run_id, block=mined.block)
        untold = any(block is None and number <= height for number, block in blocks.items())
        return Verdict([m for m in found if blocks[m.block] == m.block_hash and m.block <= height], gone, untold)

    async def _canonical(self, block: int) -> Hash | None:
        try:
            return await self._parts.heads.canonical_hash(block)
        except (RpcError, TryAgain) as fault:
            log.info("it can't be told which block is canonical", block=block, because=str(fault))
            return None


def _in(page: list[Transaction], found: dict[int, Receipt]) -> list[Transaction]:
    return [transaction for transaction in page if transaction.id in found]
