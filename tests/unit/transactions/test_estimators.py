"""Where prices come from: the fee history, the node's suggestion, the settings; and that none of them holds anything up."""

from __future__ import annotations

import asyncio

import structlog

from adyton.domain.gas import GWEI, GasRules
from adyton.domain.transactions import TransactionState as S
from adyton.ethereum.errors import RpcError, RpcTimeout
from adyton.transactions.estimators import EstimatorRules
from support.outgoing import Desk, OutsideChain, desk, simulated

HISTORY = EstimatorRules("FeeHistory", blocks=4, percentile=60)
SUGGESTED = EstimatorRules("SuggestedPrice")
RULES = GasRules(tip_default=GWEI)


def chain(*tips: int, base_fee: int | None = GWEI) -> OutsideChain:
    made = OutsideChain(base_fee=base_fee)
    made.history = [(tip, 2 * tip) for tip in tips]
    return made


@simulated
async def test_fee_history_pays_the_middle_of_what_blocks_took() -> None:
    async with desk(chain(9 * GWEI, 3 * GWEI, 4 * GWEI, 5 * GWEI), rules=RULES, estimator=HISTORY) as at:
        await at.ask("run")
        await at.until("run", S.UNCONFIRMED)
        assert at.chain.sent[0].tip == 4 * GWEI


@simulated
async def test_fee_history_pays_whole_prices_where_there_is_no_base_fee() -> None:
    async with desk(chain(*[33 * GWEI] * 4, base_fee=None), rules=RULES, estimator=HISTORY) as at:
        await at.ask("run")
        await at.until("run", S.UNCONFIRMED)
        assert at.chain.sent[0].price == 33 * GWEI


@simulated
async def test_a_suggestion_is_a_tip_where_there_is_a_base_fee_and_a_price_elsewhere() -> None:
    async with desk(chain(), rules=RULES, estimator=SUGGESTED) as at:
        await at.ask("run")
        await at.until("run", S.UNCONFIRMED)
        assert at.chain.sent[0].tip == 2 * GWEI
    async with desk(chain(base_fee=None), rules=RULES, estimator=SUGGESTED) as at:
        await at.ask("run")
        await at.until("run", S.UNCONFIRMED)
        assert at.chain.sent[0].price == 30 * GWEI
        assert "max_priority_fee" not in at.chain.called


@simulated
async def test_a_fixed_price_asks_nobody() -> None:
    async with desk(chain(*[9 * GWEI] * 4), rules=RULES) as at:
        await at.ask("run")
        await at.until("run", S.UNCONFIRMED)
        assert at.chain.sent[0].tip == GWEI
        assert not {"fee_history", "gas_price", "max_priority_fee"} & set(at.chain.called)


@simulated
async def test_nothing_is_asked_while_nothing_is_to_be_signed_and_else_once_a_head_and_a_second() -> None:
    async with desk(chain(*[GWEI] * 4), rules=RULES, estimator=HISTORY) as at:
        at.chain.mine(blocks=3)
        await at.settle(5)
        assert at.chain.called.count("fee_history") == 0
        await at.ask(*(f"run{n}" for n in range(30)))
        await at.settle(5)
        assert at.chain.called.count("fee_history") == 1
        await at.ask("same head")
        await at.settle(5)
        assert at.chain.called.count("fee_history") == 1
        at.chain.mine()
        await at.ask("new head")
        await at.until("new head", S.UNCONFIRMED)
        assert at.chain.called.count("fee_history") == 2
        for n in range(5):
            at.chain.mine()
            await at.ask(f"quick{n}")
            await at.until(f"quick{n}", S.UNCONFIRMED)
        assert at.chain.called.count("fee_history") <= 3


