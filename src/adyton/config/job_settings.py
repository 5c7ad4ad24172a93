"""Settings of jobs: initiators, runs and adapters; a part of the table that ``settings.Config`` completes."""

import dataclasses
from pathlib import Path
from typing import Annotated

from adyton.config.access_settings import AccessSettings
from adyton.config.kinds import (
    ATTEMPTS,
    BLOCKS,
    BOOLEAN,
    BYTES,
    DURATION,
    HTTP_URL_OR_NONE,
    JUELS,
    MEMORY,
    MISSED_FIRES,
    NUMBERS,
    OPTIONAL_ADDRESS,
    OVERLAP,
    PATH,
    POSITIVE_DURATION,
    PROXY,
    PROXY_EXCEPTIONS,
    SECONDS,
    TIME_ZONE,
)
from adyton.config.setting import Setting
from adyton.domain.chain import Address

JOBS, ADAPTERS, SCHEDULES, OTHERS = "Jobs and runs", "Adapters and bridges", "Schedules", "External initiators and agreements"


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False, init=False, eq=False)  # a part: Config has them
class JobSettings(AccessSettings):
    """What starts runs, what they may do, and how long they may wait."""

    chainlink_dev: Annotated[
        bool,
        Setting(
            "false",
            BOOLEAN,
            JOBS,
            "Development mode. It only switches on FEATURE_EXTERNAL_INITIATORS and FEATURE_SERVICE_AGREEMENTS.",
        ),
    ]
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
    http_proxy: Annotated[
        str, Setting("", PROXY, JOBS, "The proxy for http:// URLs, also those of bridges. Its own URL may hold a password.")
    ]
    https_proxy: Annotated[str, Setting("", PROXY, JOBS, "The proxy for https:// URLs.")]
    no_proxy: Annotated[
        str,
        Setting(
            "",
            PROXY_EXCEPTIONS,
            JOBS,
            "What is asked without a proxy: domains (with all below), .domains (only below), addresses, networks, or *.",
        ),
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
        str, Setting("exact", NUMBERS, JOBS, "How multiply, quotient and compare treat numbers: exactly, or rounded as v0.6.2.")
    ]

    # --- Runs ---------------------------------------------------------------------------------------------------------------
    run_pending_deadline: Annotated[
        float,
        Setting(
            "720h",
            DURATION,
            JOBS,
            "A run that has waited this long for confirmations or for a connection is given up as errored; 0s: never. A run "
            "whose transaction is out waits until the chain decides.",
        ),
    ]
    run_data_limit: Annotated[
        int, Setting("1048576", BYTES, JOBS, "The most bytes of data that a task may leave; one that leaves more is errored.")
    ]
    run_history_retention: Annotated[
        float, Setting("0s", DURATION, JOBS, "Finished runs are deleted when they are this old; 0s: they are kept.")
    ]

    # --- Adapters and bridges -----------------------------------------------------------------------------------------------
    bridge_response_url: Annotated[
        str,
        Setting(
            "", HTTP_URL_OR_NONE, ADAPTERS, "The node's own address as bridges see it, for their late answers. Empty: not told."
        ),
    ]
    bridge_answer_deadline: Annotated[
        float,
        Setting(
            "24h", DURATION, ADAPTERS, "A run whose bridge has not answered for this long is errored; 0s: it waits for ever."
        ),
    ]
    bridge_may_override_job: Annotated[
        bool,
        Setting(
            "false",
            BOOLEAN,
            ADAPTERS,
            "The data of a bridge's late answer become the run's input, over the params of later tasks. (As v0.6.2 did.)",
        ),
    ]
    secrets_dir: Annotated[
        Path,
        Setting("{root}/secrets", PATH, ADAPTERS, "Where $(secret:NAME) in the params of a task finds the file NAME."),
    ]
    python_adapter_timeout: Annotated[
        float,
        Setting("30s", POSITIVE_DURATION, ADAPTERS, "The time that an installed Python adapter has, unless it says another."),
    ]
    python_adapter_memory_limit: Annotated[
        int, Setting("2147483648", MEMORY, ADAPTERS, "The address space that a process of Python adapters gets; 0: any.")
    ]
    wasm_timeout: Annotated[float, Setting("5s", POSITIVE_DURATION, ADAPTERS, "The time that a wasm task has.")]
    wasm_memory_limit: Annotated[int, Setting("16777216", BYTES, ADAPTERS, "The most bytes of memory that a wasm task gets.")]

    # --- Schedules ----------------------------------------------------------------------------------------------------------
    cron_time_zone: Annotated[
        str,
        Setting(
            "",
            TIME_ZONE,
            SCHEDULES,
            "The zone of cron lines that name none, such as Europe/Berlin. Empty: the machine's, else UTC.",
        ),
    ]
    cron_missed_fires: Annotated[
        str,
        Setting(
            "skip",
            MISSED_FIRES,
            SCHEDULES,
            "What becomes of fires that came while the node was down: skip (as v0.6.2), latest (one run), or all.",
        ),
    ]
    cron_overlap: Annotated[
        str,
        Setting(
            "allow",
            OVERLAP,
            SCHEDULES,
            "What a fire does while the run before is not finished: allow (as v0.6.2) another run, or skip.",
        ),
    ]

    # --- External initiators and agreements ---------------------------------------------------------------------------------
    feature_external_initiators: Annotated[
        bool, Setting("false", BOOLEAN, OTHERS, "External initiators may be made and deleted.")
    ]
    feature_service_agreements: Annotated[
        bool,
        Setting("false", BOOLEAN, OTHERS, "Service agreements may be made. As in v0.6.2 the route asks for no login."),
    ]
    coordinator_contract_address: Annotated[
        Address | None,
        Setting(
            "",
            OPTIONAL_ADDRESS,
            OTHERS,
            "The Coordinator contract whose requests count under service agreements. Empty: any contract's, as v0.6.2, even "
            "those of one that announces payments which it does not hold.",
        ),
    ]
    minimum_request_expiration: Annotated[
        int, Setting("300", SECONDS, OTHERS, "The shortest expiration of a service agreement, in seconds.")
    ]
    minimum_service_duration: Annotated[float, Setting("0s", DURATION, OTHERS, "A service agreement lasts at least this long.")]
    maximum_service_duration: Annotated[
        float, Setting("8760h", DURATION, OTHERS, "A service agreement lasts at most this long.")
    ]
