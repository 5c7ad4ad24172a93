"""Vectors that do not hold here, each with its reason, and those that hold with ``NUMBERS=v0.6.2``."""

from __future__ import annotations


def _named(family: str, *numbers: int) -> list[str]:
    return [f"{family}-{number:03d}" for number in numbers]


AS_V0_6_2 = frozenset(
    [
        *_named("multiply", 20, 23, 25, 27, 29, 33, 35, 58),
        *_named("quotient", 1, 2, 6, 9, 10, 12, 13, 20, 22),
    ]
)
"""Products and quotients keep their digits; v0.6.2 and the versions that had ``quotient`` kept ten."""

_REASONS: dict[str, list[str]] = {
    # --- numbers
    "numbers keep every digit; v0.6.2 passed them through a 64-bit float": [
        *_named("jsonparse", 59, 63),
        *_named("ethint256", 15, 37),
        *_named("ethuint256", 19, 35),
        *_named("ethtx", 45),
        *_named("evm-transcode-bytes", 8),
        *_named("parse-numeric-string", 9, 21),
        *_named("json-merge", 17),
        *_named("json-value-to-string", 7),
        *_named("bridge", 60),
    ],
    "-2^255 fits into a word; v0.6.2 and later versions refused it": _named("ethint256", 48, 49),
    "hexadecimal integers are numbers for multiply, as in v0.6.2; not from v0.8.0 on": _named("multiply", 64),
    "a gas price is not negative": _named("big-from-text", 11),
    "a payment that is asked for is not negative": _named("link-amount", 6),
    # --- texts of errors
    "the error has v0.6.2's text; later versions have another": [
        *_named("ethint256", 42, 47),
        *_named("evm-transcode-bytes", 9),
        *_named("ethtx", 73),
        *_named("bridge", 6),
        *_named("httppostwithunrestrictednetworkaccess", 6),
    ],
    "an unsupported type is told when the job is made, and the text names the param": _named("ethtx", 88),
    "a value is shown as JSON; later versions showed it as Go prints it": [
        *_named("ethtx", 91),
        *_named("abi-encode-values", 22),
    ],
    "the message does not show the query, in which a key to the source may be": _named("http-request-url", 6, 7, 9, 34),
    "an error by status alone says so; later versions said nothing": _named("bridge", 44),
    # --- JSON
    "a path given as one text is compared as text; v0.6.2 compared its JSON spelling, escapes and all": _named(
        "jsonparse", 73, 74
    ),
    "of a key that stands twice the last counts, as in every other reader of JSON": _named("ethbytes32", 23),
    "jsonparse reads an object or a list too, as from v0.7.4": [*_named("jsonparse", 17), *_named("run-tasks", 15)],
    "merging takes what is no object for empty, as v0.6.2; later versions refused it": _named("json-merge", 12, 14),
    "nothing in the node does that": [
        *_named("json-delete", 1),
        *_named("json-merge-except-result", 2),
        *_named("cbor-encode", 1, 2, 4, 6),
    ],
    # --- what stays in the data, and whose word counts
    "the data keep all their keys, as in v0.6.2; from v0.7.0 on most tasks left only the result": [
        *_named("copy", 9),
        *_named("nooppendoutgoing", 2),
        *_named("bridge", 9, 24, 30, 37, 57, 61),
        *_named("run-tasks", 7, 21),
        *_named("httppostwithunrestrictednetworkaccess", 11),
    ],
    "a client's input goes over the job's params, as in v0.6.2; from v0.7.1 on it was the other way round": _named(
        "run-tasks", 9, 27
    ),
    "a result among the params goes over the data's, as in v0.6.2; not from v0.10.6 on": [
        *_named("bridge", 65),
        *_named("run-tasks", 12),
    ],
    # --- requests
    "the CBOR is cut by its length word, so that padding cannot spoil it (as v0.7.4)": _named("runlog-parse", 4, 9),
    "topics are made for ids that this node gave; none has other characters": _named("runlog-job-topics", 2),
    # --- transactions
    "a transaction is a row that is sent later: there is no sending, and no look-up, that could fail inside the task": _named(
        "ethtx", 7, 8, 12
    ),
    "a receipt without logs shows an empty list, as Ethereum nodes send it": _named("ethtx", 14),
    "the transaction of a task is found by the task, not by the hash in its data": _named("ethtx", 15),
    "the format preformatted is known, as from v0.8.0": [*_named("ethtx", 37), *_named("evm-transcode-with-format", 6)],
    "uint256, int256 and bool carry an offset and a length, as in v0.6.2; from v0.8.7 on a length only": _named(
        "ethtx", 76, 77
    ),
    "what sends a transaction asks for the minimum payment, as in v0.6.2": _named("adapter-lookup", 10),
    # --- HTTP
    "httppost takes a body, as from v0.6.6": _named("httppost", 18),
    "the path of a URL is cleaned always, as in v0.6.2; not from v0.10.8 on": _named(
        "httpgetwithunrestrictednetworkaccess", 14
    ),
    "a URL must not be empty, as in v0.6.2": _named("http-request-url", 47),
    "an address that is not listed as globally reachable is no source of data": _named(
        "is-restricted-ip", 25, 26, 27, 28, 34, 35
    ),
    # --- waiting
    "a sleep whose time is past, or that has none, completes at once, without a detour through pending_sleep": _named(
        "sleep", 1, 2, 3, 5
    ),
    "a task that waits for its bridge, or has failed, is not executed": _named("bridge", 11, 12),
    "data that are no object fail before the bridge sees them": _named("bridge", 67),
    "a wrong type in an answer is an error, as in v0.6.2; later versions did not look": _named("bridge", 52),
    "a late error of a bridge fails the run; v0.6.2 went on with the next task": _named("bridge-callback", 12),
    # --- other builds, and what is not there yet
    "wasm runs here; v0.6.2 had it in its enclave build only": _named("wasm", 1, 2),
    "needs a VRF key, which this version has not": [
        *_named("random", 1, 2, 3, 5, 6, 7, 9),
        *_named("vrf-key-hash", 1),
        *_named("vrf-final-seed", 1, 2),
        *_named("evm-word-uint128", 2, 4, 5),
    ],
}

DIFFERENT: dict[str, str] = {vector: reason for reason, vectors in _REASONS.items() for vector in vectors}
