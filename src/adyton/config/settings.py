"""Every setting of the node, in one table: the fields of ``Config``.

A field's name is the environment name in small letters. The table drives the environment, the TOML file, ``adyton config``
and docs/configuration.md. Names and defaults are those of v0.6.2, unless the meaning says why not.
"""

import dataclasses
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Self, get_type_hints

from adyton.config import chains
from adyton.config.kinds import (
    ATTEMPTS,
    BLOCKS,
    BOOLEAN,
    BUMP_PERCENT,
    BYTES,
    DATABASE_URL,
    DURATION,
    ETHEREUM_URL,
    HOST,
    HTTP_URL,
    JUELS,
    LOG_LEVEL,
    NUMBERS,
    OPTIONAL_ADDRESS,
    OPTIONAL_CHAIN_ID,
    ORIGINS,
    PATH,
    PORT,
    POSITIVE_DURATION,
    REQUESTS,
    SOME_BLOCKS,
    WEI,
)
from adyton.config.load import read
from adyton.config.setting import DEFAULT, Setting
from adyton.domain.chain import Address
from adyton.domain.errors import Invalid

LATER = frozenset({
    "BRIDGE_RESPONSE_URL", "CHAINLINK_DEV", "EVM_EIP1559_DYNAMIC_FEES", "EXPLORER_ACCESS_KEY", "EXPLORER_SECRET",
    "EXPLORER_URL", "LOG_SQL", "MAXIMUM_SERVICE_DURATION", "MINIMUM_REQUEST_EXPIRATION", "MINIMUM_SERVICE_DURATION",
    "OPERATOR_CONTRACT_ADDRESS", "ORACLE_CONTRACT_ADDRESS",
})  # fmt: skip
"""Names of v0.6.2 and their successors that are accepted, with a warning, and have no effect yet."""


