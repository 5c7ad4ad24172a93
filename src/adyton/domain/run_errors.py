"""Which page tells of a run's error. The error itself is a text, v0.6.2's where that version had one, and is stored as that;
its code is worked out when somebody looks, so that runs of every age have one.

What a source or a bridge said can imitate a text of ours, so a text counts only where the task that failed can have said it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from adyton.domain.data import NOT_AN_OBJECT
from adyton.domain.runs import Run, RunStatus, TaskRun

SOMETHING = "ADY-0399"
"""The page about an error of which no more is known."""
_BRIDGE = "ADY-0464"


class _Words(NamedTuple):
    """How a text begins (a pattern), and the code that it has then."""

    pattern: re.Pattern[str]
    code: str


def _table(*rows: tuple[str, str]) -> tuple[_Words, ...]:
    return tuple(_Words(re.compile(pattern, re.DOTALL), f"ADY-{number}") for pattern, number in rows)


_OF_THE_RUN = _table(
    (r"Rejecting job \w+ with payment ", "0318"),
    (r"Run Log didn't have have a valid requester: ", "0319"),
    (r"Error parsing CBOR: ", "0322"),
    (r"cancelled by the operator", "0316"),
    (r"its request left the chain: ", "0317"),
    (r"TxHash \S+ initiating run \w+ not on main chain", "0317"),
    (r"its request did not get the ", "0315"),
    (r"internal error", "0321"),
    (r"\S+ is not a supported adapter type", "0255"),
)
_OF_EVERY_TASK = _table(
    (r"\S+ is not a supported adapter type", "0255"),
    (r"\S+ left \d+ bytes of data, more than RUN_DATA_LIMIT allows ", "0320"),
    (r"\S+ failed: internal error$", "0321"),
    (r"\S+ failed and did not say why$", "0323"),
    (r"no answer from bridge \S+ (within|in time|until) ", "0314"),
    (r"\S+ had no connection to the chain (within|in time|until) ", "0315"),
    (r"nothing confirmed \S+ (within|in time|until) ", "0315"),
    (re.escape(NOT_AN_OBJECT), "0322"),
    (r"there is no secret ", "0289"),
    (r"secret ", "0289"),
)
_OF_HTTP = _table(
    (r"unsupported protocol scheme ", "0405"),
    (r"HTTP request too large, must be less than ", "0402"),
    (r"disallowed IP ", "0403"),
    (r"\S+ did not answer within ", "0401"),
    (r"\S+ (redirected|is, or redirected to,) ", "0404"),
    (r"\S+ cannot be asked: ", "0400"),
    (r"(get|post|url) .*; write it like ", "0274"),
    (r"(extPath must|unable to build query parameters)", "0275"),
    (r"(body|headers)[ .:].*must ", "0276"),
    (r"headers: .* is not the name of a header", "0276"),
)
_OF_BRIDGES = _table(
    (r"ExternalBridge post to external adapter: POST request: ", "0462"),
    (r"ExternalBridge post to external adapter: POST response: ", "0461"),
    (r"ExternalBridge unmarshaling JSON: ", "0463"),
)
_SENT = (
    (r"transaction 0x[0-9a-f]{64} reverted on-chain", "0414"),
    (r"cancelled by an operator: its nonce", "0416"),
    (r"fromAddress(es)?: .* is no key of this node", "0281"),
    (r"fromAddress(es)?[: ]", "0280"),
    (r"gas(Price|Limit)[: ]", "0279"),
    (r"minRequiredOutgoingConfirmations ", "0282"),
    (r"(abiEncoding|functionABI): ", "0283"),
    (r"(address|dataPrefix|format|functionSelector)[: ]", "0278"),
)
_VALUES = (
    (r"(unsupported (encoding|format)|error parsing|preformatted takes)\b", "0412"),
    (r"(Overflow saving|Uint256 cannot be negative|.* cannot be represented as uint256)", "0412"),
    (r"(insertEthTx failed|abiEncoding needs|the answer has several values)", "0413"),
    (r"while constructing EthTxABIEncode data: ", "0413"),
)
_OF_SENDERS = _table(*_SENT, *_VALUES)

# Of a task type of the node: what its texts begin with, and the code of the others.
_OF_TYPES: dict[str, tuple[tuple[_Words, ...], str]] = {
    "compare": (_table((r"(operator|value) must be ", "0273")), "ADY-0411"),
    "copy": (_table((r"copyPath must be ", "0271")), "ADY-0408"),
    "ethbool": ((), "ADY-0412"),
    "ethbytes32": ((), "ADY-0412"),
    "ethint256": ((), "ADY-0412"),
    "ethuint256": ((), "ADY-0412"),
    "ethtx": (_OF_SENDERS, "ADY-0415"),
    "ethtxabiencode": (_OF_SENDERS, "ADY-0415"),
    "httpget": (_OF_HTTP, "ADY-0312"),
    "httpgetwithunrestrictednetworkaccess": (_OF_HTTP, "ADY-0312"),
    "httppost": (_OF_HTTP, "ADY-0312"),
    "httppostwithunrestrictednetworkaccess": (_OF_HTTP, "ADY-0312"),
    "jsonparse": (
        _table((r"non string result$", "0406"), (r"No value could be found for the key ", "0408"), (r"path must be ", "0271")),
        "ADY-0407",
    ),
    "multiply": (_table((r"cannot parse into big\.Float: ", "0409")), "ADY-0272"),
    "noop": ((), SOMETHING),
    "nooppend": ((), SOMETHING),
    "nooppendoutgoing": ((), SOMETHING),
    "quotient": (
        _table((r"cannot parse into big\.Float: ", "0409"), (r"cannot divide by zero$", "0410")),
        "ADY-0272",
    ),
    "random": ((), "ADY-0286"),
    "resultcollect": ((), SOMETHING),
    "sleep": ((), "ADY-0290"),
    "wasm": (
        _table(
            (r"(the module ran longer than WASM_TIMEOUT|the module failed: out of fuel)", "0418"),
            (r"wasm needs the library wasmtime", "0285"),
            (r"wasm( must be|:) ", "0284"),
        ),
        "ADY-0417",
    ),
}
TYPES = frozenset(_OF_TYPES)
"""The node's own task types; the others are bridges and Python adapters."""


def code_of(run: Run) -> str | None:
    """The code of what ended the run; None when no error did."""
    if run.error is None:
        return None
    task = next((each for each in run.tasks if each.status is RunStatus.ERRORED), None)
    if task is not None:
        return _of_task(task, run.error)
    return _found(_OF_THE_RUN, run.error) or _of_waiting(run) or "ADY-0324"


def _of_waiting(run: Run) -> str | None:
    """A run that has waited too long without having begun its task, or whose input was no object."""
    return _found(_OF_EVERY_TASK, run.error or "") if run.error != run.input_error else "ADY-0322"


def _of_task(task: TaskRun, error: str) -> str:
    kind = task.spec.type
    return _found(_OF_EVERY_TASK, error) or (_of_type(kind, error) if kind in TYPES else _of_others(kind, error))


def _of_type(kind: str, error: str) -> str:
    words, otherwise = _OF_TYPES[kind]
    return _found(words, error) or otherwise


def _of_others(kind: str, error: str) -> str:
    """A bridge, or an installed adapter: that one's errors begin with its name."""
    if error.startswith(f"{kind} failed: "):
        return "ADY-0419"
    return _found(_OF_BRIDGES, error) or _BRIDGE


def _found(words: tuple[_Words, ...], error: str) -> str | None:
    return next((each.code for each in words if each.pattern.match(error)), None)
