"""Sending: nonces, what is durable before it is sent, and every kind of answer."""

from __future__ import annotations

import asyncio

import pytest

from adyton.domain.errors import Disconnected, Invalid
from adyton.domain.gas import GWEI, GasRules
from adyton.domain.transactions import TransactionRequest
from adyton.domain.transactions import TransactionState as S
from adyton.ethereum.errors import MalformedAnswer, RpcError, RpcTimeout
from adyton.storage import foreign_nonces, keys
from adyton.storage import transactions as stored
from support.outgoing import FIRST, ORACLE, OTHER_SENDER, SECOND, SENDER, Desk, OutsideChain, data_of, desk, simulated


def refusal(words: str) -> RpcError:
    return RpcError(-32000, words)


async def next_nonce(at: Desk) -> int:
    return (await keys.recorded(at.db, SENDER)).next_nonce


@simulated
async def test_transactions_are_sent_in_order_under_nonces_without_gaps() -> None:
    async with desk() as at:
        await at.ask(*(f"run{n}" for n in range(250)))
        await at.settle(5)
        assert [(sent.nonce, sent.data) for sent in at.chain.sent] == [(n, data_of(f"run{n}")) for n in range(250)]
        assert await next_nonce(at) == 250
        found = await at.of("run249")
        assert (found.state, found.nonce, found.attempts[-1].state) == (S.UNCONFIRMED, 249, "broadcast")


@simulated
async def test_in_a_steady_flow_a_transaction_costs_one_commit_and_one_call() -> None:
    async with desk() as at:
        await at.ask(*(f"run{n}" for n in range(100)))
        before = at.db.commits, len(at.chain.called)
        await at.settle(5)
        assert at.chain.called[before[1] :].count("send_raw") == 100
        assert at.db.commits - before[0] <= 101 + 2  # and the first start, and the confirmer's stamps
        assert len(at.chain.called) - before[1] <= 100 + 5


@simulated
async def test_the_bytes_are_stored_before_they_are_sent() -> None:
    async with desk() as at:
        seen: list[object] = []

        async def look() -> None:
            found = await at.of("run")
            seen.append((found.state, found.nonce, found.attempts[-1].raw))

        at.chain.scripted = [lambda _: look()]
        await at.ask("run")
        await at.until("run", S.UNCONFIRMED)
        assert seen == [(S.IN_PROGRESS, 0, at.chain.sent[0].raw)]


@simulated
async def test_broadcast_at_is_the_time_before_the_send() -> None:
    async with desk() as at:
        at.chain.scripted = [lambda _: asyncio.sleep(3)]
        before = at.clock.now()
        await at.ask("run")
        found = await at.until("run", S.UNCONFIRMED)
        assert found.broadcast_at is not None
        assert found.broadcast_at - before < 1_000_000
        assert at.clock.now() - before >= 3_000_000


@simulated
async def test_asking_twice_for_the_same_task_run_sends_once() -> None:
    async with desk() as at:
        await at.ask("run", "run")
        await at.settle()
        await at.ask("run")
        await at.settle()
        assert len(at.chain.sent) == 1


@simulated
async def test_type_2_where_there_is_a_base_fee_and_legacy_elsewhere_or_when_the_task_names_a_price() -> None:
    async with desk() as at:
        await at.ask("modern")
        await at.ask("priced", gas_price=7 * GWEI)
        await at.settle()
        assert [sent.raw[:4] == "0x02" for sent in at.chain.sent] == [True, False]
        assert at.chain.sent[1].price == 7 * GWEI
    async with desk(OutsideChain(base_fee=None)) as at:
        await at.ask("old")
        await at.settle()
        assert at.chain.sent[0].price == 20 * GWEI


@simulated
async def test_without_a_connection_transactions_wait_and_go_out_when_it_comes() -> None:
    async with desk() as at:
        at.chain.disconnect()
        await at.ask("run")
        await at.settle(100)
        assert at.chain.sent == []
        at.chain.connect()
        await at.until("run", S.UNCONFIRMED, seconds=1)


# --- crashes ---------------------------------------------------------------------------------------------------------