NODE, LOGGING, DATABASE, HTTP_SERVER = "Node", "Logging", "Database", "HTTP server"
COMMAND_LINE, ETHEREUM, TRANSACTIONS, JOBS = "Command line", "Ethereum", "Transactions", "Jobs"


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class Config:
    """The settings of one process, read once. Durations are seconds, amounts wei or juels.

    ``sources`` tells for each field where its value came from: ``default``, ``environment``, ``file PATH`` or ``argument``.
    """

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
    default_http_limit: Annotated[
        int,
        Setting("32768", BYTES, HTTP_SERVER, "The most bytes that the API takes as a request, and HTTP tasks as a response."),
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

    # --- Ethereum -----------------------------------------------------------------------------------------------------------
    eth_url: Annotated[str, Setting("ws://localhost:8546", ETHEREUM_URL, ETHEREUM, "The Ethereum node's websocket.")]
    eth_chain_id: Annotated[
        int | None,
        Setting(
            "",
            OPTIONAL_CHAIN_ID,
            ETHEREUM,
            "The chain's EIP-155 number. Empty: the Ethereum node's, kept from the first boot on. (v0.6.2: 0, "
            "with which nothing can be signed for a real chain.)",
        ),
    ]
    link_contract_address: Annotated[
        Address | None, Setting("", OPTIONAL_ADDRESS, ETHEREUM, "The LINK token. Empty: the known one of the chain.")
    ]
    eth_finality_depth: Annotated[int, Setting("50", SOME_BLOCKS, ETHEREUM, "A block this deep is never reorganised.")]
    eth_head_tracker_history_depth: Annotated[
        int,
        Setting(
            "100",
            SOME_BLOCKS._replace(allowed="a whole number of blocks, at least ETH_FINALITY_DEPTH"),
            ETHEREUM,
            "How many past heads are kept.",
        ),
    ]
    eth_log_backfill_batch_size: Annotated[
        int, Setting("100", SOME_BLOCKS, ETHEREUM, "How many blocks one eth_getLogs asks for.")
    ]
    block_backfill_depth: Annotated[
        int,
        Setting(
            "10",
            BLOCKS,
            ETHEREUM,
            "How many blocks before the last one taken in are looked through for logs again at each connection.",
        ),
    ]

    # --- Transactions -------------------------------------------------------------------------------------------------------
    evm_gas_tip_cap_default: Annotated[
        int,
        Setting(
            "1000000000",
            WEI,
            TRANSACTIONS,
            "Tip of a type 2 transaction, in wei. (v1: 1 wei, which some chains never include.)",
        ),
    ]
    eth_gas_price_default: Annotated[
        int, Setting("20000000000", WEI, TRANSACTIONS, "Gas price of a legacy transaction, in wei.")
    ]
    eth_max_gas_price_wei: Annotated[
        int,
        Setting(
            "5000000000000",
            WEI._replace(allowed="a whole number of wei, at least ETH_GAS_PRICE_DEFAULT"),
            TRANSACTIONS,
            "The most that a unit of gas may cost, in wei.",
        ),
    ]
    eth_gas_bump_threshold: Annotated[
        int,
        Setting(
            "12",
            BLOCKS,
            TRANSACTIONS,
            "After this many blocks an unconfirmed transaction is sent again at a higher price; 0: never.",
        ),
    ]
    eth_gas_bump_wei: Annotated[int, Setting("5000000000", WEI, TRANSACTIONS, "The least that is added then, in wei.")]
    eth_gas_bump_percent: Annotated[
        int,
        Setting(
            "20",
            BUMP_PERCENT,
            TRANSACTIONS,
            "The least that is added then, in percent. Ethereum nodes refuse a replacement below 10.",
        ),
    ]

    # --- Jobs ---------------------------------------------------------------------------------------------------------------
    min_incoming_confirmations: Annotated[
        int, Setting("3", BLOCKS, JOBS, "How deep a request's block must be before its run starts; tasks may ask for more.")
    ]
    min_outgoing_confirmations: Annotated[
        int, Setting("12", BLOCKS, JOBS, "How deep an answer's block must be before its run is completed.")
    ]
    minimum_contract_payment: Annotated[
        int,
        Setting(
            "1000000000000000000",
            JUELS,
            JOBS,
            "The least that a request must pay for each ethtx task, in juels.",
            newer="MINIMUM_CONTRACT_PAYMENT_LINK_JUELS",
        ),
    ]
    default_http_timeout: Annotated[
        float, Setting("15s", POSITIVE_DURATION, JOBS, "The time that an HTTP task has for one attempt.")
    ]
    max_http_attempts: Annotated[int, Setting("5", ATTEMPTS, JOBS, "How often an HTTP task tries.")]
    default_http_allow_unrestricted_network_access: Annotated[
        bool,
        Setting("false", BOOLEAN, JOBS, "HTTP tasks may reach addresses that are not public: this machine, the local network."),
    ]
    requester_may_override_job: Annotated[
        bool,
        Setting(
            "false",
            BOOLEAN,
            JOBS,
            "What a request on chain says goes over the params that the job names. (As v0.6.2 did: a requester could then send "
            "the job's headers to a server of its own.) Params that a job leaves open are the requester's in any case.",
        ),
    ]
    numbers: Annotated[
        str, Setting("exact", NUMBERS, JOBS, "How multiply treats numbers: exactly, or to ten significant digits as v0.6.2.")
    ]

    sources: Mapping[str, str] = dataclasses.field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @classmethod
    def load(cls, environ: Mapping[str, str], root: Path | None = None) -> Self:
        """Read every setting; ``root`` overrides ROOT. Raises ``Invalid`` with all faults at once."""
        loaded = read(settings(), LATER, environ, root)
        return cls(**loaded.values, sources=loaded.sources, warnings=tuple(loaded.warnings))

    def shown(self, field: str) -> str:
        """A field's value as text, as one would write it, with secrets masked."""
        return next(row for row in settings() if row.field == field).shown(getattr(self, field))

    def __repr__(self) -> str:
        """Every value, secrets masked."""
        return f"Config({', '.join(f'{row.name}={self.shown(row.field)!r}' for row in settings())})"

    def link_address(self, chain_id: int) -> Address | None:
        """The LINK token on a chain: the configured one, else the known one, else None."""
        return self.link_contract_address or chains.LINK.get(chain_id)

    def tls_files(self) -> tuple[Path, Path] | None:
        """Certificate and key if HTTPS is to be served, else None.

        Raises ``Invalid`` if one of them is missing although the other exists or its place was configured.
        """
        if self.chainlink_tls_port == 0:
            return None
        files = {"tls_cert_path": self.tls_cert_path, "tls_key_path": self.tls_key_path}
        missing = [field for field, path in files.items() if not path.is_file()]
        if not missing:
            return self.tls_cert_path, self.tls_key_path
        if len(missing) == 1 or any(self.sources.get(field, DEFAULT) != DEFAULT for field in files):
            raise Invalid(*(f"{field.upper()} = {files[field]}: there is no such file" for field in missing))
        return None


@cache
def settings() -> tuple[Setting, ...]:
    """The table, in the order of the fields."""
    hints: dict[str, Any] = get_type_hints(Config, include_extras=True)
    rows = {field: getattr(hint, "__metadata__", (None,))[0] for field, hint in hints.items()}
    return tuple(row._replace(field=field) for field, row in rows.items() if isinstance(row, Setting))
