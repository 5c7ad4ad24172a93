"""Following: receipts, depth, reorganisations, reverts."""

from __future__ import annotations

import pytest
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from hexbytes import HexBytes

from adyton.domain.errors import Disconnected, StorageUnavailable
from adyton.domain.transactions import Fee, SignedTransaction
from adyton.domain.transactions import TransactionState as S
from adyton.ethereum.errors import RpcError, RpcTimeout
from adyton.sim.loop import run
from adyton.storage import foreign_nonces, judgements
from adyton.storage import transactions as stored
from adyton.storage.database import Row, Statement
from adyton.transactions.reaper import ReaperRules
from support.outgoing import FIRST, ORACLE, OTHER_SENDER, SECOND, SENDER, Desk, data_of, desk, simulated


async def sent(at: Desk, *names: str) -> None:
    await at.ask(*names)
    for name in names:
        await at.until(name, S.UNCONFIRMED)


@simulated
async def test_a_mined_transaction_is_confirmed_with_its_receipt_and_its_run_is_told_when_it_is_safe() -> None:
    async with desk(min_confirmations=3) as at:
        heard = at.manager.settled()
        await sent(at, "run")
        block = at.chain.mine()
        found = await at.until("run", S.CONFIRMED, seconds=1)
        assert found.receipt is not None
        assert (found.receipt.block_hash, found.receipt.transaction_hash) == (block.hash, found.attempts[0].hash)
        at.chain.mine()
        await at.settle()
        assert (await at.of("run")).state is S.CONFIRMED
        at.chain.mine()
        found = await at.until("run", S.SAFE, seconds=1)
        assert found.failure is None
        assert await anext(heard) == ["run"]


@pytest.mark.parametrize(("confirmations", "more_blocks"), [(0, 0), (1, 0), (2, 1), (12, 11)])
def test_a_transaction_is_safe_when_its_own_block_and_those_on_it_are_as_many_as_asked(
    confirmations: int, more_blocks: int
) -> None:
    async def scenario() -> None:
        async with desk(min_confirmations=confirmations) as at:
            await sent(at, "run")
            at.chain.mine()
            await at.settle()
            for _ in range(more_blocks):
                assert (await at.of("run")).state is S.CONFIRMED
                at.chain.mine()
                await at.settle()
            assert (await at.of("run")).state is S.SAFE

    run(scenario())


@simulated
async def test_a_receipt_that_comes_late_is_asked_for_again_without_a_new_head() -> None:
    async with desk() as at:
        await sent(at, "run")
        at.chain.counts["latest"] = lambda _: 1  # the node counts it before it has the receipt
        at.manager._confirmer.wake()
        await at.settle(1)
        assert (await at.of("run")).state is S.UNCONFIRMED
        at.chain._append(tuple(at.chain._ready(lambda _: True)))  # mined, and no head is told
        at.chain.counts.clear()
        await at.until("run", S.CONFIRMED, seconds=6)


@simulated
async def test_many_receipts_are_taken_in_few_calls() -> None:
    async with desk() as at:
        names = [f"run{n}" for n in range(450)]
        await at.ask(*names)
        await at.until(names[-1], S.UNCONFIRMED)
        before = len(at.chain.called)
        at.chain.mine()
        await at.until(names[-1], S.SAFE)
        assert at.chain.called[before:].count("receipts") == 3
        assert {(await at.of(name)).state for name in names} == {S.SAFE}


@simulated
async def test_a_head_costs_the_same_whatever_is_finished_and_asks_nothing_when_nothing_is_open() -> None:
    async with desk() as at:
        await sent(at, *(f"run{n}" for n in range(20)))
        at.chain.mine()
        await at.until("run19", S.SAFE)
        before, commits = len(at.chain.called), at.db.commits
        at.chain.mine(blocks=5)
        await at.settle()
        assert set(at.chain.called[before:]) <= {"canonical_hash"}  # which the head tracker tells from memory
        assert at.db.commits == commits


