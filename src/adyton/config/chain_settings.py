"""Settings of the chain; a part of the table that ``settings.Config`` completes."""

import dataclasses
from typing import Annotated

from adyton.config.kinds import (
    BATCH,
    BLOCKS,
    BOOLEAN,
    BUMP_PERCENT,
    CALLS,
    DURATION,
    ESTIMATORS,
    ETHEREUM_URLS,
    GAS,
    JUELS,
    MORE_ETHEREUM_URLS,
    OPTIONAL_ADDRESS,
    OPTIONAL_BLOCKS,
    OPTIONAL_BOOLEAN,
    OPTIONAL_CHAIN_ID,
    PERCENTILE,
    POSITIVE_DURATION,
    SOME_BLOCKS,
    WEI,
)
from adyton.config.node_settings import NodeSettings
from adyton.config.setting import Setting
from adyton.domain.chain import Address

ETHEREUM, TRANSACTIONS = "Ethereum", "Transactions"


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False, init=False, eq=False)  # a part: Config has them
class ChainSettings(NodeSettings):
    """How the chain is followed, and what is sent to it."""

    # --- Ethereum -----------------------------------------------------------------------------------------------------------
    eth_url: Annotated[
        tuple[str, ...],
        Setting(
            "ws://localhost:8546",
            ETHEREUM_URLS,
            ETHEREUM,
            "The Ethereum nodes, ws, wss, http or https, separated by commas, the preferred one first. The others stand by "
            "and take over when it fails or falls behind. A websocket hears of blocks sooner. (v0.6.2: one websocket.)",
        ),
    ]
    eth_secondary_urls: Annotated[
        tuple[str, ...],
        Setting(
            "",
            MORE_ETHEREUM_URLS,
            ETHEREUM,
            "Ethereum nodes that are only handed transactions to send, as well; separated by commas. (As v0.10.)",
        ),
    ]
    eth_rpc_rate_limit: Annotated[
        int,
        Setting(
            "0",
            CALLS,
            ETHEREUM,
            "Calls that each Ethereum node is asked in a second, at most; more of them wait their turn. 0: as many as there "
            "are. Nodes that answer 429 are asked less often in any case.",
        ),
    ]
    eth_rpc_default_batch_size: Annotated[
        int, Setting("100", BATCH, ETHEREUM, "Calls that are put into one message to an Ethereum node.")
    ]
    node_no_new_heads_threshold: Annotated[
        float,
        Setting("3m", DURATION, ETHEREUM, "A chain without a new block for this long is reported as failing; 0s: never."),
    ]
    node_poll_interval: Annotated[
        float, Setting("10s", POSITIVE_DURATION, ETHEREUM, "How often the Ethereum nodes that stand by are looked at.")
    ]
    node_sync_threshold: Annotated[
        int, Setting("5", SOME_BLOCKS, ETHEREUM, "An Ethereum node that is this many blocks behind another one is not used.")
    ]
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
    eth_finality_depth: Annotated[
        int | None,
        Setting(
            "",
            OPTIONAL_BLOCKS,
            ETHEREUM,
            "A block this deep is never reorganised; if one is, the node raises an alarm. Empty: what is right for the chain, "
            "50 where that is not known.",
        ),
    ]
    eth_head_tracker_history_depth: Annotated[
        int,
        Setting(
            "100",
            SOME_BLOCKS._replace(allowed="a whole number of blocks, at least ETH_FINALITY_DEPTH"),
            ETHEREUM,
            "How many past heads are kept, at least.",
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

    log_reread_interval: Annotated[
        float,
        Setting(
            "10m",
            DURATION,
            ETHEREUM,
            "How often the last blocks up to finality are looked through for logs again, should an Ethereum node have left "
            "some out; 0s: only at each connection.",
        ),
    ]
    oracle_contract_address: Annotated[
        Address | None,
        Setting(
            "",
            OPTIONAL_ADDRESS,
            ETHEREUM,
            "The oracle contract of this node: withdrawals come from it, and its requests are accounted for whether a job "
            "listens to it or not.",
            newer="OPERATOR_CONTRACT_ADDRESS",
        ),
    ]

    # --- Transactions -------------------------------------------------------------------------------------------------------
    gas_estimator_mode: Annotated[
        str,
        Setting(
            "FeeHistory",
            ESTIMATORS,
            TRANSACTIONS,
            "Where the first price of a transaction comes from: FixedPrice, the settings; FeeHistory, what the last blocks "
            "took (eth_feeHistory); SuggestedPrice, what the Ethereum node suggests. Where that cannot be had, the settings.",
        ),
    ]
    evm_eip1559_dynamic_fees: Annotated[
        bool | None,
        Setting("", OPTIONAL_BOOLEAN, TRANSACTIONS, "Send type 2 transactions. Empty: where blocks have a base fee."),
    ]
    block_history_estimator_block_history_size: Annotated[
        int, Setting("24", SOME_BLOCKS, TRANSACTIONS, "How many past blocks FeeHistory looks at.")
    ]
    block_history_estimator_transaction_percentile: Annotated[
        int, Setting("60", PERCENTILE, TRANSACTIONS, "FeeHistory pays at least what this many percent of their gas paid.")
    ]
    evm_gas_tip_cap_minimum: Annotated[int, Setting("1", WEI, TRANSACTIONS, "The least tip of a type 2 transaction, in wei.")]
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
    eth_min_gas_price_wei: Annotated[
        int, Setting("1000000000", WEI, TRANSACTIONS, "The least that an estimator makes a legacy transaction pay, in wei.")
    ]
    eth_gas_limit_default: Annotated[
        int,
        Setting(
            "500000",
            GAS,
            TRANSACTIONS,
            "Gas limit of a transaction whose task names none. Oracle contracts want 400,000 left for the consumer.",
        ),
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
    eth_gas_bump_tx_depth: Annotated[
        int,
        Setting(
            "10",
            SOME_BLOCKS._replace(allowed="a whole number, at least 1"),
            TRANSACTIONS,
            "Of each key's unconfirmed transactions, so many of the lowest nonces are raised: the ones behind wait for them.",
        ),
    ]
    eth_tx_resend_after_threshold: Annotated[
        float,
        Setting(
            "30s", POSITIVE_DURATION, TRANSACTIONS, "A transaction that nothing is heard of is sent again this much later."
        ),
    ]
    eth_tx_reaper_interval: Annotated[
        float, Setting("1h", DURATION, TRANSACTIONS, "How often finished transactions are looked through; 0s: never.")
    ]
    eth_tx_reaper_threshold: Annotated[
        float,
        Setting("168h", DURATION, TRANSACTIONS, "Finished transactions are deleted this long after they were made; 0s: never."),
    ]
    simulate_transactions: Annotated[
        bool,
        Setting(
            "true",
            BOOLEAN,
            TRANSACTIONS,
            "Try each transaction with eth_call before it is sent, and spare the gas of one that would revert.",
        ),
    ]
    balance_monitor_enabled: Annotated[bool, Setting("true", BOOLEAN, TRANSACTIONS, "Watch what the node's keys hold.")]
    eth_balance_minimum_wei: Annotated[
        int,
        Setting(
            "0",
            WEI,
            TRANSACTIONS,
            "A key that holds less is reported as failing. 0: less than ten answers cost at the ceiling of the price now.",
        ),
    ]
    link_balance_minimum_juels: Annotated[
        int, Setting("0", JUELS, TRANSACTIONS, "The oracle contract's LINK below which it is reported as failing; 0: never.")
    ]
