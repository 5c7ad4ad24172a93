"""Balances and health over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from adyton.domain.errors import Disconnected, StorageUnavailable
from adyton.ethereum.errors import RpcError
from adyton.ethereum.head_tracker import ChainState
from adyton.storage.connect import open_memory
from adyton.storage.database import Row, Statement
from support.api import LINK_TOKEN, Api, PassingDatabase, details
from support.builders import NOW, SENDER, head

SHOWN = "0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F"


class FullDisk(PassingDatabase):
    """A database that still reads."""

    full = False

    async def write(self, *statements: Statement) -> list[list[Row]]:
        if self.full:
            raise StorageUnavailable("SQLite: database or disk is full")
        return await super().write(*statements)


async def test_balances_are_shown_in_wei_and_juels(api: Api) -> None:
    assert await api.get("/v2/user/balances") == {
        "data": [
            {
                "type": "accountBalances",
                "id": SHOWN,
                "attributes": {"address": SHOWN, "ethBalance": "256", "linkBalance": "512"},
            }
        ]
    }
    assert api.ledger.called == [(LINK_TOKEN, f"0x70a08231{SENDER[2:]:0>64}")]


async def test_a_node_without_keys_has_no_balances(api: Api) -> None:
    api.keys.held = ()
    assert await api.get("/v2/user/balances") == {"data": []}


@pytest.mark.parametrize(
    ("error", "detail"),
    [
        ({"eth_error": RpcError(-32000, "no")}, "Error calling getEthBalance on Ethereum node: no"),
        ({"link_error": RpcError(-32000, "no")}, "Error calling getLINKBalance on Ethereum node: no"),
        (
            {"link": "0x"},
            "Error calling getLINKBalance on Ethereum node: 0x514910771AF9Ca656af840dff83E8264EcF986CA",
        ),
        ({"eth_error": Disconnected("no connection")}, "no connection"),
    ],
)
async def test_a_chain_that_does_not_answer_is_one_503(api: Api, error: dict[str, Any], detail: str) -> None:
    for name, value in error.items():
        setattr(api.ledger, name, value)

    response = await api.client.get("/v2/user/balances")

    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert details(response.json())[0].startswith(detail)


async def checks(api: Api, status: int) -> dict[str, tuple[str, str]]:
    api.client.cookies.clear()
    found = await api.get("/health", status)
    assert {item["type"] for item in found["data"]} == {"checks"}
    return {item["id"]: (item["attributes"]["status"], item["attributes"]["output"]) for item in found["data"]}


async def test_a_healthy_node_says_so_to_anyone(api: Api) -> None:
    api.bench.clock.micros = NOW + 110 * 1_000_000

    assert await checks(api, 200) == {
        "database": ("passing", "sqlite, writable"),
        "chain": ("passing", "connected"),
        "head": ("passing", "block 100 is 10 s old"),
        "logs": ("passing", "no block has been read yet"),
        "alarms": ("passing", "none"),
        "transactions": ("passing", "none open"),
        "requests": ("passing", "every one is accounted for"),
        "keys": ("passing", "1 unlocked"),
        "funds": ("passing", "no balance has been read yet"),
        "queue": ("passing", "0 runs queued or under way"),
    }
    assert (await api.client.get("/readyz")).status_code == 200


async def test_a_lost_chain_is_told_with_the_reason_but_the_api_stays_ready(api: Api) -> None:
    api.bench.chain.state = ChainState(connected=False, connection=0, head=None, problem="connection refused")

    found = await checks(api, 503)

    assert found["chain"] == ("failing", "connection refused")
    assert found["head"] == ("failing", "no block seen yet")
    ready = await api.client.get("/readyz")
    assert (ready.status_code, ready.content) == (200, b"")


async def test_an_old_head_fails(api: Api) -> None:
    api.bench.chain.state = ChainState(connected=True, connection=1, head=head(1), problem=None)
    api.bench.clock.micros = NOW + 200 * 1_000_000

    status, output = (await checks(api, 503))["head"]

    assert status == "failing"
    assert output.startswith("block 1 is 199 s old; more than 180 s")


async def test_a_full_disk_fails_although_it_can_be_read() -> None:
    disk = FullDisk(open_memory())
    async with Api(db=disk) as api:
        disk.full = True
        full = await api.client.post("/v2/specs", json={"initiators": [{"type": "web"}], "tasks": [{"type": "noop"}]})
        readable = await api.client.get("/v2/specs")
        found = await checks(api, 503)
        ready = await api.client.get("/readyz?full")

    assert (full.status_code, full.headers["retry-after"]) == (503, "1")
    assert details(full.json()) == ["SQLite: database or disk is full"]
    assert readable.status_code == 200
    assert found["database"] == ("failing", "nothing can be stored: SQLite: database or disk is full")
    assert (ready.status_code, len(ready.json()["data"])) == (503, 10)


async def test_a_node_without_a_key_is_not_ready(api: Api) -> None:
    api.keys.held = ()
    assert (await checks(api, 503))["keys"] == ("failing", "there is no key to sign answers with")
    assert (await api.client.get("/readyz")).status_code == 503
