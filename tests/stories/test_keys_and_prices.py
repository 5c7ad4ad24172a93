"""A key that cannot pay, a price that nobody wants to pay, a wallet that shares the key, a requester who takes it back; each
ends with the ledger."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from adyton.dev import contracts as on_chain
from adyton.ledger.account import End
from adyton.storage.snapshot import open_snapshot
from support.contracts import SECRETS, World, start_node_in

pytestmark = pytest.mark.stories

GWEI = 10**9


async def waits(place: World) -> str:
    """What a transaction says that it waits for, once one does."""

    async def probe() -> str | None:
        async with open_snapshot("", root=place.root) as rows:
            found = await rows.read("SELECT waiting FROM transactions WHERE waiting IS NOT NULL")
        return str(found[0][0]) if found else None

    said: str = await place.until("a transaction says what it waits for", probe)
    return said


async def base_fee(place: World, wei: int) -> None:
    """A block with that base fee."""
    await place.chain.rpc("anvil_setNextBlockBaseFeePerGas", hex(wei))
    await place.chain.mine()


async def test_a_base_fee_fifty_times_as_high_is_waited_out_below_the_ceiling(place: World) -> None:
    async with start_node_in(place, ETH_GAS_PRICE_DEFAULT=str(GWEI), ETH_MAX_GAS_PRICE_WEI=str(5 * GWEI)):
        await place.answer(await place.request())
        await base_fee(place, 50 * GWEI)
        requests = [await place.request() for _ in range(3)]
        assert "ETH_MAX_GAS_PRICE_WEI" in await waits(place)
        assert len(await place.answers()) == 1
        for _ in range(2):
            await base_fee(place, GWEI)
        account = await place.settled(4, mine=True)
        held = {answer.request_id for answer in await place.answers()}
    assert held > set(requests)
    assert dict(account.ends) == {End.ANSWERED: 4}
    assert account.reverted == 0


async def test_a_key_without_funds_waits_and_goes_on_when_it_is_funded(place: World) -> None:
    async with start_node_in(place, welcome=False) as node:
        await place.welcome(node, ether=10**12)
        requests = [await place.request() for _ in range(3)]
        assert "fund" in await waits(place)
        await place.chain.send(place.contracts.owner, to=place.address(), value=on_chain.ETHER)
        account = await place.settled(len(requests), mine=True)
    assert dict(account.ends) == {End.ANSWERED: 3}
    assert account.reverted == 0


async def test_a_wallet_that_shares_the_key_takes_nonces_and_no_answer_is_lost(place: World) -> None:
    async with start_node_in(place, ETH_FINALITY_DEPTH="5"):
        chain, address = place.chain, place.address()
        await chain.rpc("anvil_impersonateAccount", address)
        await place.answer(await place.request())
        await place.settled(1)
        await chain.send(address, to=place.contracts.owner, value=1)
        await place.request()
        await place.settled(2, mine=True)
        # And once in place of an answer that waits in the pool.
        await chain.rpc("evm_setAutomine", False)
        pushed_out = await place.send_request()
        await chain.mine()

        async def in_the_pool() -> int | None:
            return await place.sent("pending") if await place.sent("pending") > await place.sent("latest") else None

        nonce = await place.until("the answer is in the pool", in_the_pool) - 1
        dearer = {"from": address, "to": place.contracts.owner, "value": "0x1", "nonce": hex(nonce), "gas": hex(21_000)}
        await chain.rpc("eth_sendTransaction", dearer | {"gasPrice": hex(500 * GWEI)})
        await chain.mine()
        await chain.rpc("evm_setAutomine", True)
        account = await place.settled(3, mine=True)
    assert pushed_out in {answer.request_id for answer in await place.answers()}
    assert dict(account.ends) == {End.ANSWERED: 3}
    assert "2 nonces of our keys were used by something else" in " ".join(account.notes)


async def test_a_request_that_its_requester_took_back_is_not_paid_for(place: World) -> None:
    place.prices.open.clear()
    async with start_node_in(place):
        request_id = await place.request()
        await place.prices.reached.wait()
        await place.chain.rpc("evm_increaseTime", 301)
        await place.chain.mine()
        await place.cancel(request_id)
        place.prices.open.set()
        account = await place.settled(1, mine=True)
    assert dict(account.ends) == {End.CANCELLED: 1}
    assert await place.sent() == 0


async def test_a_key_made_while_the_node_runs_sends_at_once_and_after_a_new_password(place: World) -> None:
    password = {"currentPassword": SECRETS.keystore}
    async with start_node_in(place) as node:
        first = place.address()
        made = (await node.api._data("POST", "/v2/keys/eth", password))["id"].lower()
        await place.chain.send(place.contracts.owner, to=made, value=on_chain.ETHER)

        async def pay() -> None:
            body = {"from": made, "address": first, "amount": "1"}
            sent = (await node.api._data("POST", "/v2/transfers", body))["attributes"]
            assert sent["from"] == made
            await place.until("it is mined", lambda: _nonce_of(place, made))

        await pay()
        change = {"oldPassword": SECRETS.keystore, "newPassword": "another one, of the keystore"}
        await node.api._exchange("PATCH", "/v2/keys/password", change)

    again = await place.node(secrets=replace(SECRETS, keystore=change["newPassword"]))
    try:
        assert made in [address.lower() for address in await again.api.addresses()]
    finally:
        await again.stop()


async def _nonce_of(place: World, address: str) -> bool:
    return int(await place.chain.rpc("eth_getTransactionCount", address, "latest"), 16) == 1
