"""What an operator does wrong at the start."""

from __future__ import annotations

import sqlite3

import pytest

from adyton.dev import node_process
from adyton.dev.node_process import free_port, launch
from adyton.dev.processes import Child
from support.contracts import SECRETS, World, start_node_in

pytestmark = pytest.mark.stories


async def ended(child: Child) -> tuple[int, str]:
    """The exit status and everything it said."""
    return await child.wait(), child.output()


async def test_a_second_node_on_the_same_database_is_refused(place: World) -> None:
    async with start_node_in(place) as node:
        before = node.child.output()
        second = await launch(place.root, SECRETS, port=await free_port(), settings=place.settings())
        status, output = await ended(second)
        assert status != 0
        assert "lock" in output.removeprefix(before)
        assert "Traceback" not in output
        assert await node.api.ready()
        assert (await place.answer(await place.request())).number == 192345


async def test_a_wrong_password_of_the_keystore_stops_the_boot(place: World) -> None:
    async with start_node_in(place):
        pass
    wrong = node_process.Secrets(password=SECRETS.password, keystore="not the password")
    status, output = await ended(await launch(place.root, wrong, port=await free_port(), settings=place.settings()))
    assert status != 0
    assert "password" in output
    assert "not the password" not in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("name", "value"),
    [("ETH_URL", "ftp://127.0.0.1:8545"), ("MIN_INCOMING_CONFIRMATIONS", "many"), ("CHAINLINK_PORT", "99999")],
)
async def test_a_wrong_setting_stops_the_boot_and_is_named(place: World, name: str, value: str) -> None:
    child = await launch(place.root, SECRETS, port=await free_port(), settings=place.settings(**{name: value}))
    status, output = await ended(child)
    assert status != 0
    assert name in output
    assert value in output
    assert "Traceback" not in output


async def test_a_database_belongs_to_one_chain(place: World) -> None:
    async with start_node_in(place) as node:
        await place.answer(await place.request())
        await place.run(node, "completed")
    with sqlite3.connect(place.root / "db.sqlite3") as database:
        assert database.execute("SELECT value FROM node_facts WHERE name = 'chain id'").fetchall() == [("31337",)]
    database.close()
    other = await launch(place.root, SECRETS, port=await free_port(), settings=place.settings(ETH_CHAIN_ID="5"))
    status, output = await ended(other)
    assert status != 0
    assert "31337" in output
    assert "Traceback" not in output
