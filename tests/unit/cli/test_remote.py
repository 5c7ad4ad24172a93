"""The commands that ask the node: what they send, what they print, what they say when it goes wrong."""

from __future__ import annotations

import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from support.command_line import COOKIE, Adyton, Asked, StandIn

PAIR = "clsession=abc123"
MORE = "More: adyton explain "
TLS = Path(__file__).parents[2] / "support" / "tls"
JOB = {
    "id": "c5f0e0f5c4e34d1b9f9d7ad0f3e4a111",
    "createdAt": "2019-06-27T14:03:11.5Z",
    "startAt": None,
    "endAt": "2020-01-01T00:00:00Z",
    "initiators": [
        {"type": "runlog", "params": {"address": "0x514910771af9ca656af840dff83e8264ecf986ca"}},
        {"type": "ethlog", "params": {"address": "0x" + "0" * 40}},
        {"type": "cron", "params": {"schedule": "0 0 * * * *"}},
        {"type": "web", "params": {}},
    ],
    "tasks": [
        {"type": "httpget", "params": {"get": "https://example.com/", "type": "httpget"}},
        {"type": "jsonparse", "params": {"path": ["USD", "0"]}},
        {"type": "multiply", "params": {"times": 100}},
        {"type": "noop", "params": None},
    ],
}
RUN = {
    "id": "9f0e1d2c3b4a59687786950a1b2c3d4e",
    "jobId": JOB["id"],
    "status": "errored",
    "createdAt": "2019-06-27T14:05:00.000123Z",
    "finishedAt": None,
    "result": {"data": {"a": 1}, "error": "no such key"},
}


@pytest.fixture(autouse=True)
def logged_in(adyton: Adyton) -> None:
    adyton.is_logged_in()


# --- what is sent and what is shown ----------------------------------------------------------------------------------


def test_jobs_are_listed(adyton: Adyton, node: StandIn) -> None:
    node.answers_many(JOB)
    result = adyton("jobs")
    assert result.exit_code == 0
    assert node.asked == [Asked("GET /v2/specs", PAIR, "")]
    assert "║ c5f0e0f5c4e34d1b9f9d7ad0f3e4a111 ║ 2019-06-27T14:03:11Z ║ runlog     ║ httpget   ║" in result.stdout
    assert result.stderr == ""


@pytest.mark.parametrize("words", [["jobs", "list"], ["jobs"], ["jobspecs"], ["j"], ["specs"]])
def test_a_page_can_be_chosen(adyton: Adyton, node: StandIn, words: list[str]) -> None:
    node.answers_many(JOB, links={"next": "/v2/specs?page=3", "prev": "/v2/specs?page=1"}, count=70)
    result = adyton(*words, "--page", "2")
    assert node.asked[0].line == "GET /v2/specs?page=2"
    assert result.stderr == "Page 2, 25 to a page, 70 in all. Next: --page 3; all: --all\n"


def test_a_job_is_shown_in_three_tables(adyton: Adyton, node: StandIn) -> None:
    node.answers_one(**JOB)
    result = adyton("show", str(JOB["id"]))
    assert node.asked[0].line == f"GET /v2/specs/{JOB['id']}"
    shown = [line for line in result.stdout.splitlines() if not line.startswith("╬")]
    assert shown == [
        "╔ Job",
        "║                ID                ║      CREATED AT      ║ START AT ║        END AT        ║",
        "║ c5f0e0f5c4e34d1b9f9d7ad0f3e4a111 ║ 2019-06-27T14:03:11Z ║          ║ 2020-01-01T00:00:00Z ║",
        "╔ Initiators",
        "║  TYPE  ║   SCHEDULE  ║ RUN AT ║                  ADDRESS                   ║",
        "║ runlog ║             ║        ║ 0x514910771AF9Ca656af840dff83E8264EcF986CA ║",
        "║ ethlog ║             ║        ║ [all]                                      ║",
        "║ cron   ║ 0 0 * * * * ║        ║                                            ║",
        "║ web    ║             ║        ║                                            ║",
        "╔ Tasks",
        "║    TYPE   ║ CONFIG ║        VALUE         ║",
        "║ httpget   ║ get    ║ https://example.com/ ║",
        '║ jsonparse ║ path   ║ ["USD","0"]          ║',
        "║ multiply  ║ times  ║                  100 ║",
        "║ noop      ║        ║                      ║",
    ]


