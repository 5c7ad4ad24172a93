"""What the node asks of the world: time, chance, the chain's wire, HTTP.

Nothing else in the package reads a clock, sleeps, draws random numbers or opens a connection (a test enforces it). The real
implementations are in ``adyton.system``; the simulation in ``tests/simulation`` brings its own, so that a whole node runs on
a seeded clock and a seeded world. Deadlines may use ``asyncio.timeout``: it follows the event loop's clock, which the
simulation replaces as well.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

import msgspec

from adyton.domain.errors import Invalid
from adyton.domain.exchanges import Failure
from adyton.domain.python_adapters import Answer, Installed, Question


class Clock(Protocol):
    """Time. Durable times are integers: microseconds since 1970-01-01 UTC."""

    def now(self) -> int:
        """Microseconds since the epoch, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never goes back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after ``seconds``."""
        ...


class Entropy(Protocol):
    """Chance: keys, tokens, identifiers, jitter."""

    def token(self, size: int) -> bytes:
        """``size`` unpredictable bytes."""
        ...

    def new_id(self) -> str:
        """32 lower-case hex digits, shaped like a UUID whose first 48 bits are the time in milliseconds, so that ids
        sort by age and indexes grow at their end."""
        ...

    def jitter(self) -> float:
        """A number in [0, 1)."""
        ...


class ConnectionLost(Exception):
    """The other side closed, or was never there. The message says which and why; it holds no credentials."""


class RpcSocket(Protocol):
    """One open connection to an Ethereum node that carries JSON texts both ways."""

    async def send(self, text: bytes) -> None:
        """Hand one JSON text over. Raises ConnectionLost."""
        ...

    async def receive(self) -> bytes:
        """The next JSON text. Raises ConnectionLost."""
        ...

    async def close(self) -> None:
        """Close; may be called twice."""
        ...


class RpcTransport(Protocol):
    """Opens connections to an Ethereum node."""

    async def open(self, url: str) -> RpcSocket:
        """Connect to ``url`` (ws, wss, http or https). Raises ConnectionLost."""
        ...


class HttpRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP exchange to make, redirects included.

    ``limit`` bounds the decoded body in bytes, ``timeout`` the whole exchange in seconds. ``unrestricted`` allows
    addresses that are not public. Headers named in ``secret_headers`` (in small letters), and a ``secret_body``, are for the
    URL's origin alone and do not follow a redirect to another. ``shown`` is what messages call the URL, when even its host is
    nobody's business; empty: its scheme and host. Without ``pooled`` it goes over a connection of its own: one that was kept
    may just then be closed by the other side, which for a request that is sent only once would be the end.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    timeout: float = 15.0
    limit: int = 32768
    max_redirects: int = 10
    unrestricted: bool = False
    secret_headers: frozenset[str] = frozenset()
    secret_body: bool = False
    pooled: bool = True
    shown: str = ""


class HttpResponse(msgspec.Struct, frozen=True):
    """What came back: the last response of the redirect chain, its body decoded."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpFailure(Exception):
    """No response: refused, timed out, too large, too many redirects, a forbidden address. The message is for people and
    holds no credentials; ``retriable`` says whether the same request may succeed later, ``kind`` in a word what was wrong."""

    def __init__(self, message: str, *, retriable: bool, kind: Failure = Failure.UNREACHABLE) -> None:
        super().__init__(message)
        self.retriable = retriable
        self.kind = kind


class HttpTransport(Protocol):
    """Makes HTTP exchanges."""

    async def request(self, request: HttpRequest) -> HttpResponse:
        """Raises HttpFailure."""
        ...


class PushTransport(Protocol):
    """Opens connections to an explorer."""

    async def open(self, url: str, headers: Mapping[str, str]) -> RpcSocket:
        """Connect to ``url`` (ws or wss), and keep the connection alive until it is closed. Raises ConnectionLost."""
        ...


