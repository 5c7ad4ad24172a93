"""What an operator wishes of a transaction is done once, whatever happens in between."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from adyton.domain.errors import Conflict, Disconnected, Invalid
from adyton.domain.gas import GWEI, GasRules
from adyton.domain.transactions import Transaction
from adyton.domain.transactions import TransactionState as S
from adyton.domain.wishes import Wish
from adyton.ethereum.errors import RpcError
from adyton.keystore import Keystore
from adyton.sim.loop import run
from adyton.storage import operator_transactions as stored
from adyton.storage.database import Row, Statement
from adyton.transactions.manager import TransactionManager
from support.outgoing import FIRST, OTHER_SENDER, SECOND, SENDER, Desk, OutsideChain, Sent, data_of, desk, simulated


def nothing(_: Sent) -> bool:
    return False


async def sent(at: Desk, *names: str) -> None:
    await at.ask(*names)
    for name in names:
        await at.until(name, S.UNCONFIRMED)


async def wish(at: Desk, name: str, wanted: Wish, price: int | None = None) -> None:
    await at.db.write(stored.wish(await at.of(name), wanted, price))
    at.manager.wished()


async def wished(at: Desk, name: str, wanted: Wish, price: int | None = None) -> Transaction:
    """The transaction after its wish was obeyed."""
    await wish(at, name, wanted, price)
    await at.settle()
    return await at.of(name)


def prices(transaction: Transaction) -> list[int]:
    return [each.fee.ceiling // GWEI for each in transaction.attempts]


def legacy(**rules: Any) -> dict[str, Any]:
    return {"chain": OutsideChain(base_fee=None), "rules": GasRules(**rules)}


@simulated
async def test_a_bump_raises_at_once_by_the_rules() -> None:
    async with desk(**legacy()) as at:
        await sent(at, "run")
        found = await wished(at, "run", Wish.BUMP)
        assert (prices(found), found.wish) == ([20, 25], None)
        assert at.chain.pool[SENDER, 0].price == 25 * GWEI
        await at.settle(5)
        assert prices(await at.of("run")) == [20, 25]
        assert at.metrics.transactions_bumped.labels(SENDER)._value.get() == 1


@simulated
async def test_a_bump_may_name_its_price() -> None:
    async with desk(**legacy()) as at:
        await sent(at, "run")
        assert prices(await wished(at, "run", Wish.BUMP, 70 * GWEI)) == [20, 70]


@simulated
async def test_a_price_with_a_base_fee_is_the_fee_cap_and_raises_the_tip_as_well() -> None:
    async with desk() as at:
        await sent(at, "run")
        found = await wished(at, "run", Wish.BUMP, 70 * GWEI)
        first, second = found.attempts
        assert second.fee.fee_cap == 70 * GWEI
        assert (second.fee.tip_cap or 0) > (first.fee.tip_cap or 0)
        assert at.chain.pool[SENDER, 0].hash == second.hash


@simulated
async def test_a_price_that_has_been_outdone_is_not_asked_for_any_more() -> None:
    async with desk(**legacy()) as at:
        await sent(at, "run")
        await wished(at, "run", Wish.BUMP, 70 * GWEI)
        found = await wished(at, "run", Wish.BUMP, 70 * GWEI)
        assert (prices(found), found.wish) == ([20, 70], None)


@simulated
async def test_at_the_ceiling_a_bump_says_so_and_is_done() -> None:
    async with desk(**legacy(price_max=21 * GWEI)) as at:
        await sent(at, "run")
        found = await wished(at, "run", Wish.BUMP)
        assert (prices(found), found.wish) == ([20], None)
        assert "ceiling" in (found.waiting or "")


@simulated
async def test_resend_sends_the_same_bytes() -> None:
    async with desk() as at:
        await sent(at, "run")
        at.chain.pool.clear()  # the node forgot it
        found = await wished(at, "run", Wish.RESEND)
        assert found.wish is None
        assert [each.hash for each in at.chain.sent] == [found.attempts[0].hash] * 2
        assert at.chain.pool[SENDER, 0].hash == found.attempts[0].hash
        assert at.metrics.transactions_resent.labels(SENDER)._value.get() == 1


# --- cancel ----------------------------------------------------------------------------------------------------------


@simulated
async def test_a_cancelled_transaction_is_replaced_by_one_that_does_nothing_and_its_run_hears_it() -> None:
    async with desk(**legacy()) as at:
        heard = at.manager.settled()
        await sent(at, "run", "next")
        found = await wished(at, "run", Wish.CANCEL)
        assert [(each.noop, each.fee.gas_price) for each in found.attempts] == [(False, 20 * GWEI), (True, 25 * GWEI)]
        assert (found.wish, found.cancelling) == (None, True)
        assert at.chain.pool[SENDER, 0].data == "0x"
        at.chain.mine()
        found = await at.until("run", S.SAFE, seconds=1)
        assert found.failure == "cancelled by an operator: its nonce was used by a no-op"
        assert (await at.until("next", S.SAFE, seconds=1)).failure is None
        assert sorted(await anext(heard)) == ["next", "run"]


@simulated
async def test_the_answer_counts_if_it_is_mined_after_all() -> None:
    async with desk(**legacy()) as at:
        await sent(at, "run")
        original = at.chain.pool[SENDER, 0]
        await wished(at, "run", Wish.CANCEL)
        at.chain.pool[SENDER, 0] = original  # the miner preferred it
        at.chain.mine()
        found = await at.until("run", S.SAFE, seconds=1)
        assert (found.failure, found.cancelled) == (None, False)


@simulated
async def test_what_is_mined_before_the_wish_is_obeyed_is_not_cancelled() -> None:
    async with desk(min_confirmations=3) as at:
        await sent(at, "run")
        at.chain.connect()
        await wish(at, "run", Wish.CANCEL)
        at.chain.mine()
        await at.settle()
        found = await at.of("run")
        assert (found.state, found.wish, found.cancelling) == (S.CONFIRMED, None, False)


@simulated
async def test_a_no_op_that_is_not_mined_is_raised_as_a_no_op() -> None:
    async with desk(**legacy()) as at:
        await sent(at, "run")
        await wished(at, "run", Wish.CANCEL)
        for _ in range(14):
            at.chain.mine(only=nothing)
            await at.settle(0.1)
        found = await at.of("run")
        assert [each.noop for each in found.attempts] == [False, True, True]
        assert at.chain.pool[SENDER, 0].data == "0x"


@simulated
async def test_a_no_op_that_is_refused_as_underpriced_is_priced_again_as_a_no_op() -> None:
    async with desk(**legacy()) as at:
        await sent(at, "run")
        at.chain.scripted = [RpcError(-32000, "transaction underpriced")]
        found = await wished(at, "run", Wish.CANCEL)
        assert [each.noop for each in found.attempts] == [False, True]
        assert prices(found)[-1] == 30
        assert at.chain.pool[SENDER, 0].data == "0x"


@pytest.mark.parametrize("words", ["intrinsic gas too low", "tx fee (2.00 ether) exceeds the configured cap (1.00 ether)"])
def test_a_no_op_that_a_node_refuses_for_ever_stays_wanted_and_is_tried_at_every_head(words: str) -> None:
    async def scenario() -> None:
        async with desk(**legacy()) as at:
            await sent(at, "run")
            at.chain.refuse = lambda sent: RpcError(-32000, words) if sent.data == "0x" else None
            found = await wished(at, "run", Wish.CANCEL)
            assert found.cancelling
            assert words in (found.waiting or "")
            at.chain.refuse = None
            at.chain.mine(only=nothing)
            await at.settle()
            assert at.chain.pool[SENDER, 0].data == "0x"

    run(scenario())


@pytest.mark.parametrize("price_max", [5000, 1800])
def test_a_no_op_that_is_too_dear_is_signed_again_at_the_price_of_today(price_max: int) -> None:
    """Also when none could be signed, because the transaction is at the ceiling."""

    async def scenario() -> None:
        async with desk(OutsideChain(base_fee=400 * GWEI), rules=GasRules(price_max=price_max * GWEI)) as at:
            await sent(at, "run")
            at.chain.pool.clear()
            at.chain.refuse = lambda sent: (
                RpcError(-32000, "tx fee (2.00 ether) exceeds the configured cap (1.00 ether)")
                if sent.price > 500 * GWEI
                else None
            )
            assert (await wished(at, "run", Wish.CANCEL)).wish == (None if price_max > 2000 else "cancel")
            at.chain.base_fee = 10 * GWEI
            at.chain.mine()
            await at.settle(60)
            assert at.chain.pool[SENDER, 0].data == "0x"
            at.chain.mine()
            found = await at.until("run", S.SAFE, seconds=1)
            assert (found.cancelled, found.wish) == (True, None)

    run(scenario())


@simulated
async def test_at_the_ceiling_a_cancellation_waits_for_a_higher_one() -> None:
    chain = OutsideChain(base_fee=None)
    async with desk(chain, rules=GasRules(price_max=21 * GWEI)) as at:
        await sent(at, "run")
        found = await wished(at, "run", Wish.CANCEL)
        assert (found.wish, found.cancelling) == ("cancel", False)
        assert "to be cancelled by an operator, but" in (found.waiting or "")
        assert "ETH_MAX_GAS_PRICE_WEI" in (found.waiting or "")
        at._options["rules"] = GasRules(price_max=100 * GWEI)
        await at.crash()
        at.start()
        await at.settle()
        assert (await at.of("run")).cancelling


@simulated
async def test_what_is_to_be_cancelled_and_loses_its_nonce_to_something_else_does_not_start_over() -> None:
    async with desk(finality_depth=5, rules=GasRules(price_max=21 * GWEI), chain=OutsideChain(base_fee=None)) as at:
        heard = at.manager.settled()
        await sent(at, "run")
        await wished(at, "run", Wish.CANCEL)  # it cannot begin: the ceiling
        at.chain.pool.clear()
        at.chain.counts = {"latest": lambda _: 1, "pending": lambda _: 1, hex(1): lambda _: 1}
        for _ in range(7):
            at.chain.mine()
            at.chain.counts[hex(max(len(at.chain.blocks) - 6, 0))] = lambda _: 1
            await at.settle()
        found = await at.of("run")
        assert (found.state, found.nonce) == (S.FATAL_ERROR, None)
        assert found.error == "cancelled by an operator: something else used its nonce"
        assert await anext(heard) == ["run"]


@simulated
async def test_a_transaction_in_progress_is_cancelled_as_soon_as_a_node_has_it() -> None:
    async with desk(**legacy()) as at:
        at.chain.refuse = lambda _: RpcError(-32000, "insufficient funds for gas * price + value")
        await at.ask("run")
        await at.until("run", S.IN_PROGRESS)
        found = await wished(at, "run", Wish.CANCEL)
        assert (found.state, found.wish) == (S.IN_PROGRESS, "cancel")
        at.chain.refuse = None
        await at.settle(30)
        found = await at.of("run")
        assert (found.state, found.cancelling, found.wish) == (S.UNCONFIRMED, True, None)


@simulated
async def test_what_a_node_refuses_for_ever_in_words_that_nobody_knows_can_be_cancelled_and_blocks_nothing_then() -> None:
    async with desk(**legacy()) as at:
        at.chain.refuse = lambda sent: RpcError(-32000, "policy 17 says no") if sent.data != "0x" and not sent.nonce else None
        await at.ask("run", "next")
        await at.until("run", S.IN_PROGRESS)
        await at.settle(60)
        assert (await at.of("run")).state is S.IN_PROGRESS
        await wished(at, "run", Wish.CANCEL)
        await at.until("next", S.UNCONFIRMED, seconds=30)
        at.chain.mine()
        found = await at.until("run", S.SAFE, seconds=40)
        assert found.failure == "cancelled by an operator: its nonce was used by a no-op"
        assert (await at.until("next", S.SAFE, seconds=40)).failure is None


# --- crashes ---------------------------------------------------------------------------------------------------------


class Dying:
    """The desk's database, which never returns from a write whose statements hold certain words: once, before or after it."""

    def __init__(self, at: Desk, words: str, *, after: bool) -> None:
        self._real = at.db
        self._words = words
        self._after = after
        self.dead = asyncio.Event()

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)

    async def write(self, *statements: Statement) -> list[list[Row]]:
        hit = any(self._words in each.sql for each in statements)
        if hit and not self._after:
            self.dead.set()
            await asyncio.Event().wait()
        answer = await self._real.write(*statements)
        if hit:
            self.dead.set()
            await asyncio.Event().wait()
        return answer


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("wanted", list(Wish))
def test_a_crash_on_either_side_of_the_write_loses_no_wish_and_does_it_once(wanted: Wish, after: bool) -> None:
    async def scenario() -> None:
        async with desk(**legacy()) as at:
            await sent(at, "run")
            await at.crash()
            await at.db.write(stored.wish(await at.of("run"), wanted, None))
            dying = Dying(at, "SET wish = NULL", after=after)
            at._options["db"] = dying
            at.manager = TransactionManager(**at._options)
            at.start()
            async with asyncio.timeout(60):
                await dying.dead.wait()
            at._options["db"] = at.db
            await at.crash()
            at.start()
            await at.settle(3)
            found = await at.of("run")
            assert found.wish is None
            assert prices(found) == ([20] if wanted is Wish.RESEND else [20, 25])
            assert [each.noop for each in found.attempts][-1] == (wanted is Wish.CANCEL)
            assert at.chain.pool[SENDER, 0].hash == found.attempts[-1].hash

    run(scenario())


