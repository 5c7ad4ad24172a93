"""The settings, and what is logged: show them, and change what may change while the node runs."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType
from starlette.requests import Request
from starlette.responses import Response

from adyton.domain import evm
from adyton.domain.errors import Invalid
from adyton.services import configuration
from adyton.services.configuration import Change
from adyton.services.parts import Parts
from adyton.web import jsonapi
from adyton.web.endpoint import Node, body_of
from adyton.web.failures import NotConfigured, Unprocessable
from adyton.web.jsonapi import Resource

_NANOSECONDS = 10**9


class ConfigWhitelist(msgspec.Struct, frozen=True, kw_only=True):
    """The settings in the form of v0.6.2. Durations are nanoseconds."""

    accountAddress: str  # noqa: N815 - the API's own name
    allowOrigins: str  # noqa: N815 - the API's own name
    bridgeResponseURL: str | UnsetType = UNSET  # noqa: N815 - the API's own name
    ethChainId: int  # noqa: N815 - the API's own name
    clientNodeUrl: str  # noqa: N815 - the API's own name
    chainlinkDev: bool  # noqa: N815 - the API's own name
    databaseTimeout: int  # noqa: N815 - the API's own name
    ethUrl: str  # noqa: N815 - the API's own name
    ethGasBumpThreshold: int  # noqa: N815 - the API's own name
    ethGasBumpWei: int  # noqa: N815 - the API's own name
    ethGasPriceDefault: int  # noqa: N815 - the API's own name
    jsonConsole: bool  # noqa: N815 - the API's own name
    linkContractAddress: str  # noqa: N815 - the API's own name
    explorerUrl: str  # noqa: N815 - the API's own name
    logLevel: str  # noqa: N815 - the API's own name
    logToDisk: bool  # noqa: N815 - the API's own name
    minimumContractPayment: str  # noqa: N815 - the API's own name
    minimumRequestExpiration: int  # noqa: N815 - the API's own name
    minIncomingConfirmations: int  # noqa: N815 - the API's own name
    minOutgoingConfirmations: int  # noqa: N815 - the API's own name
    oracleContractAddress: str | None  # noqa: N815 - the API's own name
    chainlinkPort: int  # noqa: N815 - the API's own name
    reaperExpiration: int  # noqa: N815 - the API's own name
    root: str
    sessionTimeout: int  # noqa: N815 - the API's own name
    chainlinkTLSHost: str  # noqa: N815 - the API's own name
    chainlinkTLSPort: int  # noqa: N815 - the API's own name


class ConfigChange(msgspec.Struct, frozen=True):
    """What was changed, in the form of v0.6.6."""

    ethGasPriceDefault: Change  # noqa: N815 - the API's own name


class LogConfig(msgspec.Struct, frozen=True, rename="camel"):
    """What is logged, in the form of v0.10.5: two lists side by side."""

    service_name: tuple[str, ...]
    log_level: tuple[str, ...]
    default_log_level: str


async def show(node: Node, _request: Request) -> Response:
    """Show the settings as v0.6.2 did. The parts of URLs that can be a key are masked."""
    return jsonapi.shown(Resource("configWhitelists", node.parts.entropy.new_id(), _whitelist(node.parts)))


async def settings(node: Node, _request: Request) -> Response:
    """List every setting: its value, where that came from, and what it is about. Secrets are masked."""
    return jsonapi.shown([Resource("settings", each.name, each) for each in configuration.shown(node.parts)])


async def change(node: Node, request: Request) -> Response:
    """Give `ethGasPriceDefault` another value, in wei: at once, and for the next start (as v0.6.6)."""
    try:
        changed = await configuration.change(node.parts, await body_of(request))
    except Invalid as wrong:
        raise Unprocessable(*wrong.faults, code=wrong.error_code) from None
    return jsonapi.shown(Resource("configPatchResponses", "configuration", ConfigChange(changed)))


async def show_log(node: Node, _request: Request) -> Response:
    """Show what is logged."""
    return jsonapi.shown(_log(node.parts))


async def change_log(node: Node, request: Request) -> Response:
    """Log more or less from now on, until the next start: `level`, `sqlEnabled`."""
    configuration.change_log(node.parts, await body_of(request))
    return jsonapi.shown(_log(node.parts))


def _log(parts: Parts) -> Resource:
    sql = "true" if parts.sql_log.speaks else "false"
    attributes = LogConfig(("Global", "IsSqlEnabled"), (parts.levels.now, sql), parts.config.log_level)
    return Resource("serviceLevelLogs", "log", attributes)


def _whitelist(parts: Parts) -> ConfigWhitelist:
    config, keys, link = parts.config, parts.keys.addresses(), parts.link_contract()
    if not keys:
        raise NotConfigured("failed to build config whitelist: No Ethereum Accounts configured", code="ADY-0513")
    return ConfigWhitelist(
        accountAddress=evm.checksum(keys[0]),
        allowOrigins=config.shown("allow_origins"),
        bridgeResponseURL=config.shown("bridge_response_url") or UNSET,
        ethChainId=parts.chain_id() or config.eth_chain_id or 0,
        clientNodeUrl=config.shown("client_node_url"),
        chainlinkDev=config.chainlink_dev,
        databaseTimeout=_nanoseconds(config.database_timeout),
        ethUrl=config.shown("eth_url"),
        ethGasBumpThreshold=config.eth_gas_bump_threshold,
        ethGasBumpWei=config.eth_gas_bump_wei,
        ethGasPriceDefault=parts.outgoing.price_default,
        jsonConsole=config.json_console,
        linkContractAddress="" if link is None else evm.checksum(link),
        explorerUrl=config.shown("explorer_url"),
        logLevel=parts.levels.now,
        logToDisk=config.log_to_disk,
        minimumContractPayment=str(config.minimum_contract_payment),
        minimumRequestExpiration=config.minimum_request_expiration,
        minIncomingConfirmations=config.min_incoming_confirmations,
        minOutgoingConfirmations=config.min_outgoing_confirmations,
        oracleContractAddress=config.oracle_contract_address,
        chainlinkPort=config.chainlink_port,
        reaperExpiration=_nanoseconds(config.reaper_expiration),
        root=str(config.root),
        sessionTimeout=_nanoseconds(config.session_timeout),
        chainlinkTLSHost=config.chainlink_tls_host,
        chainlinkTLSPort=config.chainlink_tls_port,
    )


def _nanoseconds(seconds: float) -> int:
    return round(seconds * _NANOSECONDS)