@simulated
async def test_a_node_without_the_method_costs_nothing_but_one_line_in_the_log() -> None:
    async with desk(chain(), rules=RULES, estimator=HISTORY) as at:
        at.chain.fail["fee_history"] = RpcError(-32601, "the method eth_feeHistory does not exist/is not available")
        with structlog.testing.capture_logs() as said:
            for n in range(3):
                await at.ask(f"run{n}")
                await at.until(f"run{n}", S.UNCONFIRMED)
                at.chain.mine()
                await at.settle(2)
        assert [sent.tip for sent in at.chain.sent] == [GWEI] * 3
        assert [line["log_level"] for line in said if "does not tell prices" in line["event"]] == ["warning"]


@simulated
async def test_the_last_answer_counts_while_there_is_none() -> None:
    async with desk(chain(*[7 * GWEI] * 4), rules=RULES, estimator=HISTORY) as at:
        await at.ask("first")
        await at.until("first", S.UNCONFIRMED)
        at.chain.fail["fee_history"] = RpcTimeout("no answer")
        at.chain.mine()
        await at.settle(2)
        await at.ask("second")
        await at.until("second", S.UNCONFIRMED)
        del at.chain.fail["fee_history"]
        at.chain.history = []
        at.chain.mine()
        await at.settle(2)
        await at.ask("third")
        await at.until("third", S.UNCONFIRMED)
        assert [sent.tip for sent in at.chain.sent] == [7 * GWEI] * 3


@simulated
async def test_an_answer_that_does_not_come_is_not_waited_for() -> None:
    async with desk(chain(), rules=RULES, estimator=HISTORY) as at:

        async def never(*_: object) -> None:
            await asyncio.sleep(1000)

        at.chain.fee_history = never  # type: ignore[method-assign,assignment] # a node that hangs
        await at.ask("run")
        await at.until("run", S.UNCONFIRMED, seconds=2)
        assert at.chain.sent[0].tip == GWEI


@simulated
async def test_a_price_refused_as_too_low_is_raised_to_the_market() -> None:
    async with desk(chain(base_fee=None), rules=RULES, estimator=HISTORY) as at:
        at.chain.refuse = lambda sent: RpcError(-32000, "transaction underpriced") if sent.price < 90 * GWEI else None
        at.chain.history = [(90 * GWEI, 90 * GWEI)] * 4
        await at.ask("run", gas_price=GWEI)
        await at.until("run", S.UNCONFIRMED)
        assert [sent.price for sent in at.chain.sent] == [GWEI, 90 * GWEI]


async def unmined(at: Desk, blocks: int) -> None:
    """So many blocks pass without our transactions."""
    for _ in range(blocks):
        at.chain.mine(only=lambda _: False)
        await at.settle(12)


@simulated
async def test_a_transaction_priced_above_the_market_is_sent_again_and_not_raised() -> None:
    async with desk(chain(*[9 * GWEI] * 12), rules=RULES, estimator=EstimatorRules("FeeHistory", 12, 60)) as at:
        await at.ask("run")
        await at.until("run", S.UNCONFIRMED)
        at.chain.history = [(GWEI, 2 * GWEI)] * 12
        before = len(at.chain.sent)
        await unmined(at, 14)
        found = await at.of("run")
        assert "priced above the market and not mined" in (found.waiting or "")
        assert len(found.attempts) == 1
        assert len(at.chain.sent) > before
        assert len({sent.raw for sent in at.chain.sent}) == 1
        await unmined(at, 125)  # ten thresholds later the history may mislead
        assert len((await at.of("run")).attempts) == 2


@simulated
async def test_a_raise_follows_a_market_that_went_up() -> None:
    async with desk(chain(*[GWEI] * 12), rules=RULES, estimator=EstimatorRules("FeeHistory", 12, 60)) as at:
        await at.ask("run")
        await at.until("run", S.UNCONFIRMED)
        at.chain.history = [(70 * GWEI, 90 * GWEI)] * 12
        await unmined(at, 14)
        assert [sent.tip for sent in at.chain.sent][-1] == 70 * GWEI
        assert (await at.of("run")).waiting is None