@simulated
async def test_a_crash_behind_the_write_of_a_no_op_sends_it_at_the_next_start() -> None:
    async with desk(**legacy()) as at:
        await sent(at, "run")

        def hang(_: Sent) -> object:
            return asyncio.Event().wait()

        at.chain.scripted = [hang]
        await wish(at, "run", Wish.CANCEL)
        await at.settle()
        assert at.chain.pool[SENDER, 0].data == data_of("run")
        await at.crash()
        at.start()
        await at.settle()
        assert at.chain.pool[SENDER, 0].data == "0x"
        assert [each.state for each in (await at.of("run")).attempts] == ["broadcast", "broadcast"]


@simulated
async def test_a_wish_replaces_an_attempt_of_which_nobody_knows_whether_a_node_has_it() -> None:
    async with desk(**legacy()) as at:
        await sent(at, "run")
        poor = RpcError(-32000, "insufficient funds for gas * price + value")
        at.chain.refuse = lambda sent: poor if sent.price == 25 * GWEI else None
        found = await wished(at, "run", Wish.BUMP)
        assert [each.state for each in found.attempts] == ["broadcast", "in_progress"]
        found = await wished(at, "run", Wish.CANCEL)
        assert [(each.noop, each.state) for each in found.attempts] == [
            (False, "broadcast"),
            (False, "broadcast"),
            (True, "broadcast"),
        ]
        assert prices(found) == [20, 25, 30]


