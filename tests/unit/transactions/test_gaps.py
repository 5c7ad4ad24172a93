"""A nonce that nobody holds does not block a key for ever."""

from __future__ import annotations

from adyton.domain.transactions import TransactionState as S
from adyton.ethereum.errors import RpcError
from adyton.storage import foreign_nonces
from support.outgoing import SENDER, Desk, OutsideChain, data_of, desk, simulated


async def behind_a_gap(at: Desk) -> None:
    """One transaction of ours is mined, two nonces are something else's that the pool then forgets, the next is ours."""
    await at.ask("first")
    await at.until("first", S.UNCONFIRMED)
    at.chain.mine()
    await at.until("first", S.SAFE)
    at.chain.disconnect()
    at.chain.counts["pending"] = lambda _: 3
    at.chain.connect()
    await at.ask("behind")
    assert (await at.until("behind", S.UNCONFIRMED)).nonce == 3
    at.chain.counts.clear()


async def pass_time(at: Desk, seconds: int) -> None:
    for _ in range(seconds // 12):
        at.chain.mine()
        await at.settle(12)


@simulated
async def test_missing_nonces_are_used_by_no_ops_one_after_the_other() -> None:
    async with desk() as at:
        await behind_a_gap(at)
        await pass_time(at, 120)
        assert [sent.nonce for sent in at.chain.sent if sent.data == "0x"] == []
        await pass_time(at, 240)
        assert (await at.of("behind")).state is S.SAFE
        fillers = {sent.nonce for sent in at.chain.sent if sent.data == "0x"}
        assert fillers == {1, 2}
        assert await foreign_nonces.of(at.db) == []
        held = await at.db.read("SELECT nonce, state FROM transactions ORDER BY nonce")
        assert held == [(0, "safe"), (1, "safe"), (2, "safe"), (3, "safe")]
        await at.ask("next")
        assert (await at.until("next", S.UNCONFIRMED)).nonce == 4


@simulated
async def test_a_nonce_that_the_pool_has_something_for_is_left_alone() -> None:
    async with desk() as at:
        await behind_a_gap(at)
        at.chain.counts["pending"] = lambda _: 4
        await pass_time(at, 600)
        assert [sent for sent in at.chain.sent if sent.data == "0x"] == []
        assert [(each.first, each.last) for each in await foreign_nonces.of(at.db)] == [(1, 2)]


@simulated
async def test_a_transaction_that_no_node_takes_because_of_a_gap_gets_through() -> None:
    async with desk() as at:
        await behind_a_gap(at)
        at.chain.refuse = lambda sent: RpcError(-32000, "nonce too high") if sent.nonce > next_in_pool(at.chain) else None
        at.chain.pool.clear()
        await at.ask("refused")
        await pass_time(at, 900)
        assert (await at.of("refused")).state is S.SAFE


def next_in_pool(chain: OutsideChain) -> int:
    """The nonce that the pool can take next."""
    mined = sum(sent.sender == SENDER for block in chain.blocks for sent in block.transactions)
    while (SENDER, mined) in chain.pool:
        mined += 1
    return mined


@simulated
async def test_a_crash_between_storing_a_no_op_and_sending_it_sends_it() -> None:
    async with desk() as at:
        await behind_a_gap(at)
        at.chain.mine()
        await at.settle(170)
        at.chain.fail["send_raw"] = RpcError(-32000, "internal error")
        at.chain.mine()
        await at.settle(30)
        assert await at.db.read("SELECT state FROM tx_attempts WHERE noop = 1") == [("in_progress",)]
        await at.crash()
        at.chain.fail.clear()
        at.start()
        await pass_time(at, 60)
        assert sorted({sent.nonce for sent in at.chain.sent if sent.data == "0x"}) == [1, 2]
        assert (await at.of("behind")).state is S.SAFE


@simulated
async def test_without_a_gap_nothing_is_sent_and_no_call_is_made() -> None:
    async with desk() as at:
        await at.ask("a", "b")
        await at.settle(1)
        before = at.chain.called.count("transaction_count")
        for _ in range(30):
            at.chain.mine(only=lambda _: False)
            await at.settle(12)
        looks = at.chain.called.count("transaction_count") - before
        assert looks <= 2 * 30 + 2 + 12  # one for each head, one for each look between heads, one for each idle look
        assert {sent.data for sent in at.chain.sent} == {data_of("a"), data_of("b")}
