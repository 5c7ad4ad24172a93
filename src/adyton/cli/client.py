"""The command line's way to the node: HTTP, and a session or a token, from the standard library alone."""

from __future__ import annotations

import ssl
from base64 import b64encode
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection, IncompleteRead
from pathlib import Path
from urllib.parse import quote, unquote, urlencode, urlsplit

import click
import msgspec

from adyton.cli import files, private, settings
from adyton.cli.answers import Answer
from adyton.cli.destination import Destination, destination
from adyton.cli.everywhere import wishes
from adyton.cli.progress import progress
from adyton.cli.tree import Failure
from adyton.config.redact import words

__all__ = ["Answer", "Client", "connect"]

TIMEOUT = 30.0
"""Seconds without a byte from the node."""
LARGEST = 256 * 2**20
"""Bytes of an answer that are taken."""


class Client:
    """Talks to one node as one person.

    The session's cookie lies in a file that its owner alone may read. With a credentials file the client logs in by itself,
    once for a command, when it has no session or the session is over. With a token there is no session. A quiet client says
    nothing on standard error and does not log in.
    """

    def __init__(self, node: Destination, *, timeout: float = TIMEOUT, quiet: bool = False) -> None:
        self._node = node
        self._timeout = timeout
        self._quiet = quiet
        self._may_log_in = not quiet and node.token is None and node.credentials is not None and node.credentials.is_file()

    @property
    def cookie_file(self) -> Path:
        """Where the session's cookie is kept."""
        return self._node.cookie_file

    @property
    def where(self) -> str:
        """Who names the node, for advice."""
        return self._node.where

    @property
    def is_known(self) -> bool:
        """Whether there is a token or a session, perhaps one that is over."""
        return self._node.token is not None or self._has_cookie()

    def call(self, method: str, *path: str, query: Mapping[str, object] | None = None, body: bytes | None = None) -> Answer:
        """One request of someone who is logged in. ``path`` is given in segments. Raises Failure when there is no answer."""
        target = "/" + "/".join(quote(segment, safe="") for segment in path)
        given = {name: value for name, value in (query or {}).items() if value is not None}
        return self.ask(method, target + (f"?{urlencode(given, doseq=True)}" if given else ""), body)

    def ask(self, method: str, target: str, body: bytes | None = None) -> Answer:
        """The same, of a path that is whole already, with its query."""
        if self._node.token is not None:
            return self._send(method, target, body, self._token_headers())
        if self._may_log_in and not self._has_cookie():
            self._log_in_from_file()
        answer = self.send(method, target, body, self._cookie())
        if answer.status == 401 and self._may_log_in:
            self._log_in_from_file()
            answer = self.send(method, target, body, self._cookie())
        return answer

    def log_in(self, email: str, password: str) -> None:
        """Open a session and keep its cookie. Raises Failure."""
        answer = self.send("POST", "/sessions", msgspec.json.encode({"email": email, "password": password}))
        if answer.status == 401:
            raise answer.failure(advice="Check e-mail and password.")
        if answer.refused:
            raise answer.failure()
        if answer.cookie is None:
            advice = f"Is that a node? {self._node.where}"
            raise Failure("Did not receive cookie with session id", advice, code="ADY-1155")
        try:
            private.write(self.cookie_file, answer.cookie)
        except OSError as problem:
            raise Failure(f"Cannot keep the session in {self.cookie_file}: {problem.strerror}", code="ADY-1156") from None

    def forget(self) -> None:
        """Drop the cookie."""
        self.cookie_file.unlink(missing_ok=True)

    def send(self, method: str, target: str, body: bytes | None = None, cookie: str | None = None) -> Answer:
        """One request. Raises Failure when there is no answer."""
        return self._send(method, target, body, {"Cookie": cookie} if cookie else {})

    def _send(self, method: str, target: str, body: bytes | None, more: Mapping[str, str]) -> Answer:
        url = self._node.url
        headers = {"Content-Type": "application/json", "Connection": "close", **self._basic(), **more}
        connection = None
        try:
            with progress(f"Waiting for {words(url)}", quiet=self._quiet):
                connection = self._connection()
                connection.request(method, urlsplit(url).path.rstrip("/") + target, body, headers)
                with connection.getresponse() as response:
                    return self._answer(response)
        except ssl.SSLCertVerificationError as problem:
            cause = f"{words(url)} has a certificate that nobody vouches for: {problem.verify_message}"
            advice = "If that is as it should be, set INSECURE_SKIP_VERIFY=true."
            raise Failure(cause, advice, code="ADY-1152") from None
        except TimeoutError:
            raise Failure(
                f"No answer from {words(url)} within {self._timeout:g} s",
                "What was asked for may be done all the same: look before you ask again." if method != "GET" else "",
                code="ADY-1101",
            ) from None
        except (OSError, HTTPException, ValueError) as problem:
            reason = _reason(problem)
            advice = f"Is the node running? {self._node.where}"
            raise Failure(f"No answer from {words(url)}: {_line(reason)}", advice, code="ADY-1151") from None
        finally:
            if connection is not None:
                connection.close()

    def open(self, target: str, more: Mapping[str, str]) -> tuple[HTTPConnection, HTTPResponse]:
        """Begin to read an answer that has no end; the caller closes the connection. Who calls must be known to be logged in.
        Raises OSError, HTTPException."""
        known = self._token_headers() if self._node.token is not None else {"Cookie": self._cookie()}
        connection = self._connection()
        try:
            connection.request(
                "GET", urlsplit(self._node.url).path.rstrip("/") + target, headers={**self._basic(), **known, **more}
            )
            return connection, connection.getresponse()
        except BaseException:
            connection.close()
            raise

    def _answer(self, response: HTTPResponse) -> Answer:
        body = response.read(LARGEST + 1)
        if len(body) > LARGEST:
            advice = "Ask for less: --page and --size choose a part of a list."
            raise Failure(f"The answer has more than {LARGEST // 2**20} MiB", advice, code="ADY-1100")
        if response.length:
            raise IncompleteRead(body, response.length)
        cookie, location = response.getheader("Set-Cookie"), response.getheader("Location")
        code, node = response.getheader("X-Adyton-Error") or "", self._node
        return Answer(response.status, response.reason, body, cookie, location, node.where, node.option, code)

    def _connection(self) -> HTTPConnection:
        parts = urlsplit(self._node.url)
        host, port = parts.hostname or "", parts.port
        if parts.scheme != "https":
            return HTTPConnection(host, port, timeout=self._timeout)
        if self._node.warning:
            if not self._quiet:
                click.echo(f"Warning: the node's certificate is not checked ({self._node.warning}).", err=True)
            context = ssl._create_unverified_context()  # noqa: S323, SLF001 - the operator asked for it
        else:
            context = ssl.create_default_context(cafile=self._ca_file())
        return HTTPSConnection(host, port, timeout=self._timeout, context=context)

    def _basic(self) -> dict[str, str]:
        """What a user and a password in the URL are for: a proxy before the node, as v0.6.2's client has it."""
        parts = urlsplit(self._node.url)
        if parts.username is None:
            return {}
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}

    def _ca_file(self) -> str | None:
        file = self._node.ca_file
        if file is not None and not file.is_file():
            raise Failure(f"open {file}: no such file", self._node.where, code="ADY-1105")
        return str(file) if file is not None else None

    def _log_in_from_file(self) -> None:
        self._may_log_in = False
        file = self._node.credentials
        assert file is not None, "whoever may log in has a file"
        self.log_in(*(files.two_lines(private.read(file), file) if self._node.strict else files.credentials(file)))

    def _token_headers(self) -> dict[str, str]:
        token = self._node.token
        assert token is not None, "only asked for where there is one"
        return {"X-API-KEY": token.access_key, "X-API-SECRET": private.read(token.secret_file).strip()}

    def _has_cookie(self) -> bool:
        return self.cookie_file.is_file() and self.cookie_file.stat().st_size > 0

    def _cookie(self) -> str:
        """The first pair of the saved text. Raises Failure."""
        advice = f"Log in first: adyton{self._node.option} admin login"
        try:
            text = self.cookie_file.read_text()
            private.tighten(self.cookie_file)  # v0.6.2 let the group read it
        except (OSError, UnicodeError) as problem:
            cause = files.unreadable(self.cookie_file, problem)
            raise Failure(f"Unable to retrieve credentials, have you logged in?; {cause}", advice, code="ADY-1153") from None
        pair = text.partition(";")[0].strip()
        if "=" not in pair or not pair.isprintable():
            raise Failure("Cookie not in file, have you logged in?", advice, code="ADY-1153")
        return pair


def connect(*, timeout: float = TIMEOUT, quiet: bool = False) -> Client:
    """The client of the node that this line means. Raises Failure when a setting or a profile is wrong."""
    return Client(destination(settings.load(), wishes()), timeout=timeout, quiet=quiet)


def _reason(problem: Exception) -> str:
    if isinstance(problem, IncompleteRead):
        return f"it broke off after {len(problem.partial)} bytes"
    return getattr(problem, "strerror", None) or str(problem) or type(problem).__name__


def _line(reason: str) -> str:
    """What a stranger's bytes made the library say, on one line."""
    shown = "".join(sign if sign.isprintable() else "�" for sign in reason)
    return shown if len(shown) <= 200 else f"{shown[:200]}…"