# --- what would come of it -------------------------------------------------------------------------------------------


@simulated
async def test_what_a_wish_would_do_is_told_with_its_most_cost() -> None:
    async with desk(**legacy()) as at:
        await sent(at, "run")
        found, foresee = await at.of("run"), at.manager.foresight.foresee
        bump = await foresee(found, Wish.BUMP)
        assert (bump.cost, bump.words) == (500_000 * 25 * GWEI, "it is signed again at 25000000000 wei a gas and sent")
        assert (await foresee(found, Wish.BUMP, 70 * GWEI)).cost == 500_000 * 70 * GWEI
        assert (await foresee(found, Wish.CANCEL)).cost == 500_000 * 25 * GWEI
        assert (await foresee(found, Wish.RESEND)).cost == 0
        assert await at.of("run") == found


@simulated
async def test_a_price_that_would_not_do_is_refused_with_the_least_that_would() -> None:
    async with desk(**legacy(price_max=100 * GWEI)) as at:
        await sent(at, "run")
        found = await at.of("run")
        with pytest.raises(Invalid, match="only for 10 % more, 22000000000"):
            await at.manager.foresight.foresee(found, Wish.BUMP, 21 * GWEI)
        with pytest.raises(Invalid, match="above ETH_MAX_GAS_PRICE_WEI"):
            await at.manager.foresight.foresee(found, Wish.CANCEL, 101 * GWEI)


