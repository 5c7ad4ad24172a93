"""What log intake knows of a batch of logs, and what it makes of it: the words between deciding and writing."""

from __future__ import annotations

import msgspec

from adyton.domain.chain import Address, Hash, Log
from adyton.domain.requests import Closing, Request
from adyton.domain.runs import Data, Run
from adyton.storage.logs import LogDecision
from adyton.storage.request_runs import RequestRun

RequestKey = tuple[Address, Hash]
"""(contract, request id); for a log that starts runs without asking, the id that it is known by (``event_logs``)."""
DecisionKey = tuple[Hash, int, str]
"""(block hash, log index, who decided: the job's id, or ``Subscription.name``)"""


class Known(msgspec.Struct, kw_only=True):
    """What is in the database about a batch of logs; as long as it was not ``looked_up``, decide as if all of it were new.

    ``decided`` says which run came of each log decided about, None if none did. ``dead`` are requests that the chain does not
    wait for any more; ``archived`` the jobs, of those named, that are archived. ``every_job``: what was refused without a
    run is decided again, and jobs take requests from before their beginning. ``repeats`` tells equal logs apart.
    """

    runs: dict[RequestKey, RequestRun] = {}
    requests: dict[RequestKey, Request] = {}
    decided: dict[DecisionKey, str | None] = {}
    dead: frozenset[RequestKey] = frozenset()
    archived: frozenset[str] = frozenset()
    repeats: dict[tuple[Hash, int], int] = {}
    looked_up: bool = False
    every_job: bool = False
    now: int = 0

    def is_settled(self, key: DecisionKey) -> bool:
        """Whether a log has been decided about and that stands. What every job is asked again is not what has a run."""
        return key in self.decided and (not self.every_job or self.decided[key] is not None)


class Move(msgspec.Struct, frozen=True):
    """A run whose log is now in another block, or is back in its old one, and what it is given there."""

    run: RequestRun
    log: Log
    request_id: str
    data: Data
    payment: int | None


class Decided(msgspec.Struct, kw_only=True):
    """What a batch of logs comes to: rows to write, runs to start, runs whose log is now in another block.

    ``amended`` are decisions that take the place of an earlier one; ``superseded`` runs and those that take their place;
    ``placed`` known requests of which only the place is new. ``look_up``: it must not be written, because what is in the
    database was not looked up and matters.
    """

    decisions: list[LogDecision] = []
    amended: list[LogDecision] = []
    runs: list[Run] = []
    moves: list[Move] = []
    superseded: list[tuple[RequestRun, Run]] = []
    requests: list[Request] = []
    placed: list[Request] = []
    closings: list[tuple[RequestKey, Closing]] = []
    look_up: bool = False

    def note(self, decision: LogDecision, known: Known) -> None:
        """Add a decision, in place of an earlier one if there is one."""
        key = (decision.log.block_hash, decision.log.log_index, decision.kept_under)
        (self.amended if key in known.decided else self.decisions).append(decision)
        known.decided[key] = decision.run_id

    def follow(self, move: Move, known: Known) -> None:
        """Let a run follow its log, if it still can and there is anything to follow."""
        run, log = move.run, move.log
        follows = run.left_chain is not None or not run.status.finished
        if not follows or (run.block_hash == log.block_hash and run.left_chain is None):
            return
        self.moves.append(move)
        known.runs[(log.address, move.request_id)] = msgspec.structs.replace(
            run, height=log.block_number, block_hash=log.block_hash, left_chain=None
        )


def as_known(run: Run, log: Log) -> RequestRun:
    """A new run as the database will know it."""
    return RequestRun(
        id=run.id,
        job_id=run.job_id,
        status=run.status,
        height=log.block_number,
        block_hash=log.block_hash,
        payment=run.payment,
        left_chain=None,
        input=run.input,
        asked=False,
    )