@simulated
async def test_a_crash_before_the_nonce_is_given_leaves_it_unstarted_and_it_is_sent_after_the_restart() -> None:
    async with desk() as at:
        at.chain.disconnect()
        await at.ask("run")
        await at.crash()
        assert (await at.of("run")).state is S.UNSTARTED
        at.chain.connect()
        at.start()
        await at.until("run", S.UNCONFIRMED)
        assert [sent.nonce for sent in at.chain.sent] == [0]


@simulated
async def test_a_crash_between_storing_and_sending_sends_the_same_bytes() -> None:
    async with desk() as at:
        at.chain.scripted = [lambda _: asyncio.sleep(1000)]  # the send that never gets through
        await at.ask("run")
        await at.settle()
        bytes_stored = (await at.of("run")).attempts[-1].raw
        assert (await at.of("run")).state is S.IN_PROGRESS
        await at.crash()
        at.chain.pool.clear()
        at.start()
        await at.until("run", S.UNCONFIRMED)
        assert [sent.raw for sent in at.chain.sent] == [bytes_stored, bytes_stored]
        assert len(at.chain.pool) == 1
        assert await next_nonce(at) == 1


@simulated
async def test_a_crash_between_sending_and_recording_sends_the_same_bytes_and_reads_already_known_as_yes() -> None:
    async with desk() as at:

        async def taken_but_not_heard(sent: object) -> None:
            at.chain.accept(at.chain.sent[-1])
            await asyncio.sleep(1000)

        at.chain.scripted = [taken_but_not_heard]
        await at.ask("run")
        await at.settle()
        await at.crash()
        at.start()
        found = await at.until("run", S.UNCONFIRMED)
        assert len({sent.raw for sent in at.chain.sent}) == 1
        assert (found.nonce, await next_nonce(at)) == (0, 1)
        await at.ask("next")
        assert (await at.until("next", S.UNCONFIRMED)).nonce == 1


@simulated
async def test_a_crash_after_which_the_bytes_were_mined_ends_confirmed_once() -> None:
    async with desk() as at:

        async def mined_but_not_heard(sent: object) -> None:
            at.chain.accept(at.chain.sent[-1])
            at.chain.mine()
            await asyncio.sleep(1000)

        at.chain.scripted = [mined_but_not_heard]
        await at.ask("run", "next")
        await at.settle()
        await at.crash()
        at.start()
        await at.until("run", S.SAFE)
        await at.until("next", S.UNCONFIRMED)
        assert [sent.nonce for sent in at.chain.sent] == [0, 0, 1]


@simulated
async def test_a_lost_connection_in_the_middle_of_a_send_is_like_a_crash() -> None:
    async with desk() as at:

        def lost(_: object) -> None:
            at.chain.accept(at.chain.sent[-1])
            at.chain.disconnect()
            raise Disconnected("gone")

        at.chain.scripted = [lost]
        await at.ask("run", "next")
        await at.settle(20)
        assert (await at.of("run")).state is S.IN_PROGRESS
        at.chain.connect()
        await at.until("next", S.UNCONFIRMED, seconds=2)
        assert [sent.nonce for sent in at.chain.sent] == [0, 0, 1]


# --- answers ---------------------------------------------------------------------------------------------------------


@simulated
async def test_no_answer_is_perhaps_yes_and_the_same_bytes_are_sent_until_it_is_known() -> None:
    async with desk() as at:
        at.chain.scripted = [RpcTimeout("no answer"), MalformedAnswer("not a hash"), refusal("internal error"), None]
        await at.ask("run", "next")
        await at.settle(0.5)
        assert "it is sent again: no answer" in ((await at.of("run")).waiting or "")
        await at.until("next", S.UNCONFIRMED)
        assert [sent.nonce for sent in at.chain.sent] == [0, 0, 0, 0, 1]
        assert len({sent.raw for sent in at.chain.sent}) == 2
        assert (await at.of("run")).waiting is None


