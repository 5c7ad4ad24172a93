"""The simulated chain: geth's rules for transactions, the oracle contract's, and what a reorganisation changes."""

from __future__ import annotations

import re
from collections.abc import Coroutine
from typing import Any

import pytest
from eth_account import Account

from adyton.sim.blocks import Genesis
from adyton.sim.chain import GWEI, LINK_UNIT, SimulatedChain
from adyton.sim.clock import SimulatedClock
from adyton.sim.contracts import CALLBACK, CONSUMER, FULFILL, ORACLE, REQUEST_EVENT, address_word, word
from adyton.sim.loop import run
from adyton.sim.mempool import Rejected
from adyton.sim.rlp import Undecodable, hexed, read_transaction, unhex
from adyton.sim.trace import Trace
from support.signing import KEY, NODE, signed

STRANGER_KEY = "0x" + "47" * 32
JOB = "4c7b7ffb66b344fbaa64995af81e355a"


def make_chain(*, base_fee: int | None = 10 * GWEI, balance: int = 10**18) -> SimulatedChain:
    clock = SimulatedClock()
    genesis = Genesis(balances={NODE: balance}, authorised=[NODE])
    return SimulatedChain(1, clock, Trace(clock.now), genesis, base_fee=base_fee)


def answer_to(chain: SimulatedChain, identity: str, value: int) -> bytes:
    """The calldata of a fulfilment, put together from the request's log as the node does."""
    block = chain.block_of(chain.transaction_of(identity))
    assert block is not None
    log = next(each.emitted for each in block.logs if each.emitted.data[32:64] == unhex(identity))
    return FULFILL + log.data[32:192] + word(value)


def simulated(main: Coroutine[Any, Any, None]) -> None:
    run(main)


# --- reading transactions --------------------------------------------------------------------------------------------


def test_a_legacy_transaction_is_read_with_its_sender_and_hash() -> None:
    request = unhex("c524fafafcaec40652b1f84fca09c231185437d008d195fccf2f51e64b7062f8") + word(10**18)
    calldata = FULFILL + request + address_word("0x9fbda871d559710256a2502a2517b794b482db40")
    calldata += CALLBACK.ljust(32, b"\0") + word(1561000300) + word(42)
    wanted = {
        "chainId": 17,
        "nonce": 0,
        "to": b"\xab" * 20,
        "value": 0,
        "data": calldata,
        "gas": 500_000,
        "gasPrice": 20 * GWEI,
    }
    found = read_transaction(bytes(Account.sign_transaction(wanted, KEY).raw_transaction))
    assert found.hash == "0x76e6ca97f8f312183c7ed0bfbdd3c864c32a9c2eb00d1f1f30ab2cbe48592f90"
    assert (found.sender, found.chain_id, found.data, found.to) == (NODE, 17, calldata, "0x" + "ab" * 20)


def test_a_dynamic_fee_transaction_is_read_with_its_sender_and_prices() -> None:
    found = read_transaction(signed(7, data=b"\x01\x02", value=5))
    assert (found.sender, found.nonce, found.value, found.data) == (NODE, 7, 5, b"\x01\x02")
    assert (found.tip_cap, found.fee_cap, found.gas_price) == (2 * GWEI, 30 * GWEI, None)


@pytest.mark.parametrize(
    "raw", ["", "00", "02", "02c0", "c0", "c3010203", "f8", "01c0", "7f", signed().hex()[:-2], signed().hex() + "00"]
)
def test_what_is_no_transaction_is_refused(raw: str) -> None:
    with pytest.raises(Undecodable):
        read_transaction(bytes.fromhex(raw))


# --- the mempool -----------------------------------------------------------------------------------------------------