@pytest.mark.parametrize("words", [["jobs", "create"], ["create"], ["c"]])
def test_a_job_is_created_from_json(adyton: Adyton, node: StandIn, words: list[str]) -> None:
    node.answers_one(**JOB)
    text = '{"tasks": [ ]}'
    assert "╔ Initiators" in adyton(*words, text).stdout
    assert node.asked == [Asked("POST /v2/specs", PAIR, text)]


def test_a_job_is_created_from_a_file_or_from_standard_input(adyton: Adyton, node: StandIn, tmp_path: Path) -> None:
    file = tmp_path / "job.json"
    file.write_text("not even JSON: the node says so")
    for argument, stdin in ((str(file), None), ("~/job.json", None), ("-", "not even JSON: the node says so")):
        node.answers_one(**JOB)
        assert adyton("jobs", "create", argument, stdin=stdin, HOME=str(tmp_path)).exit_code == 0
    assert {asked.body for asked in node.asked} == {"not even JSON: the node says so"}


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("nowhere.json", "Invalid JSON or file not found 'nowhere.json'"),
        ("{oops", "Invalid JSON or file not found '{oops'"),
        ("{" + "x" * 5000, "Invalid JSON or file not found '{xxx"),
        ("/", "Error reading from file '/': Is a directory"),
    ],
)
def test_an_argument_that_is_neither_json_nor_a_file(adyton: Adyton, node: StandIn, argument: str, message: str) -> None:
    result = adyton("jobs", "create", argument)
    assert (result.exit_code, result.stdout, node.asked) == (1, "", [])
    assert result.stderr.startswith(message)


@pytest.mark.parametrize(
    ("argument", "advice"),
    [("nowhere.json", "Give JSON in quotes, the path of a file"), ('{"a":', "It is no JSON: Input data was truncated.")],
)
def test_what_is_neither_json_nor_a_file_comes_with_a_next_step(adyton: Adyton, argument: str, advice: str) -> None:
    assert adyton("jobs", "create", argument).stderr.splitlines()[1].startswith(advice)


def test_archiving_prints_nothing(adyton: Adyton, node: StandIn) -> None:
    node.answers("", status=204)
    result = adyton("jobs", "archive", "a/b?c")
    assert (result.exit_code, result.output) == (0, "")
    assert node.asked[0].line == "DELETE /v2/specs/a%2Fb%3Fc"


def test_a_run_is_started_with_and_without_data(adyton: Adyton, node: StandIn) -> None:
    node.answers_one(**RUN)
    node.answers_one(**RUN)
    result = adyton("runs", "create", "1f", '{"a":1}')
    adyton("r", "1f")
    assert [(asked.line, asked.body) for asked in node.asked] == [
        ("POST /v2/specs/1f/runs", '{"a":1}'),
        ("POST /v2/specs/1f/runs", ""),
    ]
    (row,) = [line for line in result.stdout.splitlines() if "9f0e" in line]
    assert [cell.strip() for cell in row.strip("║").split("║")] == [
        "9f0e1d2c3b4a59687786950a1b2c3d4e",
        "errored",
        "2019-06-27T14:05:00Z",
        "",
        '{"a":1}',
        "no such key",
    ]


def test_runs_are_listed_of_one_job(adyton: Adyton, node: StandIn) -> None:
    node.answers_many(RUN)
    assert adyton("lr", "--jobid", "1f", "--page", "3").exit_code == 0
    assert node.asked[0].line == "GET /v2/runs?jobSpecId=1f&page=3"