# --- reverted --------------------------------------------------------------------------------------------------------


@simulated
async def test_a_reverted_transaction_is_no_success_and_says_why() -> None:
    async with desk() as at:
        await sent(at, "run")
        at.chain.reverting = {data_of("run")}
        at.chain.mine()
        found = await at.until("run", S.SAFE)
        assert found.failure == f"transaction {found.attempts[0].hash} reverted on-chain: nope"


@pytest.mark.parametrize("trouble", [RpcTimeout("no answer"), RpcError(-32000, "missing trie node")])
def test_a_revert_whose_reason_cannot_be_found_is_recorded_without(trouble: Exception) -> None:
    async def scenario() -> None:
        async with desk() as at:
            await sent(at, "run")
            at.chain.reverting = {data_of("run")}
            at.chain.fail["call"] = trouble
            at.chain.mine()
            found = await at.until("run", S.SAFE)
            assert found.failure == f"transaction {found.attempts[0].hash} reverted on-chain"

    run(scenario())


# --- reorganised -----------------------------------------------------------------------------------------------------


@simulated
async def test_a_transaction_whose_block_left_the_chain_is_sent_again_with_the_same_bytes() -> None:
    async with desk(min_confirmations=5) as at:
        await sent(at, "run")
        at.chain.mine(blocks=2)
        await at.until("run", S.CONFIRMED)
        at.chain.reorganise(2)
        found = await at.until("run", S.UNCONFIRMED, seconds=1)
        assert found.receipt is None
        await at.settle()
        assert [each.raw for each in at.chain.sent] == [found.attempts[0].raw] * 2
        at.chain.mine(blocks=5)
        assert (await at.until("run", S.SAFE, seconds=1)).nonce == 0


@simulated
async def test_a_transaction_that_moved_to_another_block_is_confirmed_there() -> None:
    async with desk(min_confirmations=5) as at:
        await sent(at, "run")
        at.chain.mine(blocks=2)
        await at.until("run", S.CONFIRMED)
        at.chain.reorganise(2, keep=True)
        await at.settle()
        found = await at.of("run")
        assert found.state is S.CONFIRMED
        assert found.receipt is not None
        assert found.receipt.block_hash == at.chain.blocks[found.receipt.block_number].head.hash
        at.chain.mine(blocks=5)
        await at.until("run", S.SAFE, seconds=1)


@simulated
async def test_a_reorganisation_while_the_node_was_down_is_found_at_the_start() -> None:
    async with desk(min_confirmations=5) as at:
        await sent(at, "run")
        at.chain.mine()
        await at.until("run", S.CONFIRMED)
        await at.crash()
        at.chain.reorganise(1)
        at.start()
        await at.settle()
        at.chain.mine(blocks=6)
        await at.until("run", S.SAFE, seconds=2)


@simulated
async def test_a_safe_transaction_that_a_deeper_reorganisation_drops_is_sent_again_so_that_its_nonce_blocks_nothing() -> None:
    async with desk(min_confirmations=1) as at:
        await sent(at, "first")
        at.chain.mine(blocks=3)
        await at.until("first", S.SAFE)
        at.chain.reorganise(3)
        found = await at.until("first", S.UNCONFIRMED, seconds=1)
        assert found.receipt is None
        await sent(at, "second")
        at.chain.mine()
        assert [(await at.until(name, S.SAFE, seconds=1)).nonce for name in ("first", "second")] == [0, 1]


@simulated
async def test_a_safe_transaction_that_more_than_finality_took_away_is_left_until_an_operator_wants_it_judged() -> None:
    async with desk(min_confirmations=1, finality_depth=2) as at:
        await asked_by_request(at, "first", "0xaa")
        for name in ("before", "first"):
            await sent(at, name)
            at.chain.mine()
            await at.until(name, S.SAFE)
        lost = (await at.of("first")).receipt
        assert lost is not None
        at.chain.mine(blocks=5)
        await at.settle()
        at.chain.reorganise(6)
        await at.settle(30)
        assert (await at.of("first")).state is S.SAFE
        assert (await closings(at))[0][1] == "answered"

        await at.db.write(judgements.asked(lost.block_number))
        at.manager.wished()
        await at.until("first", S.UNCONFIRMED, seconds=1)
        assert (await closings(at))[0][1] is None
        assert (await at.of("before")).state is S.SAFE
        assert await judgements.wanted(at.db) is None

        at.chain.mine()
        assert (await at.until("first", S.SAFE, seconds=1)).nonce == 1


