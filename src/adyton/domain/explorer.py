"""What an explorer is told of a run: the message of v0.6.2, a snapshot of the run and its tasks."""

from __future__ import annotations

from typing import Any

import msgspec

from adyton.domain import evm
from adyton.domain.chain import Hash
from adyton.domain.event_logs import ETH_LOG
from adyton.domain.requests import EXEC_AGREEMENT, RUN_LOG
from adyton.domain.runs import Run, TaskRun
from adyton.domain.times import rfc3339

FULFILLED: Hash = "0x7cc135e0cebb02c3480ae5d74d377283180a2601f8f644edf7987b009316c63a"
"""ChainlinkFulfilled(bytes32 indexed id), which the requester's contract logs when it takes an answer."""
SENDERS = frozenset({"ethtx", "ethtxabiencode"})
_SECOND = 1_000_000


def message(run: Run, initiator: str) -> str:
    """The message about a run as it is; ``initiator`` is the type of what started it.

    ``amount`` is in juels; it was called so until v0.6.10.
    """
    body = {
        "id": run.id,
        "jobId": run.job_id,
        "runId": run.id,
        "status": run.status.value,
        "error": run.error,
        "createdAt": rfc3339(run.created_at // _SECOND * _SECOND),
        "amount": None if run.payment is None else str(run.payment),
        "finishedAt": None if run.finished_at is None else rfc3339(run.finished_at),
        "initiator": _initiator(run, initiator),
        "tasks": [_task(task) for task in run.tasks],
    }
    return msgspec.json.encode(body).decode()


def acknowledged(answer: bytes) -> bool:
    """Whether the explorer's answer says that it has the message; everything else is a refusal."""
    try:
        return msgspec.json.decode(answer, type=_Answer).status == 201
    except (msgspec.DecodeError, UnicodeError):
        return False


class _Answer(msgspec.Struct):
    status: int


def _initiator(run: Run, kind: str) -> dict[str, Any]:
    """What is not known is left out."""
    request = run.request
    shown: dict[str, Any] = {"type": kind}
    if request is None or kind not in {RUN_LOG, EXEC_AGREEMENT, ETH_LOG}:
        return shown
    if kind != ETH_LOG and request.request_id is not None:
        shown["requestId"] = request.request_id
    shown["txHash"] = request.transaction_hash
    if kind != ETH_LOG and request.requester is not None:
        shown["requester"] = evm.checksum(request.requester)
    return shown


def _task(task: TaskRun) -> dict[str, Any]:
    return {
        "index": task.position,
        "type": task.spec.type,
        "status": task.status.value,
        "error": task.error,
        "result": _sent(task) if task.spec.type in SENDERS else None,
        "confirmations": task.confirmations,
        "minimumConfirmations": task.minimum_confirmations,
    }


def _sent(task: TaskRun) -> dict[str, Any] | None:
    """The transaction of a task, by its newest receipt; without one by the hash that was sent, and no word of its outcome."""
    data = task.data or {}
    receipts = data.get("ethereumReceipts")
    if isinstance(receipts, list) and receipts and isinstance(receipts[-1], dict):
        receipt = receipts[-1]
        return {
            "transactionHash": receipt.get("transactionHash"),
            "transactionStatus": "fulfilledRunLog" if _fulfils(receipt.get("logs")) else "noFulfilledRunLog",
        }
    sent = data.get("latestOutgoingTxHash")
    return {"transactionHash": sent, "transactionStatus": ""} if isinstance(sent, str) else None


def _fulfils(logs: object) -> bool:
    """Whether any of a receipt's logs says that an answer was taken."""
    return isinstance(logs, list) and any(
        isinstance(log, dict) and isinstance(topics := log.get("topics"), list) and topics[:1] == [FULFILLED] for log in logs
    )