@pytest.mark.parametrize("words", [["admin", "info"], ["account"], ["a"]])
def test_balances(adyton: Adyton, node: StandIn, words: list[str]) -> None:
    address = "0x9CA9d2D5E04012C9Ed24C0e513C9bfAa4A2dD77f"
    node.answers_many({"address": address, "ethBalance": "256", "linkBalance": None})
    assert f"║ {address} ║ 0.000000000000000256 ║      ║" in adyton(*words).stdout
    assert node.asked[0].line == "GET /v2/user/balances"


def test_health_is_shown_and_decides_the_exit_status(adyton: Adyton, node: StandIn) -> None:
    checks = [{"id": "1", "type": "checks", "attributes": {"name": "chain", "status": "failing", "output": "away"}}]
    node.answers({"data": checks})
    assert adyton("health").exit_code == 0
    node.answers({"data": checks}, status=503)
    result = adyton("health")
    assert "║ chain ║ failing ║       ║ away   ║" in result.stdout
    assert (result.exit_code, result.stderr.splitlines()[0]) == (1, "The node is not well.")
    assert node.asked[0].cookie is None


# --- JSON ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words", [["-j", "jobs"], ["--json", "jobs", "list"], ["jobs", "-j"], ["jobs", "list", "--json"], ["-j", "j"]]
)
def test_json_may_be_asked_for_anywhere(adyton: Adyton, node: StandIn, words: list[str]) -> None:
    node.answers_many(JOB, JOB)
    assert json.loads(adyton(*words).stdout) == [JOB, JOB]


def test_json_keeps_numbers_as_the_node_wrote_them(adyton: Adyton, node: StandIn) -> None:
    node.answers(
        '{"data":{"attributes":{"n":115792089237316195423570985008687907853269984665640564039457584007913129639935,"d":1.10}}}'
    )
    assert adyton("-j", "runs", "show", "1").stdout == (
        '{\n  "n": 115792089237316195423570985008687907853269984665640564039457584007913129639935,\n  "d": 1.10\n}\n'
    )


def test_settings_as_json(adyton: Adyton) -> None:
    shown = {row["name"]: row for row in json.loads(adyton("config", "-j", ETH_URL="wss://h/key", CHAINLINK_PORT="").stdout)}
    assert shown["ETH_URL"] == {"name": "ETH_URL", "value": "wss://h/***", "source": "environment"}
    assert shown["CHAINLINK_PORT"] == {"name": "CHAINLINK_PORT", "value": "6688", "source": "default"}


def test_settings_as_a_table(adyton: Adyton) -> None:
    result = adyton("config", LOG_SQL_MIGRATIONS="true")
    assert "║ ETH_CHAIN_ID " in result.stdout
    assert result.stderr == "Warning: LOG_SQL_MIGRATIONS (from environment) has no effect in this version\n"


# --- refusals --------------------------------------------------------------------------------------------------------


def test_a_refusal_has_the_status_line_and_the_details(adyton: Adyton, node: StandIn) -> None:
    node.refuses(404, "JobSpec not found")
    result = adyton("show", "bogus")
    assert (result.exit_code, result.output) == (
        1,
        "parseResponse error: 404 Not Found; JobSpec not found\nMore: adyton explain ADY-1150\n",
    )
    node.refuses(400, "RunAt must have a time", "and more")
    assert adyton("create", "{}").stderr.startswith("parseResponse error: 400 Bad Request; RunAt must have a time,and more\n")
    node.refuses(422, "invalid page param")
    assert adyton("jobs").stderr.startswith("422 Unprocessable")


def test_without_a_valid_session_one_is_told_to_log_in(adyton: Adyton, node: StandIn) -> None:
    node.answers("", status=401)
    result = adyton("show", "x")
    assert result.exit_code == 1
    assert (
        result.stderr
        == f"parseResponse error: 401 Unauthorized; Try logging in\nLog in first: adyton admin login\n{MORE}ADY-1153\n"
    )


def test_a_plain_refusal_is_shown_and_a_page_of_markup_is_not(adyton: Adyton, node: StandIn) -> None:
    node.answers("Limit exceeded", status=429)
    assert adyton("jobs").stderr == f"429 Too Many Requests; Limit exceeded\nWait a little and try again.\n{MORE}ADY-1150\n"
    node.answers("<html>nginx</html>", status=502)
    assert adyton("jobs").stderr.startswith("502 Bad Gateway\nSomething between here and the node")