@simulated
async def test_a_judgement_that_cannot_be_told_now_is_not_given_up() -> None:
    async with desk(min_confirmations=1, finality_depth=2) as at:
        await sent(at, "run")
        at.chain.mine()
        await at.until("run", S.SAFE)
        at.chain.mine(blocks=5)
        await at.settle()
        at.chain.fail["canonical_hash"] = RpcTimeout("no answer")
        await at.db.write(judgements.asked(0))
        at.manager.wished()
        await at.settle(5)
        assert await judgements.wanted(at.db) == 0
        at.chain.fail.clear()
        await at.settle(10)
        assert await judgements.wanted(at.db) is None
        assert (await at.of("run")).state is S.SAFE


@simulated
async def test_a_safe_transaction_above_the_head_of_a_chain_that_was_cut_back_is_open_again() -> None:
    async with desk(min_confirmations=1) as at:
        at.chain.mine(blocks=3)
        await sent(at, "run")
        at.chain.mine()
        await at.until("run", S.SAFE)
        await at.crash()
        del at.chain.blocks[-2:]
        at.chain.mine(blocks=1)
        at.start()
        at.chain.mine(blocks=3)
        await at.settle(1)
        at.chain.mine()
        found = await at.until("run", S.SAFE, seconds=1)
        assert found.receipt is not None
        assert found.receipt.block_hash == at.chain.blocks[found.receipt.block_number].head.hash


@simulated
async def test_safe_transactions_are_looked_at_again_until_it_can_be_told_where_they_are() -> None:
    async with desk(min_confirmations=1) as at:
        await sent(at, "run")
        at.chain.mine(blocks=2)
        await at.until("run", S.SAFE)
        at.chain.fail["canonical_hash"] = RpcTimeout("no answer")
        at.chain.reorganise(2)
        await at.settle(1)
        assert (await at.of("run")).state is S.SAFE
        at.chain.fail.clear()
        at.chain.mine(only=lambda _: False)
        await at.until("run", S.UNCONFIRMED, seconds=1)


@simulated
async def test_what_is_canonical_is_not_guessed_when_it_cannot_be_told() -> None:
    async with desk(min_confirmations=2) as at:
        await sent(at, "run")
        at.chain.mine()
        await at.until("run", S.CONFIRMED)
        at.chain.fail["canonical_hash"] = RpcTimeout("no answer")
        at.chain.mine(blocks=3)
        await at.settle(5)
        assert (await at.of("run")).state is S.CONFIRMED
        at.chain.fail.clear()
        at.chain.mine()
        await at.until("run", S.SAFE, seconds=1)


# --- crashes and troubles --------------------------------------------------------------------------------------------


@simulated
async def test_a_crash_before_a_receipt_is_stored_asks_for_it_again() -> None:
    async with desk() as at:
        await sent(at, "run")
        at.chain.fail["receipts"] = Disconnected("gone")
        at.chain.mine()
        await at.settle()
        await at.crash()
        at.chain.fail.clear()
        at.start()
        await at.until("run", S.SAFE, seconds=1)


@simulated
async def test_runs_that_a_crash_kept_from_hearing_are_found_in_the_rows() -> None:
    async with desk() as at:
        await at.db.write(
            Statement("INSERT INTO jobs (id, created_at) VALUES (?, 0)", [("job",)]),
            Statement(
                "INSERT INTO runs (id, job_id, initiator_id, status, version, created_at, updated_at, input) "
                "VALUES (?, 'job', 1, ?, 1, 0, 0, '{}')",
                [("run", "pending_confirmations"), ("other", "pending_confirmations"), ("done", "in_progress")],
            ),
        )
        await sent(at, "run", "done")
        at.chain.mine()
        await at.until("done", S.SAFE)
        await sent(at, "other")
        assert await stored.settled_runs(at.db) == ["run"]


