"""The settings over HTTP, and what may be changed while the node runs."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
import structlog

from adyton.config import Config, settings
from adyton.domain.access import Role
from adyton.domain.evm import checksum
from adyton.ethereum.recent import Recent
from adyton.ethereum.views import EndpointView
from adyton.node_rules import gas_rules
from adyton.services.configuration import GAS_PRICE, SET
from adyton.storage import facts
from adyton.storage.connect import open_memory
from adyton.storage.database import Statement
from adyton.storage.spoken import SpokenDatabase
from support.api import LINK_TOKEN, Api, details
from support.people import another

GWEI = 10**9


async def patch(api: Api, path: str, body: Any, status: int = 200) -> Any:
    response = await api.client.patch(path, json=body)
    assert response.status_code == status, response.text
    return response.json()


async def setting(api: Api, name: str) -> dict[str, Any]:
    found = (await api.get("/v2/config/settings"))["data"]
    (attributes,) = [item["attributes"] for item in found if item["id"] == name]
    return dict(attributes)


async def test_every_setting_is_listed_and_no_secret_is_shown() -> None:
    environment = {"ETH_URL": "wss://mainnet.example/v3/0123456789abcdef", "PROMETHEUS_AUTH_TOKEN": "planted-scraper-token"}
    async with Api(environment=environment) as api:
        response = await api.client.get("/v2/config/settings")
        shown = [item["attributes"] for item in response.json()["data"]]
    assert [each["name"] for each in shown] == [row.name for row in settings()]
    assert all(each["meaning"] and each["group"] and each["allowed"] for each in shown)
    assert "0123456789abcdef" not in response.text
    assert "planted-scraper-token" not in response.text
    (url,) = [each for each in shown if each["name"] == "ETH_URL"]
    assert (url["value"], url["source"], url["secret"]) == ("wss://mainnet.example/***", "environment", True)


async def test_the_gas_price_counts_at_once_and_after_the_next_start(api: Api) -> None:
    answer = await patch(api, "/v2/config", {"ethGasPriceDefault": "40000000000"})

    assert answer["data"]["attributes"] == {"ethGasPriceDefault": {"old": "20000000000", "new": "40000000000"}}
    assert api.manager.price_default == 40 * GWEI
    shown = await setting(api, "ETH_GAS_PRICE_DEFAULT")
    assert (shown["value"], shown["source"], shown["default"]) == ("40000000000", SET, "20000000000")
    assert (await gas_rules(api.parts.config, api.db)).price_default == 40 * GWEI
    again = await patch(api, "/v2/config", {"ETHGASPRICEDEFAULT": 30 * GWEI})
    assert again["data"]["attributes"]["ethGasPriceDefault"] == {"old": "40000000000", "new": "30000000000"}


async def test_a_price_that_the_settings_do_not_allow_any_more_does_not_stop_the_node(api: Api) -> None:
    await api.db.write(facts.put(GAS_PRICE, str(40 * GWEI)))
    config = Config.load({"ROOT": "/nonexistent", "ETH_MAX_GAS_PRICE_WEI": str(30 * GWEI)})
    with structlog.testing.capture_logs() as lines:
        rules = await gas_rules(config, api.db)
    assert rules.price_default == 20 * GWEI
    assert [line["event"] for line in lines] == ["the gas price that was set at run time does not count"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "not nothing"),
        ({"ethGasPriceDefault": None}, "not null"),
        ({"ethGasPriceDefault": "0"}, 'not "0"'),
        ({"ethGasPriceDefault": "40 gwei"}, 'not "40 gwei"'),
        ({"ethGasPriceDefault": 1.5}, "not a number"),
        ({"ethGasPriceDefault": str(10**13)}, "ETH_MAX_GAS_PRICE_WEI of 5000000000000 must not be less"),
    ],
)
async def test_what_cannot_be_the_gas_price_changes_nothing(api: Api, body: Any, words: str) -> None:
    refusal = await patch(api, "/v2/config", body, 422)
    assert words in details(refusal)[0]
    assert refusal["errors"][0]["source"] == {"pointer": "/ethGasPriceDefault"}
    assert refusal["errors"][0]["code"] == "ADY-0170"
    assert api.manager.price_default == 20 * GWEI
    assert await facts.get(api.db, GAS_PRICE) is None


async def test_what_is_logged_can_be_changed(api: Api) -> None:
    answer = await patch(api, "/v2/log", {"level": "DEBUG", "sqlEnabled": True})

    assert answer["data"]["attributes"] == {
        "serviceName": ["Global", "IsSqlEnabled"],
        "logLevel": ["debug", "true"],
        "defaultLogLevel": "info",
    }
    assert (api.parts.levels.now, api.parts.sql_log.speaks) == ("debug", True)
    assert (await setting(api, "LOG_LEVEL"))["source"] == SET
    await patch(api, "/v2/log", {"sqlEnabled": False})
    assert (api.parts.levels.now, api.parts.sql_log.speaks) == ("debug", False)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, None),
        ({"level": "loud"}, "/level"),
        ({"level": 5}, "/level"),
        ({"level": "info", "sqlEnabled": "yes"}, "/sqlEnabled"),
        ({"level": "info", "serviceLogLevel": [["eth", "debug"]]}, "/serviceLogLevel"),
    ],
)
async def test_a_log_that_cannot_be_stays_as_it_is(api: Api, body: Any, pointer: str | None) -> None:
    (error,) = (await patch(api, "/v2/log", body, 400))["errors"]
    assert error.get("source") == (None if pointer is None else {"pointer": pointer})
    assert (api.parts.levels.now, api.parts.sql_log.speaks) == ("info", False)


@pytest.mark.parametrize(("path", "body"), [("/v2/config", {"ethGasPriceDefault": "1"}), ("/v2/log", {"level": "debug"})])
async def test_only_an_admin_changes_either(api: Api, path: str, body: Any) -> None:
    editor = await another(api, role=Role.EDIT)
    assert (await editor.patch(path, json=body)).status_code == 403
    assert (await editor.get(path)).status_code == 200


async def test_statements_are_told_without_their_values() -> None:
    database = SpokenDatabase(open_memory(), speaks=False)
    put = facts.put("colour", "planted-value")
    with structlog.testing.capture_logs() as lines:
        await database.write(put)
        database.speaks = True
        await database.write(put, Statement("DELETE FROM node_facts\n    WHERE name = ?", [("a",), ("b",)]))
        assert await database.read("SELECT value FROM node_facts WHERE name = ?", ("colour",)) == [("planted-value",)]
    await database.close()
    told = [(line["statement"], line.get("rows"), line["log_level"]) for line in lines]
    assert told[1:] == [
        ("DELETE FROM node_facts WHERE name = ?", 2, "debug"),
        ("SELECT value FROM node_facts WHERE name = ?", None, "debug"),
    ]
    assert len(told) == 3
    assert "planted-value" not in repr(lines)


async def test_the_page_of_the_api_needs_nothing_from_elsewhere(api: Api) -> None:
    page = await api.another_client().get("/v2/docs")
    style = await api.another_client().get("/v2/docs.css")

    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert (style.status_code, style.headers["content-type"]) == (200, "text/css; charset=utf-8")
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'self'")
    assert "unsafe" not in policy
    for forbidden in ("<script", "style=", " onclick", 'src="', 'href="http', "@import", "url("):
        assert forbidden not in page.text + style.text, forbidden
    assert 'name="viewport"' in page.text
    assert "prefers-color-scheme: dark" in style.text
    for path in ("/v2/specs/{job_id}/runs", "/v2/docs", "/metrics"):
        assert f"<code>{path}</code>" in page.text
    assert (await api.client.get("/docs")).text == page.text


async def test_the_ethereum_nodes_are_listed_with_what_was_counted(api: Api) -> None:
    view = EndpointView(
        name="mainnet.example", role="primary", state="connected", active=True, head=7654321, head_age=1.5, problem=None
    )
    api.endpoints = (view, msgspec.structs.replace(view, name="other.example", active=False, head=None, head_age=None))
    for outcome, times in (("ok", 3), ("error", 2), ("timeout", 1)):
        api.parts.metrics.rpc_calls.labels(view.name, "eth_call", outcome).inc(times)
    for seconds in (0.1, 0.3):
        api.parts.metrics.rpc_seconds.labels(view.name).observe(seconds)

    asked, idle = [item["attributes"] for item in (await api.get("/v2/nodes"))["data"]]

    assert (asked["calls"], asked["errors"], round(asked["latency"], 3)) == (6, 3, 0.2)
    assert (asked["name"], asked["state"], asked["active"], asked["head"]) == ("mainnet.example", "connected", True, 7654321)
    assert (idle["calls"], idle["errors"], idle["latency"], idle["headAge"]) == (0, 0, None, None)
    assert (idle["refusals"], idle["latencyP50"], idle["pace"], idle["minutes"]) == (0, None, None, [])


async def test_the_last_hour_of_an_ethereum_node_is_shown_by_the_minute(api: Api) -> None:
    recent, now = Recent(), api.bench.clock.now()
    recent.count(now, calls=3, errors=1, seconds=0.1)
    api.endpoints = (
        EndpointView(
            name="mainnet.example",
            role="primary",
            state="throttled",
            active=True,
            head=1,
            head_age=1.5,
            problem="it wants to be asked less often",
            url="wss://mainnet.example",
            pace=2.5,
            slowed=True,
            recently=lambda: recent.view(now),
        ),
    )
    api.parts.metrics.rpc_throttled.labels("mainnet.example").inc(4)

    [shown] = [item["attributes"] for item in (await api.get("/v2/nodes"))["data"]]

    assert (shown["url"], shown["pace"], shown["slowed"], shown["refusals"]) == ("wss://mainnet.example", 2.5, True, 4)
    assert shown["latencyP50"] == shown["latencyP95"] == pytest.approx(0.1, rel=0.1)
    [minute] = shown["minutes"]
    assert (minute["calls"], minute["errors"], minute["latency"]) == (3, 1, shown["latencyP50"])


async def test_the_chain_is_shown_once_it_is_known(api: Api) -> None:
    assert (await api.get("/v2/chains")) == {"data": [], "meta": {"count": 0}}
    async with Api(environment={"ETH_CHAIN_ID": "1"}) as known:
        (chain,) = (await known.get("/v2/chains"))["data"]
    assert (chain["type"], chain["id"]) == ("chain", "1")
    assert (chain["attributes"]["head"], chain["attributes"]["connected"]) == (100, True)
    assert (chain["attributes"]["intakeBlock"], chain["attributes"]["intakeLag"]) == (100, 0)
    assert chain["attributes"]["headAt"] == "2023-11-14T22:15:00Z"
    assert (chain["attributes"]["linkContract"], chain["attributes"]["reorganisations"]) == (checksum(LINK_TOKEN), 0)
