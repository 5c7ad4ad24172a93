"""Settings of the process and its API; a part of the table that ``settings.Config`` completes."""

import dataclasses
from pathlib import Path
from typing import Annotated

from adyton.config.kinds import (
    BOOLEAN,
    BYTES,
    DATABASE_URL,
    DURATION,
    HOST,
    HTTP_URL,
    LOG_LEVEL,
    NAME,
    OPTIONAL_PATH,
    ORIGINS,
    PATH,
    PORT,
    POSITIVE_DURATION,
    REQUESTS,
    TOKEN,
)
from adyton.config.setting import Setting

NODE, LOGGING, DATABASE, HTTP_SERVER, COMMAND_LINE = "Node", "Logging", "Database", "HTTP server", "Command line"


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False, init=False, eq=False)  # a part: Config has them
class NodeSettings:
    """What the process is, where it keeps its things, and how it is spoken to."""

    # --- Node ---------------------------------------------------------------------------------------------------------------
    root: Annotated[
        Path,
        Setting(
            "~/.adyton",
            PATH,
            NODE,
            "Directory of everything the node keeps: database, keys, log, cookie. Made with mode 0700. (v0.6.2: "
            "~/.chainlink; another name, so that two programs never share a database by accident.)",
        ),
    ]
    shutdown_grace_period: Annotated[
        float, Setting("5s", POSITIVE_DURATION, NODE, "How long a stopping node may take to finish what it has begun.")
    ]
    insecure_fast_scrypt: Annotated[
        bool,
        Setting(
            "false", BOOLEAN, NODE, "Make new key files with a cheap derivation that a thief can guess quickly. For tests only."
        ),
    ]

    # --- Logging ------------------------------------------------------------------------------------------------------------
    log_level: Annotated[str, Setting("info", LOG_LEVEL, LOGGING, "The least important log lines to write.")]
    log_to_disk: Annotated[bool, Setting("true", BOOLEAN, LOGGING, "Also append JSON lines to ROOT/log.jsonl.")]
    log_sql: Annotated[
        bool,
        Setting(
            "false",
            BOOLEAN,
            LOGGING,
            "Write every SQL statement at debug level, without its values. Can be switched at run time.",
        ),
    ]
    json_console: Annotated[bool, Setting("false", BOOLEAN, LOGGING, "JSON lines on the console instead of text for people.")]

    # --- Database -----------------------------------------------------------------------------------------------------------
    database_url: Annotated[str, Setting("", DATABASE_URL, DATABASE, "The database. Empty: SQLite in ROOT/db.sqlite3.")]
    database_timeout: Annotated[
        float,
        Setting(
            "500ms", DURATION, DATABASE, "How long to wait at start for a database that another node has locked; 0s: for ever."
        ),
    ]

    # --- HTTP server --------------------------------------------------------------------------------------------------------
    chainlink_port: Annotated[int, Setting("6688", PORT, HTTP_SERVER, "Port of the HTTP API; 0: none.")]
    chainlink_tls_port: Annotated[
        int,
        Setting(
            "6689",
            PORT,
            HTTP_SERVER,
            "Port of the HTTPS API; 0: none. Used only if certificate and key exist. (v0.6.2 redirected to it "
            "even without a certificate, which left nothing to connect to.)",
        ),
    ]
    chainlink_tls_host: Annotated[
        str,
        Setting(
            "",
            HOST,
            HTTP_SERVER,
            "Host, and port if it is not 443, to which HTTP requests are redirected. Empty: the request's own "
            "host with CHAINLINK_TLS_PORT.",
        ),
    ]
    chainlink_tls_redirect: Annotated[
        bool, Setting("false", BOOLEAN, HTTP_SERVER, "Redirect HTTP requests to HTTPS. (As v0.6.6; v0.6.2 always did.)")
    ]
    tls_cert_path: Annotated[Path, Setting("{root}/tls/server.crt", PATH, HTTP_SERVER, "The certificate, PEM.")]
    tls_key_path: Annotated[Path, Setting("{root}/tls/server.key", PATH, HTTP_SERVER, "Its key, PEM.")]
    allow_origins: Annotated[
        tuple[str, ...],
        Setting(
            "http://localhost:3000,http://localhost:6688",
            ORIGINS,
            HTTP_SERVER,
            "Origins of web pages that may use the API; * is all.",
        ),
    ]
    secure_cookies: Annotated[
        bool,
        Setting(
            "true",
            BOOLEAN,
            HTTP_SERVER,
            "Browsers send the session cookie over HTTPS only. Set false to log in from a browser over HTTP.",
        ),
    ]
    session_timeout: Annotated[
        float, Setting("15m", POSITIVE_DURATION, HTTP_SERVER, "A session ends when it has not been used for this long.")
    ]
    reaper_expiration: Annotated[float, Setting("240h", DURATION, HTTP_SERVER, "Ended sessions are deleted this much later.")]
    authenticated_rate_limit: Annotated[
        int, Setting("1000", REQUESTS, HTTP_SERVER, "How many API requests each client address may make in a period.")
    ]
    authenticated_rate_limit_period: Annotated[
        float, Setting("1m", POSITIVE_DURATION, HTTP_SERVER, "The period of AUTHENTICATED_RATE_LIMIT.")
    ]
    unauthenticated_rate_limit: Annotated[
        int, Setting("5", REQUESTS, HTTP_SERVER, "How often each client address may try to log in in a period.")
    ]
    unauthenticated_rate_limit_period: Annotated[
        float, Setting("20s", POSITIVE_DURATION, HTTP_SERVER, "The period of UNAUTHENTICATED_RATE_LIMIT.")
    ]
    prometheus_auth_token: Annotated[
        str,
        Setting("", TOKEN, HTTP_SERVER, "Who asks for /metrics must send it as a bearer token. Empty: anyone may ask."),
    ]
    default_http_limit: Annotated[
        int,
        Setting(
            "32768",
            BYTES,
            HTTP_SERVER,
            "The most bytes that the API takes as a request, but for `adyton apply`, which may send 8 times as many; and HTTP "
            "tasks as a response.",
        ),
    ]

    # --- Command line -------------------------------------------------------------------------------------------------------
    client_node_url: Annotated[
        str, Setting("http://localhost:{chainlink_port}", HTTP_URL, COMMAND_LINE, "Where the command line finds the node.")
    ]
    admin_credentials_file: Annotated[
        Path,
        Setting(
            "{root}/apicredentials",
            PATH,
            COMMAND_LINE,
            "Two lines, e-mail and password: with it the command line logs in by itself, and a first start without "
            "--api makes its user.",
        ),
    ]
    insecure_skip_verify: Annotated[
        bool, Setting("false", BOOLEAN, COMMAND_LINE, "The command line trusts any certificate of the node, and says so.")
    ]
    adyton_node: Annotated[
        str,
        Setting(
            "",
            NAME,
            COMMAND_LINE,
            "The node that the command line asks: a name of `adyton profiles`, or a URL. Goes before CLIENT_NODE_URL; "
            "`--node` goes before it.",
        ),
    ]
    adyton_api_key: Annotated[
        str,
        Setting("", NAME, COMMAND_LINE, "Access key of an API token that the command line uses instead of logging in."),
    ]
    adyton_api_secret_file: Annotated[
        Path | None,
        Setting("", OPTIONAL_PATH, COMMAND_LINE, "File with that token's secret, readable by its owner only."),
    ]