@simulated
async def test_a_failing_call_for_one_key_does_not_hold_up_the_other() -> None:
    async with desk(owners=(FIRST, SECOND)) as at:
        await sent(at, "a", "b")
        assert (await at.of("a")).from_address == SENDER

        def count(address: str) -> int:
            if address == SENDER:
                raise RpcTimeout("no answer")
            return 1

        at.chain.counts["latest"] = count
        at.chain.mine()
        assert (await at.until("b", S.SAFE, seconds=1)).from_address == OTHER_SENDER
        assert (await at.of("a")).state is S.UNCONFIRMED
        at.chain.counts.clear()
        await at.until("a", S.SAFE, seconds=6)


class Failing:
    """A database that can be told to refuse."""

    def __init__(self, at: Desk) -> None:
        self._write, self._read = at.db.write, at.db.read
        self.down = False
        at.db.write = self.write  # type: ignore[method-assign] # the disk is the outside world
        at.db.read = self.read  # type: ignore[method-assign] # as above

    async def write(self, *statements: Statement) -> list[list[Row]]:
        self._check()
        return await self._write(*statements)

    async def read(self, sql: str, params: Row = ()) -> list[Row]:
        self._check()
        return await self._read(sql, params)

    def _check(self) -> None:
        if self.down:
            raise StorageUnavailable("disk full")


@simulated
async def test_a_database_that_fails_for_a_while_delays_and_loses_nothing() -> None:
    async with desk() as at:
        disk = Failing(at)

        def full(_: object) -> None:
            disk.down = True

        await at.ask("a", "b", "c")
        at.chain.scripted = [None, full]
        await at.settle(40)
        disk.down = False
        await at.until("c", S.UNCONFIRMED, seconds=20)
        assert sorted({each.nonce for each in at.chain.sent}) == [0, 1, 2]
        assert len({each.raw for each in at.chain.sent}) == 3
        disk.down = True
        at.chain.mine()
        await at.settle(40)
        disk.down = False
        await at.until("c", S.SAFE, seconds=20)


@simulated
async def test_a_nonce_that_something_else_used_for_good_lets_the_transaction_start_over() -> None:
    async with desk() as at:
        await sent(at, "first")
        at.chain.mine()
        await at.until("first", S.SAFE)
        await sent(at, "run")
        thief = at.chain.pool[SENDER, 1]._replace(raw="0x00", hash="0x" + "ee" * 32, data="0x00")
        at.chain.pool[SENDER, 1] = thief
        at.chain.mine()
        await at.settle()
        at.chain.mine(blocks=49)
        await at.settle()
        assert ((await at.of("run")).state, (await at.of("run")).nonce) == (S.UNCONFIRMED, 1)
        at.chain.mine(blocks=3)
        await at.settle(5)
        found = await at.of("run")
        assert (found.state, found.nonce) == (S.UNCONFIRMED, 2)
        at.chain.mine()
        await at.until("run", S.SAFE, seconds=1)
        assert [(each.first, each.last) for each in await foreign_nonces.of(at.db, SENDER)] == [(1, 1)]
        assert counted(at, "adyton_foreign_nonces_total", key=SENDER) == 1


# --- no-ops ----------------------------------------------------------------------------------------------------------


async def cancel(at: Desk, name: str) -> SignedTransaction:
    """An operator has a no-op sent in the transaction's place."""
    found = await at.of(name)
    assert found.nonce is not None
    fee = Fee(tip_cap=10**12, fee_cap=10**12)
    signed = at.manager._parts.sign(found, found.nonce, fee, noop=True)
    await at.db.write(*stored.bumped(found.id, signed, fee, 1), *stored.bump_delivered(found.id, 1))
    await at.db.write(Statement("UPDATE tx_attempts SET noop = 1 WHERE hash = ?", [(signed.hash,)]))
    return signed


