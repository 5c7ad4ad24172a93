"""The HTTP adapters: what they ask for, how often, and what a requester cannot make them send."""

from __future__ import annotations

from collections.abc import Collection

import msgspec
import pytest

from adyton.adapters.attempts import LONGEST_PAUSE
from adyton.adapters.base import AdapterSettings, TaskContext
from adyton.adapters.http import HttpAdapter
from adyton.adapters.http_url import build, check_url
from adyton.domain.errors import Invalid
from adyton.domain.runs import Completed, Data, Errored, Outcome, RunStatus
from adyton.ports import HttpFailure, HttpRequest, HttpResponse

CONTEXT = TaskContext(run_id="0" * 32, position=0, status=RunStatus.UNSTARTED, transaction=None, connected=True)
DATA: Data = {"result": "before", "b": 1}
LOST = HttpFailure("http://source.test cannot be reached: reset", retriable=True)
REFUSED = HttpFailure("disallowed IP 10.0.0.1", retriable=False)


def answer(status: int, body: bytes = b"") -> HttpResponse:
    return HttpResponse(status, {}, body)


class Source:
    """A transport and a clock: it gives the listed answers in turn, and notes what was asked and how long was waited."""

    def __init__(self, *answers: HttpResponse | HttpFailure, **secrets: str) -> None:
        self._answers = list(answers)
        self._secrets = secrets
        self.asked: list[HttpRequest] = []
        self.waited: list[float] = []

    async def request(self, request: HttpRequest) -> HttpResponse:
        self.asked.append(request)
        given = self._answers.pop(0)
        if isinstance(given, HttpFailure):
            raise given
        return given

    async def sleep(self, seconds: float) -> None:
        self.waited.append(seconds)

    def now(self) -> int:
        return 0

    def monotonic(self) -> float:
        return 0.0

    async def values(self, names: Collection[str]) -> dict[str, str]:
        missing = [name for name in names if name not in self._secrets]
        if missing:
            raise Invalid(*(f"there is no secret {name!r}" for name in missing))
        return {name: self._secrets[name] for name in names}

    def adapter(self, name: str, attempts: int = 5) -> HttpAdapter:
        settings = AdapterSettings(http_attempts=attempts, http_limit=100, http_timeout=3)
        own = "post" if name.startswith("httppost") else "get"
        free = name.endswith("withunrestrictednetworkaccess")
        return HttpAdapter(name, own, http=self, clock=self, settings=settings, secrets=self, unrestricted=free)

    async def perform(self, params: Data, name: str = "httpget", attempts: int = 5, spec: Data | None = None) -> Outcome:
        context = msgspec.structs.replace(CONTEXT, spec=spec)
        return await self.adapter(name, attempts).perform(params, DATA, context)


URL = {"get": "http://source.test/a", "post": "http://source.test/a"}


async def test_the_body_becomes_the_result_and_the_rest_of_the_data_stays() -> None:
    assert await Source(answer(200, b"42")).perform(URL) == Completed({"result": "42", "b": 1})


async def test_bytes_that_are_no_text_are_replaced() -> None:
    assert await Source(answer(200, b"\xff!")).perform(URL) == Completed({"result": "\ufffd!", "b": 1})


@pytest.mark.parametrize("status", [200, 204, 304, 399])
async def test_below_400_is_an_answer(status: int) -> None:
    assert isinstance(await Source(answer(status)).perform(URL), Completed)


async def test_from_400_on_the_body_is_the_error() -> None:
    assert await Source(answer(404, b"nope")).perform(URL) == Errored("nope", DATA)
    assert await Source(answer(404, b"a\0b")).perform(URL) == Errored("a\ufffdb", DATA)


async def test_settings_bound_every_exchange_and_addresses_are_restricted() -> None:
    source = Source(answer(200))
    await source.perform(URL)
    [asked] = source.asked
    assert (asked.limit, asked.timeout, asked.unrestricted, asked.body) == (100, 3, False, None)


