"""Schemas of the params of each task type. docs/adapters.md says what they do."""

from __future__ import annotations

from adyton.web.schemas.pieces import (
    ANY_TIME,
    Schema,
    address,
    listed,
    nullable,
    number,
    several,
    text,
    thing,
    whole,
)

_TEXTS = listed("Texts.", {"type": "string"})
_PATH = several(
    "Keys on the way to the value: a list of texts, or one text that is cut at every dot. A key of a list is a whole number.",
    {"type": "array", "items": {"type": "string"}},
    {"type": "string"},
    {"type": "null"},
    examples=[["data", "0", "price"]],
)
_FORMATS = ("", "bytes", "uint256", "int256", "bool", "preformatted")
_ENCODED = ("uint256", "int256", "bool", "bytes32", "bytes4", "bytes", "address")


def _url(about: str) -> Schema:
    return text(about, minLength=1, examples=["https://prices.example/eth"])


def _http(own: str, about: str) -> Schema:
    body = {"body": nullable(text("What is sent instead of the run's data. Only the job's counts."))} if own == "post" else {}
    headers = {
        "type": "object",
        "propertyNames": {"pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"},
        "additionalProperties": _TEXTS,
    }
    return thing(
        about,
        {
            own: _url("The URL: absolute, or an absolute path."),
            "url": _url(f"The URL, where there is no `{own}`."),
            "extPath": several(
                "Put behind the URL's path: a text cut at `/`, or a list of texts.",
                {"type": "string"},
                _TEXTS,
                {"type": "null"},
            ),
            "queryParams": several(
                "Put into the URL's query: keys and values in turn, or a text cut at `=` and `&`.",
                {"type": "string"},
                _TEXTS,
                {"type": "null"},
            ),
            "headers": nullable({**headers, "description": "Headers: each name with a list of texts."}),
            **body,
        },
    )


_ONE_SENDER = nullable(address("The node's key that sends it."))
_SENDERS = several(
    "The node's keys that may send it, in turn; none: any.", listed("Keys.", address("A key.")), {"type": "null"}
)
_PAID = {
    "address": address("The contract that is called."),
    "gasPrice": several(
        "Wei for each gas: a whole number, or a text, `0x` allowed. The node's own price without it.",
        {"type": "integer", "minimum": 0},
        {"type": "string"},
        {"type": "null"},
    ),
    "gasLimit": nullable(whole("The most gas it may use; 0 for ETH_GAS_LIMIT_DEFAULT.", 0, 2**63 - 1)),
    "fromAddresses": _SENDERS,
    "fromAddress": _ONE_SENDER,
}
_ETH_TX = thing(
    "Sends the result to a contract.",
    {
        **_PAID,
        "functionSelector": nullable(
            text(
                "`0x` and 8 hex digits, or a signature, of which the hash counts.", examples=["setPrice(uint256)", "0xc2b12a73"]
            )
        ),
        "dataPrefix": text("Bytes between selector and value.", pattern="^0x([0-9a-fA-F]{2})*$"),
        "format": nullable(text("How the value is encoded; one word without it.", examples=list(_FORMATS[1:]))),
        "abiEncoding": nullable(listed("Types of the values that resultcollect collected.", {"enum": list(_ENCODED)})),
        "minRequiredOutgoingConfirmations": nullable(
            whole("How deep its block must be; 0 for MIN_OUTGOING_CONFIRMATIONS.", 0, 100_000)
        ),
    },
)
_INPUTS = listed(
    "The function's arguments.",
    thing("An argument.", {"name": text("Its name."), "type": text("Its type.")}, required=("name", "type")),
)
_FUNCTION = thing("The function that is called.", {"name": text("Its name."), "inputs": _INPUTS}, required=("name",))
_ENCODE = thing(
    "Calls a function of a contract with the members of the result as its arguments. It takes no other params.",
    {**_PAID, "functionABI": _FUNCTION},
    required=("functionABI",),
    additionalProperties=False,
)
_NONE = thing("It has no params.", {})

PARAMS: dict[str, Schema] = {
    "compare": thing(
        "Whether the result stands to a value as the operator says.",
        {
            "operator": nullable(
                {"type": "string", "enum": ["eq", "neq", "gt", "gte", "lt", "lte", ""], "description": "How they are compared."}
            ),
            "value": nullable(text("What the result is compared with.", examples=["1000"])),
        },
    ),
    "copy": thing("The value at a path of the run's data becomes the result.", {"copyPath": _PATH}),
    "ethbool": _NONE,
    "ethbytes32": _NONE,
    "ethint256": _NONE,
    "ethuint256": _NONE,
    "ethtx": _ETH_TX,
    "ethtxabiencode": _ENCODE,
    "httpget": _http("get", "Asks a URL; the body becomes the result."),
    "httpgetwithunrestrictednetworkaccess": _http("get", "As httpget, and reaches every address. The job must name the URL."),
    "httppost": _http("post", "Sends the run's data to a URL; the body of the answer becomes the result."),
    "httppostwithunrestrictednetworkaccess": _http(
        "post", "As httppost, and reaches every address. The job must name the URL."
    ),
    "jsonparse": thing("The value at a path of the JSON in the result becomes the result.", {"path": _PATH}),
    "multiply": thing("The result times a number.", {"times": number("The factor, 1 without it.")}),
    "noop": _NONE,
    "nooppend": _NONE,
    "nooppendoutgoing": _NONE,
    "quotient": thing("A number divided by the result.", {"dividend": number("What is divided.")}),
    "resultcollect": _NONE,
    "sleep": thing("Waits until a time.", {"until": ANY_TIME}),
    "wasm": thing(
        "The result goes through the function `perform` of a WebAssembly module.",
        {"wasm": text("The module: base64, hex behind `0x`, or its text form.", minLength=1)},
        required=("wasm",),
    ),
}
"""What each task type takes. ``random`` is not here: this version refuses it."""

UNUSABLE = ("random",)
"""Names of task types that no job can have, and no bridge either."""