@simulated
async def test_a_no_op_carries_nothing_to_nobody_under_the_same_nonce() -> None:
    async with desk() as at:
        await at.ask("run", value=7)
        await at.until("run", S.UNCONFIRMED)
        fields = TypedTransaction.from_bytes(HexBytes((await cancel(at, "run")).raw)).as_dict()
        assert (fields["to"], fields["value"], fields["data"], fields["nonce"]) == (HexBytes(SENDER), 0, b"", 0)
        assert fields["gas"] == (await at.of("run")).gas_limit
        assert (await at.of("run")).cancelling


@simulated
async def test_a_transaction_whose_no_op_was_mined_fails_its_run_as_cancelled() -> None:
    async with desk() as at:
        heard = at.manager.settled()
        await sent(at, "run")
        await at.chain.send_raw((await cancel(at, "run")).raw)
        at.chain.mine()
        found = await at.until("run", S.SAFE, seconds=1)
        assert found.failure == "cancelled by an operator: its nonce was used by a no-op"
        assert await anext(heard) == ["run"]


@simulated
async def test_a_transaction_that_was_mined_before_its_no_op_is_not_cancelled() -> None:
    async with desk() as at:
        await sent(at, "run")
        await cancel(at, "run")
        at.chain.mine()
        assert (await at.until("run", S.SAFE, seconds=1)).failure is None


@simulated
async def test_a_cancelled_transaction_whose_nonce_something_else_used_does_not_start_over() -> None:
    async with desk(finality_depth=5) as at:
        heard = at.manager.settled()
        await sent(at, "run")
        await cancel(at, "run")
        at.chain.pool[SENDER, 0] = at.chain.pool[SENDER, 0]._replace(raw="0x00", hash="0x" + "ee" * 32, data="0x00")
        at.chain.mine()
        await at.settle()
        at.chain.mine(blocks=8)
        found = await at.until("run", S.FATAL_ERROR, seconds=10)
        assert found.failure == "cancelled by an operator: something else used its nonce"
        assert await anext(heard) == ["run"]
        assert [(each.first, each.last) for each in await foreign_nonces.of(at.db, SENDER)] == [(0, 0)]


# --- what the chain says of requests ---------------------------------------------------------------------------------


async def asked_by_request(at: Desk, name: str, request: str) -> None:
    """The run of that name answers a request."""
    await at.db.write(
        Statement("INSERT INTO jobs (id, created_at) VALUES (?, 0) ON CONFLICT (id) DO NOTHING", [("job",)]),
        Statement(
            "INSERT INTO runs (id, job_id, initiator_id, status, version, created_at, updated_at, input, contract, request_id) "
            "VALUES (?, 'job', 1, 'pending_confirmations', 1, 0, 0, '{}', ?, ?)",
            [(name, ORACLE, request)],
        ),
        Statement(
            "INSERT INTO requests (contract, request_id, job_id, block_number, block_hash, transaction_hash, log_index, "
            "requester, payment, decision, run_id, seen_at) "
            "VALUES (?, ?, 'job', 1, '0x02', '0x03', 0, '0x04', '1', 'run started', ?, 5)",
            [(ORACLE, request, name)],
        ),
    )


async def closings(at: Desk) -> list[Row]:
    return await at.db.read(
        "SELECT run_id, closed_as, closed_tx, closed_block, closed_block_hash FROM requests ORDER BY run_id"
    )


