"""What would revert is not paid for; and what only seems to is."""

from __future__ import annotations

from typing import Any

import pytest

from adyton.domain.chain import Hex
from adyton.domain.errors import Disconnected
from adyton.domain.transactions import TransactionState as S
from adyton.domain.trials import Outcome, Place, judged
from adyton.ethereum.errors import RpcError, RpcTimeout
from adyton.storage.database import Statement
from adyton.transactions.trial import is_revert
from support.outgoing import Desk, OutsideChain, data_of, desk, revert, simulated

ALREADY = revert("Must have a valid requestId")
OTHER_BLOCK = "0x" + "ee" * 32


def refusing(*names: str, error: RpcError = ALREADY) -> OutsideChain:
    """A chain on which the calldata of these names revert when they are tried."""
    chain = OutsideChain()
    refuse(chain, *names, error=error)
    return chain


def refuse(chain: OutsideChain, *names: str, error: RpcError = ALREADY) -> None:
    refused = {data_of(name) for name in names}
    chain.trials = lambda data: error if data in refused else None


async def run_with_request(at: Desk, name: str, *, block: int, block_hash: str | None = None, prefix: str = "") -> None:
    """The run of that name answers a request of that block."""
    block_hash = block_hash or at.chain.blocks[block].head.hash
    rows: list[tuple[Any, ...]] = [(name, block, "0x01", name, "0x" + "dd" * 32, block_hash, f'{{"dataPrefix": "{prefix}"}}')]
    await at.db.write(
        Statement("INSERT INTO jobs (id, created_at) VALUES (?, 0) ON CONFLICT (id) DO NOTHING", [("job",)]),
        Statement(
            "INSERT INTO runs (id, job_id, initiator_id, status, version, created_at, updated_at, creation_height, contract, "
            "request_id, request_tx, request_block, input) "
            "VALUES (?, 'job', 1, 'pending_confirmations', 1, 0, 0, ?, ?, ?, ?, ?, ?)",
            rows,
        ),
    )


async def move_request(at: Desk, name: str, *, block: int, prefix: str = "") -> None:
    """Log intake found the request in another block."""
    place = (block, at.chain.blocks[block].head.hash, f'{{"dataPrefix": "{prefix}"}}', name)
    await at.db.write(Statement("UPDATE runs SET creation_height = ?, request_block = ?, input = ? WHERE id = ?", [place]))


def spared(at: Desk) -> float:
    return at.metrics.registry.get_sample_value("adyton_transactions_spared_total") or 0.0


# --- on the chain ----------------------------------------------------------------------------------------------------


@simulated
async def test_what_reverts_at_two_heads_is_not_sent_and_its_run_is_told_why() -> None:
    async with desk(refusing("bad"), simulate=True) as at:
        heard = at.manager.settled()
        await run_with_request(at, "bad", block=0)
        await at.ask("bad", "good")
        await at.until("good", S.UNCONFIRMED, seconds=1)
        waits = await at.of("bad")
        assert (waits.state, waits.waiting) == (S.UNSTARTED, "would revert: Must have a valid requestId; it is tried again")
        at.chain.mine()
        found = await at.until("bad", S.FATAL_ERROR, seconds=1)
        assert found.failure == "would revert: Must have a valid requestId; not sent"
        assert (found.nonce, found.attempts, found.waiting) == (None, (), None)
        assert [(sent.nonce, sent.data) for sent in at.chain.sent] == [(0, data_of("good"))]
        assert "bad" in await anext(heard)
        assert spared(at) == 1


@simulated
async def test_a_page_is_tried_in_one_call() -> None:
    async with desk(simulate=True) as at:
        await at.ask(*(f"run{n}" for n in range(100)))
        await at.until("run99", S.UNCONFIRMED)
        assert at.chain.called.count("calls") <= 2


@simulated
async def test_a_chain_without_new_heads_gets_its_second_look_in_time() -> None:
    async with desk(refusing("bad"), simulate=True) as at:
        await at.ask("bad")
        await at.until("bad", S.FATAL_ERROR, seconds=15)


