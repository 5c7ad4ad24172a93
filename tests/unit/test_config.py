"""Settings: where they come from, what is refused, what is never shown."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from adyton.config import DEFAULT, LATER, Config, Setting, parsers, settings
from adyton.config.redact import database, url, words
from adyton.domain.errors import Invalid

SOURCE = Path(__file__).parents[2] / "src" / "adyton"
NAMES = """
    ALLOW_ORIGINS BRIDGE_RESPONSE_URL CHAINLINK_DEV CHAINLINK_PORT CHAINLINK_TLS_HOST CHAINLINK_TLS_PORT
    CLIENT_NODE_URL DATABASE_TIMEOUT DATABASE_URL DEFAULT_HTTP_LIMIT ETH_CHAIN_ID ETH_GAS_BUMP_THRESHOLD
    ETH_GAS_BUMP_WEI ETH_GAS_PRICE_DEFAULT ETH_URL EXPLORER_URL EXPLORER_ACCESS_KEY EXPLORER_SECRET JSON_CONSOLE
    LINK_CONTRACT_ADDRESS LOG_LEVEL LOG_SQL LOG_TO_DISK MAXIMUM_SERVICE_DURATION MINIMUM_SERVICE_DURATION
    MINIMUM_CONTRACT_PAYMENT MINIMUM_REQUEST_EXPIRATION MIN_INCOMING_CONFIRMATIONS MIN_OUTGOING_CONFIRMATIONS
    ORACLE_CONTRACT_ADDRESS REAPER_EXPIRATION ROOT SECURE_COOKIES SESSION_TIMEOUT TLS_CERT_PATH TLS_KEY_PATH
"""
V062 = frozenset(re.findall(r"\w+", NAMES))
LINK = "0x514910771af9ca656af840dff83e8264ecf986ca"

Load = Callable[..., Config]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Settings with an empty ROOT and the given environment."""
    return lambda **environ: Config.load({"ROOT": str(tmp_path), **environ})


def faults(load: Callable[[], Config]) -> list[str]:
    """Everything that is wrong."""
    with pytest.raises(Invalid) as caught:
        load()
    return [fault.detail for fault in caught.value.faults]


# --- the table -------------------------------------------------------------------------------------------------------


def test_every_name_of_v0_6_2_is_known() -> None:
    known = {name for row in settings() for name in row.names} | LATER
    assert known >= V062


def test_a_setting_is_named_by_its_field() -> None:
    assert [row.field for row in settings()] == [
        field.name for field in dataclasses.fields(Config) if field.name not in {"sources", "warnings"}
    ]


def test_every_setting_is_read_by_something() -> None:
    source = "\n".join(path.read_text() for path in SOURCE.rglob("*.py") if path.parent.name != "config")
    unread = [row.name for row in settings() if f"config.{row.field}" not in source and row.field not in _READ_BY_CONFIG]
    assert unread == [], "a setting without an effect is a lie: use it, or move its name to LATER"


_READ_BY_CONFIG = {"eth_finality_depth", "link_contract_address", "tls_cert_path", "tls_key_path"}


def test_names_without_effect_are_no_settings() -> None:
    assert not LATER & {name for row in settings() for name in row.names}


@pytest.mark.parametrize("row", settings(), ids=lambda row: row.name)
def test_a_shown_value_is_read_back_as_the_same_value(load: Load, row: Setting) -> None:
    config = load()
    assert getattr(load(**{row.name: config.shown(row.field)}), row.field) == getattr(config, row.field)


# --- defaults --------------------------------------------------------------------------------------------------------


