"""The API on a real engine, a real database in memory, and a chain that the test holds in its hands."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import httpx

from adyton.config import Config
from adyton.domain.chain import Address, Hash, Hex, Receipt
from adyton.domain.credentials import User
from adyton.domain.errors import Conflict
from adyton.domain.gas import GasRules
from adyton.domain.jobs import Job
from adyton.domain.requests import RunLog
from adyton.domain.runs import Run
from adyton.ethereum.views import EndpointView
from adyton.keystore import Keystore, address_of
from adyton.ports import NO_SECRETS, NO_WORKERS, Secrets, Workers
from adyton.services.audit import AuditLog
from adyton.services.balances import Holding
from adyton.services.known_tokens import Tokens
from adyton.services.parts import Parts
from adyton.services.sessions import Sessions
from adyton.services.throttle import Throttle
from adyton.storage import runs as stored_runs
from adyton.storage import users as stored_users
from adyton.storage.connect import open_memory
from adyton.storage.database import Database, Row, Statement
from adyton.storage.lists import Lists
from adyton.system.entropy import SystemEntropy
from adyton.transactions.manager import TransactionManager
from adyton.web.app import create_app
from adyton.web.auth import COOKIE
from adyton.web.routes import ROUTES
from adyton.web.settings import WebSettings
from support.builders import NOW, SENDER, Bench
from support.conformity import conforms
from support.outgoing import CHAIN_ID, FIRST, OutsideChain
from support.planted import secret

EMAIL = "operator@example.com"
PASSWORD = secret("password of the API in a test")
LINK_TOKEN = "0x514910771af9ca656af840dff83e8264ecf986ca"
PATIENT = WebSettings(request_limit=1_000_000, login_limit=1_000_000, secure_cookies=False)
"""Settings of a server that counts no requests."""


class PassingDatabase:
    """Passes everything on to a real database; a test overrides what it wants to see or spoil."""

    def __init__(self, db: Database) -> None:
        self.real = db

    @property
    def dialect(self) -> str:
        return self.real.dialect

    @property
    def commits(self) -> int:
        return self.real.commits

    async def write(self, *statements: Statement) -> list[list[Row]]:
        return await self.real.write(*statements)

    async def read(self, sql: str, params: Row = ()) -> list[Row]:
        return await self.real.read(sql, params)

    async def lock_lost(self) -> str:
        return await self.real.lock_lost()

    async def close(self) -> None:
        await self.real.close()


class Ledger:
    """What the accounts hold: wei in ``eth``, juels in ``link``; or the error that the chain answers."""

    def __init__(self) -> None:
        self.eth = 256
        self.link: Hex = f"0x{512:064x}"
        self.eth_error: Exception | None = None
        self.link_error: Exception | None = None
        self.called: list[tuple[Address, Hex]] = []
        self.answers: dict[tuple[Hex, Address | None], Hex | Exception] = {}
        self.counts = {"latest": 0, "pending": 0}

    async def balance(self, address: Address) -> int:
        """Wei."""
        if self.eth_error is not None:
            raise self.eth_error
        return self.eth

    async def call(self, to: Address, data: Hex, *, sender: Address | None = None) -> Hex:
        """What ``answers`` says to a function's selector, else juels, as a word."""
        self.called.append((to, data))
        if self.link_error is not None:
            raise self.link_error
        answer = self.answers.get((data[:10], sender), self.answers.get((data[:10], None), self.link))
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def transaction_count(self, address: Address, tag: str) -> int:
        """The count of that tag."""
        if self.eth_error is not None:
            raise self.eth_error
        return self.counts[tag]


class Keyring(Keystore):
    """The node's accounts, which have no files."""

    def __init__(self, *addresses: Address) -> None:
        super().__init__(())
        self.held = addresses

    def addresses(self) -> tuple[Address, ...]:
        """All of them."""
        return self.held

    def sign_message(self, address: Address, message: bytes) -> bytes:
        """The signature of the transactions' first key, whatever the address."""
        assert address in self.held
        return Keystore([FIRST]).sign_message(address_of(FIRST), message)


class Intake:
    """Log intake as far as the services see it; ``woken`` counts the re-reads that it was told of."""

    def __init__(self, height: int | None) -> None:
        self.height = height
        self.woken = 0

    @property
    def reached(self) -> int | None:
        """As the height: nothing is read again."""
        return self.height

    def wake(self) -> None:
        """Count."""
        self.woken += 1


class Transactions:
    """The chain's transactions: receipts by hash, and what is not mined yet; or the error that the chain answers."""

    def __init__(self) -> None:
        self.receipts: dict[Hash, Receipt] = {}
        self.pending: set[Hash] = set()
        self.error: Exception | None = None

    async def receipt(self, transaction: Hash) -> Receipt | None:
        """The receipt that the test has put here."""
        if self.error is not None:
            raise self.error
        return self.receipts.get(transaction)

    async def known(self, transaction: Hash) -> bool:
        """Whether the test has put it anywhere."""
        if self.error is not None:
            raise self.error
        return transaction in self.receipts or transaction in self.pending


