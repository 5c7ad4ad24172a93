"""Log intake on a chain that the test writes, with a real database in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adyton.domain.chain import Address, Hash, Head, Log, LogFilter
from adyton.domain.jobs import Initiator, Job, TaskSpec
from adyton.domain.requests import RunLog
from adyton.ethereum.head_tracker import ChainState
from adyton.initiators.findings import RequestKey
from adyton.initiators.logs import LogIntake
from support.builders import JOB_ID, NOW, ORACLE, Bench, head, job, number_hash


class Blocks:
    """A chain of blocks with logs, as log intake asks for it; ``refuses`` are errors for the next range queries, ``lacks``
    blocks that the node does not have."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.logs_of: dict[int, list[Log]] = {}
        self.ranges: list[tuple[int, int]] = []
        self.refuses: list[Exception] = []
        self.lacks: set[int] = set()

    def emit(self, *logs: Log) -> None:
        """Put logs into their blocks."""
        for log in logs:
            self.logs_of.setdefault(log.block_number, []).append(log)

    async def head(self, tag: str | int = "latest") -> Head | None:
        """A header."""
        return head(int(tag))

    async def logs(self, wanted: Sequence[LogFilter], first: int, last: int) -> tuple[list[Log], Head | None]:
        """Logs of a range, and its last block."""
        self.ranges.append((first, last))
        if self.refuses:
            raise self.refuses.pop(0)
        block_hash = await self.bench.chain.canonical_hash(last)
        block = None if last in self.lacks or block_hash is None else Head(last, block_hash, number_hash(last - 1), 1)
        return [log for number in range(first, last + 1) for log in self._of(number, wanted)], block

    async def logs_in_block(self, wanted: Sequence[LogFilter], block: Hash) -> list[Log]:
        """Logs of one block."""
        number = int(block[34:], 16)
        self.ranges.append((number, number))
        return self._of(number, wanted)

    def _of(self, number: int, wanted: Sequence[LogFilter]) -> list[Log]:
        return [log for each in wanted for log in self.logs_of.get(number, ()) if finds(each, log)]


def finds(wanted: LogFilter, log: Log) -> bool:
    """Whether an Ethereum node would send a log, asked with this filter."""
    if wanted.addresses and log.address not in wanted.addresses:
        return False
    if len(log.topics) < len(wanted.topics):
        return False
    return all(not any_of or topic in any_of for any_of, topic in zip(wanted.topics, log.topics, strict=False))


class Doubts:
    """Says which requests the chain does not wait for any more, and remembers what it was asked."""

    def __init__(self) -> None:
        self.dead: set[RequestKey] = set()
        self.asked: list[RequestKey] = []

    async def closed(self, requests: Mapping[RequestKey, RunLog]) -> set[RequestKey]:
        """Those that are dead."""
        self.asked += requests
        return self.dead & set(requests)


class Rig:
    """Log intake and what it works with."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.blocks = Blocks(bench)
        self.doubts = Doubts()
        self.own: tuple[Address, ...] = ()
        self.look_back = 0.0
        self.intake = self.fresh()

    def fresh(self) -> LogIntake:
        """Log intake as after a restart."""
        return LogIntake(
            db=self.bench.db,
            clock=self.bench.clock,
            chain=self.blocks,
            heads=self.bench.chain,
            jobs=self.bench.jobs,
            maker=self.bench.maker,
            engine=self.bench.engine,
            open_requests=self.doubts,
            metrics=self.bench.metrics,
            finality_depth=20,
            margin=5,
            longest_range=8,
            look_back=self.look_back,
            own=self.own,
        )

    async def at(self, number: int, *, connection: int = 1) -> None:
        """Let a head arrive and be worked off."""
        self.bench.chain.state = ChainState(connected=True, connection=connection, head=head(number), problem=None)
        await self.intake.follow()

    async def branch(self, number: int, kind: int, *logs: Log, first: int) -> None:
        """Let a head of another branch arrive, which begins at ``first`` and has these logs, and be worked off."""
        self.blocks.logs_of = {height: found for height, found in self.blocks.logs_of.items() if height < first}
        self.blocks.emit(*logs)
        self.bench.chain.hashes = {height: number_hash(height, kind) for height in range(first, number + 1)}
        tip = Head(number, number_hash(number, kind), number_hash(number - 1, kind), 1)
        self.bench.chain.state = ChainState(connected=True, connection=1, head=tip, problem=None)
        await self.intake.follow()

    async def work_off(self) -> int:
        """Let what is to be read again be read; returns how many chunks that took."""
        chunks = 0
        while await self.intake.rereads.step():
            chunks += 1
        return chunks

    async def runs(self) -> list[tuple[str, str | None, int | None]]:
        """(status, request id, creation height) of every run, oldest first."""
        rows = await self.bench.db.read("SELECT status, request_id, creation_height FROM runs ORDER BY id")
        return [(str(row[0]), None if row[1] is None else str(row[1]), int(row[2] or 0)) for row in rows]

    async def decisions(self) -> list[tuple[str, str | None]]:
        """(decision, reason), oldest first."""
        rows = await self.bench.db.read(
            "SELECT decision, reason FROM log_decisions ORDER BY block_number, log_index, block_hash"
        )
        return [(str(row[0]), None if row[1] is None else str(row[1])) for row in rows]


async def listening(rig: Rig, spec: Job | None = None) -> Job:
    """Give the node a job, and let it read the chain up to block 90."""
    stored_job = await rig.bench.add(spec or job("noop"))
    await rig.at(90)
    return stored_job


def request(number: int) -> str:
    """The id of ``run_log(request=number)``."""
    return f"0x{number:064x}"


TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
"""Topic 0 of a token's transfer."""


def event_job(*initiators: Initiator, job_id: str = JOB_ID, archived_at: int | None = None) -> Job:
    """A job with these initiators (none: an ethlog one without any filter)."""
    return Job(
        id=job_id,
        initiators=initiators or (Initiator(type="ethlog"),),
        tasks=(TaskSpec(type="noop"),),
        created_at=NOW,
        archived_at=archived_at,
    )


def event(
    *topics: Hash, block: int = 92, kind: int = 0, index: int = 0, transaction: int = 1, data: str = "0x", address: str = ORACLE
) -> Log:
    """A log that asks for nothing."""
    return Log(
        address=address,
        topics=topics or (TRANSFER,),
        data=data,
        block_number=block,
        block_hash=number_hash(block, kind),
        transaction_hash=number_hash(transaction, 77),
        transaction_index=3,
        log_index=index,
    )