def test_the_mempool_answers_in_geths_words() -> None:
    async def main() -> None:
        chain = make_chain()
        chain.submit(signed(0))
        cases = [
            (signed(0), "already known"),
            (signed(0, data=b"other"), "replacement transaction underpriced"),
            (signed(0, fee=33, tip=2), "replacement transaction underpriced"),
            (signed(0, fee=30, tip=3), "replacement transaction underpriced"),
            (signed(1, fee=1, tip=2), "max priority fee per gas higher than max fee per gas"),
            (signed(1, tip=0), "transaction underpriced: gas tip cap 0, minimum needed 1"),
            (signed(1, gas=21_000, data=b"x"), "intrinsic gas too low: gas 21000, minimum needed 21016"),
            (signed(1, gas=31_000_000), "exceeds block gas limit"),
            (signed(1, fee=2500, tip=1), "tx fee (1.25 ether) exceeds the configured cap (1.00 ether)"),
            (signed(1, chainId=5), "invalid sender: invalid chain id for signer: have 5 want 1337"),
            (signed(0, key=STRANGER_KEY), "insufficient funds for gas * price + value"),
            (signed(1, value=10**18), "insufficient funds for gas * price + value"),
        ]
        for raw, words in cases:
            with pytest.raises(Rejected, match="^" + re.escape(words)):
                chain.submit(raw)
        chain.submit(signed(0, fee=33, tip=3))
        chain.mine()
        with pytest.raises(Rejected, match=r"^nonce too low: next nonce 1, tx nonce 0"):
            chain.submit(signed(0, fee=50))

    simulated(main())


def test_what_follows_a_nonce_gap_waits_until_the_gap_is_filled() -> None:
    async def main() -> None:
        chain = make_chain()
        chain.submit(signed(1))
        assert chain.mine().transactions == ()
        assert chain.pool.next_nonce(NODE, chain.state) == 0
        chain.submit(signed(0))
        assert chain.pool.next_nonce(NODE, chain.state) == 2
        assert [each.nonce for each in chain.mine().transactions] == [0, 1]

    simulated(main())


def test_a_transaction_below_the_base_fee_waits_until_it_falls() -> None:
    async def main() -> None:
        chain = make_chain()
        chain.set_base_fee(50 * GWEI)
        chain.submit(signed(0, fee=30))
        assert chain.mine().transactions == ()
        chain.set_base_fee(20 * GWEI)
        assert len(chain.mine().transactions) == 1
        spent = 10**18 - chain.state.balances[NODE]
        assert spent == chain.head.gas_used * 22 * GWEI

    simulated(main())


# --- the oracle contract ---------------------------------------------------------------------------------------------


def test_a_request_is_logged_in_the_layout_of_the_contract() -> None:
    async def main() -> None:
        chain = make_chain()
        identity = chain.request(JOB, {"path": ["USD"]})
        (log,) = chain.mine().logs
        data = log.emitted.data
        assert log.emitted.topics == (REQUEST_EVENT, hexed(JOB.encode()))
        assert log.emitted.address == ORACLE
        assert (data[:32], hexed(data[32:64])) == (address_word(CONSUMER), identity)
        assert (data[64:96], data[96:128]) == (word(LINK_UNIT), address_word(CONSUMER))
        assert (data[128:160], data[160:192]) == (CALLBACK.ljust(32, b"\0"), word(chain.head.timestamp + 300))
        assert (data[192:224], data[224:256], data[256:288]) == (word(1), word(256), word(10))
        assert data[288:298] == b"\x64path\x81\x63USD"
        assert len(data) % 32 == 0

    simulated(main())


def test_a_request_is_answered_once() -> None:
    async def main() -> None:
        chain = make_chain()
        identity = chain.request(JOB, {})
        chain.mine()
        assert chain.is_open(identity)
        calldata = answer_to(chain, identity, 42)
        chain.submit(signed(0, data=calldata))
        chain.submit(signed(1, data=calldata))
        assert [(outcome.status, outcome.revert) for outcome in chain.mine().outcomes] == [
            (1, None),
            (0, "Must have a valid requestId"),
        ]
        assert [answer.number for answer in chain.answers(identity)] == [42]
        assert not chain.is_open(identity)

    simulated(main())


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"gas": 400_000}, "Must provide consumer enough gas"),
        ({"key": STRANGER_KEY}, "Not an authorized node to fulfill requests"),
        ({"changed": 4 + 63}, "Params do not match request ID"),
        ({"changed": 4 + 159}, "Params do not match request ID"),
        ({"changed": 4 + 31}, "Must have a valid requestId"),
        ({"changed": 3}, "function selector was not recognized and there's no fallback function"),
    ],
)
def test_a_wrong_fulfilment_reverts(fields: dict[str, Any], words: str) -> None:
    async def main() -> None:
        chain = make_chain()
        stranger = Account.from_key(STRANGER_KEY).address.lower()
        chain.state.balances[stranger] = 10**18
        identity = chain.request(JOB, {})
        chain.mine()
        calldata = bytearray(answer_to(chain, identity, 42))
        if "changed" in fields:
            calldata[fields.pop("changed")] ^= 1
        chain.submit(signed(0, data=bytes(calldata), **fields))
        assert [(each.status, each.revert) for each in chain.mine().outcomes] == [(0, words)]
        assert chain.answers(identity) == []

    simulated(main())


