"""What is noted of HTTP exchanges: enough to see what happened, and no secret."""

from __future__ import annotations

from collections.abc import Collection

import msgspec
import pytest

from adyton.adapters.base import AdapterSettings, TaskContext
from adyton.adapters.bridge import BridgeAdapter
from adyton.adapters.exchanges import shown_url
from adyton.adapters.http import HttpAdapter
from adyton.domain.bridges import Bridge
from adyton.domain.exchanges import LONGEST_BODY, LONGEST_ERROR, LONGEST_URL, Exchange, Failure
from adyton.domain.runs import Completed, Data, Errored, RunStatus
from adyton.domain.urls import UNREADABLE
from adyton.ports import HttpFailure, HttpRequest, HttpResponse
from support.planted import secret

KEY = secret("named by a job whose exchanges are noted")
URL = "http://source.test/a?fsym=ETH"


DATA: Data = {"result": "before"}
BEGAN = 7_000_000


def answer(status: int, body: bytes = b"") -> HttpResponse:
    return HttpResponse(status, {}, body)


class Source:
    """A transport, a clock and secrets. It gives the listed answers in turn, after a quarter of a second each."""

    def __init__(self, *answers: HttpResponse | HttpFailure, **values: str) -> None:
        self._answers = list(answers)
        self._values = values
        self._micros = BEGAN

    async def request(self, _: HttpRequest) -> HttpResponse:
        self._micros += 250_000
        given = self._answers.pop(0)
        if isinstance(given, HttpFailure):
            raise given
        return given

    async def sleep(self, seconds: float) -> None:
        self._micros += round(seconds * 1_000_000)

    def now(self) -> int:
        return self._micros

    def monotonic(self) -> float:
        return self._micros / 1_000_000

    async def values(self, names: Collection[str]) -> dict[str, str]:
        return {name: self._values[name] for name in names}


async def noted(source: Source, params: Data | None = None, name: str = "httpget") -> list[Exchange]:
    """The exchanges of one task."""
    given = {"get": URL, "post": URL} if params is None else params
    context, own = _context(given), name.removeprefix("http")
    settings = AdapterSettings(http_attempts=3)
    adapter = HttpAdapter(name, own, http=source, clock=source, settings=settings, secrets=source)
    await adapter.perform(given, DATA, context)
    assert context.exchanges is not None
    return context.exchanges


def _context(spec: Data) -> TaskContext:
    return TaskContext(
        run_id="0" * 32,
        position=0,
        status=RunStatus.UNSTARTED,
        transaction=None,
        connected=True,
        spec=spec,
        exchanges=[],
    )


async def noted_of_bridge(source: Source, url: str = "http://10.0.0.7:8080/a", token: str = "OUTGOING") -> list[Exchange]:
    """The exchanges of a bridge's task."""
    bridge = Bridge(name="oracle", url=url, incoming_token_hash="h", salt="s", outgoing_token=token)
    context = _context({})
    adapter = BridgeAdapter(bridge, http=source, clock=source, settings=AdapterSettings(http_attempts=1), secrets=source)
    await adapter.perform({}, DATA, context)
    assert context.exchanges is not None
    return context.exchanges


async def test_an_exchange_tells_what_was_asked_and_what_came_back() -> None:
    response = HttpResponse(200, {"content-type": "application/json"}, b'{"USD":1}')
    [exchange] = await noted(Source(response))
    assert exchange == Exchange(
        method="GET",
        url=URL,
        started_at=BEGAN,
        duration=250_000,
        status=200,
        size=9,
        media_type="application/json",
        body='{"USD":1}',
    )


async def test_every_attempt_is_noted() -> None:
    lost = HttpFailure("http://source.test cannot be asked: the name cannot be resolved", retriable=True, kind=Failure.DNS)
    first, second, third = await noted(Source(answer(502, b"<h1>Bad gateway"), lost, answer(200, b"1")), name="httppost")
    assert (first.method, first.status, first.failure, first.body) == ("POST", 502, Failure.STATUS, "<h1>Bad gateway")
    assert (second.status, second.failure, second.body, second.size) == (None, Failure.DNS, None, None)
    assert second.error == str(lost)
    assert (third.status, third.failure) == (200, None)


async def test_of_a_body_the_beginning_is_kept_and_its_size() -> None:
    [exchange] = await noted(Source(answer(200, b"x" * 1_000_000)))
    assert (exchange.body, exchange.size) == ("x" * LONGEST_BODY, 1_000_000)


async def test_a_body_that_is_no_text_stays_harmless() -> None:
    [exchange] = await noted(Source(answer(200, b"\xff\x00\xfe")))
    assert (exchange.body, exchange.size) == ("\ufffd\0\ufffd", 3)


async def test_what_went_wrong_is_told_in_short() -> None:
    [exchange] = await noted(Source(HttpFailure("x" * 9000, retriable=False, kind=Failure.TLS)))
    assert (exchange.error, exchange.failure) == ("x" * LONGEST_ERROR, Failure.TLS)