async def test_a_source_that_fails_for_a_moment_is_asked_again_with_growing_pauses() -> None:
    source = Source(LOST, answer(503), answer(200, b"ok"))
    assert await source.perform(URL) == Completed({"result": "ok", "b": 1})
    assert source.waited == [0.1, 0.2]


async def test_the_last_answer_counts_when_the_attempts_are_used_up() -> None:
    source = Source(answer(500, b"one"), answer(500, b"two"))
    assert await source.perform(URL, attempts=2) == Errored("two", DATA)
    assert await Source(LOST).perform(URL, attempts=1) == Errored(str(LOST), DATA)


@pytest.mark.parametrize("given", [REFUSED, answer(400), answer(200)])
async def test_what_will_not_change_is_asked_once(given: HttpResponse | HttpFailure) -> None:
    source = Source(given)
    await source.perform(URL)
    assert len(source.asked) == 1


@pytest.mark.parametrize("params", [{}, {"get": "/rel"}, {"url": "ftp://x/y"}, {"get": "file:///etc/passwd"}])
async def test_only_http_is_spoken(params: Data) -> None:
    source = Source()
    outcome = await source.perform(params)
    assert isinstance(outcome, Errored)
    assert outcome.error.startswith("unsupported protocol scheme")
    assert not source.asked


async def test_a_post_sends_the_whole_data_as_json_whatever_the_headers_say() -> None:
    source = Source(answer(200))
    await source.perform({**URL, "headers": {"content-type": ["text/plain"], "X-Key": ["1", "2"]}}, "httppost")
    [asked] = source.asked
    assert (asked.method, asked.body) == ("POST", b'{"b":1,"result":"before"}')
    assert asked.headers == (("X-Key", "1"), ("X-Key", "2"), ("Content-Type", "application/json"))


@pytest.mark.parametrize("name", ["Host", "content-length", "Transfer-Encoding", "TRAILER"])
async def test_where_a_request_goes_and_ends_is_not_for_params_to_say(name: str) -> None:
    source = Source(answer(200))
    await source.perform({**URL, "headers": {name: ["0"], "A": ["1"]}})
    assert source.asked[0].headers == (("A", "1"),)


@pytest.mark.parametrize(
    "headers",
    [
        {"X": "text"},
        {"X": [1]},
        ["X"],
        {"": ["a"]},
        {"X Y": ["a"]},
        {"é": ["a"]},
        {"X\n": ["a"]},
        {"X": ["a\r\nEvil: 1"]},
        {"X": ["\0"]},
    ],
)
async def test_headers_that_cannot_be_sent_are_refused(headers: object) -> None:
    with pytest.raises(Invalid, match="headers"):
        await Source().perform({**URL, "headers": headers})


@pytest.mark.parametrize(
    "url", ["", "NotAURL", "http://[::1", "http://h:99999/", "http://a\nb/", "http://%zz/", None, 5], ids=str
)
def test_what_is_no_url_is_refused_when_the_job_is_made(url: object) -> None:
    with pytest.raises(Invalid):
        check_url(url)


SECRETS: list[Data] = [
    {"get": "secret"},
    {"get": ["secret"]},
    {"url": "http://secret@h/\n"},
    {"url": "http://h/secret/%zz"},
    {**URL, "queryParams": "key=secret&x"},
    {**URL, "queryParams": ["key", "secret", "x"]},
    {**URL, "headers": "secret"},
    {**URL, "headers": {"Authorization": "secret"}},
    {**URL, "headers": {"Authorization": ["secret\n"]}},
    {**URL, "extPath": {"a": "secret"}},
]


@pytest.mark.parametrize("params", SECRETS, ids=str)
async def test_a_param_that_cannot_be_read_is_named_but_not_shown(params: Data) -> None:
    with pytest.raises(Invalid) as caught:
        await Source().perform(params)
    assert next(name for name in reversed(params)) in str(caught.value)
    assert "secret" not in str(caught.value)


async def test_pauses_grow_to_a_bound_however_many_attempts_there_are() -> None:
    source = Source(*[LOST] * 40)
    await source.perform(URL, attempts=40)
    assert source.waited[-1] == LONGEST_PAUSE
    assert len(source.asked) == 40


