"""Metrics over HTTP."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client.openmetrics import parser as open_metrics
from prometheus_client.parser import text_string_to_metric_families as plain

from adyton.domain.errors import StorageUnavailable
from adyton.ethereum.views import EndpointView
from adyton.services import watch
from adyton.services.balances import Holding, Kind
from adyton.storage import alarms, foreign_nonces, keys, logs
from adyton.storage.alarms import FINALITY_VIOLATED, Alarm
from adyton.storage.connect import open_memory
from adyton.storage.database import Database, Row, Statement
from support.api import Api, PassingDatabase
from support.builders import NOW, ORACLE, SENDER

TOKEN = "a-token-nobody-guesses"


class Watched(PassingDatabase):
    """A database whose reads are counted, and fail when told so."""

    away = False
    reads = 0

    async def read(self, sql: str, params: Row = ()) -> list[Row]:
        self.reads += 1
        if self.away:
            raise StorageUnavailable("the database is away")
        return await super().read(sql, params)


class Hanging(PassingDatabase):
    """A database whose reads do not return while it hangs."""

    def __init__(self, db: Database) -> None:
        super().__init__(db)
        self.answers = asyncio.Event()
        self.answers.set()

    async def read(self, sql: str, params: Row = ()) -> list[Row]:
        await self.answers.wait()
        return await super().read(sql, params)


def numbers(text: str) -> dict[str, float]:
    """Each sample, as Prometheus itself reads it: ``name{label}`` with labels in their order -> value."""
    return {
        sample.name + "".join(f"/{value}" for value in sample.labels.values()): sample.value
        for family in plain(text)
        for sample in family.samples
    }


async def test_anyone_may_read_the_metrics_of_a_node(api: Api) -> None:
    api.client.cookies.clear()
    api.bench.clock.micros = NOW + 110 * 1_000_000
    await keys.ensure(api.db, (SENDER,), NOW)
    await api.db.write(
        logs.advance(logs.Cursor(93, None)),
        alarms.raised(Alarm(FINALITY_VIOLATED, 1, "", 1)),
        foreign_nonces.adopted(foreign_nonces.ForeignNonces(SENDER, 3, 5, 1)),
    )
    api.parts.metrics.heads_received.inc(3)
    api.endpoints = (EndpointView("one", "primary", "connected", active=True, head=100, head_age=2.5, problem=None),)

    response = await api.client.get("/metrics")

    assert (response.status_code, response.headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    found = numbers(response.text)
    assert found["adyton_heads_received_total"] == 3
    assert found["adyton_connected"] == 1
    assert found["adyton_head_number"] == 100
    assert (found["adyton_endpoint_up/one/primary"], found["adyton_endpoint_active/one/primary"]) == (1, 1)
    assert (found["adyton_endpoint_head/one"], found["adyton_endpoint_head_age_seconds/one"]) == (100, 2.5)
    assert found["adyton_head_age_seconds"] == 10
    assert (found["adyton_log_cursor"], found["adyton_log_cursor_lag"]) == (93, 7)
    assert (found["adyton_alarm/finality violated"], found["adyton_alarm/chain replaced"]) == (1, 0)
    assert found[f"adyton_foreign_nonces_recorded/{SENDER}"] == 3
    assert found["adyton_runs_unfinished/pending_confirmations"] == 0
    assert found["adyton_requests_unaccounted"] == 0
    assert found["adyton_database_readable"] == 1
    assert found["adyton_database_size_bytes"] > 0
    assert found["process_resident_memory_bytes"] > 0


async def test_balances_are_those_that_were_seen_last(api: Api) -> None:
    api.holdings = (Holding(SENDER, Kind.KEY, 5, None, NOW, "too little"), Holding(ORACLE, Kind.CONTRACT, None, 7, NOW))
    found = numbers((await api.client.get("/metrics")).text)
    assert {name: value for name, value in found.items() if "_balance_" in name and "failures" not in name} == {
        f"adyton_balance_wei/{SENDER}": 5,
        f"adyton_link_balance_juels/{ORACLE}/contract": 7,
        f"adyton_balance_low/{SENDER}/key": 1,
        f"adyton_balance_low/{ORACLE}/contract": 0,
    }


async def test_transactions_are_counted_with_the_age_of_the_first(api: Api) -> None:
    await keys.ensure(api.db, (SENDER,), NOW)
    columns = "id, from_address, to_address, data, value, gas_limit, min_confirmations, state, nonce, created_at, broadcast_at"
    await api.db.write(
        Statement(
            f"INSERT INTO transactions ({columns}, waiting) VALUES (?, ?, '0x', '0x', '0', 1, 1, 'unconfirmed', ?, ?, ?, ?)",
            [(6, SENDER, 5, NOW, NOW, "too dear"), (7, SENDER, 6, NOW, NOW, None)],
        ),
        Statement(
            "INSERT INTO tx_attempts (transaction_id, hash, gas_price, raw, state, created_at, broadcast_before) "
            "VALUES (6, '0x01', '1', '0x', 'broadcast', ?, 90)",
            [(NOW,)],
        ),
    )
    api.bench.clock.micros = NOW + 5_500_000
    found = numbers((await api.client.get("/metrics")).text)
    assert found[f"adyton_transactions_open/{SENDER}/unconfirmed"] == 2
    assert found[f"adyton_transactions_waiting/{SENDER}"] == 1
    assert found[f"adyton_oldest_transaction_age_seconds/{SENDER}/unconfirmed"] == 5.5
    assert found[f"adyton_oldest_transaction_blocks/{SENDER}"] == 10


async def test_open_metrics_are_given_to_whom_asks_for_them(api: Api) -> None:
    wanted = "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"
    response = await api.client.get("/metrics", headers={"accept": wanted})
    assert response.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert response.text.endswith("# EOF\n")
    read = open_metrics.text_string_to_metric_families(response.text)  # type: ignore[no-untyped-call]  # the library's
    assert {"adyton_heads_received", "adyton_connected"} <= {family.name for family in read}


@pytest.mark.parametrize("accept", ["", "*/*", "text/plain;version=nonsense", "application/openmetrics-text;version=nonsense"])
async def test_whatever_is_accepted_there_is_an_answer(api: Api, accept: str) -> None:
    assert (await api.client.get("/metrics", headers={"accept": accept})).status_code == 200


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (f"Bearer {TOKEN}", 200),
        (f"bearer  {TOKEN}", 200),
        ("", 401),
        ("Bearer", 401),
        ("Bearer a-token-somebody-guesses", 401),
        (f"Bearer {TOKEN}x", 401),
        (f"Basic {TOKEN}", 401),
        (TOKEN, 401),
        ("Bearer \xfc", 401),
    ],
)
async def test_with_a_token_only_its_bearer_may_read_them(authorization: str, status: int) -> None:
    async with Api(environment={"PROMETHEUS_AUTH_TOKEN": TOKEN}) as api:
        headers = {b"authorization": authorization.encode("latin-1")} if authorization else {}
        response = await api.client.get("/metrics", headers=headers)
    assert response.status_code == status
    assert TOKEN not in response.text


async def test_a_session_is_no_token() -> None:
    async with Api(environment={"PROMETHEUS_AUTH_TOKEN": TOKEN}) as api:
        assert (await api.client.get("/v2/specs")).status_code == 200
        assert (await api.client.get("/metrics")).status_code == 401


async def test_however_many_ask_the_rows_are_read_once() -> None:
    db = Watched(open_memory())
    async with Api(db=db) as api:
        await api.client.get("/metrics")
        once = db.reads
        for _ in range(20):
            assert (await api.client.get("/metrics")).status_code == 200
        assert db.reads == once
        api.bench.clock.micros += 3_000_000
        await api.client.get("/metrics")
        assert db.reads > once


async def test_a_database_that_is_away_leaves_the_numbers_that_need_none() -> None:
    db = Watched(open_memory())
    async with Api(db=db) as api:
        db.away = True
        found = numbers((await api.client.get("/metrics")).text)
        db.away = False
        again = numbers((await api.client.get("/metrics")).text)
    assert (found["adyton_database_readable"], found["adyton_head_number"]) == (0, 100)
    assert "adyton_alarm/chain replaced" not in found
    assert again["adyton_alarm/chain replaced"] == 0


async def test_a_database_that_hangs_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "PATIENCE", 0.05)
    db = Hanging(open_memory())
    async with Api(db=db) as api:
        db.answers.clear()
        found = numbers((await api.client.get("/metrics")).text)
        health = (await api.client.get("/health")).json()
        db.answers.set()
        again = numbers((await api.client.get("/metrics")).text)
    assert (found["adyton_database_readable"], again["adyton_database_readable"]) == (0, 1)
    outputs = {check["id"]: check["attributes"]["output"] for check in health["data"]}
    assert outputs["database"] == "rows cannot be read in time; what depends on them is left out here"
    assert "transactions" not in outputs