class Ended:
    """Which requests contracts do not hold any more: those that the test says."""

    def __init__(self) -> None:
        self.ended: set[tuple[Address, Hash]] = set()

    async def closed(self, requests: Mapping[tuple[Address, Hash], RunLog]) -> set[tuple[Address, Hash]]:
        """Those of them that have ended."""
        return self.ended & set(requests)


class Api:
    """A client, logged in unless the test wants otherwise, and everything behind the API."""

    def __init__(
        self,
        *,
        settings: WebSettings = PATIENT,
        db: Database | None = None,
        height: int | None = 100,
        environment: Mapping[str, str] | None = None,
        secrets: Secrets = NO_SECRETS,
        workers: Workers = NO_WORKERS,
        signer: Keystore | None = None,
    ) -> None:
        self.db = db or open_memory()
        self.bench = Bench(self.db, height=height, secrets=secrets, workers=workers)
        self.ledger = Ledger()
        self.keys = Keyring(SENDER)
        self.endpoints: tuple[EndpointView, ...] = ()
        self.holdings: tuple[Holding, ...] = ()
        self.intake = Intake(height)
        self.lookup = Transactions()
        self.open_requests = Ended()
        self.outside = OutsideChain()
        self.manager = self._manager(signer or Keystore([FIRST]))
        entropy = SystemEntropy()
        self.parts = Parts(
            config=Config.load({"ROOT": "/nonexistent/adyton", **(environment or {})}),
            metrics=self.bench.metrics,
            clock=self.bench.clock,
            entropy=entropy,
            db=self.db,
            lists=Lists(self.db),
            jobs=self.bench.jobs,
            bridges=self.bench.bridges,
            engine=self.bench.engine,
            task_types=self.bench.registry,
            balances=self.ledger,
            outgoing=self.manager,
            chain=self.bench.chain,
            lookup=self.lookup,
            maker=self.bench.maker,
            open_requests=self.open_requests,
            keys=self.keys,
            intake=self.intake,
            sessions=Sessions(db=self.db, clock=self.bench.clock, entropy=entropy, timeout=900.0),
            tokens=Tokens(db=self.db, clock=self.bench.clock),
            throttle=Throttle(self.bench.clock, limit=10, period=900.0),
            audit=AuditLog(db=self.db, clock=self.bench.clock),
            http=self.bench.http,
            link_contract=lambda: LINK_TOKEN,
            endpoints=lambda: self.endpoints,
            holdings=lambda: self.holdings,
        )
        self.app = create_app(self.parts, settings)
        self.client = self.another_client()

    def _manager(self, signer: Keystore) -> TransactionManager:
        """Sends to ``outside`` while a test lets it run."""
        return TransactionManager(
            db=self.db,
            chain=self.outside,
            heads=self.outside,
            keystore=signer,
            clock=self.bench.clock,
            entropy=SystemEntropy(),
            rules=GasRules(),
            min_confirmations=1,
            chain_id=lambda: CHAIN_ID,
            metrics=self.bench.metrics,
        )

    def another_client(self, address: str = "127.0.0.1") -> httpx.AsyncClient:
        """A client without a session, at an address of its own."""
        transport = httpx.ASGITransport(app=self.app, client=(address, 4711))
        # Where a test has put handlers of its own into the table of routes, they answer what they like.
        hooks = {"response": [conforms]} if self.app.state.documents.table is ROUTES else {}
        return httpx.AsyncClient(transport=transport, base_url="http://node.example", event_hooks=hooks)

    async def __aenter__(self) -> Self:
        try:
            await stored_users.create(self.db, User(EMAIL, "not a hash", NOW))
        except Conflict:
            return self
        await self.log_in()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.client.aclose()
        await self.db.close()

    async def session(self, email: str = EMAIL) -> str:
        """A new session of a user; returns its token."""
        user = await stored_users.get(self.db, email)
        assert user is not None
        token = await self.parts.sessions.open(user)
        assert token is not None
        return token

    async def log_in(self) -> str:
        """Give the client a new session; returns its token."""
        token = await self.session()
        self.client.cookies.set(COOKIE, token)
        return token

    async def get(self, path: str, status: int = 200) -> Any:
        """The JSON of a GET that must have that status."""
        response = await self.client.get(path)
        assert response.status_code == status, response.text
        return response.json()

    async def post(self, path: str, body: Any = None, status: int = 200) -> Any:
        """The JSON of a POST (text and bytes are sent as they are) that must have that status."""
        content = {"content": body} if body is None or isinstance(body, str | bytes) else {"json": body}
        response = await self.client.post(path, **content)
        assert response.status_code == status, response.text
        return response.json()

    async def job(self, spec: Job) -> Job:
        """Store a job."""
        return await self.bench.add(spec)

    async def run(self, run_id: str) -> Run:
        """The stored run."""
        run = await stored_runs.get(self.db, run_id, self.bench.jobs)
        assert run is not None
        return run

    async def work_on(self, run_id: str) -> Run:
        """Let the engine advance a run as far as it goes."""
        return await self.bench.executor.advance(await self.run(run_id))


def details(errors: Any) -> list[str]:
    """The details of an error body."""
    return [error["detail"] for error in errors["errors"]]