@simulated
async def test_a_wish_that_makes_no_sense_is_refused_with_the_state() -> None:
    async with desk(**legacy()) as at:
        at.chain.disconnect()
        await at.ask("run")
        foresee = at.manager.foresight.foresee
        with pytest.raises(Conflict, match="is unstarted"):
            await foresee(await at.of("run"), Wish.BUMP)
        assert (await foresee(await at.of("run"), Wish.CANCEL)).cost == 0
        at.chain.connect()
        await at.until("run", S.UNCONFIRMED)
        await wished(at, "run", Wish.CANCEL)
        with pytest.raises(Conflict, match="is being cancelled"):
            await foresee(await at.of("run"), Wish.CANCEL)
        assert (await foresee(await at.of("run"), Wish.BUMP)).cost == 500_000 * 30 * GWEI  # the no-op's
        at.chain.disconnect()
        with pytest.raises(Disconnected):
            await foresee(await at.of("run"), Wish.BUMP)
        at.chain.connect()
        at.chain.mine()
        await at.until("run", S.SAFE)
        for wanted in Wish:
            with pytest.raises(Conflict, match="is safe"):
                await foresee(await at.of("run"), wanted)


@simulated
async def test_at_the_ceiling_neither_a_bump_nor_a_cancellation_is_promised() -> None:
    async with desk(**legacy(price_max=21 * GWEI)) as at:
        await sent(at, "run")
        for wanted in (Wish.BUMP, Wish.CANCEL):
            with pytest.raises(Conflict, match="nothing up to ETH_MAX_GAS_PRICE_WEI"):
                await at.manager.foresight.foresee(await at.of("run"), wanted)


@simulated
async def test_what_nobody_can_sign_for_is_neither_raised_nor_cancelled_and_says_so() -> None:
    async with desk(OutsideChain(base_fee=None), owners=(FIRST, SECOND)) as at:
        await sent(at, "one", "two")
        (theirs,) = [name for name in ("one", "two") if (await at.of(name)).from_address == OTHER_SENDER]
        at._options["keystore"] = Keystore([FIRST])
        await at.crash()
        at.start()
        await at.settle()
        with pytest.raises(Conflict, match="is not in ROOT/keys"):
            await at.manager.foresight.foresee(await at.of(theirs), Wish.CANCEL)
        found = await wished(at, theirs, Wish.CANCEL)
        assert (found.wish, len(found.attempts)) == ("cancel", 1)
        assert "to be cancelled by an operator, but" in (found.waiting or "")
        at.chain.mine()
        assert (await at.until(theirs, S.SAFE, seconds=5)).failure is None