@simulated
async def test_one_look_of_an_endpoint_that_lags_does_not_cost_an_answer() -> None:
    async with desk(refusing("run"), simulate=True) as at:
        await run_with_request(at, "run", block=0)
        await at.ask("run")
        await at.settle()
        refuse(at.chain)
        at.chain.mine()
        found = await at.until("run", S.UNCONFIRMED, seconds=1)
        assert found.waiting is None
        assert spared(at) == 0


@simulated
async def test_the_same_head_again_is_no_second_look() -> None:
    async with desk(refusing("run"), simulate=True) as at:
        await at.ask("run")
        await at.settle()
        at.chain.disconnect()
        at.chain.connect()
        await at.settle(0.1)
        assert (await at.of("run")).state is S.UNSTARTED


@simulated
async def test_a_revert_while_the_request_is_elsewhere_waits_until_it_is_back() -> None:
    async with desk(refusing("run"), simulate=True) as at:
        await run_with_request(at, "run", block=0, block_hash=OTHER_BLOCK)
        await at.ask("run")
        for _ in range(5):
            at.chain.mine()
            await at.settle()
        found = await at.of("run")
        assert (found.state, spared(at)) == (S.UNSTARTED, 0)
        assert "its request is not in the chain now" in (found.waiting or "")
        refuse(at.chain)
        at.chain.mine()
        await at.until("run", S.UNCONFIRMED, seconds=1)


@simulated
async def test_a_request_that_left_the_chain_for_good_is_not_answered() -> None:
    async with desk(refusing("run"), simulate=True, finality_depth=10) as at:
        await run_with_request(at, "run", block=1, block_hash=OTHER_BLOCK)
        await at.ask("run")
        at.chain.mine(blocks=10)
        await at.settle()
        assert (await at.of("run")).state is S.UNSTARTED
        at.chain.mine()
        found = await at.until("run", S.FATAL_ERROR, seconds=1)
        assert found.failure == "its request has left the chain; not sent"


@simulated
async def test_an_answer_to_what_the_request_was_before_it_moved_is_asked_for_anew() -> None:
    async with desk(refusing("run"), simulate=True) as at:
        heard = at.manager.settled()
        await run_with_request(at, "run", block=0, prefix="0x77")
        await at.ask("run")
        assert await anext(heard) == ["run"]
        assert await at.db.read("SELECT COUNT(*) FROM transactions") == [(0,)]
        assert (at.chain.sent, spared(at)) == ([], 0)
        await move_request(at, "run", block=0)
        refuse(at.chain)
        await at.ask("run")
        await at.until("run", S.UNCONFIRMED)


@simulated
async def test_what_a_node_cannot_try_is_sent() -> None:
    refusals = [
        RpcError(-32000, "header not found"),
        RpcError(-32000, "out of gas"),
        RpcError(-32000, "insufficient funds for gas * price + value"),
        RpcError(-32601, "the method eth_call does not exist"),
    ]
    for error in refusals:
        async with desk(refusing("run", error=error), simulate=True) as at:
            await at.ask("run")
            await at.until("run", S.UNCONFIRMED, seconds=1)
    for fault in (RpcTimeout("no answer"), RpcError(429, "too many requests")):
        async with desk(simulate=True) as at:
            at.chain.fail["calls"] = fault
            await at.ask("run")
            await at.until("run", S.UNCONFIRMED, seconds=1)


@simulated
async def test_a_lost_connection_in_a_trial_loses_nothing() -> None:
    async with desk(simulate=True) as at:
        at.chain.fail["calls"] = Disconnected("gone")
        await at.ask("run")
        await at.settle(3)
        assert (await at.of("run")).state is S.UNSTARTED
        del at.chain.fail["calls"]
        await at.until("run", S.UNCONFIRMED, seconds=20)


