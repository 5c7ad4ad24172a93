"""The bridge adapter: what it sends, what it makes of what comes back, and how often it asks."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from adyton.adapters.attempts import LONGEST_PAUSE
from adyton.adapters.base import AdapterSettings, TaskContext
from adyton.adapters.bridge import BridgeAdapter
from adyton.adapters.registry import Registry
from adyton.domain.bridges import Bridge
from adyton.domain.errors import Invalid
from adyton.domain.runs import Completed, Data, Errored, Outcome, RunStatus, Waits
from adyton.ports import NO_SECRETS, HttpFailure, HttpRequest, HttpResponse
from adyton.storage.bridges import Bridges
from support.builders import LINK, TestClock, TestHttp

RUN = "00000000000000000000000000001234"
DATA: Data = {"result": "lot 49"}
BRIDGE = Bridge(name="oracle", url="http://10.0.0.7:8080/a", incoming_token_hash="h", salt="s", outgoing_token="OUT")
LOST = HttpFailure("bridge oracle cannot be asked: connection refused", retriable=True)
SPOILT = HttpFailure("HTTP request too large, must be less than 100 bytes", retriable=False)


def context(status: RunStatus = RunStatus.UNSTARTED) -> TaskContext:
    return TaskContext(run_id=RUN, position=0, status=status, transaction=None, connected=True)


def answer(body: str = "{}", status: int = 200) -> HttpResponse:
    return HttpResponse(status, {}, body.encode())


class Program:
    """The other side: it gives the listed answers in turn, and notes what it was asked."""

    def __init__(self, *answers: HttpResponse | HttpFailure) -> None:
        self._answers = list(answers)
        self.asked: list[HttpRequest] = []
        self.clock = TestClock()

    async def request(self, request: HttpRequest) -> HttpResponse:
        self.asked.append(request)
        given = self._answers.pop(0)
        if isinstance(given, HttpFailure):
            raise given
        return given

    async def perform(
        self,
        params: Data | None = None,
        data: Data | None = None,
        *,
        status: RunStatus = RunStatus.UNSTARTED,
        bridge: Bridge = BRIDGE,
        response_url: str = "",
        secrets: Vault | None = None,
    ) -> Outcome:
        settings = AdapterSettings(http_attempts=3, http_limit=100, http_timeout=3, bridge_response_url=response_url)
        adapter = BridgeAdapter(bridge, http=self, clock=self.clock, settings=settings, secrets=secrets or NO_SECRETS)
        return await adapter.perform(params or {}, DATA if data is None else data, context(status))


class Vault:
    """Secrets that the test sets."""

    def __init__(self, **values: str) -> None:
        self._values = values

    async def values(self, names: Collection[str]) -> dict[str, str]:
        if not set(names) <= set(self._values):
            raise Invalid("there is no such secret")
        return {name: self._values[name] for name in names}


# --- what is sent ----------------------------------------------------------------------------------------------------


async def test_the_bridge_gets_the_runs_id_the_data_and_its_token() -> None:
    program = Program(answer())
    await program.perform()

    [asked] = program.asked
    assert (asked.method, asked.url) == ("POST", BRIDGE.url)
    assert asked.headers == (("Content-Type", "application/json"), ("Authorization", "Bearer OUT"))
    assert asked.body == b'{"id":"00000000000000000000000000001234","data":{"result":"lot 49"}}'
    assert (asked.timeout, asked.limit, asked.unrestricted) == (3, 100, True)


@pytest.mark.parametrize(
    ("params", "data", "sent"),
    [
        ({"bodyParam": True}, DATA, b'{"bodyParam":true,"result":"lot 49"}'),
        # As v0.6.2: what came with the run is a param too.
        ({"result": "fromrun"}, DATA, b'{"result":"fromrun"}'),
        ({"a": 1, "b": {"z": 1, "y": 2}}, {"b": "x", "result": "100"}, b'{"a":1,"b":{"y":2,"z":1},"result":"100"}'),
        ({}, {"n": 12345678901234567890}, b'{"n":12345678901234567890}'),
    ],
)
async def test_params_stand_over_the_data(params: Data, data: Data, sent: bytes) -> None:
    program = Program(answer())
    await program.perform(params, data)
    assert program.asked[0].body == b'{"id":"%s","data":%s}' % (RUN.encode(), sent)


async def test_the_address_for_a_late_answer_is_told_when_the_node_knows_it() -> None:
    program = Program(answer())
    await program.perform(response_url="https://node.example")
    body = program.asked[0].body or b""
    assert body.endswith(b'"data":{"result":"lot 49"},"responseURL":"https://node.example/v2/runs/%s"}' % RUN.encode())


async def test_meta_stands_beside_the_data_too_if_it_is_an_object() -> None:
    program = Program(answer(), answer())
    await program.perform({"meta": {"latestAnswer": 1}}, response_url="https://n")
    assert (program.asked[0].body or b"").endswith(
        b'"data":{"meta":{"latestAnswer":1},"result":"lot 49"},"responseURL":"https://n/v2/runs/%s",'
        b'"meta":{"latestAnswer":1}}' % RUN.encode()
    )
    await program.perform({"meta": "x"})
    assert program.asked[1].body == b'{"id":"%s","data":{"meta":"x","result":"lot 49"}}' % RUN.encode()


async def test_a_bridge_that_has_been_asked_is_not_asked_again() -> None:
    program = Program()
    assert await program.perform(status=RunStatus.PENDING_BRIDGE) == Waits(RunStatus.PENDING_BRIDGE, DATA)
    assert program.asked == []


# --- what comes back -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("response", "outcome"),
    [
        (answer('{"data": {"result": "purchased"}}'), Completed({"p": 1, "result": "purchased"})),
        (answer("{}", 201), Completed({"p": 1, "result": "lot 49"})),
        (answer('{"pending": true}'), Waits(RunStatus.PENDING_BRIDGE, {"p": 1, "result": "lot 49"})),
        (answer('{"error": "overload", "data": {}}'), Errored("overload", {"p": 1, "result": "lot 49"})),
        (
            answer("bad request", 400),
            Errored("ExternalBridge post to external adapter: POST response: 400 bad request", {"p": 1, "result": "lot 49"}),
        ),
    ],
)
async def test_what_the_bridge_answers_is_the_outcome(response: HttpResponse, outcome: Outcome) -> None:
    assert await Program(response).perform({"p": 1}) == outcome


@pytest.mark.parametrize("body", ["", "[]", "nope", '{"data":{"result":"a"}} trailing', '{"jobRunID":5}', "\xff\xfe"])
async def test_what_is_no_answer_is_an_error_and_the_data_stay(body: str) -> None:
    outcome = await Program(answer(body)).perform()
    assert isinstance(outcome, Errored)
    assert outcome.error.startswith("ExternalBridge unmarshaling JSON: ")
    assert outcome.data == DATA


# --- how often -------------------------------------------------------------------------------------------------------


async def test_without_an_answer_or_with_one_of_500_it_is_asked_again_under_the_same_id() -> None:
    program = Program(LOST, answer("busy", 503), answer('{"data": {"result": "5"}}'))
    assert await program.perform() == Completed({"result": "5"})
    assert len({asked.body for asked in program.asked}) == 1
    assert len(program.asked) == 3


async def test_the_last_attempt_counts() -> None:
    failing = Program(LOST, LOST, LOST)
    failed = await failing.perform()
    assert failed == Errored(f"ExternalBridge post to external adapter: POST request: {LOST}", DATA)

    broken = Program(*[answer("big error", 500)] * 3)
    assert await broken.perform() == Errored("ExternalBridge post to external adapter: POST response: 500 big error", DATA)
    assert (broken.clock.now() - TestClock().now()) / 1_000_000 <= 2 * LONGEST_PAUSE


@pytest.mark.parametrize("response", [answer("no", 404), answer("[]"), SPOILT])
async def test_what_would_not_get_better_is_not_tried_again(response: HttpResponse | HttpFailure) -> None:
    program = Program(response)
    assert isinstance(await program.perform(), Errored)
    assert len(program.asked) == 1


# --- secrets ---------------------------------------------------------------------------------------------------------

SECRETIVE = Bridge(
    name="oracle", url="http://b.example/?key=$(secret:KEY)", incoming_token_hash="h", salt="s", outgoing_token="OUT"
)


async def test_a_secret_in_the_url_is_put_in_place_and_taken_out_of_what_comes_back() -> None:
    program = Program(answer('{"data": {"result": "you sent sesame open", "x": 1}}'), answer("bad key sesame%20open", 403))
    vault = Vault(KEY="sesame open")

    completed = await program.perform(bridge=SECRETIVE, secrets=vault)
    refused = await program.perform(bridge=SECRETIVE, secrets=vault)

    assert program.asked[0].url == "http://b.example/?key=sesame%20open"
    assert "sesame" not in program.asked[0].shown
    assert completed == Completed({"result": "you sent ***", "x": 1})
    assert isinstance(refused, Errored)
    assert refused.error.endswith("403 bad key ***")


async def test_a_secret_that_is_not_there_is_said_and_nothing_is_sent() -> None:
    program = Program()
    for vault in (Vault(), None):
        with pytest.raises(Invalid):
            await program.perform(bridge=SECRETIVE, secrets=vault)
    assert program.asked == []


async def test_data_that_look_like_a_secrets_name_are_sent_as_they_are() -> None:
    program = Program(answer())
    await program.perform({"q": "$(secret:KEY)"}, {}, secrets=Vault(KEY="sesame"))
    assert b"$(secret:KEY)" in (program.asked[0].body or b"")


# --- the registry ----------------------------------------------------------------------------------------------------


def registry(*bridges: Bridge) -> Registry:
    live = Bridges()
    for bridge in bridges:
        live.put(bridge)
    return Registry(http=TestHttp(), clock=TestClock(), settings=AdapterSettings(), bridges=live)


def named(name: str, *, confirmations: int = 0, payment: int | None = None) -> Bridge:
    return Bridge(
        name=name,
        url="http://b.example",
        confirmations=confirmations,
        minimum_payment=payment,
        incoming_token_hash="h",
        salt="s",
        outgoing_token="o",
    )


def test_a_type_that_is_no_built_in_adapter_is_looked_for_among_the_bridges() -> None:
    found = registry(named("rideshare", payment=10))
    assert found.find("rideshare").name == "rideshare"
    found.check("rideshare", {"anything": ["goes"]})
    with pytest.raises(Invalid, match="taxi is not a supported adapter type"):
        found.check("taxi", {})


def test_a_bridge_can_hide_no_built_in_adapter() -> None:
    found = registry(named("copy", confirmations=7, payment=10), named("ethtx", confirmations=7, payment=10))
    assert (found.cost("copy"), found.min_confirmations("copy")) == (0, 3)
    assert (found.cost("ethtx"), found.min_confirmations("ethtx")) == (LINK, 3)


@pytest.mark.parametrize(("confirmations", "waits_for"), [(0, 3), (3, 3), (10, 10)])
def test_a_bridge_says_what_a_request_pays_and_waits_for(confirmations: int, waits_for: int) -> None:
    found = registry(named("rideshare", confirmations=confirmations, payment=10), named("free"))
    assert (found.cost("rideshare"), found.cost("free")) == (10, 0)
    assert found.min_confirmations("rideshare") == waits_for


def test_the_registrys_version_grows_with_every_change_of_a_bridge() -> None:
    live = Bridges()
    found = Registry(http=TestHttp(), clock=TestClock(), settings=AdapterSettings(), bridges=live)
    versions = [found.version]
    for bridge in (named("a"), named("a", payment=1)):
        live.put(bridge)
        versions.append(found.version)
    live.remove("a")
    versions.append(found.version)
    assert versions == sorted(set(versions))
