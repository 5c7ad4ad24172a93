"""What the node's parts get of the settings, in the forms that they know."""

from __future__ import annotations

from collections.abc import Collection

import msgspec
import structlog

from adyton.adapters.base import AdapterSettings
from adyton.config import Config
from adyton.domain.chain import Address
from adyton.domain.errors import Invalid
from adyton.domain.gas import GasRules
from adyton.ethereum.endpoint_parts import Rules as RpcRules
from adyton.services.configuration import GAS_PRICE
from adyton.storage import facts
from adyton.storage.database import Database

log = structlog.get_logger(__name__)


def rpc_rules(config: Config) -> RpcRules:
    """How endpoints are asked."""
    return RpcRules(
        rate_limit=config.eth_rpc_rate_limit,
        batch_size=config.eth_rpc_default_batch_size,
        poll_interval=config.node_poll_interval,
        sync_threshold=config.node_sync_threshold,
    )


async def gas_rules(config: Config, db: Database) -> GasRules:
    """The configured rules, with the price that an operator has set while the node ran. One that contradicts the others, as
    they may have been configured anew, does not keep the node from starting."""
    rules = _configured_rules(config)
    chosen = await facts.get(db, GAS_PRICE)
    if chosen is None:
        return rules
    try:
        return msgspec.structs.replace(rules, price_default=int(chosen))
    except Invalid as wrong:
        log.warning("the gas price that was set at run time does not count", price=chosen, because=str(wrong))
        return rules


def _configured_rules(config: Config) -> GasRules:
    return GasRules(
        price_default=config.eth_gas_price_default,
        price_max=config.eth_max_gas_price_wei,
        tip_default=config.evm_gas_tip_cap_default,
        bump_percent=config.eth_gas_bump_percent,
        bump_min=config.eth_gas_bump_wei,
        bump_threshold=config.eth_gas_bump_threshold,
        bump_depth=config.eth_gas_bump_tx_depth,
        tip_min=config.evm_gas_tip_cap_minimum,
        price_min=config.eth_min_gas_price_wei,
        dynamic=config.evm_eip1559_dynamic_fees,
        gas_limit=config.eth_gas_limit_default,
    )


def adapter_settings(config: Config, own_keys: Collection[Address]) -> AdapterSettings:
    """What adapters may do; ``own_keys`` are the node's accounts."""
    return AdapterSettings(
        min_incoming_confirmations=config.min_incoming_confirmations,
        minimum_contract_payment=config.minimum_contract_payment,
        http_limit=config.default_http_limit,
        http_timeout=config.default_http_timeout,
        http_attempts=config.max_http_attempts,
        http_unrestricted=config.default_http_allow_unrestricted_network_access,
        numbers=config.numbers,
        keys=own_keys,
        bridge_response_url=config.bridge_response_url,
        wasm_timeout=config.wasm_timeout,
        wasm_memory_limit=config.wasm_memory_limit,
    )
