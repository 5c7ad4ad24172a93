"""The API, route by route, from the reference of v0.6.2: statuses, texts, content types, the order of keys, headers.

Jobs and runs, bridges and initiators have files of their own. What differs on purpose stands in docs/compatibility.md and
docs/api.md, and is tested here as it is.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from adyton.domain import evm
from adyton.domain.bridges import token_hash
from adyton.domain.jobs import Initiator, Job, TaskSpec
from adyton.web.auth import COOKIE
from support.answers import FAULTS, ID, ORACLE, UNKNOWN, listed, refused, shown, stored
from support.api import EMAIL, PASSWORD, PATIENT, Api
from support.builders import NOW, SENDER
from support.people import with_password

# --- the route table -------------------------------------------------------------------------------------------------


class Row(NamedTuple):
    method: str
    path: str
    auth: str


ROUTES = [
    Row("POST", "/sessions", "none"),
    Row("DELETE", "/sessions", "session"),
    Row("GET", "/debug/vars", "session"),
    Row("PATCH", "/v2/user/password", "session"),
    Row("GET", "/v2/user/balances", "session"),
    Row("GET", "/v2/specs", "session"),
    Row("POST", "/v2/specs", "session or initiator"),
    Row("GET", f"/v2/specs/{UNKNOWN}", "session"),
    Row("DELETE", f"/v2/specs/{UNKNOWN}", "session"),
    Row("POST", f"/v2/specs/{UNKNOWN}/runs", "session or initiator"),
    Row("GET", "/v2/runs", "session"),
    Row("GET", f"/v2/runs/{UNKNOWN}", "session"),
    Row("PATCH", f"/v2/runs/{UNKNOWN}", "bridge"),
    Row("DELETE", "/v2/bulk_delete_runs", "session"),
    Row("GET", "/v2/bridge_types", "session"),
    Row("POST", "/v2/bridge_types", "session"),
    Row("GET", "/v2/bridge_types/x", "session"),
    Row("PATCH", "/v2/bridge_types/x", "session"),
    Row("DELETE", "/v2/bridge_types/x", "session"),
    Row("POST", "/v2/external_initiators", "session"),
    Row("DELETE", "/v2/external_initiators/x", "session"),
    Row("POST", "/v2/service_agreements", "none"),
    Row("GET", "/v2/service_agreements/0x1", "session"),
    Row("GET", "/v2/transactions", "session"),
    Row("GET", "/v2/transactions/0x1", "session"),
    Row("GET", "/v2/tx_attempts", "session"),
    Row("POST", "/v2/withdrawals", "session"),
    Row("POST", "/v2/transfers", "session"),
    Row("GET", "/v2/config", "session"),
    Row("POST", "/v2/keys", "session"),
]


@pytest.mark.parametrize("row", ROUTES, ids=lambda row: f"{row.method} {row.path}")
async def test_each_route_of_v062_is_there_and_asks_who_calls(node: Api, row: Row) -> None:
    stranger = await node.another_client().request(row.method, row.path)
    operator = await node.client.request(row.method, row.path)

    assert operator.headers["content-type"] != "text/plain", "it is no route"
    assert operator.status_code != 401 or row.path == "/sessions" or row.auth == "bridge"
    if row.auth.startswith("session"):
        assert (stranger.status_code, stranger.content) == (401, b"")
    else:
        assert stranger.headers["content-type"] == FAULTS
    for answer in (stranger, operator):
        assert {"x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"} <= answer.headers.keys()
        assert answer.headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize("row", ROUTES, ids=lambda row: f"{row.method} {row.path}")
async def test_a_slash_behind_each_of_them_leads_back(node: Api, row: Row) -> None:
    response = await node.client.request(row.method, f"{row.path}/?a=b")
    assert response.status_code == (301 if row.method == "GET" else 307)
    assert response.headers["location"] == f"{row.path}?a=b"


@pytest.mark.parametrize("method", ["PUT", "HEAD", "OPTIONS", "TRACE"])
async def test_a_known_path_with_another_method_is_an_unknown_route(node: Api, method: str) -> None:
    response = await node.client.request(method, "/v2/bulk_delete_runs")
    assert (response.status_code, response.headers["content-type"]) == (404, "text/plain")
    assert response.text == ("" if method == "HEAD" else "404 page not found")


# --- 5.1 to 5.5: sessions, the process, users ------------------------------------------------------------------------


async def test_a_login_of_v062(node: Api) -> None:
    await with_password(node)
    client = node.another_client()

    good = await client.post("/sessions", json={"email": EMAIL, "password": PASSWORD})

    assert shown(good, "session") == {"authenticated": True}
    assert good.json()["data"]["id"] == "sessionID"
    assert good.headers["set-cookie"].startswith(f"{COOKIE}=")
    assert {"Max-Age=2592000", "HttpOnly"} <= set(good.headers["set-cookie"].split("; "))
    bad = await client.post("/sessions", json={"email": EMAIL, "password": "wrong"})
    # v0.6.2 told which of the two was wrong.
    assert refused(bad, 401) == ["Invalid email or password"]
    assert refused(await client.post("/sessions"), 400) == ["error binding json EOF"]
    assert refused(await client.post("/sessions", content="{"), 400) == ["error binding json unexpected EOF"]


async def test_a_logout_of_v062(node: Api) -> None:
    assert shown(await node.client.delete("/sessions"), "session") == {"authenticated": False}
    assert (await node.client.delete("/sessions")).status_code == 401


async def test_the_variables_of_the_process(node: Api) -> None:
    response = await node.client.get("/debug/vars")
    assert (response.status_code, response.headers["content-type"]) == (200, FAULTS)
    variables = response.json()
    assert isinstance(variables["cmdline"], list)
    assert variables["memstats"]["Sys"] >= variables["memstats"]["HeapAlloc"] > 0


async def test_a_password_is_changed(node: Api) -> None:
    await with_password(node)
    wrong = await node.client.patch("/v2/user/password", json={"oldPassword": "no", "newPassword": "another long one"})
    assert refused(wrong, 409) == ["Old password does not match"]
    short = await node.client.patch("/v2/user/password", json={"oldPassword": PASSWORD, "newPassword": "short"})
    # v0.6.2 took any.
    assert refused(short, 422) == ["Must enter a password with 8 - 1028 characters"]
    assert (await node.client.patch("/v2/user/password", content="{")).status_code == 422

    changed = await node.client.patch("/v2/user/password", json={"oldPassword": PASSWORD, "newPassword": "another long one"})

    assert list(shown(changed, "users"))[:2] == ["email", "createdAt"]
    assert changed.json()["data"]["id"] == EMAIL


async def test_balances_are_listed_without_pages(node: Api) -> None:
    response = await node.client.get("/v2/user/balances")
    (balance,) = listed(response, "accountBalances", paged=False)
    assert balance == {"address": evm.checksum(SENDER), "ethBalance": "256", "linkBalance": "512"}
    assert list(balance) == ["address", "ethBalance", "linkBalance"]
    node.keys.held = ()
    assert (await node.client.get("/v2/user/balances")).json() == {"data": []}


# --- 5.11: transactions ----------------------------------------------------------------------------------------------


async def test_transactions_and_attempts(node: Api) -> None:
    assert listed(await node.client.get("/v2/transactions"), "transactions") == []
    assert listed(await node.client.get("/v2/tx_attempts"), "txattempts") == []
    for name in (f"0x{'b7' * 32}", "garbage"):
        assert refused(await node.client.get(f"/v2/transactions/{name}"), 404) == ["Transaction not found"]


# --- 5.12 and 5.13: payments -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body", "fault"),
    [
        ("withdrawals", {"address": ORACLE, "amount": "0"}, "Must withdraw at least 0.000000000000000001 LINK"),
        ("withdrawals", {"address": ORACLE}, "Must withdraw at least 0.000000000000000001 LINK"),
        ("withdrawals", {"amount": "1"}, "Invalid withdrawal address"),
        ("withdrawals", {"address": ORACLE, "amount": "a"}, 'assets: cannot unmarshal "a" into a *assets.Link'),
        ("transfers", {"address": ORACLE, "amount": "a"}, 'assets: cannot unmarshal "a" into a *assets.Eth'),
        ("transfers", {"address": ORACLE, "amount": "1", "from": ORACLE}, "Transaction failed: account does not exist"),
    ],
)
async def test_a_payment_is_refused_once_and_not_made(node: Api, path: str, body: Any, fault: str) -> None:
    """v0.6.2 withdrew all the same, and put two documents into the answer."""
    node.outside.connect()
    assert refused(await node.client.post(f"/v2/{path}", json=body), 400) == [fault]
    assert await node.db.read("SELECT id FROM transactions") == []


async def test_a_withdrawal_without_a_contract_is_the_500_of_v062(node: Api) -> None:
    response = await node.client.post("/v2/withdrawals", json={"address": ORACLE, "amount": "1"})
    assert refused(response, 500) == ["OracleContractAddress not set; cannot check LINK balance"]


# --- 5.14 and 6.8: settings ------------------------------------------------------------------------------------------


async def test_the_settings_have_the_form_of_v062(node: Api) -> None:
    response = await node.client.get("/v2/config")
    config = shown(response, "configWhitelists")

    assert list(config) == [
        "accountAddress", "allowOrigins", "ethChainId", "clientNodeUrl", "chainlinkDev", "databaseTimeout", "ethUrl",
        "ethGasBumpThreshold", "ethGasBumpWei", "ethGasPriceDefault", "jsonConsole", "linkContractAddress", "explorerUrl",
        "logLevel", "logToDisk", "minimumContractPayment", "minimumRequestExpiration", "minIncomingConfirmations",
        "minOutgoingConfirmations", "oracleContractAddress", "chainlinkPort", "reaperExpiration", "root", "sessionTimeout",
        "chainlinkTLSHost", "chainlinkTLSPort",
    ]  # fmt: skip
    assert config["accountAddress"] == evm.checksum(SENDER)
    assert config["linkContractAddress"] == "0x514910771AF9Ca656af840dff83E8264EcF986CA"
    assert (config["databaseTimeout"], config["sessionTimeout"]) == (500_000_000, 900_000_000_000)
    assert (config["reaperExpiration"], config["ethGasPriceDefault"]) == (864_000_000_000_000, 20_000_000_000)
    assert (config["minimumContractPayment"], config["oracleContractAddress"]) == ("1000000000000000000", None)
    assert ID.fullmatch(response.json()["data"]["id"])
    assert (await node.client.get("/v2/config")).json()["data"]["id"] != response.json()["data"]["id"]


async def test_settings_without_a_key_are_the_500_of_v062(node: Api) -> None:
    node.keys.held = ()
    assert refused(await node.client.get("/v2/config"), 500) == [
        "failed to build config whitelist: No Ethereum Accounts configured"
    ]


async def test_the_bridges_address_is_there_when_it_is_set_and_urls_show_no_key() -> None:
    environment = {
        "BRIDGE_RESPONSE_URL": "http://localhost:6688",
        "ETH_URL": "wss://mainnet.example/v3/0123456789abcdef0123456789abcdef",
        "ORACLE_CONTRACT_ADDRESS": ORACLE.upper().replace("X", "x"),
    }
    async with Api(environment=environment) as api:
        config = shown(await api.client.get("/v2/config"), "configWhitelists")
    assert list(config)[2] == "bridgeResponseURL"
    assert (config["ethUrl"], config["oracleContractAddress"]) == ("wss://mainnet.example/***", ORACLE)


# --- 3.4: how bodies are read ----------------------------------------------------------------------------------------


async def test_bodies_are_read_as_go_read_them(node: Api) -> None:
    assert refused(await node.client.post("/v2/specs"), 400) == ["EOF"]
    assert refused(await node.client.post("/v2/specs", content="{"), 400) == ["unexpected EOF"]
    trailing = await node.client.post("/v2/specs", content='{"INITIATORS":[{"Type":"web"}],"tasks":[{"type":"noop"}]} and more')
    assert trailing.status_code == 200


# --- 12: later additions ---------------------------------------------------------------------------------------------


async def test_later_routes_have_their_later_forms(node: Api) -> None:
    assert (await node.client.get("/v2/ping")).json() == {"message": "pong"}
    assert (await node.client.get("/v2/build_info")).json().keys() == {"version", "commitSHA"}
    features = await node.client.get("/v2/features")
    assert {item["id"]: item["attributes"]["enabled"] for item in features.json()["data"]} == {
        "external_initiators": True, "service_agreements": True, "csa": False, "feeds_manager": False,
    }  # fmt: skip
    changed = await node.client.patch("/v2/config", json={"ethGasPriceDefault": "42"})
    assert shown(changed, "configPatchResponses") == {"ethGasPriceDefault": {"old": "20000000000", "new": "42"}}
    assert shown(await node.client.get("/v2/config"), "configWhitelists")["ethGasPriceDefault"] == 42
    log = await node.client.get("/v2/log")
    assert shown(log, "serviceLevelLogs") == {
        "serviceName": ["Global", "IsSqlEnabled"], "logLevel": ["info", "false"], "defaultLogLevel": "info",
    }  # fmt: skip
    assert listed(await node.client.get("/v2/chains"), "chain") == []
    assert listed(await node.client.get("/v2/nodes"), "node") == []


async def test_ids_with_dashes_are_understood(node: Api) -> None:
    job_id = await stored(node)
    dashed = f"{job_id[:8]}-{job_id[8:12]}-{job_id[12:16]}-{job_id[16:20]}-{job_id[20:]}"
    assert shown(await node.client.get(f"/v2/specs/{dashed}"), "specs")["id"] == job_id


# --- 11: the register of quirks --------------------------------------------------------------------------------------


async def test_a_job_of_an_agreement_breaks_no_list(node: Api) -> None:
    spec = Job(id=UNKNOWN, initiators=(Initiator(type="execagreement"),), tasks=(TaskSpec(type="noop"),), created_at=NOW)
    await node.job(spec)
    (item,) = listed(await node.client.get("/v2/specs"), "specs")
    assert item["initiators"] == [{"type": "execagreement", "params": {}}]


async def test_an_address_in_a_header_is_not_believed() -> None:
    async with Api(settings=PATIENT.__class__(request_limit=1)) as api:
        answers = [await api.client.get("/v2/specs", headers={"x-forwarded-for": f"192.0.2.{n}"}) for n in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]
    assert (answers[1].text, answers[1].headers["content-type"]) == ("Limit exceeded", "text/plain; charset=utf-8")


async def test_an_unknown_job_runs_nothing_and_a_body_over_the_limit_goes_nowhere(node: Api) -> None:
    response = await node.client.post(f"/v2/specs/{UNKNOWN}/runs", content=b" " * 32769)
    assert (response.status_code, response.text, response.headers["connection"]) == (413, "request too large", "close")


async def test_the_hash_of_a_token_is_what_is_stored(node: Api) -> None:
    made = shown(await node.client.post("/v2/bridge_types", json={"name": "x", "url": "https://x.example/"}), "bridges")
    ((kept, salt),) = await node.db.read("SELECT incoming_token_hash, salt FROM bridges")
    assert kept == token_hash(made["incomingToken"], str(salt))