def test_the_defaults_are_those_of_v0_6_2_where_they_are_safe(load: Load, tmp_path: Path) -> None:
    config = load()
    assert (config.chainlink_port, config.chainlink_tls_port, config.eth_url) == (6688, 6689, ("ws://localhost:8546",))
    assert (config.min_incoming_confirmations, config.min_outgoing_confirmations) == (3, 12)
    assert (config.minimum_contract_payment, config.eth_gas_price_default) == (10**18, 20 * 10**9)
    assert (config.eth_gas_bump_threshold, config.eth_gas_bump_wei, config.database_timeout) == (12, 5 * 10**9, 0.5)
    assert (config.session_timeout, config.reaper_expiration, config.default_http_limit) == (900.0, 864000.0, 32768)
    assert config.allow_origins == ("http://localhost:3000", "http://localhost:6688")
    assert config.client_node_url == "http://localhost:6688"
    assert (config.secure_cookies, config.log_to_disk, config.json_console, config.log_level) == (True, True, False, "info")
    assert config.root == tmp_path
    assert config.warnings == ()


def test_the_chain_and_the_token_are_open_until_somebody_says(load: Load) -> None:
    config = load()
    assert config.eth_chain_id is None
    assert config.link_contract_address is None
    assert config.link_address(1) == LINK
    assert config.link_address(31337) is None
    assert load(LINK_CONTRACT_ADDRESS="0x" + "Ab" * 20).link_address(1) == "0x" + "ab" * 20


def test_root_is_a_hidden_directory_at_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    config = Config.load({})
    assert config.root == tmp_path / ".adyton"
    assert not config.root.exists(), "reading settings makes nothing"


def test_a_node_may_serve_https_alone(load: Load) -> None:
    assert load(CHAINLINK_PORT="0").chainlink_tls_port == 6689


def test_a_default_follows_the_setting_it_depends_on(load: Load, tmp_path: Path) -> None:
    assert load(CHAINLINK_PORT="7000").client_node_url == "http://localhost:7000"
    assert load().admin_credentials_file == tmp_path / "apicredentials"


# --- sources ---------------------------------------------------------------------------------------------------------


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(load: Load, tmp_path: Path) -> None:
    file = tmp_path / "adyton.toml"
    file.write_text(
        'CHAINLINK_PORT = 7001\nLOG_LEVEL = "warn"\nSECURE_COOKIES = false\nALLOW_ORIGINS = ["http://a", "https://b"]\n'
    )
    config = load(CHAINLINK_PORT="7002")
    assert (config.chainlink_port, config.log_level, config.secure_cookies) == (7002, "warn", False)
    assert config.allow_origins == ("http://a", "https://b")
    assert config.sources["chainlink_port"] == "environment"
    assert config.sources["log_level"] == f"file {file}"
    assert config.sources["eth_url"] == DEFAULT


def test_an_empty_value_is_not_set(load: Load, tmp_path: Path) -> None:
    (tmp_path / "adyton.toml").write_text('LOG_LEVEL = ""\n')
    config = load(CHAINLINK_PORT="  ")
    assert (config.chainlink_port, config.sources["chainlink_port"]) == (6688, DEFAULT)
    assert (config.log_level, config.sources["log_level"]) == ("info", DEFAULT)


def test_an_argument_wins_over_root_in_the_environment(tmp_path: Path) -> None:
    config = Config.load({"ROOT": "/nowhere"}, tmp_path)
    assert (config.root, config.sources["root"]) == (tmp_path, "argument")


def test_the_file_of_a_chainlink_node_is_read_if_there_is_no_other(load: Load, tmp_path: Path) -> None:
    (tmp_path / "chainlink.toml").write_text("CHAINLINK_PORT = 7003\n")
    assert load().chainlink_port == 7003
    (tmp_path / "adyton.toml").write_text("CHAINLINK_PORT = 7004\n")
    config = load()
    assert config.chainlink_port == 7004
    assert [warning for warning in config.warnings if "chainlink.toml is not read" in warning]