def test_a_redirect_is_not_followed_with_the_cookie(adyton: Adyton, node: StandIn) -> None:
    node.answers("", status=301)
    assert adyton("jobs").stderr == (
        f"301 Moved Permanently\nThe node answers elsewhere. CLIENT_NODE_URL says where it is.\n{MORE}ADY-1109\n"
    )
    assert len(node.asked) == 1


@pytest.mark.parametrize(
    "body", ["", "hello", "[]", '{"data":1}', '{"data":{"attributes":[]}}', '{"data":{"attributes":{"id":1}}}']
)
def test_an_answer_that_is_not_a_nodes_ends_in_a_message(adyton: Adyton, node: StandIn, body: str) -> None:
    node.answers(body)
    result = adyton("show", "x")
    assert result.exit_code == 1
    assert result.stderr.startswith("parseResponse error: ")
    assert result.stderr.endswith(f"Is that a node of this version? CLIENT_NODE_URL says where it is.\n{MORE}ADY-1160\n")


def test_a_node_that_is_not_there(adyton: Adyton) -> None:
    result = adyton("jobs", CLIENT_NODE_URL="http://me:sesame@127.0.0.1:1")
    assert result.exit_code == 1
    assert result.stderr == (
        "No answer from http://***@127.0.0.1:1: Connection refused\n"
        f"Is the node running? CLIENT_NODE_URL says where it is.\n{MORE}ADY-1151\n"
    )


def test_wrong_settings_are_all_named(adyton: Adyton) -> None:
    result = adyton("jobs", CHAINLINK_PORT="x", LOG_LEVEL="loud")
    assert result.exit_code == 1
    assert [line.split()[0] for line in result.stderr.splitlines()] == ["LOG_LEVEL", "CHAINLINK_PORT", "Correct", "More:"]


# --- sessions --------------------------------------------------------------------------------------------------------


@pytest.fixture
def credentials(tmp_path: Path) -> Path:
    file = tmp_path / "credentials"
    file.write_text("me@example.com \n secret one \nanything\n")
    return file


def test_login_keeps_the_cookie_for_its_owner_only(adyton: Adyton, node: StandIn, credentials: Path, tmp_path: Path) -> None:
    adyton.root = tmp_path / "new" / "root"
    adyton.environ["ROOT"] = str(adyton.root)
    node.answers("{}", cookie=COOKIE)
    result = adyton("login", "-f", str(credentials))
    assert (result.exit_code, result.output) == (0, "")
    assert node.asked == [Asked("POST /sessions", None, '{"email":"me@example.com","password":"secret one"}')]
    cookie = adyton.root / "cookie"
    assert cookie.read_text() == COOKIE
    assert (cookie.stat().st_mode & 0o777, adyton.root.stat().st_mode & 0o777) == (0o600, 0o700)
    assert list(adyton.root.iterdir()) == [cookie]


def test_login_with_wrong_credentials(adyton: Adyton, node: StandIn, credentials: Path) -> None:
    node.refuses(401, "Invalid email or password")
    result = adyton("admin", "login", "--file", str(credentials))
    assert result.exit_code == 1
    assert result.stderr == f"401 Unauthorized; Invalid email or password\nCheck e-mail and password.\n{MORE}ADY-1153\n"
    assert "secret" not in result.output


def test_login_at_something_that_gives_no_cookie(adyton: Adyton, node: StandIn, credentials: Path) -> None:
    node.answers("hello")
    assert adyton("login", "-f", str(credentials)).stderr.startswith("Did not receive cookie with session id\n")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("one line", "Malformed API credentials file does not have at least two lines at {}"),
        (None, "open {}: no such file or directory"),
    ],
)
def test_a_credentials_file_that_is_wrong(adyton: Adyton, tmp_path: Path, content: str | None, message: str) -> None:
    file = tmp_path / "f"
    if content is not None:
        file.write_text(content)
    result = adyton("login", "-f", str(file))
    assert (result.exit_code, result.stderr.splitlines()[0]) == (1, message.format(file))
    assert result.stderr.endswith(f"{MORE}ADY-1158\n")


