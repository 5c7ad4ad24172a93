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


# --- a start that fails leaves nothing behind ------------------------------------------------------------------------


async def test_a_port_that_is_taken_ends_the_start_and_the_database_is_free_again(place: World) -> None:
    async with start_node_in(place) as node:
        port = int(node.api.url.rsplit(":", 1)[1])
        elsewhere = place.root.parent / "other"
        status, output = await ended(await launch(elsewhere, SECRETS, port=port, settings=place.settings()))
        assert status != 0
        assert str(port) in output
        assert "Traceback" not in output
    # What the failed start had opened is closed: a node starts on it at once.
    place.root = elsewhere
    async with start_node_in(place):
        assert (await place.answer(await place.request())).number == 192345


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://nobody:secret@127.0.0.1:1/none", "127.0.0.1"),
        ("mysql://127.0.0.1/none", "mysql"),
        ("/dev/null/place/db.sqlite3", "/dev/null"),
    ],
)
async def test_a_database_that_cannot_be_opened_ends_the_start_soon(place: World, url: str, words: str) -> None:
    settings = place.settings(DATABASE_URL=url, DATABASE_TIMEOUT="500ms")
    status, output = await ended(await launch(place.root, SECRETS, port=await free_port(), settings=settings))
    assert status != 0
    assert words in output
    assert "secret" not in output
    assert "Traceback" not in output


async def test_a_file_that_is_no_database_ends_the_start_and_is_left_as_it_is(place: World) -> None:
    place.root.mkdir(mode=0o700, parents=True)
    file = place.root / "db.sqlite3"
    file.write_bytes(b"this is no database, and whoever wrote it wants it back" * 100)
    before = file.read_bytes()
    status, output = await ended(await launch(place.root, SECRETS, port=await free_port(), settings=place.settings()))
    assert status != 0
    assert "db.sqlite3" in output
    assert "Traceback" not in output
    assert file.read_bytes() == before