def test_a_message_about_a_url_holds_no_secret() -> None:
    for url in ("http://user:secret@[::1", "http://h:99999/?key=secret"):
        with pytest.raises(Invalid) as caught:
            check_url(url)
        assert "secret" not in str(caught.value)


BUILT: list[tuple[str, object, object, str]] = [
    ("http://h/a/../b//c/", None, None, "http://h/b/c"),
    ("http://h", ["x", "y/z"], None, "http://h/x/y/z"),
    ("http://h/a%20b", None, None, "http://h/a%20b"),
    ("http://h/?b=2&a=1", None, "a=9&c=3", "http://h/?a=1&b=2&c=3"),
    ("http://h", None, ["k", "a b&c"], "http://h?k=a+b%26c"),
]


@pytest.mark.parametrize(("url", "path", "query", "built"), BUILT)
def test_path_and_query_are_put_in_place(url: str, path: object, query: object, built: str) -> None:
    assert build(url, path, query) == built


# --- the body that a job names, and the types without restriction ---------------------------------------------------


@pytest.mark.parametrize(("body", "sent"), [("text é", "text é".encode()), ("", b""), (None, b'{"b":1,"result":"before"}')])
async def test_a_post_sends_the_body_that_the_job_names_in_place_of_the_data(body: object, sent: bytes) -> None:
    source = Source(answer(200))
    await source.perform({**URL, "body": body}, "httppost")
    assert source.asked[0].body == sent


@pytest.mark.parametrize("body", [5, {"a": 1}, ["a"], True])
async def test_a_body_that_is_no_text_is_refused(body: object) -> None:
    with pytest.raises(Invalid, match="body must be a text"):
        await Source().perform({**URL, "body": body}, "httppost")


async def test_the_body_is_not_for_whoever_starts_the_run_to_say() -> None:
    source = Source(answer(200), answer(200))
    for given in ("theirs", {"not": "a text"}):
        await source.perform({**URL, "body": given}, "httppost", spec=URL)
    assert [asked.body for asked in source.asked] == [b'{"b":1,"result":"before"}'] * 2


async def test_a_body_is_sent_again_with_each_attempt() -> None:
    source = Source(LOST, answer(503), answer(200))
    await source.perform({**URL, "body": "x"}, "httppost")
    assert [asked.body for asked in source.asked] == [b"x"] * 3


@pytest.mark.parametrize("name", ["httpget", "httppost"])
async def test_only_the_types_without_restriction_reach_every_address(name: str) -> None:
    source = Source(answer(200), answer(200))
    await source.perform({**URL, "allowUnrestrictedNetworkAccess": True, "unrestricted": True}, name)
    await source.perform(URL, f"{name}withunrestrictednetworkaccess")
    assert [asked.unrestricted for asked in source.asked] == [False, True]


@pytest.mark.parametrize("params", [{}, {"extPath": "x"}])
def test_a_type_without_restriction_takes_its_url_from_the_job(params: Data) -> None:
    adapter = Source().adapter("httpgetwithunrestrictednetworkaccess")
    with pytest.raises(Invalid, match="the job must say which: put the URL into get"):
        adapter.check(params)
    adapter.check({**params, "URL": "http://10.0.0.1/"})


# --- secrets ---------------------------------------------------------------------------------------------------------


async def test_secrets_are_put_into_every_part_of_a_request_and_shown_in_none() -> None:
    source = Source(answer(200, b"ok"), KEY="p&ss/word=", PATH="part", BASE="hush-base")
    spec: Data = {
        "post": "https://$(secret:BASE).test/a?key=$(secret:KEY)",
        "headers": {"Authorization": ["Bearer $(secret:KEY)"], "X-Plain": ["1"], "X-Mixed": ["1", "$(secret:KEY)"]},
        "queryParams": "other=$(secret:KEY)",
        "extPath": ["$(secret:PATH)"],
        "body": '{"key":"$(secret:KEY)"}',
    }
    assert await source.perform(spec, "httppost", spec=spec) == Completed({"result": "ok", "b": 1})
    [asked] = source.asked
    assert asked.url == "https://hush-base.test/a/part?key=p%26ss%2Fword%3D&other=p%26ss%2Fword%3D"
    assert asked.body == b'{"key":"p&ss/word="}'
    assert ("Authorization", "Bearer p&ss/word=") in asked.headers
    assert asked.secret_headers == {"authorization", "x-mixed"}
    assert asked.secret_body
    assert asked.shown == "the URL in post"