def test_logout_ends_the_session_and_drops_the_cookie(adyton: Adyton, node: StandIn) -> None:
    node.answers_one(authenticated=False)
    assert adyton("admin", "logout").exit_code == 0
    assert node.asked == [Asked("DELETE /sessions", PAIR, "")]
    assert not (adyton.root / "cookie").exists()


def test_a_session_that_is_over_is_as_good_as_logged_out(adyton: Adyton, node: StandIn) -> None:
    node.answers("", status=401)
    assert adyton("admin", "logout").exit_code == 0
    assert not (adyton.root / "cookie").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "Unable to retrieve credentials, have you logged in?; open {}: no such file or directory"),
        ("", "Cookie not in file, have you logged in?"),
        ("nothing", "Cookie not in file, have you logged in?"),
        ("a=b\nHost: evil; x", "Cookie not in file, have you logged in?"),
    ],
)
def test_a_cookie_file_that_is_wrong(adyton: Adyton, node: StandIn, content: str | None, message: str) -> None:
    cookie = adyton.root / "cookie"
    cookie.unlink() if content is None else cookie.write_text(content)
    result = adyton("jobs")
    assert result.exit_code == 1
    assert result.stderr == f"{message.format(cookie)}\nLog in first: adyton admin login\n{MORE}ADY-1153\n"
    assert node.asked == []


def test_with_a_credentials_file_the_client_logs_in_by_itself_once(adyton: Adyton, node: StandIn, credentials: Path) -> None:
    node.answers("", status=401)
    node.answers("{}", cookie="clsession=fresh; Path=/")
    node.answers_many(JOB)
    result = adyton("jobs", ADMIN_CREDENTIALS_FILE=str(credentials))
    assert result.exit_code == 0
    assert [(asked.line, asked.cookie) for asked in node.asked] == [
        ("GET /v2/specs", PAIR),
        ("POST /sessions", None),
        ("GET /v2/specs", "clsession=fresh"),
    ]
    for _ in range(2):
        node.answers("", status=401)
    node._answers.insert(1, (200, b"{}", "clsession=fresh; Path=/"))
    assert "Try logging in" in adyton("jobs", ADMIN_CREDENTIALS_FILE=str(credentials)).stderr
    assert len(node.asked) == 6


def test_the_credentials_file_is_used_where_there_is_no_cookie(adyton: Adyton, node: StandIn, credentials: Path) -> None:
    (adyton.root / "cookie").unlink()
    credentials.rename(adyton.root / "apicredentials")
    node.answers("{}", cookie=COOKIE)
    node.answers_many(JOB)
    assert adyton("jobs").exit_code == 0
    assert [asked.line for asked in node.asked] == ["POST /sessions", "GET /v2/specs"]


def test_prompting_needs_a_terminal(adyton: Adyton, node: StandIn) -> None:
    result = adyton("login", stdin="me@example.com\nsecret\n")
    assert result.exit_code == 1
    assert "There is no terminal to ask at" in result.stderr
    assert node.asked == []


# --- TLS -------------------------------------------------------------------------------------------------------------


def test_a_certificate_that_nobody_vouches_for_is_refused_unless_the_operator_says_so(adyton: Adyton) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"data":[]}')

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS / "localhost.crt", TLS / "localhost.key")
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            url = f"https://localhost:{server.server_port}"
            refused = adyton("jobs", CLIENT_NODE_URL=url)
            accepted = adyton("jobs", CLIENT_NODE_URL=url, INSECURE_SKIP_VERIFY="true")
        finally:
            server.shutdown()
            thread.join()
    assert refused.exit_code == 1
    assert f"{url} has a certificate that nobody vouches for" in refused.stderr
    assert "INSECURE_SKIP_VERIFY" in refused.stderr
    assert accepted.exit_code == 0
    assert accepted.stderr == "Warning: the node's certificate is not checked (INSECURE_SKIP_VERIFY).\n"
