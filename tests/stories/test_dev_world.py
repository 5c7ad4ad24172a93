"""The world that stories and the demo stand on, without a node: contracts, a line that breaks, children that end."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from adyton.dev import abi, processes
from adyton.dev import contracts as on_chain
from adyton.dev.chain import ChainRefused, start_chain
from adyton.dev.world import Real
from adyton.domain.errors import AdytonError
from adyton.ports import HttpFailure, HttpRequest
from support.anvil import a_line_to
from support.contracts import IN_CENTS, World

pytestmark = pytest.mark.stories
JOB = "f" * 32


async def test_the_consumer_takes_the_answer_to_its_request_and_no_second(place: World) -> None:
    chain, contracts = place.chain, place.contracts
    oracle_node = (await chain.accounts())[1]
    await on_chain.welcome_node(chain, contracts, oracle_node)
    request_id = await on_chain.request(chain, contracts, JOB, IN_CENTS, nonce=7)
    *_, log = await chain.rpc("eth_getLogs", {"address": contracts.oracle, "fromBlock": "0x0"})
    expiration = int(log["data"][2 + 64 * 5 : 2 + 64 * 6], 16)
    fulfil = abi.call(
        "fulfillOracleRequest(bytes32,uint256,address,bytes4,uint256,bytes32)",
        bytes.fromhex(request_id[2:]),
        on_chain.LINK,
        contracts.consumer,
        on_chain.CALLBACK,
        expiration,
        192345,
    )
    await chain.send(oracle_node, to=contracts.oracle, data=fulfil)
    assert [(answer.request_id, answer.number) for answer in await place.answers()] == [(request_id, 192345)]
    assert int(await on_chain.current_price(chain, contracts), 16) == 192345
    with pytest.raises(ChainRefused):
        await chain.send(oracle_node, to=contracts.oracle, data=fulfil)


async def test_the_log_of_a_request_names_its_job_and_carries_its_parameters(place: World) -> None:
    await on_chain.request(place.chain, place.contracts, JOB, IN_CENTS, nonce=7)
    *_, log = await place.chain.rpc("eth_getLogs", {"address": place.contracts.oracle, "fromBlock": "0x0"})
    assert bytes.fromhex(log["topics"][1][2:]).decode() == JOB
    assert on_chain.encode_parameters(IN_CENTS).hex() in log["data"]


async def test_a_cut_line_refuses_and_a_mended_one_carries(place: World) -> None:
    async with a_line_to(place.chain, mended=False) as line:
        ask = HttpRequest(
            method="POST",
            url=f"http://127.0.0.1:{line.port}",
            headers=(("Content-Type", "application/json"),),
            body=b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]}',
            unrestricted=True,
        )
        with pytest.raises(HttpFailure):
            await place.real.http.request(ask)
        await line.mend()
        assert b"0x7a69" in (await place.real.http.request(ask)).body
        await line.cut()
        with pytest.raises(HttpFailure):
            await place.real.http.request(ask)


async def test_a_chain_that_cannot_start_says_why(place: World, tmp_path: Path) -> None:
    with pytest.raises(AdytonError, match="anvil ended"):
        await start_chain(tmp_path, http=place.real.http, clock=place.real.clock, port=place.chain.port)


async def test_a_child_that_ignores_sigterm_is_killed_in_the_end(
    real: Real, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "GRACE", 0.1)
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    child = await processes.start("stubborn", [sys.executable, "-c", stubborn], log=tmp_path / "log")

    async def up() -> bool | None:
        return "up" in child.output() or None

    from adyton.dev.waiting import until

    await until("it is up", up, clock=real.clock)
    assert await child.stop() == -9
    assert await child.stop() == -9
    assert child.last_lines() == ["up"]
