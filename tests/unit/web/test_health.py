"""What /health says is wrong, and what to do about it."""

from __future__ import annotations

from typing import Any

from adyton.ethereum.head_tracker import ChainState
from adyton.ethereum.views import EndpointView
from adyton.services.balances import Holding, Kind
from adyton.storage import alarms, keys, logs
from adyton.storage.alarms import CHAIN_REPLACED, FINALITY_VIOLATED, Alarm
from adyton.storage.database import Statement
from support.api import Api
from support.builders import NOW, ORACLE, SENDER, head

SHOWN = "0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F"
SECOND = 1_000_000


def place(name: str = "one.example", **changes: Any) -> EndpointView:
    """An Ethereum node that is well."""
    known: dict[str, Any] = {
        "role": "primary",
        "state": "connected",
        "active": False,
        "head": 100,
        "head_age": 1.5,
        "problem": None,
    }
    return EndpointView(name=name, **(known | changes))


async def checks(api: Api, status: int) -> dict[str, tuple[str, str]]:
    found = await api.get("/health", status)
    return {item["id"]: (item["attributes"]["status"], item["attributes"]["output"]) for item in found["data"]}


async def unconfirmed(api: Api, *, waiting: str | None = None) -> None:
    """A transaction that was signed at NOW, and another behind it."""
    await keys.ensure(api.db, (SENDER,), NOW)
    columns = (
        "id, from_address, to_address, data, value, gas_limit, min_confirmations, state, nonce, created_at, broadcast_at, "
        "waiting"
    )
    rows = [(12, SENDER, 5, NOW, NOW, waiting), (13, SENDER, 6, NOW, NOW, None)]
    await api.db.write(
        Statement(
            f"INSERT INTO transactions ({columns}) VALUES (?, ?, '0x', '0x', '0', 1, 1, 'unconfirmed', ?, ?, ?, ?)", rows
        ),
        Statement(
            "INSERT INTO tx_attempts (transaction_id, hash, gas_price, raw, state, created_at, broadcast_before) "
            "VALUES (12, '0x01', '1', '0x', 'broadcast', ?, 90)",
            [(NOW,)],
        ),
    )


async def test_an_alarm_fails_with_its_cure_until_it_is_cleared(api: Api) -> None:
    await api.db.write(alarms.raised(Alarm(FINALITY_VIOLATED, NOW, "the blocks 14 to 90 were taken off the chain", 14)))

    status, output = (await checks(api, 503))["alarms"]

    assert status == "failing"
    assert output.startswith("finality violated since ")
    assert output.endswith("the blocks 14 to 90 were taken off the chain. Then: adyton blocks replay --from 14")

    await api.db.write(alarms.cured_by_reading_from(14))
    api.bench.clock.micros += 3 * SECOND
    assert (await checks(api, 200))["alarms"] == ("passing", "none")


async def test_every_alarm_is_told(api: Api) -> None:
    await api.db.write(
        alarms.raised(Alarm(FINALITY_VIOLATED, NOW, "one", 14)), alarms.raised(Alarm(CHAIN_REPLACED, NOW + 1, "two", 0))
    )
    output = (await checks(api, 503))["alarms"][1]
    assert output.index("one. Then: adyton blocks replay --from 14; chain replaced since") < output.index("two. Then:")


async def test_the_endpoint_in_use_is_named_and_one_that_is_away_is_only_told(api: Api) -> None:
    api.endpoints = (place(active=True), place("two.example", state="away", head=None, problem="connection refused"))

    found = await checks(api, 200)

    assert found["chain"] == ("passing", "connected to one.example")
    assert found["endpoints"] == (
        "passing",
        "1 of 2 usable: one.example (primary) connected, in use, at block 100; two.example (primary) away: connection refused",
    )


async def test_no_usable_endpoint_fails(api: Api) -> None:
    api.endpoints = (place(state="away", problem="connection refused"),)
    status, output = (await checks(api, 503))["endpoints"]
    assert status == "failing"
    assert output.startswith("none can be used: one.example (primary) away, at block 100: connection refused; see to")


async def test_the_only_endpoint_fails_while_it_is_in_use(api: Api) -> None:
    api.endpoints = (place(active=True, state="failing", problem="HTTP 500"),)
    status, output = (await checks(api, 503))["endpoints"]
    assert status == "failing"
    assert output.startswith("none can be used: one.example (primary) failing, in use, at block 100: HTTP 500; see to")


async def test_a_node_that_only_takes_transactions_is_not_enough(api: Api) -> None:
    api.endpoints = (place(state="away", problem="connection refused"), place("two.example", role="send-only", state="idle"))
    assert (await checks(api, 503))["endpoints"][0] == "failing"


async def test_the_endpoint_in_use_counts_even_if_it_wants_patience(api: Api) -> None:
    api.endpoints = (place(active=True, state="throttled", problem="it wants to be asked less often"),)
    assert (await checks(api, 200))["endpoints"][0] == "passing"