@pytest.mark.parametrize(
    "params",
    [
        {"get": "http://source.test/v1/$(secret:KEY)?k=$(secret:KEY)"},
        {"get": "http://u:$(secret:KEY)@source.test/v1"},
        {"get": "http://source.test/v1", "extPath": ["$(secret:KEY)", "b"], "queryParams": "x=$(secret:KEY)"},
        {"get": "http://source.test/v1", "headers": {"X-Key": ["$(secret:KEY)"]}},
    ],
)
async def test_no_secret_is_left_wherever_it_stands(params: Data) -> None:
    body = f"asked with {KEY}".encode()
    source = Source(answer(200, b"." * (LONGEST_BODY - len(body) + 9) + body), KEY=KEY)
    [exchange] = await noted(source, params)
    text = msgspec.json.encode(exchange).decode()
    assert KEY[:8] not in text
    assert exchange.url.startswith("http://")
    assert "source.test/v1" in exchange.url


async def test_a_secret_that_is_the_address_hides_all_of_it() -> None:
    lost = HttpFailure("the URL in get cannot be asked", retriable=False)
    [exchange] = await noted(Source(lost, WHERE=f"http://{KEY}.test/path"), {"get": "$(secret:WHERE)/more"})
    assert exchange.url == "the URL in get"


async def test_a_secret_at_the_place_of_its_beginning_and_with_odd_letters_leaves_no_piece_of_itself() -> None:
    [exchange] = await noted(Source(answer(200), KEY="pa//ss/../wo rd"), {"get": "http://source.test/x/$(secret:KEY)/y"})
    assert exchange.url == "http://source.test/x/***/y"


async def test_nothing_is_noted_of_what_never_went_out() -> None:
    assert await noted(Source(), {"get": "ftp://source.test/a"}) == []


async def test_a_bridge_is_noted_without_its_token_even_if_it_says_it_back() -> None:
    token = secret("token of a bridge whose exchanges are noted")
    [exchange] = await noted_of_bridge(Source(answer(200, f'{{"data":{{"echo":"Bearer {token}"}}}}'.encode())), token=token)
    assert (exchange.method, exchange.url) == ("POST", "http://10.0.0.7:8080/a")
    assert exchange.body == '{"data":{"echo":"Bearer ***"}}'


async def test_nothing_that_a_task_leaves_holds_the_bridges_token() -> None:
    token = secret("token of a bridge that says it back")
    bridge = Bridge(name="oracle", url="http://10.0.0.7/", incoming_token_hash="h", salt="s", outgoing_token=token)
    for body, left in (
        (f'{{"data":{{"echo":["Bearer {token}"]}}}}', Completed({"result": "before", "echo": ["Bearer ***"]})),
        (f'{{"error":"{token} is wrong"}}', Errored("*** is wrong", DATA)),
    ):
        source = Source(answer(200, body.encode()))
        adapter = BridgeAdapter(bridge, http=source, clock=source, settings=AdapterSettings(http_attempts=1), secrets=source)
        assert await adapter.perform({}, DATA, _context({})) == left


async def test_a_bridges_url_is_noted_with_the_names_of_its_secrets() -> None:
    [exchange] = await noted_of_bridge(Source(answer(500), KEY=KEY), "http://bridge.test/$(secret:KEY)/a?k=$(secret:KEY)")
    assert exchange.url == "http://bridge.test/$(secret:KEY)/a?k=$(secret:KEY)"


async def test_what_no_bridge_answers_is_said_to_be_no_json() -> None:
    [exchange] = await noted_of_bridge(Source(answer(200, b"<html>")))
    assert (exchange.status, exchange.failure, exchange.body) == (200, Failure.NOT_JSON, "<html>")
    assert exchange.error


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (URL, URL),
        ("https://me:word@h.test:8443/a#here", "https://***@h.test:8443/a"),
        ("https://h.test/v3/0123456789abcdef0123/x", "https://h.test/v3/***/x"),
        ("https://h.test/a?apikey=1&tsyms=USD,EUR", "https://h.test/a?apikey=***&tsyms=USD,EUR"),
        ("https://h.test/a?q=abcd0123456789efgh&x=&y", "https://h.test/a?q=***&x=&y"),
        ("https://h.test/a?signature=x&user_name=y&auth=z", "https://h.test/a?signature=***&user_name=***&auth=***"),
        ("https://h.test/a?keyboard=us&monkey=no", "https://h.test/a?keyboard=us&monkey=***"),
        ("https://h.test/a?abcd0123456789efgh", "https://h.test/a?***"),
        ("http://[::1]:8080/a?b=c", "http://[::1]:8080/a?b=c"),
        ("/only/a/path", UNREADABLE),
        ("http://h.test:port/", UNREADABLE),
    ],
)
def test_urls_lose_what_could_be_a_secret(url: str, shown: str) -> None:
    assert shown_url(url) == shown


def test_a_url_without_end_is_cut() -> None:
    assert len(shown_url(f"http://h.test/?{'a=b&' * 9000}")) == LONGEST_URL + 1