def test_a_request_can_be_cancelled_only_after_its_expiration() -> None:
    async def main() -> None:
        clock = SimulatedClock()
        chain = make_chain()
        identity = chain.request(JOB, {})
        chain.mine()
        chain.cancel(identity)
        assert [each.revert for each in chain.mine().outcomes] == ["Request is not expired"]
        await clock.sleep(301)
        chain.cancel(identity)
        assert [each.status for each in chain.mine().outcomes] == [1]
        assert not chain.is_open(identity)

    simulated(main())


# --- reorganisations -------------------------------------------------------------------------------------------------


def test_a_reorganisation_moves_a_request_to_another_block() -> None:
    async def main() -> None:
        chain = make_chain()
        identity = chain.request(JOB, {})
        before = chain.mine()
        chain.mine()
        chain.reorganise(2, shift=1)
        after = chain.block_of(chain.transaction_of(identity))
        assert after is not None
        assert (after.number, chain.head.number) == (before.number + 1, before.number + 2)
        assert after.hash != before.hash
        assert before.hash in chain.by_hash
        assert chain.block(before.number) is not before
        assert chain.is_open(identity)

    simulated(main())


def test_a_reorganisation_takes_answers_and_nonces_back() -> None:
    async def main() -> None:
        chain = make_chain()
        identity = chain.request(JOB, {})
        chain.mine()
        sent = chain.submit(signed(0, data=answer_to(chain, identity, 42)))
        chain.mine()
        assert chain.state.nonces[NODE] == 1
        chain.reorganise(1, out=[sent])
        assert (chain.answers(identity), chain.state.nonces.get(NODE, 0)) == ([], 0)
        assert chain.state.balances[NODE] == 10**18
        chain.mine()
        assert [answer.number for answer in chain.answers(identity)] == [42]

    simulated(main())


def test_a_request_that_a_reorganisation_loses_is_gone_for_ever() -> None:
    async def main() -> None:
        chain = make_chain()
        identity = chain.request(JOB, {})
        chain.mine()
        chain.reorganise(1, lost=[chain.transaction_of(identity)])
        chain.mine(5)
        assert chain.block_of(chain.transaction_of(identity)) is None
        assert not chain.is_open(identity)

    simulated(main())


def test_an_answer_whose_request_moved_behind_it_reverts() -> None:
    async def main() -> None:
        chain = make_chain()
        identity = chain.request(JOB, {})
        chain.mine()
        sent = chain.submit(signed(0, data=answer_to(chain, identity, 42)))
        chain.mine()
        chain.reorganise(2, out=[chain.transaction_of(identity)])
        block = chain.block_of(sent)
        assert block is not None
        assert [each.revert for each in block.outcomes] == ["Must have a valid requestId"]
        chain.mine()
        assert chain.is_open(identity)

    simulated(main())


def test_the_state_of_an_old_block_is_what_it_was() -> None:
    async def main() -> None:
        chain = make_chain()
        chain.submit(signed(0))
        before = chain.mine()
        chain.submit(signed(1))
        after = chain.mine()
        assert chain.state_after(before).nonces[NODE] == 1
        assert chain.state_after(chain.blocks[before.number - 1]).nonces.get(NODE, 0) == 0
        assert chain.state_after(after).balances == chain.state.balances

    simulated(main())