@simulated
async def test_unknown_words_about_bytes_that_arrived_are_seen_through() -> None:
    """Dev chains report the revert of a transaction that they have mined as an error of the send."""
    async with desk() as at:

        def mined(_: object) -> None:
            at.chain.accept(at.chain.sent[-1])
            at.chain.mine()
            raise refusal("VM Exception while processing transaction: reverted with reason string 'no'")

        at.chain.scripted = [mined]
        await at.ask("run", "next")
        await at.until("next", S.UNCONFIRMED, seconds=1)
        assert [sent.nonce for sent in at.chain.sent] == [0, 1]
        await at.until("run", S.SAFE, seconds=1)


@simulated
async def test_a_transaction_that_can_never_be_mined_fails_and_its_nonce_is_used_by_the_next() -> None:
    async with desk() as at:
        heard = at.manager.settled()
        at.chain.scripted = [refusal("exceeds block gas limit")]
        await at.ask("bad", "good")
        found = await at.until("bad", S.FATAL_ERROR)
        assert found.failure == "exceeds block gas limit"
        assert (found.nonce, found.attempts) == (None, ())
        assert (await at.until("good", S.UNCONFIRMED)).nonce == 0
        assert await anext(heard) == ["bad"]


@simulated
async def test_two_equal_transactions_may_use_one_nonce_one_after_the_other() -> None:
    async with desk() as at:
        at.chain.scripted = [refusal("exceeds block gas limit")]
        at.chain.disconnect()
        same = TransactionRequest(to=ORACLE, data="0x01")
        for name in ("first", "second"):
            await at.db.write(at.manager.insert(same, run_id=name, task_position=0, now=at.clock.now()))
        at.chain.connect()
        assert (await at.until("second", S.UNCONFIRMED)).nonce == 0


@simulated
async def test_without_funds_it_waits_says_so_and_goes_on_when_there_are_some() -> None:
    async with desk() as at:
        at.chain.refuse = lambda _: refusal("insufficient funds for gas * price + value: balance 0, tx cost 1, overshot 1")
        await at.ask("run", "next")
        await at.settle(120)
        found = await at.of("run")
        assert found.state is S.IN_PROGRESS
        assert "is out of funds: insufficient funds" in (found.waiting or "")
        assert 8 <= len(at.chain.sent) <= 14  # 1, 2, 4, 8, then every 15 seconds
        assert len({sent.raw for sent in at.chain.sent}) == 1
        at.chain.refuse = None
        await at.until("next", S.UNCONFIRMED, seconds=20)
        assert (await at.of("run")).waiting is None


@simulated
async def test_what_was_signed_at_a_high_price_is_signed_again_when_prices_have_fallen() -> None:
    """The node's own fee limit, or the key's funds, stand against the price of a spike and not against today's."""
    for words in ("tx fee (1.37 ether) exceeds the configured cap (1.00 ether)", "insufficient funds for transfer"):
        async with desk(OutsideChain(base_fee=400 * GWEI)) as at:
            at.chain.refuse = lambda sent, words=words: refusal(words) if sent.price > 500 * GWEI else None
            await at.ask("run", "next")
            await at.settle(60)
            found = await at.of("run")
            assert (found.state, len(found.attempts)) == (S.IN_PROGRESS, 1)
            at.chain.base_fee = 10 * GWEI
            at.chain.mine()
            found = await at.until("run", S.UNCONFIRMED, seconds=20)
            assert (await at.until("next", S.UNCONFIRMED)).nonce == 1
            assert [attempt.state for attempt in found.attempts] == [
                "broadcast",
                "broadcast",
            ]  # another node may have the first
            assert {sent.nonce for sent in at.chain.sent if sent.data == data_of("run")} == {0}


@simulated
async def test_dearer_bytes_that_another_node_took_after_all_are_recognised() -> None:
    async with desk(OutsideChain(base_fee=400 * GWEI)) as at:
        at.chain.refuse = lambda sent: refusal("tx fee (1 ether) exceeds the configured cap (1 ether)")
        await at.ask("run")
        await at.settle(5)
        dear = at.chain.sent[0]
        at.chain.base_fee = 10 * GWEI
        at.chain.mine()
        at.chain.scripted = [None, None]
        await at.settle(20)
        at.chain.refuse = None
        at.chain.pool[SENDER, 0] = dear
        at.chain.mine()
        found = await at.until("run", S.SAFE, seconds=40)
        assert found.receipt is not None
        assert found.receipt.transaction_hash == dear.hash