@simulated
async def test_a_block_that_cannot_be_looked_up_decides_nothing() -> None:
    async with desk(refusing("run"), simulate=True) as at:
        await run_with_request(at, "run", block=0)
        at.chain.fail["canonical_hash"] = RpcTimeout("no answer")
        await at.ask("run")
        for _ in range(3):
            at.chain.mine()
            await at.settle()
        assert (await at.of("run")).state is S.UNSTARTED
        del at.chain.fail["canonical_hash"]
        at.chain.mine()
        await at.settle()
        at.chain.mine()
        await at.until("run", S.FATAL_ERROR, seconds=1)


@simulated
async def test_what_is_set_aside_does_not_hold_up_those_behind_it() -> None:
    names = [f"bad{n}" for n in range(250)]
    async with desk(refusing(*names), simulate=True) as at:
        for name in names:
            await run_with_request(at, name, block=0, block_hash=OTHER_BLOCK)
        await at.ask(*names, "good")
        await at.until("good", S.UNCONFIRMED, seconds=2)
        refuse(at.chain)
        at.chain.mine()
        await at.until("bad249", S.UNCONFIRMED, seconds=5)
        assert [sent.data for sent in at.chain.sent[1:4]] == [data_of(name) for name in names[:3]]


@simulated
async def test_a_crash_forgets_what_was_set_aside_and_tries_again() -> None:
    async with desk(refusing("run"), simulate=True) as at:
        await at.ask("run")
        await at.settle()
        await at.crash()
        refuse(at.chain)
        at.start()
        await at.until("run", S.UNCONFIRMED, seconds=1)


@simulated
async def test_a_transfer_that_its_receiver_refuses_is_not_sent() -> None:
    async with desk(refusing("refused"), simulate=True) as at:
        await at.ask("refused", "taken", value=10**18)
        await at.until("taken", S.UNCONFIRMED, seconds=1)
        at.chain.mine()
        await at.until("refused", S.FATAL_ERROR, seconds=1)
        assert "calls" not in at.chain.called
    async with desk(refusing("run", error=RpcError(-32000, "insufficient funds for transfer")), simulate=True) as at:
        await at.ask("run", value=10**18)
        await at.until("run", S.UNCONFIRMED, seconds=1)


@simulated
async def test_without_simulation_nothing_is_tried() -> None:
    async with desk(refusing("run"), simulate=False) as at:
        await at.ask("run")
        await at.until("run", S.UNCONFIRMED)
        assert "calls" not in at.chain.called


# --- what a revert means ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("canonical", "height", "data", "outcome"),
    [
        ("0xaa", 10, "0x11cafe22", Outcome.REVERTS),
        ("0xaa", 10, "0x1122", Outcome.STALE),
        ("0xbb", 10, "0x11cafe22", Outcome.UNDECIDED),
        (None, 10, "0x11cafe22", Outcome.UNDECIDED),
        ("0xaa", 9, "0x11cafe22", Outcome.UNDECIDED),
        ("0xbb", 59, "0x11cafe22", Outcome.UNDECIDED),
        ("0xbb", 60, "0x11cafe22", Outcome.LOST),
        (None, 99, "0x11cafe22", Outcome.UNDECIDED),
        ("0xaa", 99, "0x11cafe22", Outcome.REVERTS),
    ],
)
def test_a_revert_counts_only_when_the_request_is_where_the_trial_saw_it(
    canonical: str | None, height: int, data: Hex, outcome: Outcome
) -> None:
    head = OutsideChain().blocks[0].head
    at = type(head)(height, head.hash, head.parent_hash, 0)
    assert judged(data, Place(10, "0xaa", "cafe"), canonical, at, 50) is outcome


@pytest.mark.parametrize(
    ("error", "wanted"),
    [
        (revert("no"), True),
        (RpcError(3, "execution reverted"), True),
        (RpcError(-32015, "VM execution error.", "Reverted 0x08c379a0"), True),
        (RpcError(-32000, "execution reverted: no"), True),
        (RpcError(-32000, "header not found"), False),
        (RpcError(-32000, "out of gas"), False),
        (RpcError(-32603, "Internal error"), False),
    ],
)
def test_a_refusal_of_the_contract_is_told_from_one_of_the_node(error: RpcError, wanted: bool) -> None:
    assert is_revert(error) is wanted