class NoPush:
    """A world without explorers."""

    async def open(self, url: str, headers: Mapping[str, str]) -> RpcSocket:  # noqa: ARG002 - as the protocol
        """Raises ConnectionLost."""
        raise ConnectionLost("there is nothing here that could connect to an explorer")


NO_PUSH: PushTransport = NoPush()


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """One message, and the server that takes it. ``security`` is ``tls``, ``starttls`` or ``none``; without a ``user`` nobody
    logs in. ``message_id`` is the same whenever the message is sent; ``date`` is in microseconds, ``timeout`` in seconds for
    all of it."""

    host: str
    port: int
    security: str
    sender: str
    recipients: tuple[str, ...]
    subject: str
    text: str
    message_id: str
    date: int
    user: str = ""
    password: str = ""
    timeout: float = 30.0


class MailFailure(Exception):
    """Nobody got the message. The message is for people and holds no credentials; ``retriable`` says whether the same may
    succeed later."""

    def __init__(self, message: str, *, retriable: bool) -> None:
        super().__init__(message)
        self.retriable = retriable


class MailTransport(Protocol):
    """Hands messages to mail servers."""

    async def send(self, mail: Mail) -> str:
        """Hand one over; returns what the server remarked ("": nothing), such as a recipient that it did not take. Raises
        MailFailure."""
        ...


class NoMail:
    """A world without mail servers."""

    async def send(self, mail: Mail) -> str:
        """Raises MailFailure."""
        raise MailFailure(f"{mail.host} cannot be reached: there is nothing here that could send mail", retriable=True)


NO_MAIL: MailTransport = NoMail()


class Disk(Protocol):
    """The disk that the node's files are on."""

    async def free(self) -> int | None:
        """Bytes that the node may still write; None when that cannot be told."""
        ...


class NoDisk:
    """A world in which nothing is known of a disk."""

    async def free(self) -> int | None:
        """None."""
        return None


NO_DISK: Disk = NoDisk()


class Secrets(Protocol):
    """Reads the secrets that jobs and bridges name."""

    async def values(self, names: Collection[str]) -> dict[str, str]:
        """The value of each name, as it is now. Raises Invalid, which says for each one that cannot be read where it is to be
        put."""
        ...


class NoSecrets:
    """A node without secrets."""

    async def values(self, names: Collection[str]) -> dict[str, str]:
        """Raises Invalid for every name."""
        if names:
            raise Invalid(*(f"there is no secret {name[:100]!r}: this node has none" for name in names), code="ADY-0289")
        return {}


NO_SECRETS: Secrets = NoSecrets()


class WorkerFailure(Exception):
    """The process of a Python adapter gave no answer: it could not start, died, was too slow or said too much. The message goes
    behind ``<task type> failed:``."""


class Workers(Protocol):
    """Runs the Python adapters of installed packages, each package in processes of its own."""

    @property
    def installed(self) -> Sequence[Installed]:
        """What there is, one of each name."""
        ...

    async def ask(self, question: Question) -> Answer:
        """Put a question to the adapter that it names. Raises WorkerFailure."""
        ...


class NoWorkers:
    """A node without Python adapters."""

    installed: Sequence[Installed] = ()

    async def ask(self, question: Question) -> Answer:
        """Raises WorkerFailure."""
        raise WorkerFailure(f"no package provides {question.name}")


NO_WORKERS: Workers = NoWorkers()


class LogLevels(Protocol):
    """Which lines of the log are written, for the whole process."""

    @property
    def now(self) -> str:
        """The least important that are: one of LOG_LEVEL's words."""
        ...

    def set(self, word: str) -> None:
        """Another one, from the next line on."""
        ...


class LoneLevel:
    """A level that nothing is written by: where there is no log of the node's own."""

    def __init__(self, word: str = "info") -> None:
        self.now = word

    def set(self, word: str) -> None:
        """Remember it."""
        self.now = word