def test_a_file_of_another_format_is_mentioned(load: Load, tmp_path: Path) -> None:
    (tmp_path / "chainlink.yaml").write_text("CHAINLINK_PORT: 7003\n")
    assert "chainlink.yaml is not read" in load().warnings[0]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("CHAINLINK_PROT = 1", "CHAINLINK_PROT (from file {file}) is not a setting: did you mean CHAINLINK_PORT?"),
        ("COLOUR = 1", "COLOUR (from file {file}) is not a setting: `adyton config` lists every setting"),
        ("CHAINLINK_PORT = 1.5", "CHAINLINK_PORT (from file {file}) is neither a text, a whole number"),
        ('root = "/elsewhere"', "ROOT (from file {file}) cannot be set in the file"),
        ("LOG_LEVEL = 'info'\nlog_level = 'warn'", "LOG_LEVEL (from file {file}) is written twice"),
        ("[DATABASE]\nURL = ''", "DATABASE (from file {file}) is neither a text"),
        ("CHAINLINK_PORT =", "{file} is not TOML: "),
    ],
)
def test_what_is_wrong_in_the_file_is_a_fault(load: Load, tmp_path: Path, content: str, fault: str) -> None:
    file = tmp_path / "adyton.toml"
    file.write_text(content)
    assert faults(load)[0].startswith(fault.format(file=file))


def test_a_file_that_is_not_text_is_a_fault(load: Load, tmp_path: Path) -> None:
    (tmp_path / "adyton.toml").write_bytes(b"\xff\xfe")
    assert "is not TOML" in faults(load)[0]


def test_a_file_that_cannot_be_read_is_a_fault(load: Load, tmp_path: Path) -> None:
    (tmp_path / "adyton.toml").mkdir()
    assert "cannot be read: Is a directory" in faults(load)[0]


def test_the_newer_name_of_a_setting_wins_in_the_same_place(load: Load, tmp_path: Path) -> None:
    config = load(MINIMUM_CONTRACT_PAYMENT="1", MINIMUM_CONTRACT_PAYMENT_LINK_JUELS="2")
    assert config.minimum_contract_payment == 2
    assert "MINIMUM_CONTRACT_PAYMENT (from environment) is ignored" in config.warnings[0]
    (tmp_path / "adyton.toml").write_text("MINIMUM_CONTRACT_PAYMENT_LINK_JUELS = 3\n")
    assert load(MINIMUM_CONTRACT_PAYMENT="1").minimum_contract_payment == 1, "the environment wins, whatever the name"


def test_a_name_without_effect_is_mentioned_and_its_value_is_not(load: Load, tmp_path: Path) -> None:
    (tmp_path / "adyton.toml").write_text('LOG_SQL_MIGRATIONS = "hush"\n')
    config = load()
    assert config.warnings == (f"LOG_SQL_MIGRATIONS (from file {tmp_path / 'adyton.toml'}) has no effect in this version",)


def test_a_near_miss_in_the_environment_is_mentioned(load: Load) -> None:
    config = load(ETH_CHAINID="5", ETHERNET="x", CHAINLINK_SOMETHING_ELSE="1")
    assert config.warnings == ("ETH_CHAINID (from environment) is not a setting: did you mean ETH_CHAIN_ID?",)


# --- faults ----------------------------------------------------------------------------------------------------------