async def test_the_age_of_the_head_is_measured_against_the_setting() -> None:
    async with Api(environment={"NODE_NO_NEW_HEADS_THRESHOLD": "10s"}) as api:
        api.bench.chain.state = ChainState(connected=True, connection=1, head=head(1), problem=None)
        api.bench.clock.micros = NOW + 20 * SECOND
        assert (await checks(api, 503))["head"][0] == "failing"
    async with Api(environment={"NODE_NO_NEW_HEADS_THRESHOLD": "0s"}) as api:
        api.bench.chain.state = ChainState(connected=True, connection=1, head=head(1), problem=None)
        api.bench.clock.micros = NOW + 10_000 * SECOND
        assert (await checks(api, 200))["head"][0] == "passing"


async def test_log_intake_far_behind_fails(api: Api) -> None:
    await api.db.write(
        logs.advance(logs.Cursor(49, None)),
        Statement(
            "INSERT INTO rereads (reason, from_block, next_block, through_block, every_job, asked_at) "
            "VALUES ('', 1, 5, 9, 1, 1)",
            [()],
        ),
    )
    status, output = (await checks(api, 503))["logs"]
    assert status == "failing"
    assert output.startswith("read through block 49, 51 behind the newest; 1 re-reads of old blocks are open, 5 blocks to go; ")


async def test_log_intake_that_keeps_up_passes(api: Api) -> None:
    await api.db.write(logs.advance(logs.Cursor(100, None)))
    assert (await checks(api, 200))["logs"] == ("passing", "read through block 100, 0 behind the newest")


async def test_blocks_that_come_after_the_rows_were_read_do_not_make_log_intake_late(api: Api) -> None:
    await api.db.write(logs.advance(logs.Cursor(100, None)))
    await checks(api, 200)
    api.bench.chain.at(190)  # what the rows said serves for two seconds more
    assert (await checks(api, 200))["logs"] == ("passing", "read through block 100, 0 behind the newest")


async def test_a_transaction_that_is_not_mined_for_long_fails(api: Api) -> None:
    await unconfirmed(api)
    api.bench.clock.micros = NOW + 150 * SECOND
    assert (await checks(api, 200))["transactions"] == ("passing", "2 unconfirmed")

    api.bench.clock.micros = NOW + 700 * SECOND
    api.bench.chain.state = ChainState(connected=True, connection=1, head=head(690), problem=None)

    status, output = (await checks(api, 503))["transactions"]
    assert status == "failing"
    assert output.startswith(f"transaction 12 (nonce 5) of {SHOWN} has not been mined for 700 s. `adyton txs doctor`")


async def test_a_transaction_that_says_what_it_waits_for_fails_with_its_words(api: Api) -> None:
    await unconfirmed(api, waiting="the price is above ETH_MAX_GAS_PRICE_WEI")
    output = (await checks(api, 503))["transactions"][1]
    assert f"transaction 12 (nonce 5) of {SHOWN} waits: the price is above ETH_MAX_GAS_PRICE_WEI. " in output


async def test_readiness_asks_only_for_what_serving_needs(api: Api) -> None:
    await api.db.write(alarms.raised(Alarm(FINALITY_VIOLATED, NOW, "", 1)))
    assert (await api.client.get("/health")).status_code == 503
    assert (await api.client.get("/readyz")).status_code == 200


async def test_requests_without_an_answer_and_without_a_reason_fail(api: Api) -> None:
    await api.db.write(
        Statement(
            "INSERT INTO requests (contract, request_id, job_id, block_number, block_hash, transaction_hash, log_index, "
            "requester, payment, decision, seen_at) VALUES ('0x', ?, 'j', 1, '0x', '0x', 1, '0x', '1', 'run started', 1)",
            [("0x01",), ("0x02",)],
        )
    )
    status, output = (await checks(api, 503))["requests"]
    assert status == "failing"
    assert output.startswith("2 have neither an answer nor a reason why not: `adyton requests list --unanswered` shows them")


async def test_an_account_that_holds_too_little_fails(api: Api) -> None:
    api.holdings = (
        Holding(SENDER, Kind.KEY, 5, None, NOW, "it holds 0.000000000000000005 ETH, less than 1"),
        Holding(ORACLE, Kind.CONTRACT, None, 7, NOW),
    )
    status, output = (await checks(api, 503))["funds"]
    assert status == "failing"
    assert output.startswith(f"key {SHOWN}: it holds 0.000000000000000005 ETH, less than 1. What cannot be paid for waits")


async def test_accounts_that_hold_enough_pass(api: Api) -> None:
    api.holdings = (Holding(SENDER, Kind.KEY, 5, None, NOW),)
    assert (await checks(api, 200))["funds"] == ("passing", "enough")
