"""Several nodes by name: which one is asked, as whom, and what is kept where."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.cli import nodes_file
from adyton.cli.nodes_file import Nodes, Profile
from support.command_line import COOKIE, Adyton, StandIn
from support.terminal import Terminal

CREDENTIALS = "me@example.com\nsecret one\n"


@pytest.fixture
def other() -> Iterator[StandIn]:
    stand_in = StandIn()
    yield stand_in
    stand_in.close()


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    return private(tmp_path / "secret", "hush\n")


@pytest.fixture
def bare(adyton: Adyton) -> Adyton:
    """Without CLIENT_NODE_URL."""
    del adyton.environ["CLIENT_NODE_URL"]
    return adyton


def private(path: Path, text: str) -> Path:
    path.touch(0o600)
    path.write_text(text)
    return path


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# --- the list --------------------------------------------------------------------------------------------------------


def test_a_node_is_added_listed_used_and_removed(adyton: Adyton) -> None:
    added = adyton("profiles", "add", "staging", "https://staging.example.com:6689/")
    assert (added.exit_code, added.stderr) == (0, "Log in: adyton --node staging admin login\n")
    assert adyton("profile", "add", "prod", "http://prod.example.com", "--use").exit_code == 0
    assert tomllib.loads((adyton.root / "nodes.toml").read_text()) == {
        "use": "prod",
        "nodes": {"prod": {"url": "http://prod.example.com"}, "staging": {"url": "https://staging.example.com:6689"}},
    }
    shown = adyton("profiles").stdout
    assert "║ prod    ║ http://prod.example.com          ║ nobody yet ║ yes    ║" in shown
    assert [each["name"] for each in json.loads(adyton("profiles", "-j").stdout)] == ["prod", "staging"]
    assert adyton("profiles", "use", "staging").exit_code == 0
    assert json.loads(adyton("profiles", "show", "staging", "-j").stdout)["inUse"] is True
    assert adyton("profiles", "remove", "staging").exit_code == 0
    assert "staging" not in (adyton.root / "nodes.toml").read_text()
    assert adyton("profiles", "use", "--none").exit_code == 0


def test_what_is_kept_is_its_owners_alone(adyton: Adyton, other: StandIn, tmp_path: Path) -> None:
    adyton.root = tmp_path / "new" / "root"
    adyton.environ["ROOT"] = str(adyton.root)
    adyton("profiles", "add", "one", other.url)
    other.answers("{}", cookie=COOKIE)
    file = private(tmp_path / "credentials", CREDENTIALS)
    assert adyton("--node", "one", "login", "-f", str(file)).exit_code == 0
    assert mode(adyton.root / "nodes.toml") == 0o600
    assert mode(adyton.root / "nodes" / "one" / "cookie") == 0o600
    for directory in (adyton.root, adyton.root / "nodes", adyton.root / "nodes" / "one"):
        assert mode(directory) == 0o700
    assert not (adyton.root / "cookie").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a/b", "http://h"], '"a/b" cannot be the name of a node'),
        (["..", "http://h"], '".." cannot be the name of a node'),
        (["x", "ftp://h"], "x: the url is not an http or https URL"),
        (["x", "http://h", "--secret-file", "f"], "--secret-file needs --access-key"),
        (["x", "http://h", "--access-key", "k", "--credentials", "f"], "--credentials and --access-key exclude each other"),
        (["x", "http://h", "--credentials", "nowhere"], "no such file"),
        (["x", "http://h", "--access-key", "k"], "There is no terminal to ask for the token's secret at"),
    ],
)
def test_what_cannot_be_added_is_said(adyton: Adyton, arguments: list[str], message: str) -> None:
    result = adyton("profiles", "add", *arguments)
    assert result.exit_code in {1, 2}
    assert message in result.stderr
    assert not (adyton.root / "nodes.toml").exists()


def test_a_name_is_not_taken_twice_by_accident(adyton: Adyton) -> None:
    adyton("profiles", "add", "one", "http://a")
    again = adyton("profiles", "add", "one", "http://b")
    assert again.stderr.startswith('There is a node "one" already.\n--replace puts another in its place.\n')
    assert adyton("profiles", "add", "one", "http://b", "--replace").exit_code == 0
    assert nodes_file.load(adyton.root).nodes["one"].url == "http://b"


def test_a_session_does_not_follow_a_name_to_another_url(adyton: Adyton) -> None:
    adyton("profiles", "add", "one", "http://a")
    cookie = adyton.root / "nodes" / "one" / "cookie"
    cookie.parent.mkdir(parents=True)
    private(cookie, COOKIE)
    adyton("profiles", "add", "one", "http://a", "--insecure", "--replace")
    assert cookie.exists()
    adyton("profiles", "add", "one", "http://b", "--replace")
    assert not cookie.exists()


@pytest.mark.parametrize("verb", ["show", "use", "remove"])
def test_a_name_that_is_not_there_is_said(adyton: Adyton, verb: str) -> None:
    result = adyton("profiles", verb, "nobody")
    assert result.exit_code == 1
    assert result.stderr.startswith(f'There is no node "nobody" in {adyton.root / "nodes.toml"}.\n')


TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)


@given(
    name=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True),
    words=st.tuples(TEXTS, TEXTS, TEXTS),
    flag=st.booleans(),
)
def test_the_file_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, name: str, words: tuple[str, str, str], flag: bool
) -> None:
    root = tmp_path_factory.mktemp("root")
    ca, key, secret = words
    nodes = Nodes(name, {name: Profile("http://h", ca_file=ca, insecure=flag, access_key=key, secret_file=secret)})
    nodes_file.save(root, nodes)
    assert nodes_file.load(root) == nodes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("use = [", "is not as it should be"),
        ('[nodes.x]\nurl = "http://h"\ncolour = "red"', "unknown field `colour`"),
        ("[nodes.x]\nurl = 1", "Expected `str`, got `int`"),
        ('[nodes."../x"]\nurl = "http://h"', "cannot be the name of a node"),
        ('use = "x"', 'uses "x", which it does not have'),
    ],
)
def test_a_file_that_is_wrong_is_named_and_nobody_is_asked(adyton: Adyton, node: StandIn, text: str, message: str) -> None:
    adyton.root.mkdir()
    private(adyton.root / "nodes.toml", text)
    result = adyton("--node", "x", "jobs")
    assert result.exit_code == 1
    assert str(adyton.root / "nodes.toml") in result.stderr
    assert message in result.stderr
    assert node.asked == []


# --- which node ------------------------------------------------------------------------------------------------------


def asked(adyton: Adyton, here: StandIn, *words: str, **environ: str) -> str:
    """Which cookie the node was asked with."""
    here.answers_many()
    result = adyton(*words, **environ)
    assert result.exit_code == 0, result.output
    return here.asked[-1].cookie or ""


def test_the_line_goes_before_the_environment_and_that_before_the_profile_in_use(
    bare: Adyton, node: StandIn, other: StandIn
) -> None:
    for name, url in (("a", node.url), ("b", other.url)):
        bare("profiles", "add", name, url)
        place = bare.root / "nodes" / name
        place.mkdir(parents=True)
        private(place / "cookie", f"clsession={name}")
    bare("profiles", "use", "a")
    assert asked(bare, node, "jobs") == "clsession=a"
    assert asked(bare, other, "jobs", ADYTON_NODE="b") == "clsession=b"
    assert asked(bare, node, "--node", "a", "jobs", ADYTON_NODE="b") == "clsession=a"
    assert asked(bare, other, "jobs", "--node=b", "list") == "clsession=b"
    assert asked(bare, other, "jobs", "list", "--node", "b") == "clsession=b"


def test_client_node_url_goes_before_the_profile_in_use_as_in_v0_6_2(adyton: Adyton, node: StandIn, other: StandIn) -> None:
    adyton("profiles", "add", "b", other.url, "--use")
    adyton.is_logged_in()
    assert asked(adyton, node, "jobs") == "clsession=abc123"


def test_an_url_finds_the_profile_that_has_it(adyton: Adyton, other: StandIn) -> None:
    adyton("profiles", "add", "b", other.url)
    place = adyton.root / "nodes" / "b"
    place.mkdir(parents=True)
    private(place / "cookie", "clsession=b")
    assert asked(adyton, other, "--node", f"{other.url}/", "jobs") == "clsession=b"
    assert asked(adyton, other, "--remote-node-url", other.url, "jobs") == "clsession=b"


def test_a_session_and_a_password_are_not_sent_to_a_stranger(adyton: Adyton, node: StandIn, other: StandIn) -> None:
    adyton.is_logged_in()
    private(adyton.root / "apicredentials", CREDENTIALS)
    result = adyton("--node", other.url, "jobs")
    assert result.exit_code == 1
    assert f"Log in first: adyton --node {other.url} admin login" in result.stderr
    assert (node.asked, other.asked) == ([], [])


def test_an_url_has_a_session_of_its_own(adyton: Adyton, other: StandIn, tmp_path: Path) -> None:
    other.answers("{}", cookie="clsession=own")
    file = private(tmp_path / "credentials", CREDENTIALS)
    url = other.url.replace("http://", "http://me:sesame@")
    assert adyton("--node", url, "login", "-f", str(file)).exit_code == 0
    assert asked(adyton, other, "--node", other.url, "jobs") == "clsession=own"
    assert not [path for path in adyton.root.rglob("*") if "sesame" in path.name]


def test_the_options_of_later_versions_work(adyton: Adyton, other: StandIn, tmp_path: Path) -> None:
    file = private(tmp_path / "credentials", CREDENTIALS)
    other.answers("{}", cookie="clsession=own")
    options = ["--remote-node-url", other.url, "--admin-credentials-file", str(file), "--insecure-skip-verify"]
    assert asked(adyton, other, *options, "jobs", "list") == "clsession=own"
    assert [each.line for each in other.asked] == ["POST /sessions", "GET /v2/specs"]
    assert "--remote-node-url" not in adyton("--help").stdout


@pytest.mark.parametrize("given", ["--node", "ADYTON_NODE"])
def test_a_node_that_is_not_there_is_said(adyton: Adyton, given: str) -> None:
    result = adyton("--node", "nobody", "jobs") if given == "--node" else adyton("jobs", ADYTON_NODE="nobody")
    assert result.exit_code == 1
    assert result.stderr.endswith(
        "`adyton profiles list` shows what there is; `adyton profiles add nobody URL` adds it.\nMore: adyton explain ADY-1106\n"
    )
    assert "--node: not an http or https URL" in adyton("--node", "ftp://h", "jobs").stderr


# --- as whom ---------------------------------------------------------------------------------------------------------


def test_a_token_is_sent_instead_of_a_session(adyton: Adyton, other: StandIn, secret: Path) -> None:
    adyton.is_logged_in()
    adyton("profiles", "add", "b", other.url, "--access-key", "key", "--secret-file", str(secret))
    assert asked(adyton, other, "--node", "b", "jobs") == ""
    sent = {name.lower(): value for name, value in other.headers[-1].items()}
    assert (sent["x-api-key"], sent["x-api-secret"]) == ("key", "hush")
    assert "hush" not in adyton("profiles", "show", "b", "-j").output


def test_a_token_of_the_environment_goes_to_the_configured_node(adyton: Adyton, node: StandIn, secret: Path) -> None:
    assert asked(adyton, node, "jobs", ADYTON_API_KEY="key", ADYTON_API_SECRET_FILE=str(secret)) == ""
    assert node.headers[-1]["X-API-KEY"] == "key"
    half = adyton("jobs", ADYTON_API_KEY="key")
    assert half.stderr.startswith("An API token needs ADYTON_API_KEY and ADYTON_API_SECRET_FILE; ADYTON_API_SECRET_FILE is not")


def test_a_profiles_own_token_goes_before_that_of_the_environment(adyton: Adyton, other: StandIn, secret: Path) -> None:
    adyton("profiles", "add", "b", other.url, "--access-key", "own", "--secret-file", str(secret))
    asked(adyton, other, "--node", "b", "jobs", ADYTON_API_KEY="key", ADYTON_API_SECRET_FILE=str(secret))
    assert other.headers[-1]["X-API-KEY"] == "own"


def test_a_wrong_token_is_not_answered_with_a_password(adyton: Adyton, node: StandIn, secret: Path) -> None:
    adyton.root.mkdir()
    private(adyton.root / "apicredentials", CREDENTIALS)
    node.answers("", status=401)
    result = adyton("jobs", ADYTON_API_KEY="key", ADYTON_API_SECRET_FILE=str(secret))
    assert result.exit_code == 1
    assert len(node.asked) == 1


def test_with_the_credentials_of_a_profile_commands_log_in_by_themselves(
    adyton: Adyton, other: StandIn, tmp_path: Path
) -> None:
    file = private(tmp_path / "credentials", CREDENTIALS)
    adyton("profiles", "add", "b", other.url, "--credentials", str(file))
    other.answers("{}", cookie="clsession=b")
    assert asked(adyton, other, "--node", "b", "jobs") == "clsession=b"


def test_a_typed_secret_is_hidden_and_kept(adyton: Adyton, other: StandIn) -> None:
    command = [sys.executable, "-m", "adyton", "profiles", "add", "b", other.url, "--access-key", "key"]
    with Terminal(command, adyton.environ) as terminal:
        terminal.waits_for("Secret: ")
        terminal.types("hush")
        assert terminal.ends() == 0
    assert "hush" not in terminal.said
    kept = adyton.root / "nodes" / "b" / "secret"
    assert (kept.read_text(), mode(kept)) == ("hush\n", 0o600)
    asked(adyton, other, "--node", "b", "jobs")
    assert other.headers[-1]["X-API-SECRET"] == "hush"
    adyton("profiles", "remove", "b")
    assert not kept.exists()


@pytest.mark.parametrize("which", ["secret", "credentials", "nodes.toml", "environment"])
def test_what_others_can_read_is_refused_with_what_to_type(
    adyton: Adyton, other: StandIn, secret: Path, tmp_path: Path, which: str
) -> None:
    credentials = private(tmp_path / "credentials", CREDENTIALS)
    options = ["--credentials", str(credentials)] if which == "credentials" else []
    options += ["--access-key", "k", "--secret-file", str(secret)] if which == "secret" else []
    adyton("profiles", "add", "b", other.url, *options)
    loose = {"nodes.toml": adyton.root / "nodes.toml", "credentials": credentials}.get(which, secret)
    loose.chmod(0o640)
    environ = {"ADYTON_API_KEY": "k", "ADYTON_API_SECRET_FILE": str(secret)} if which == "environment" else {}
    result = adyton("--node", "b", "jobs", **environ)
    assert result.exit_code == 1
    assert result.stderr == (
        f"{loose} can be read or written by others (mode 0640); it holds what nobody else may know.\n"
        f"Type: chmod 600 {loose}\nMore: adyton explain ADY-1104\n"
    )
    assert other.asked == []


def test_an_old_cookie_that_the_group_could_read_is_closed(adyton: Adyton, node: StandIn) -> None:
    adyton.is_logged_in()
    (adyton.root / "cookie").chmod(0o660)
    asked(adyton, node, "jobs")
    assert mode(adyton.root / "cookie") == 0o600


def test_commands_that_keep_a_session_at_once_do_not_get_in_each_others_way(tmp_path: Path) -> None:
    file = tmp_path / "cookie"
    imports = "from pathlib import Path; from adyton.cli import private"
    code = f"{imports}; [private.write(Path({str(file)!r}), 'x') for _ in range(100)]"
    writing = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) for _ in range(3)]
    assert [process.communicate(timeout=60)[1] for process in writing] == [b"", b"", b""]
    assert [path.name for path in tmp_path.iterdir()] == ["cookie"]
