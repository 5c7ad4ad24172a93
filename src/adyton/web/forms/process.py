"""Forms of what runs here, and of its settings."""

from __future__ import annotations

from adyton.services.configuration import SettingShown
from adyton.web.configuration import ConfigChange, ConfigWhitelist, LogConfig
from adyton.web.form import JSON, Answer, Body, Form, Value, many, one
from adyton.web.process import BuildInfo, ChainAttributes, Feature, NodeAttributes, Variables
from adyton.web.schemas.pieces import listed, nullable, several, text, thing

_LEVELS = ["debug", "info", "warn", "error", "dpanic", "panic", "fatal"]

CONFIG = Form(
    answers=(one("configWhitelists", ConfigWhitelist),),
    refusals={500: "The node has no key (a 500 in v0.6.2)."},
)
SETTINGS = Form(answers=(many("settings", SettingShown, paged=False),))
CHANGE = Form(
    answers=(one("configPatchResponses", ConfigChange),),
    body=Body(
        schema=thing(
            "What is to be changed.",
            {
                "ethGasPriceDefault": several(
                    "Wei for each gas, in digits or as a number; at most ETH_MAX_GAS_PRICE_WEI.",
                    {"type": "string", "pattern": "^0*[1-9][0-9]{0,77}$"},
                    {"type": "integer", "minimum": 1},
                )
            },
            required=("ethGasPriceDefault",),
        ),
        examples={"40 gwei": {"ethGasPriceDefault": "40000000000"}},
    ),
    refusals={422: "The price cannot be read, or contradicts other settings."},
)
LOG = Form(answers=(one("serviceLevelLogs", LogConfig),))
CHANGE_LOG = Form(
    answers=(one("serviceLevelLogs", LogConfig),),
    body=Body(
        schema=thing(
            "What is to be logged; one of the two at least.",
            {
                "level": nullable(text("The least important lines to write.", enum=[*_LEVELS, ""])),
                "sqlEnabled": nullable({"type": "boolean", "description": "Write SQL statements, without their values."}),
                "serviceLogLevel": nullable(listed("Not supported: the node has one level.", {}, maxItems=0)),
            },
            anyOf=[
                {"required": ["level"], "properties": {"level": {"enum": _LEVELS}}},
                {"required": ["sqlEnabled"], "properties": {"sqlEnabled": {"type": "boolean"}}},
            ],
        ),
        examples={"more": {"level": "debug", "sqlEnabled": True}},
    ),
    refusals={400: "The level is none, or nothing is to be changed."},
)
VARIABLES = Form(answers=(Answer((Value(Variables, JSON),)),))
BUILD_INFO = Form(answers=(Answer((Value(BuildInfo, JSON),)),))
FEATURES = Form(answers=(many("features", Feature, paged=False),))
CHAINS = Form(answers=(many("chain", ChainAttributes),))
NODES = Form(answers=(many("node", NodeAttributes),))