async def test_a_query_cut_at_its_signs_takes_a_secret_whole() -> None:
    source = Source(answer(200), KEY="a=b&c?d")
    spec: Data = {"get": "http://h.test", "queryParams": "?key=$(secret:KEY)&x=1"}
    await source.perform(spec, spec=spec)
    assert source.asked[0].url == "http://h.test?key=a%3Db%26c%3Fd&x=1"


async def test_a_whole_url_may_be_a_secret() -> None:
    source = Source(answer(200), URL="https://u:p@h.test/feed?key=1")
    spec: Data = {"get": "$(secret:URL)", "queryParams": ["a", "b"]}
    source.adapter("httpget").check(spec)
    await source.perform(spec, spec=spec)
    assert source.asked[0].url == "https://u:p@h.test/feed?a=b&key=1"
    assert source.asked[0].shown == "the URL in get"


async def test_a_secret_that_is_no_url_is_not_shown_by_the_error() -> None:
    source = Source(URL="hush:secret", WORD="hush hush")
    spec: Data = {"get": "$(secret:URL)"}
    outcome = await source.perform(spec, spec=spec)
    assert isinstance(outcome, Errored)
    assert outcome.error == 'unsupported protocol scheme "***"'
    with pytest.raises(Invalid, match="get must begin with a scheme") as caught:
        await source.perform({"get": "$(secret:WORD)"}, spec={"get": "$(secret:WORD)"})
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("status", [200, 400, 500])
async def test_what_a_source_echoes_of_a_secret_is_hidden(status: int) -> None:
    echo = b'{"you sent":"hush&1","as url":"hush%261","as base64":"aHVzaCYx","price":1.5}'
    source = Source(answer(status, echo), KEY="hush&1")
    spec: Data = {**URL, "headers": {"X": ["$(secret:KEY)"]}}
    outcome = await source.perform(spec, attempts=1, spec=spec)
    said = outcome.error if isinstance(outcome, Errored) else str(outcome.data["result"] if outcome.data else "")
    assert said == '{"you sent":"***","as url":"***","as base64":"***","price":1.5}'


async def test_a_failure_of_the_transport_hides_it_too() -> None:
    source = Source(HttpFailure("https://hush.test cannot be asked", retriable=False), KEY="hush")
    spec: Data = {"get": "https://$(secret:KEY).test"}
    assert await source.perform(spec, spec=spec) == Errored("https://***.test cannot be asked", DATA)


async def test_words_that_come_with_a_run_name_no_secret() -> None:
    source = Source(answer(200), answer(200), KEY="hush")
    given: Data = {"get": "http://theirs.test/?k=$(secret:KEY)", "headers": {"X": ["$(secret:KEY)"]}}
    await source.perform(given, spec={"queryParams": "a=b"})
    await source.perform({**URL, "queryParams": ["k", "$(secret:KEY)"]})
    assert "hush" not in str(source.asked)
    assert source.asked[0].headers == (("X", "$(secret:KEY)"),)


async def test_a_secret_that_is_not_there_fails_the_task_with_the_cure() -> None:
    spec: Data = {**URL, "headers": {"X": ["$(secret:NONE)"]}}
    with pytest.raises(Invalid, match="there is no secret 'NONE'"):
        await Source().perform(spec, spec=spec)


async def test_a_secret_with_a_line_break_is_no_header() -> None:
    source = Source(KEY="hush\nEvil: 1")
    spec: Data = {**URL, "headers": {"X": ["$(secret:KEY)"]}}
    with pytest.raises(Invalid, match=r"headers\.X must not hold line breaks") as caught:
        await source.perform(spec, spec=spec)
    assert "hush" not in str(caught.value)
