"""Values with defaults, so that a test shows only what matters to it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from typing import Any

from adyton.adapters.base import AdapterSettings
from adyton.adapters.registry import Registry
from adyton.domain import evm
from adyton.domain.chain import ZERO_ADDRESS, Hash, Head, Log
from adyton.domain.jobs import Initiator, Job, TaskSpec
from adyton.domain.requests import RUN_LOG_TOPICS, job_topics
from adyton.domain.transactions import TransactionRequest
from adyton.engine.create import RunMaker, RunRules
from adyton.engine.deadlines import Deadlines
from adyton.engine.engine import Engine
from adyton.engine.execute import Executor
from adyton.engine.jobs import JobRegistry
from adyton.ethereum.head_tracker import ChainState
from adyton.metrics import Metrics
from adyton.ports import NO_SECRETS, NO_WORKERS, HttpRequest, HttpResponse, Secrets, Workers
from adyton.storage import jobs as stored_jobs
from adyton.storage import keys
from adyton.storage.bridges import Bridges
from adyton.storage.database import Database, Statement
from adyton.storage.logs import Cursor
from adyton.storage.transactions import insert

ORACLE = "0xf25186b5081ff5ce73482ad761db0eb0d25abfbf"
REQUESTER = "0x9fbda871d559710256a2502a2517b794b482db40"
SENDER = "0x9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f"
JOB_ID = "4c7b7ffb66b344fbaa64995af81e355a"
NOW = 1_700_000_000_000_000
LINK = 10**18


def number_hash(number: int, kind: int = 0) -> Hash:
    """A hash that is different for each number and kind."""
    return f"0x{kind:032x}{number:032x}"


def head(number: int, kind: int = 0) -> Head:
    """A head on the branch ``kind``."""
    return Head(number, number_hash(number, kind), number_hash(number - 1, kind), 1_700_000_000 + number)


def job(*tasks: TaskSpec | str, job_id: str = JOB_ID, **initiator: Any) -> Job:
    """A job that a request on chain or a client may start."""
    specs = tuple(TaskSpec(type=task) if isinstance(task, str) else task for task in tasks or ("noop",))
    initiators = (Initiator(type="web"), Initiator(type="runlog", **initiator))
    return Job(id=job_id, initiators=initiators, tasks=specs, created_at=NOW)


def run_log(
    *,
    job_id: str = JOB_ID,
    request: int = 1,
    block: int = 100,
    kind: int = 0,
    index: int = 0,
    payment: int = LINK,
    cbor: bytes = b"",
    requester: str = REQUESTER,
    address: str = ORACLE,
) -> Log:
    """An OracleRequest log in the layout of the current contracts."""
    words = [
        bytes.fromhex(requester[2:]).rjust(32, b"\0"),
        request.to_bytes(32, "big"),
        payment.to_bytes(32, "big"),
        bytes.fromhex(requester[2:]).rjust(32, b"\0"),
        bytes.fromhex("042f2b65").ljust(32, b"\0"),
        (1_561_000_300).to_bytes(32, "big"),
        (1).to_bytes(32, "big"),
        (256).to_bytes(32, "big"),
        len(cbor).to_bytes(32, "big"),
    ]
    return Log(
        address=address,
        topics=(RUN_LOG_TOPICS[0], job_topics(job_id)[0]),
        data="0x" + (b"".join(words) + cbor + bytes(evm.padding(len(cbor)))).hex(),
        block_number=block,
        block_hash=number_hash(block, kind),
        transaction_hash=number_hash(request, 77),
        transaction_index=0,
        log_index=index,
    )


class TestClock:
    """A clock that stands still until it is told; sleeping moves it."""

    __test__ = False

    def __init__(self) -> None:
        self.micros = NOW

    def now(self) -> int:
        """Microseconds since the epoch."""
        return self.micros

    def monotonic(self) -> float:
        """Seconds."""
        return self.micros / 1_000_000

    async def sleep(self, seconds: float) -> None:
        """Move the clock, and let the others have their turn."""
        self.micros += int(seconds * 1_000_000)
        await asyncio.sleep(0)


class TestChain:
    """The chain as the engine sees it: a state that the test sets, and hashes by height."""

    __test__ = False

    def __init__(self, number: int | None = None) -> None:
        self.hashes: dict[int, Hash | None] = {}
        self.taken_in: Cursor | None = None
        self.state = ChainState(connected=False, connection=0, head=None, problem=None)
        if number is not None:
            self.at(number)

    def at(self, number: int, *, connected: bool = True) -> None:
        """Let the newest head have that number."""
        self.state = ChainState(connected=connected, connection=1, head=head(number), problem=None)

    async def canonical_hash(self, number: int) -> Hash | None:
        """The hash on branch 0, unless the test said otherwise."""
        return self.hashes.get(number, number_hash(number))

    async def updates(self) -> AsyncIterator[ChainState]:
        """The state, once."""
        yield self.state


class TestOutbox:
    """Stores transactions as the manager does, and counts the wake-ups."""

    __test__ = False

    def __init__(self) -> None:
        self.woken = 0

    def insert(self, request: TransactionRequest, *, run_id: str, task_position: int, now: int) -> Statement:
        """The statement that stores a wanted transaction."""
        return insert(request, sender=SENDER, run_id=run_id, task_position=task_position, now=now, min_confirmations=2)

    def wake(self) -> None:
        """Count."""
        self.woken += 1

    async def settled(self) -> AsyncIterator[list[str]]:
        """Nothing is settled."""
        yield []


class TestHttp:
    """A source that answers what the test says, and remembers what it was asked."""

    __test__ = False

    def __init__(self, body: str = "", status: int = 200) -> None:
        self.body = body
        self.status = status
        self.asked: list[HttpRequest] = []

    async def request(self, request: HttpRequest) -> HttpResponse:
        """The answer."""
        self.asked.append(request)
        return HttpResponse(self.status, {}, self.body.encode())


class Bench:
    """An engine with a database, a chain and a source that the test holds in its hands."""

    def __init__(
        self,
        db: Database,
        *,
        height: int | None = None,
        http: TestHttp | None = None,
        deadlines: Deadlines | None = None,
        data_limit: int = 2**20,
        secrets: Secrets = NO_SECRETS,
        workers: Workers = NO_WORKERS,
    ) -> None:
        limits = deadlines or Deadlines()
        ids = itertools.count(1)
        self.db = db
        self.clock = TestClock()
        self.metrics = Metrics()
        self.chain = TestChain(height)
        self.http = http or TestHttp()
        self.outbox = TestOutbox()
        self.jobs = JobRegistry(db)
        self.bridges = Bridges()
        self.registry = Registry(
            http=self.http,
            clock=self.clock,
            settings=AdapterSettings(),
            bridges=self.bridges,
            secrets=secrets,
            workers=workers,
        )
        self.maker = RunMaker(
            types=self.registry,
            rules=RunRules(minimum_contract_payment=LINK, deadlines=limits),
            new_id=lambda: f"{next(ids):032x}",
            now=self.clock.now,
        )
        self.executor = Executor(
            db=db,
            clock=self.clock,
            adapters=self.registry,
            chain=self.chain,
            outbox=self.outbox,
            finality_depth=50,
            taken_in=lambda: self.chain.taken_in,
            metrics=self.metrics,
            deadlines=limits,
            data_limit=data_limit,
        )
        self.engine = Engine(
            db=db,
            clock=self.clock,
            jobs=self.jobs,
            maker=self.maker,
            executor=self.executor,
            heads=self.chain,
            settlements=self.outbox,
            metrics=self.metrics,
        )

    async def add(self, spec: Job) -> Job:
        """Store a job and let it be known."""
        stored = await stored_jobs.create(self.db, spec)
        self.jobs.add(stored)
        await keys.ensure(self.db, (SENDER,), NOW)
        return stored


__all__ = ["ZERO_ADDRESS", "Bench", "TestChain", "TestClock", "TestHttp", "TestOutbox", "head", "job", "number_hash", "run_log"]