BAD = [
    ("CHAINLINK_PORT", "http", "not a whole number in base 10; allowed: a port, 0 to 65535"),
    ("CHAINLINK_PORT", "65536", "too large"),
    ("CHAINLINK_PORT", "-1", "too small"),
    ("ETH_CHAIN_ID", "0", "too small; allowed: empty, or a whole number, at least 1"),
    ("ETH_CHAIN_ID", "0x1", "not a whole number in base 10"),
    ("ETH_CHAIN_ID", "18446744073709551616", "too large"),
    ("SECURE_COOKIES", "yes", "not true or false; allowed: true or false"),
    ("LOG_LEVEL", "loud", "not one of the words; allowed: debug, info, warn"),
    ("NUMBERS", "float", "not one of the words; allowed: exact or v0.6.2"),
    ("SESSION_TIMEOUT", "15", "a duration needs a unit, such as 15s"),
    ("SESSION_TIMEOUT", "15 minutes", "not a duration; allowed: a duration such as 500ms"),
    ("SESSION_TIMEOUT", "0s", "must be longer than zero"),
    ("DATABASE_TIMEOUT", "-5s", "not a duration"),
    ("DATABASE_TIMEOUT", "9999999h", "longer than 292 years"),
    ("CHAINLINK_TLS_HOST", "a b", "not a host name"),
    ("LINK_CONTRACT_ADDRESS", "0x12", "Unable to parse '0x12' into EIP55-compliant address"),
    ("LINK_CONTRACT_ADDRESS", LINK + "00", "Unable to parse"),
    ("CLIENT_NODE_URL", "localhost:6688", "not an http or https URL"),
    ("CLIENT_NODE_URL", "http://", "the URL names no host"),
    ("ETH_URL", "ftp://localhost:8545", "Ethereum url scheme must be websocket or http: ftp://localhost:8545"),
    ("ETH_URL", "ws://localhost:99999", "the port is not a number from 0 to 65535"),
    ("ETH_URL", "ws://", "the URL names no host"),
    ("DATABASE_URL", "mysql://localhost/x", "no such kind of database"),
    ("DATABASE_URL", "mysql:localhost/x", "no such kind of database"),
    ("DATABASE_URL", "postgresql:user@localhost/x", "postgresql: must be followed by //"),
    ("DATABASE_URL", "~nobody-of-that-name/x.db", "there is no home directory"),
    ("DATABASE_URL", "/tmp/x\0.db", "no path has a zero byte"),
    (
        "DATABASE_URL",
        "sqlite:///x.db",
        "do not have full support for the sqlite URL, please use file:// instead for path /x.db",
    ),
    ("ALLOW_ORIGINS", "localhost:3000", "does not start with http:// or https://"),
    ("MINIMUM_CONTRACT_PAYMENT", "0.1", "not a whole number in base 10; allowed: a whole number of juels"),
    ("MINIMUM_CONTRACT_PAYMENT", str(2**256), "too large"),
    ("MINIMUM_CONTRACT_PAYMENT", "9" * 5000, "too large"),
    ("MINIMUM_CONTRACT_PAYMENT", "-" + "9" * 5000, "too small"),
    ("SESSION_TIMEOUT", "2562048h", "longer than 292 years"),
    ("REAPER_EXPIRATION", "9" * 5000 + "h", "longer than 292 years"),
    ("CHAINLINK_TLS_HOST", "node.example/path", "not a host name"),
    ("CHAINLINK_TLS_HOST", "node.example\r\nx: y", "not a host name"),
    ("ETH_GAS_BUMP_PERCENT", "9", "too small; allowed: a whole number of percent, 10 to 10000"),
    ("ETH_FINALITY_DEPTH", "0", "too small"),
    ("DEFAULT_HTTP_LIMIT", "0", "too small; allowed: a whole number of bytes, at least 1"),
    ("MAX_HTTP_ATTEMPTS", "0", "too small"),
    ("MIN_INCOMING_CONFIRMATIONS", "abc", "not a whole number in base 10"),
]


@pytest.mark.parametrize(("name", "value", "words"), BAD, ids=[f"{name}={value[:20]}" for name, value, _ in BAD])
def test_a_wrong_value_is_named_with_what_is_allowed(load: Load, name: str, value: str, words: str) -> None:
    (fault,) = faults(lambda: load(**{name: value}))
    assert fault.startswith(f'{name} = "')
    assert "(from environment): " in fault
    assert words in fault


