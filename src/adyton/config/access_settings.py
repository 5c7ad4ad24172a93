"""Settings of who may reach the node and how; a part of the table that ``settings.Config`` completes."""

import dataclasses
from typing import Annotated

from adyton.config.kinds import DURATION, HOSTS, NETWORKS, POSITIVE_DURATION, REQUESTS
from adyton.config.node_settings import NodeSettings
from adyton.config.setting import Setting

ACCESS = "Access"


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class AccessSettings(NodeSettings):
    """Who is believed, and for how long."""

    allowed_hosts: Annotated[
        tuple[str, ...],
        Setting(
            "",
            HOSTS,
            ACCESS,
            "Names under which the API may be asked for. Empty: any name for programs; for browsers localhost, "
            "addresses, and the hosts of ALLOW_ORIGINS, CHAINLINK_TLS_HOST and BRIDGE_RESPONSE_URL.",
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
