"""Raising prices and sending again."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from adyton.domain.errors import Disconnected
from adyton.domain.gas import GWEI, GasRules
from adyton.domain.transactions import TransactionState as S
from adyton.ethereum.errors import RpcError, RpcTimeout
from adyton.sim.loop import run
from support.outgoing import SENDER, Desk, OutsideChain, Sent, data_of, desk, simulated


def refusal(words: str) -> RpcError:
    return RpcError(-32000, words)


TOO_DEAR = ("tx fee (1.19 ether) exceeds the configured cap (1.00 ether)", "insufficient funds for transfer")


def nothing(_: Sent) -> bool:
    return False


async def stuck(at: Desk, *names: str, blocks: int) -> None:
    """Send, then let blocks pass that do not contain it."""
    await at.ask(*names)
    for name in names:
        await at.until(name, S.UNCONFIRMED)
    await pass_by(at, blocks)


async def pass_by(at: Desk, blocks: int) -> None:
    for _ in range(blocks):
        at.chain.mine(only=nothing)
        await at.settle(0.1)


@simulated
async def test_a_price_is_raised_after_twelve_blocks_and_any_attempt_may_be_the_one_that_is_mined() -> None:
    async with desk(OutsideChain(base_fee=None)) as at:
        await stuck(at, "run", blocks=12)  # the first of them is the one from which it waits
        assert len((await at.of("run")).attempts) == 1
        await pass_by(at, 1)
        found = await at.of("run")
        assert [(each.fee.gas_price or 0) // GWEI for each in found.attempts] == [20, 25]
        assert [each.state for each in found.attempts] == ["broadcast", "broadcast"]
        at.chain.pool[SENDER, 0] = at.chain.sent[0]  # the miner preferred the old one
        at.chain.mine()
        found = await at.until("run", S.SAFE, seconds=1)
        assert found.receipt is not None
        assert found.receipt.transaction_hash == found.attempts[0].hash


@simulated
async def test_the_first_head_seen_after_a_send_is_stamped_on_it() -> None:
    async with desk() as at:
        await pass_by(at, 3)
        await stuck(at, "run", blocks=2)
        found = await at.of("run")
        assert (found.waiting_since, found.attempts[0].broadcast_before) == (4, 4)


@simulated
async def test_both_fields_of_a_type_2_price_rise_enough_to_be_taken() -> None:
    async with desk() as at:
        await stuck(at, "run", blocks=30)
        assert len((await at.of("run")).attempts) == 3
        prices = [(each.price, each.tip) for each in at.chain.sent]
        for (price, tip), (next_price, next_tip) in pairwise(prices):
            assert next_price * 100 >= price * 110
            assert next_tip * 100 >= tip * 110


@simulated
async def test_only_the_oldest_are_raised() -> None:
    async with desk(rules=GasRules(bump_depth=2)) as at:
        await stuck(at, "a", "b", "c", blocks=14)
        assert [len((await at.of(name)).attempts) for name in "abc"] == [2, 2, 1]


@simulated
async def test_with_a_threshold_of_nought_no_price_is_raised() -> None:
    async with desk(rules=GasRules(bump_threshold=0)) as at:
        await stuck(at, "run", blocks=50)
        assert len((await at.of("run")).attempts) == 1


@simulated
async def test_at_the_ceiling_the_same_bytes_are_sent_again_and_it_says_that_it_waits() -> None:
    rules = GasRules(price_max=26 * GWEI)
    async with desk(OutsideChain(base_fee=None), rules=rules) as at:
        await stuck(at, "run", blocks=40)
        found = await at.of("run")
        assert [(each.fee.gas_price or 0) // GWEI for each in found.attempts] == [20, 25]
        assert found.waiting == f"at the price ceiling of {26 * GWEI} wei a gas (ETH_MAX_GAS_PRICE_WEI)"
        assert max(each.price for each in at.chain.sent) <= rules.price_max
        assert at.chain.sent[-1].raw == found.attempts[-1].raw
        at.chain.mine()
        assert (await at.until("run", S.SAFE, seconds=1)).waiting is None


@simulated
async def test_a_crash_between_storing_a_raise_and_sending_it_sends_the_same_bytes() -> None:
    async with desk() as at:
        await stuck(at, "run", blocks=12)
        at.chain.scripted = [lambda _: asyncio.sleep(1000)]
        await pass_by(at, 1)
        raised = (await at.of("run")).attempts[-1]
        assert raised.state == "in_progress"
        await at.crash()
        at.start()
        await at.settle()
        assert [each.raw for each in at.chain.sent[1:]] == [raised.raw, raised.raw]
        assert (await at.of("run")).attempts[-1].state == "broadcast"


@simulated
async def test_a_raise_whose_answer_was_lost_is_sent_again_at_the_next_head() -> None:
    async with desk() as at:
        await stuck(at, "run", blocks=12)

        def lost(_: Sent) -> None:
            at.chain.accept(at.chain.sent[-1])
            raise RpcTimeout("no answer")

        at.chain.scripted = [lost]
        await pass_by(at, 2)
        found = await at.of("run")
        assert [each.state for each in found.attempts] == ["broadcast", "broadcast"]
        assert len({each.raw for each in at.chain.sent}) == 2


@pytest.mark.parametrize("words", ["exceeds block gas limit", "tx fee (1.20 ether) exceeds the configured cap (1.00 ether)"])
def test_a_raise_that_is_refused_for_good_is_taken_back_and_the_transaction_stays(words: str) -> None:
    async def scenario() -> None:
        async with desk() as at:
            await stuck(at, "run", blocks=12)
            at.chain.scripted = [refusal(words)]
            await pass_by(at, 1)
            found = await at.of("run")
            assert (found.state, len(found.attempts)) == (S.UNCONFIRMED, 1)
            assert words in (found.waiting or "")
            at.chain.mine()
            await at.until("run", S.SAFE, seconds=1)

    run(scenario())


@simulated
async def test_a_raise_below_what_the_node_takes_is_raised_further() -> None:
    async with desk(OutsideChain(base_fee=None)) as at:
        await stuck(at, "run", blocks=12)
        at.chain.refuse = lambda sent: refusal("transaction underpriced") if sent.price < 36 * GWEI else None
        await pass_by(at, 1)
        assert [(each.fee.gas_price or 0) // GWEI for each in (await at.of("run")).attempts] == [20, 36]


@simulated
async def test_a_raise_without_funds_is_tried_at_every_head_and_says_so() -> None:
    async with desk() as at:
        await stuck(at, "run", blocks=12)
        at.chain.refuse = lambda _: refusal("insufficient funds for gas * price + value")
        await pass_by(at, 3)
        found = await at.of("run")
        assert "is out of funds" in (found.waiting or "")
        assert len({each.raw for each in at.chain.sent}) == 2
        at.chain.refuse = None
        await pass_by(at, 1)
        found = await at.of("run")
        assert (found.attempts[-1].state, found.waiting) == ("broadcast", None)


@simulated
async def test_what_the_pool_forgot_is_sent_again_after_half_a_minute_without_a_head() -> None:
    async with desk() as at:
        await stuck(at, "a", "b", blocks=1)
        at.chain.pool.clear()
        await at.settle(45)
        assert sorted(nonce for _, nonce in at.chain.pool) == [0, 1]
        assert [len((await at.of(name)).attempts) for name in "ab"] == [1, 1]


# --- too dear --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", TOO_DEAR)
def test_what_was_signed_in_a_spike_and_is_taken_nowhere_is_signed_again_at_the_price_of_today(words: str) -> None:
    """Something else had its nonce, so it counted as sent; then that was gone, and no node takes the dear bytes."""

    async def scenario() -> None:
        async with desk(OutsideChain(base_fee=400 * GWEI)) as at:
            at.chain.refuse = lambda sent: refusal(words) if sent.price > 500 * GWEI else None
            await at.ask("run", "next")
            await at.settle(5)
            stranger = Sent("0x", "0x" + "57" * 32, SENDER, 0, "0x", 900 * GWEI, 900 * GWEI)
            at.chain.accept(stranger)
            await at.until("run", S.UNCONFIRMED, seconds=20)
            at.chain.mine()
            await at.settle(1)
            at.chain.base_fee = 10 * GWEI
            at.chain.reorganise(1)
            at.chain.pool.clear()
            await at.settle(60)
            found = await at.of("run")
            assert [each.state for each in found.attempts] == ["broadcast", "broadcast"]  # another node may have the first
            at.chain.mine()
            assert (await at.until("run", S.SAFE, seconds=1)).waiting is None
            assert (await at.until("next", S.SAFE, seconds=60)).nonce == 1
            assert {sent.data for sent in at.chain.sent if sent.nonce == 0} == {data_of("run")}

    run(scenario())


@simulated
async def test_what_is_too_dear_waits_unchanged_while_prices_are_high() -> None:
    async with desk() as at:
        await stuck(at, "run", blocks=1)
        at.chain.pool.clear()
        at.chain.refuse = lambda _: refusal(TOO_DEAR[0])
        await at.settle(200)
        assert len({each.raw for each in at.chain.sent}) == 1


@pytest.mark.parametrize("words", TOO_DEAR)
def test_when_a_raise_is_too_dear_the_bytes_before_it_are_sent_again(words: str) -> None:
    async def scenario() -> None:
        async with desk(OutsideChain(base_fee=None), rules=GasRules(bump_percent=10, bump_min=0)) as at:
            await stuck(at, "run", blocks=12)
            at.chain.scripted = [RpcTimeout("no answer within 10 s")]
            await pass_by(at, 1)
            at.chain.pool.clear()
            at.chain.refuse = lambda sent: refusal(words) if sent.price > 20 * GWEI else None
            await pass_by(at, 1)
            await at.settle(60)
            assert at.chain.pool[SENDER, 0].price == 20 * GWEI
            assert [(each.fee.gas_price or 0) // GWEI for each in (await at.of("run")).attempts] == [20, 22]

    run(scenario())


@pytest.mark.parametrize("words", [TOO_DEAR[0], "transaction underpriced"])
def test_a_raise_that_another_node_may_have_is_not_forgotten_when_one_refuses_it(words: str) -> None:
    async def scenario() -> None:
        async with desk(OutsideChain(base_fee=None)) as at:
            await stuck(at, "run", blocks=12)
            at.chain.scripted = [RpcTimeout("no answer within 10 s"), refusal(words)]
            await pass_by(at, 2)
            first, raised = at.chain.sent[0], at.chain.sent[1]
            assert raised.price == 25 * GWEI
            assert [each.hash for each in (await at.of("run")).attempts[:2]] == [first.hash, raised.hash]
            at.chain.pool[SENDER, 0] = raised
            at.chain.mine()
            found = await at.until("run", S.SAFE, seconds=1)
            assert found.receipt is not None
            assert found.receipt.transaction_hash == raised.hash

    run(scenario())


@simulated
async def test_nothing_is_sent_again_while_there_is_no_connection() -> None:
    async with desk() as at:
        await stuck(at, "run", blocks=1)
        before = len(at.chain.sent)
        at.chain.disconnect()
        await at.settle(300)
        assert len(at.chain.sent) == before
        at.chain.pool.clear()
        at.chain.connect()
        await at.settle(12)
        assert (SENDER, 0) in at.chain.pool


@simulated
async def test_a_connection_lost_while_raising_delays_it() -> None:
    async with desk() as at:
        await stuck(at, "run", blocks=12)

        def lost(_: Sent) -> None:
            at.chain.disconnect()
            raise Disconnected("gone")

        at.chain.scripted = [lost]
        await pass_by(at, 1)
        at.chain.connect()
        await at.settle()
        assert [each.state for each in (await at.of("run")).attempts] == ["broadcast", "broadcast"]