def test_all_faults_come_at_once_whatever_their_source(load: Load, tmp_path: Path) -> None:
    (tmp_path / "adyton.toml").write_text('ETH_URL = "ftp://x"\nTYPO = 1\n')
    found = faults(lambda: load(CHAINLINK_PORT="x", LOG_LEVEL="loud", ETH_MAX_GAS_PRICE_WEI="1"))
    assert [fault.split()[0] for fault in found] == ["TYPO", "LOG_LEVEL", "CHAINLINK_PORT", "ETH_URL", "ETH_MAX_GAS_PRICE_WEI"]


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"ETH_MAX_GAS_PRICE_WEI": "1"}, "ETH_MAX_GAS_PRICE_WEI must be greater than or equal to ETH_GAS_PRICE_DEFAULT"),
        (
            {"ETH_HEAD_TRACKER_HISTORY_DEPTH": "10", "ETH_FINALITY_DEPTH": "50"},
            "ETH_HEAD_TRACKER_HISTORY_DEPTH must be equal to or greater than ETH_FINALITY_DEPTH",
        ),
        ({"CHAINLINK_PORT": "0", "CHAINLINK_TLS_PORT": "0"}, "You must specify at least one port to listen on"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(load: Load, environ: dict[str, str], words: str) -> None:
    (fault,) = faults(lambda: load(**environ))
    assert words in fault


def test_a_wrong_setting_is_not_blamed_for_a_contradiction_too(load: Load) -> None:
    (fault,) = faults(lambda: load(ETH_GAS_PRICE_DEFAULT="x", ETH_MAX_GAS_PRICE_WEI="1"))
    assert fault.startswith("ETH_GAS_PRICE_DEFAULT")


# --- values ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds", "shown"),
    [
        ("500ms", 0.5, "500ms"),
        ("15m", 900.0, "15m"),
        ("8760h", 31536000.0, "8760h"),
        ("1h30m", 5400.0, "1h30m"),
        ("1.5h", 5400.0, "1h30m"),
        ("90s", 90.0, "1m30s"),
        ("100us", 0.0001, "100us"),
        ("100µs", 0.0001, "100us"),
        ("7ns", 7e-9, "7ns"),
        (".5s", 0.5, "500ms"),
        ("0", 0.0, "0s"),
        ("0s", 0.0, "0s"),
    ],
)
def test_durations_are_written_as_in_go(text: str, seconds: float, shown: str) -> None:
    assert parsers.duration(text) == seconds
    assert parsers.show_duration(parsers.duration(text)) == shown


@pytest.mark.parametrize(("text", "number"), [("5", 5), ("+5", 5), ("005", 5), ("0" * 5000 + "5", 5), ("-0", 0), ("000", 0)])
def test_whole_numbers(text: str, number: int) -> None:
    assert parsers.integer()(text) == number


@pytest.mark.parametrize("word", ["1", "t", "T", "true", "TRUE", "True"])
def test_true_has_several_spellings(word: str) -> None:
    assert parsers.boolean(word)


@pytest.mark.parametrize("word", ["0", "f", "F", "false", "FALSE", "False"])
def test_false_has_several_spellings(word: str) -> None:
    assert not parsers.boolean(word)


@pytest.mark.parametrize("text", [LINK, LINK[2:], LINK.upper().replace("0X", "0x"), LINK.upper()])
def test_an_address_is_read_in_any_case_with_or_without_its_prefix(text: str) -> None:
    assert parsers.address(text) == LINK


@pytest.mark.parametrize("text", ["", "/var/lib/x.db", "file:///x.db", "postgres://u@h/d", "postgresql://h/d?sslmode=require"])
def test_these_name_databases(text: str) -> None:
    assert parsers.database_url(text) == text


def test_origins_are_compared_in_small_letters_and_without_a_slash() -> None:
    assert parsers.origins(" HTTP://Example.com/ , https://b") == ("http://example.com", "https://b")
    assert parsers.origins("*") == ("*",)


def test_a_node_url_loses_the_slash_at_its_end() -> None:
    assert parsers.http_url("https://node/x/") == "https://node/x"


# --- TLS -------------------------------------------------------------------------------------------------------------


def test_https_is_served_only_with_certificate_and_key(load: Load, tmp_path: Path) -> None:
    assert load().tls_files() is None
    pair = tmp_path / "tls" / "server.crt", tmp_path / "tls" / "server.key"
    pair[0].parent.mkdir()
    pair[0].touch()
    with pytest.raises(Invalid, match=r"TLS_KEY_PATH = .*server\.key: there is no such file"):
        load().tls_files()
    pair[1].touch()
    assert load().tls_files() == pair
    assert load(CHAINLINK_TLS_PORT="0").tls_files() is None


def test_a_certificate_that_was_asked_for_must_be_there(load: Load) -> None:
    with pytest.raises(Invalid, match="TLS_CERT_PATH = /nowhere/crt: there is no such file"):
        load(TLS_CERT_PATH="/nowhere/crt").tls_files()


# --- secrets ---------------------------------------------------------------------------------------------------------


