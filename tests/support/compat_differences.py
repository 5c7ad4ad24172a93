"""Vectors of v0.6.2 that do not hold here, each with its reason, and those that hold with ``NUMBERS=v0.6.2``."""

from __future__ import annotations

AS_V0_6_2 = frozenset(f"multiply-{number:03d}" for number in (20, 23, 25, 27, 29, 33, 35, 58))
"""Multiply keeps every digit; v0.6.2 kept ten."""

_EXACT = "numbers keep every digit; v0.6.2 passed them through a 64-bit float"
_PATH = "a path given as one text is compared as text; v0.6.2 compared its JSON spelling, escapes and all"
_LENGTH = "the CBOR is cut by its length word, so that padding cannot spoil it (as v0.7.4)"
_QUERY = "the message does not show the query, in which a key to the source may be"
_ROW = "a transaction is a row that is sent later: there is no sending, and no look-up, that could fail inside the task"

DIFFERENT: dict[str, str] = {
    "jsonparse-059": _EXACT,
    "jsonparse-063": _EXACT,
    "ethint256-015": _EXACT,
    "ethint256-037": _EXACT,
    "ethuint256-019": _EXACT,
    "ethuint256-035": _EXACT,
    "ethtx-045": _EXACT,
    "evm-transcode-bytes-008": _EXACT,
    "parse-numeric-string-009": _EXACT,
    "parse-numeric-string-021": _EXACT,
    "json-merge-017": _EXACT,
    "json-value-to-string-007": _EXACT,
    "jsonparse-073": _PATH,
    "jsonparse-074": _PATH,
    "ethbytes32-023": "of a key that stands twice the last counts, as in every other reader of JSON",
    "ethint256-048": "-2^255 fits into a word; v0.6.2 refused it",
    "ethtx-007": _ROW,
    "ethtx-008": _ROW,
    "ethtx-012": _ROW,
    "ethtx-014": "a receipt without logs shows an empty list, as Ethereum nodes send it",
    "ethtx-015": "the transaction of a task is found by the task, not by the hash in its data",
    "http-request-url-006": _QUERY,
    "http-request-url-007": _QUERY,
    "http-request-url-034": _QUERY,
    "runlog-parse-004": _LENGTH,
    "runlog-parse-009": _LENGTH,
    "runlog-job-topics-002": "topics are made for ids that this node gave; none has other characters",
}
