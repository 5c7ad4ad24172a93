"""Settings of who may reach the node and how; a part of the table that ``settings.Config`` completes."""

import dataclasses
from typing import Annotated

from adyton.config.kinds import (
    CONNECTIONS,
    DURATION,
    HOSTS,
    LISTEN_IP,
    NETWORKS,
    POSITIVE_DURATION,
    REQUESTS,
    TOKEN,
    WEBSOCKET_URL_OR_NONE,
)
from adyton.config.node_settings import NodeSettings
from adyton.config.setting import Setting

ACCESS, EXPLORER = "Access", "Explorer"


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False, init=False, eq=False)  # a part: Config has them
class AccessSettings(NodeSettings):
    """Who is believed, and for how long."""

    allowed_hosts: Annotated[
        tuple[str, ...],
        Setting(
            "",
            HOSTS,
            ACCESS,
            "Names under which the API may be asked for; addresses and localhost always may. Empty: any name for programs; for "
            "browsers the hosts of ALLOW_ORIGINS, CHAINLINK_TLS_HOST and BRIDGE_RESPONSE_URL.",
        ),
    ]
    trusted_proxies: Annotated[
        tuple[str, ...],
        Setting(
            "",
            NETWORKS,
            ACCESS,
            "Addresses or networks of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed. (v0.6.2 believed "
            "everybody's.)",
        ),
    ]
    chainlink_listen_ip: Annotated[
        str,
        Setting(
            "",
            LISTEN_IP,
            ACCESS,
            "Address that the API listens on, for example 127.0.0.1; :: is every one of IPv6 and IPv4. Empty: every one of "
            "IPv4. (v0.6.2 had no choice.)",
        ),
    ]
    hsts_max_age: Annotated[
        float,
        Setting(
            "8760h",
            DURATION,
            ACCESS,
            "How long browsers that came by HTTPS shall use HTTPS only, for every port of this name; 0s: they are not told to.",
        ),
    ]
    tls_reload_interval: Annotated[
        float,
        Setting(
            "1m",
            POSITIVE_DURATION,
            ACCESS,
            "How often the node looks whether certificate and key were replaced; new ones serve without a restart.",
        ),
    ]
    http_server_write_timeout: Annotated[
        float,
        Setting(
            "60s",
            POSITIVE_DURATION,
            ACCESS,
            "How long a request may take until its answer begins. (v0.6.2: 10s, for all of it.)",
        ),
    ]
    http_server_connections: Annotated[
        int,
        Setting(
            "10000",
            CONNECTIONS,
            ACCESS,
            "Connections that the API serves at once; further ones wait. Fewer, if the process may not open so many files.",
        ),
    ]
    http_server_connections_per_address: Annotated[
        int,
        Setting("6000", CONNECTIONS, ACCESS, "Those of one address. (Behind a proxy every client has the proxy's.)"),
    ]
    session_lifetime: Annotated[
        float,
        Setting("720h", POSITIVE_DURATION, ACCESS, "A session ends this long after the login, however much it is used."),
    ]
    login_failure_limit: Annotated[
        int,
        Setting("10", REQUESTS, ACCESS, "Wrong passwords for one account in LOGIN_FAILURE_PERIOD; then it must wait."),
    ]
    login_failure_period: Annotated[float, Setting("15m", POSITIVE_DURATION, ACCESS, "The period of LOGIN_FAILURE_LIMIT.")]
    audit_log_retention: Annotated[
        float, Setting("8760h", DURATION, ACCESS, "Entries of the audit log are deleted this much later; 0s: never.")
    ]

    # --- Explorer -----------------------------------------------------------------------------------------------------------
    explorer_url: Annotated[
        str,
        Setting(
            "",
            WEBSOCKET_URL_OR_NONE,
            EXPLORER,
            "Websocket of an explorer that is told of every run. Empty: nothing is written for one.",
        ),
    ]
    explorer_access_key: Annotated[
        str, Setting("", TOKEN, EXPLORER, "What the explorer knows this node by. Masked wherever it is shown.")
    ]
    explorer_secret: Annotated[
        str, Setting("", TOKEN, EXPLORER, "What belongs to EXPLORER_ACCESS_KEY. Masked wherever it is shown.")
    ]