@simulated
async def test_a_safe_answer_closes_its_request_and_a_reorganisation_opens_it_again() -> None:
    async with desk(min_confirmations=2) as at:
        await asked_by_request(at, "run", "0xaa")
        await sent(at, "run")
        block = at.chain.mine()
        await at.until("run", S.CONFIRMED)
        assert await closings(at) == [("run", None, None, None, None)]
        at.chain.mine()
        found = await at.until("run", S.SAFE)
        assert await closings(at) == [("run", "answered", found.attempts[0].hash, block.number, block.hash)]
        at.chain.reorganise(2)
        await at.until("run", S.UNCONFIRMED)
        assert await closings(at) == [("run", None, None, None, None)]
        assert counted(at, "adyton_transactions_reopened_total") == 1
        at.chain.mine(blocks=2)
        await at.until("run", S.SAFE)
        assert (await closings(at))[0][1] == "answered"


@simulated
async def test_an_answer_that_reverted_or_was_cancelled_closes_nothing() -> None:
    async with desk() as at:
        for name, request in (("cancelled", "0xaa"), ("reverted", "0xbb")):
            await asked_by_request(at, name, request)
        at.chain.reverting.add(data_of("reverted"))
        await sent(at, "cancelled", "reverted")
        await at.chain.send_raw((await cancel(at, "cancelled")).raw)
        at.chain.mine()
        await at.until("cancelled", S.SAFE)
        await at.until("reverted", S.SAFE)
        assert [(name, how) for name, how, *_ in await closings(at)] == [("cancelled", None), ("reverted", None)]


# --- counters --------------------------------------------------------------------------------------------------------


def counted(at: Desk, name: str, **labels: str) -> float:
    return at.metrics.registry.get_sample_value(name, labels) or 0.0


@simulated
async def test_receipts_and_what_they_cost_are_counted_by_key() -> None:
    async with desk() as at:
        at.chain.reverting.add(data_of("b"))
        await sent(at, "a", "b", "c")
        price = at.chain.sent[0].price
        at.chain.mine()
        await at.until("c", S.SAFE)
        assert counted(at, "adyton_transactions_mined_total", key=SENDER, outcome="succeeded") == 2
        assert counted(at, "adyton_transactions_mined_total", key=SENDER, outcome="reverted") == 1
        assert counted(at, "adyton_gas_spent_wei_total", key=SENDER) == 3 * 100_000 * price


# --- the reaper ------------------------------------------------------------------------------------------------------


@simulated
async def test_old_transactions_are_deleted_hour_by_hour_and_nonces_go_on() -> None:
    async with desk(finality_depth=5, reaper=ReaperRules(interval=3600, threshold=600)) as at:
        await sent(at, "a", "b", "c")
        at.chain.mine()
        await at.until("c", S.SAFE)
        at.chain.mine(blocks=10)
        await at.settle(3000)
        assert len(await at.db.read("SELECT id FROM transactions")) == 3
        await at.settle(1000)
        assert await at.db.read("SELECT run_id FROM transactions") == [("c",)]
        await at.crash()
        at.start()
        await at.ask("d")
        assert (await at.until("d", S.UNCONFIRMED)).nonce == 3


@simulated
async def test_a_database_that_cannot_delete_is_asked_again() -> None:
    async with desk(finality_depth=5, reaper=ReaperRules(interval=3600, threshold=600)) as at:
        await sent(at, "a", "b")
        at.chain.mine(blocks=10)
        await at.until("b", S.SAFE)
        await at.settle(3590)
        disk = Failing(at)
        disk.down = True
        await at.settle(30)
        disk.down = False
        await at.settle(100)
        assert await at.db.read("SELECT run_id FROM transactions") == [("b",)]


@simulated
async def test_without_a_threshold_nothing_is_deleted() -> None:
    async with desk(finality_depth=5, reaper=ReaperRules(interval=3600, threshold=0)) as at:
        await sent(at, "a", "b")
        at.chain.mine(blocks=10)
        await at.settle(6000)
        assert len(await at.db.read("SELECT id FROM transactions")) == 2


@simulated
async def test_a_node_without_a_key_refuses_to_promise_a_transaction() -> None:
    async with desk(owners=()) as at:
        assert at.manager.next_sender() is None
        with pytest.raises(Exception, match="No Ethereum Accounts configured"):
            await at.ask("run")