def test_secrets_are_neither_shown_nor_in_the_representation_nor_in_faults(load: Load) -> None:
    config = load(
        ETH_URL="wss://me:sesame@rpc.example/v3/sesame?key=sesame", DATABASE_URL="postgresql://u:sesame@h/d?password=sesame"
    )
    assert config.shown("eth_url") == "wss://***@rpc.example/***"
    assert config.shown("database_url") == "postgresql://u:***@h/d?***"
    assert "sesame" not in repr(config)
    for bad in (
        {"ETH_URL": "ftp://me:sesame@h/sesame"},
        {"ETH_URL": "ws://h:sesame/"},
        {"DATABASE_URL": "mysql://u:sesame@h/d"},
    ):
        assert "sesame" not in str(faults(lambda bad=bad: load(**bad)))  # type: ignore[misc]  # the default binds the loop's value


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ws://localhost:8546", "ws://localhost:8546"),
        ("ws://localhost:8546/", "ws://localhost:8546/"),
        ("wss://host/v3/key", "wss://host/***"),
        ("wss://[::1]:1/key", "wss://[::1]:1/***"),
        ("wss://u:p@host", "wss://***@host"),
        ("wss://host?key=x", "wss://host/***"),
        ("ws://host:port/key", "***"),
        ("no url", "***"),
    ],
)
def test_of_an_rpc_url_only_the_host_is_shown(text: str, shown: str) -> None:
    assert url(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/var/x.db", "/var/x.db"),
        ("file:/var/x.db", "file:/var/x.db"),
        ("postgres://u:p@h:5432/d", "postgres://u:***@h:5432/d"),
        ("postgres:///d?host=/run&password=p", "postgres:///d?***"),
        ("postgres://u:p@h:x/d", "***"),
        ("postgres:u:p@h/d", "***"),
    ],
)
def test_of_a_database_url_the_password_is_hidden(text: str, shown: str) -> None:
    assert database(text) == shown


@pytest.mark.parametrize(
    ("environ", "http", "https"),
    [
        ({"HTTP_PROXY": "proxy:3128", "HTTPS_PROXY": "https://u:p@proxy/"}, "http://proxy:3128", "https://u:p@proxy"),
        ({"http_proxy": "http://small", "HTTP_PROXY": "http://capitals"}, "http://capitals", ""),
        ({"https_proxy": "http://small", "HTTPS_PROXY": " "}, "", "http://small"),
    ],
)
def test_proxies_are_read_as_other_programs_write_them(load: Load, environ: dict[str, str], http: str, https: str) -> None:
    config = load(**environ)
    assert (config.http_proxy, config.https_proxy) == (http, https)


def test_a_proxys_password_is_not_shown(load: Load) -> None:
    config = load(HTTP_PROXY="u:hush@proxy:3128", HTTPS_PROXY="http://u:hush@proxy:3128", NO_PROXY="a.example,10.0.0.0/8")
    assert (config.shown("http_proxy"), config.shown("https_proxy")) == ("http://***@proxy:3128", "http://***@proxy:3128")
    assert config.shown("no_proxy") == "a.example,10.0.0.0/8"


@pytest.mark.parametrize("text", ["socks5://u:hush@proxy:1080", "http://u:hush@", "u:hush@proxy:notaport"])
def test_a_proxy_that_cannot_be_used_is_refused_without_its_password(load: Load, text: str) -> None:
    [fault] = faults(lambda: load(HTTP_PROXY=text))
    assert fault.startswith("HTTP_PROXY = ")
    assert "hush" not in fault


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ws://localhost:1: Connection refused", "ws://localhost:1: Connection refused"),
        ("GET https://api.example/price?apikey=s failed.", "GET https://api.example/price?*** failed."),
        ("(https://u:p@h/a)", "(https://***@h/a)"),
        ("https://h/v2/0123456789abcdef0123456789abcdef/x", "https://h/v2/***/x"),
        ("wss://h/key, wss://h", "wss://h/***, wss://h"),
        ("nothing here", "nothing here"),
    ],
)
def test_urls_in_a_text_lose_what_may_be_secret(text: str, shown: str) -> None:
    assert words(text) == shown