@simulated
async def test_bytes_that_another_node_may_have_are_not_forgotten_when_one_refuses_them_as_underpriced() -> None:
    async with desk(OutsideChain(base_fee=None)) as at:
        at.chain.scripted = [RpcTimeout("no answer within 10 s")]
        at.chain.refuse = lambda sent: refusal("transaction underpriced") if sent.price < 40 * GWEI else None
        await at.ask("run")
        await at.until("run", S.UNCONFIRMED, seconds=5)
        at.chain.pool[SENDER, 0] = at.chain.sent[0]  # the one that did not answer had taken them
        at.chain.mine()
        found = await at.until("run", S.SAFE, seconds=1)
        assert found.receipt is not None
        assert found.receipt.transaction_hash == at.chain.sent[0].hash


@simulated
async def test_bytes_from_before_a_crash_are_not_forgotten_when_a_node_refuses_them_as_underpriced() -> None:
    async with desk(OutsideChain(base_fee=None)) as at:
        at.chain.scripted = [lambda _: asyncio.sleep(1000)]
        await at.ask("run")
        await at.settle()
        await at.crash()
        at.chain.refuse = lambda sent: refusal("transaction underpriced") if sent.price < 40 * GWEI else None
        at.start()
        found = await at.until("run", S.UNCONFIRMED, seconds=5)
        assert found.attempts[0].hash == at.chain.sent[0].hash
        assert len(found.attempts) == 2


@simulated
async def test_a_price_below_what_the_node_takes_is_raised_in_place_of_the_old_bytes() -> None:
    async with desk(OutsideChain(base_fee=None)) as at:
        at.chain.refuse = lambda sent: refusal("transaction underpriced") if sent.price < 40 * GWEI else None
        await at.ask("run")
        found = await at.until("run", S.UNCONFIRMED, seconds=1)
        assert [sent.price // GWEI for sent in at.chain.sent] == [20, 25, 30, 36, 43]
        assert [sent.nonce for sent in at.chain.sent] == [0] * 5
        assert [attempt.hash for attempt in found.attempts] == [at.chain.sent[-1].hash]


@simulated
async def test_a_crash_after_a_price_was_raised_sends_the_new_bytes_and_never_the_refused_ones() -> None:
    async with desk(OutsideChain(base_fee=None)) as at:
        at.chain.scripted = [refusal("transaction underpriced"), lambda _: asyncio.sleep(1000)]
        await at.ask("run")
        await at.settle()
        await at.crash()
        at.start()
        found = await at.until("run", S.UNCONFIRMED, seconds=1)
        assert [sent.price // GWEI for sent in at.chain.sent] == [20, 25, 25]
        assert [attempt.raw for attempt in found.attempts] == [at.chain.sent[-1].raw]


@simulated
async def test_at_the_ceiling_it_waits_says_so_and_goes_on_when_the_price_falls() -> None:
    rules = GasRules(price_max=30 * GWEI)
    async with desk(OutsideChain(base_fee=None), rules=rules) as at:
        at.chain.refuse = lambda _: refusal("max fee per gas less than block base fee: address 0x0, maxFeePerGas: 1")
        await at.ask("run")
        await at.settle(60)
        found = await at.of("run")
        assert found.state is S.IN_PROGRESS
        assert "price ceiling" in (found.waiting or "")
        assert max(sent.price for sent in at.chain.sent) <= rules.price_max
        at.chain.refuse = None
        await at.until("run", S.UNCONFIRMED, seconds=20)


@simulated
async def test_a_full_pool_slows_sending_down() -> None:
    async with desk() as at:
        at.chain.scripted = [refusal("txpool is full")] * 3
        await at.ask("a", "b", "c", "d")
        began = at.clock.now()
        await at.until("d", S.UNCONFIRMED)
        assert at.clock.now() - began >= 3_000_000
        assert [sent.nonce for sent in at.chain.sent][:4] == [0, 1, 2, 3]


@simulated
async def test_a_node_that_misses_earlier_transactions_gets_them_again() -> None:
    async with desk() as at:
        await at.ask("first")
        await at.until("first", S.UNCONFIRMED)
        at.chain.pool.clear()
        at.chain.refuse = lambda sent: refusal("nonce too high") if sent.nonce and not at.chain.pool else None
        await at.ask("second")
        await at.until("second", S.UNCONFIRMED, seconds=5)
        assert [sent.nonce for sent in at.chain.sent] == [0, 1, 0, 1]


@simulated
async def test_what_cannot_be_signed_fails_alone() -> None:
    async with desk() as at:
        await at.ask("bad", value=-1)
        await at.ask("good")
        assert "cannot be signed" in ((await at.until("bad", S.FATAL_ERROR)).error or "")
        await at.until("good", S.UNCONFIRMED)


# --- nonces ----------------------------------------------------------------------------------------------------------


@simulated
async def test_a_key_with_a_past_goes_on_where_the_chain_is() -> None:
    chain = OutsideChain()
    chain.counts["pending"] = lambda _: 41
    async with desk(chain) as at:
        await at.ask("run")
        assert (await at.until("run", S.UNCONFIRMED)).nonce == 41
        assert await foreign_nonces.of(at.db) == []


@simulated
async def test_when_something_else_used_the_key_the_next_nonce_is_the_chains() -> None:
    async with desk() as at:
        await at.ask("run")
        await at.until("run", S.UNCONFIRMED)
        at.chain.counts["pending"] = lambda _: 5
        at.chain.scripted = [refusal("nonce too low: next nonce 5, tx nonce 1")]
        await at.ask("displaced", "next")
        assert (await at.until("next", S.UNCONFIRMED)).nonce == 5
        assert await next_nonce(at) == 6
        assert [(each.first, each.last) for each in await foreign_nonces.of(at.db, SENDER)] == [(2, 4)]
        assert at.metrics.registry.get_sample_value("adyton_foreign_nonces_total", {"key": SENDER}) == 3


@simulated
async def test_a_count_that_is_said_only_once_leaves_no_nonce_out() -> None:
    async with desk() as at:
        await at.ask("run")
        await at.until("run", S.UNCONFIRMED)
        said = iter([6])
        at.chain.counts["pending"] = lambda _: next(said, 1)
        at.chain.scripted = [refusal("nonce too low: next nonce 6, tx nonce 1")]
        await at.ask("doubted", "next")
        assert (await at.until("next", S.UNCONFIRMED, seconds=5)).nonce == 2
        assert await foreign_nonces.of(at.db) == []


@simulated
async def test_what_something_else_sends_while_this_node_is_idle_is_noticed_within_a_minute() -> None:
    async with desk() as at:
        await at.ask("run")
        await at.until("run", S.UNCONFIRMED)
        at.chain.counts["pending"] = lambda _: 2
        for _ in range(5):  # heads that come more often than an idle loop looks
            at.chain.mine()
            await at.settle(12)
        assert [(each.first, each.last) for each in await foreign_nonces.of(at.db, SENDER)] == [(1, 1)]


@simulated
async def test_a_row_whose_wake_up_was_lost_is_found_although_heads_keep_coming() -> None:
    async with desk() as at:
        statement = at.manager.insert(TransactionRequest(to=ORACLE, data="0x01"), run_id="run", task_position=0, now=1)
        await at.db.write(statement)
        for _ in range(5):
            at.chain.mine()
            await at.settle(12)
        assert len(at.chain.sent) == 1


@simulated
async def test_a_restored_backup_goes_on_behind_what_the_chain_has_and_accounts_for_it() -> None:
    async with desk() as at:
        await at.ask("old")
        await at.until("old", S.UNCONFIRMED)
        at.chain.disconnect()
        at.chain.counts["pending"] = lambda _: 9
        at.chain.connect()
        await at.ask("new")
        assert (await at.until("new", S.UNCONFIRMED)).nonce == 9
        assert [(each.first, each.last) for each in await foreign_nonces.of(at.db, SENDER)] == [(1, 8)]


@simulated
async def test_a_chain_that_forgot_transactions_does_not_take_nonces_back() -> None:
    async with desk() as at:
        await at.ask("run")
        await at.until("run", S.UNCONFIRMED)
        at.chain.disconnect()
        at.chain.pool.clear()
        at.chain.connect()
        await at.ask("next")
        assert (await at.until("next", S.UNCONFIRMED)).nonce == 1


@simulated
async def test_keys_are_used_in_turn_and_one_without_funds_does_not_hold_up_the_other() -> None:
    async with desk(owners=(FIRST, SECOND)) as at:
        at.chain.refuse = lambda sent: refusal("insufficient funds for transfer") if sent.sender == SENDER else None
        await at.ask("a", "b", "c", "d")
        await at.until("d", S.UNCONFIRMED, seconds=1)
        accepted = [(sent.sender, sent.nonce) for sent in at.chain.pool.values()]
        assert accepted == [(OTHER_SENDER, 0), (OTHER_SENDER, 1)]
        assert (await at.of("a")).state is S.IN_PROGRESS
        at.chain.refuse = None
        await at.until("c", S.UNCONFIRMED, seconds=20)


@simulated
async def test_a_transaction_taken_back_before_its_turn_does_not_spoil_the_one_before_it() -> None:
    async with desk() as at:

        async def take_back(_: object) -> None:
            await at.db.write(stored.rejected((await at.of("second")).id, "cancelled"))

        at.chain.scripted = [take_back]
        await at.ask("first", "second", "third")
        await at.until("third", S.UNCONFIRMED)
        assert (await at.of("first")).nonce == 0
        assert (await at.of("second")).state is S.FATAL_ERROR
        assert (await at.of("third")).nonce == 1


@simulated
async def test_a_pinned_transaction_goes_to_its_keys_in_turn_and_the_others_go_on_in_theirs() -> None:
    async with desk(owners=(FIRST, SECOND)) as at:
        await at.ask("a", "b", senders=(OTHER_SENDER,))
        await at.ask("c", "d", "e")
        found = [(await at.of(name)).from_address for name in "abcde"]
        assert found == [OTHER_SENDER, OTHER_SENDER, SENDER, OTHER_SENDER, SENDER]
        await at.ask("f", "g", senders=(OTHER_SENDER, SENDER))
        assert {(await at.of(name)).from_address for name in "fg"} == {SENDER, OTHER_SENDER}


@simulated
async def test_a_transaction_pinned_to_a_key_that_is_gone_is_refused() -> None:
    async with desk() as at:
        with pytest.raises(Invalid, match="the node has no key 0x"):
            await at.ask("run", senders=(OTHER_SENDER,))


@simulated
async def test_older_requests_go_first_whichever_key_they_wait_for() -> None:
    async with desk(owners=(FIRST, SECOND)) as at:
        at.chain.disconnect()
        names = [f"run{n}" for n in range(40)]
        await at.ask(*names)
        at.chain.scripted = [lambda _: asyncio.sleep(0.01)] * len(names)
        at.chain.connect()
        await at.until(names[-1], S.UNCONFIRMED)
        order = [names.index(bytes.fromhex(sent.data[2:]).decode()) for sent in at.chain.sent]
        for sender in (SENDER, OTHER_SENDER):
            own = [place for place, sent in zip(order, at.chain.sent, strict=True) if sent.sender == sender]
            assert own == sorted(own)
        assert all(abs(place - at_) <= 2 for at_, place in enumerate(order))


@simulated
async def test_the_operators_gas_limit_counts_where_the_task_names_none() -> None:
    async with desk(rules=GasRules(gas_limit=777_000)) as at:
        await at.ask("usual")
        await at.ask("own", gas_limit=60_000)
        assert [(await at.of(name)).gas_limit for name in ("usual", "own")] == [777_000, 60_000]


@simulated
async def test_first_sends_are_counted_by_key() -> None:
    async with desk() as at:
        await at.ask("a", "b")
        await at.until("b", S.UNCONFIRMED)
        assert at.metrics.registry.get_sample_value("adyton_transactions_sent_total", {"key": SENDER}) == 2
