"""The command line's way to the node: HTTP and the session's cookie, from the standard library alone."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlencode, urlsplit

import click
import msgspec

from adyton.cli import files, settings
from adyton.cli.tree import Failure
from adyton.config import Config
from adyton.config.redact import words

TIMEOUT = 30.0
_LOG_IN = "Log in first: adyton admin login"


class Answer(NamedTuple):
    """What the node answered."""

    status: int
    reason: str
    body: bytes
    cookie: str | None

    @property
    def refused(self) -> bool:
        """Anything that is not the thing asked for."""
        return not 200 <= self.status < 300

    def problem(self, prefix: str = "") -> str:
        """The node's refusal as v0.6.2 shows it: the status line, then the details."""
        return "; ".join(part for part in (f"{prefix}{self.status} {self.reason}", self._details()) if part)

    def failure(self, prefix: str = "") -> Failure:
        """The refusal, with what to do about it."""
        return Failure(self.problem(prefix), _advice(self.status))

    def _details(self) -> str:
        try:
            return ",".join(error.detail for error in msgspec.json.decode(self.body, type=_Errors).errors)
        except (msgspec.DecodeError, UnicodeError):
            text = self.body.decode(errors="replace").strip()
        if self.status == 401 and not text:
            return "Try logging in"
        return "" if text.startswith("<") else text[:500]


class _Error(msgspec.Struct):
    detail: str = ""


class _Errors(msgspec.Struct):
    errors: list[_Error]


class Client:
    """Talks to one node as one person.

    The cookie lies in ROOT, readable by its owner only. With a credentials file the client logs in by itself, once for a
    command, when it has no session or the session is over.
    """

    def __init__(self, config: Config) -> None:
        self._url = config.client_node_url
        self._verify = not config.insecure_skip_verify
        self._root = config.root
        self._credentials = config.admin_credentials_file
        self._may_log_in = self._credentials.is_file()

    @property
    def cookie_file(self) -> Path:
        """Where the session's cookie is kept."""
        return self._root / "cookie"

    def call(self, method: str, *path: str, query: Mapping[str, object] | None = None, body: bytes | None = None) -> Answer:
        """One request of someone who is logged in. ``path`` is given in segments. Raises Failure when there is no answer."""
        target = "/" + "/".join(quote(segment, safe="") for segment in path)
        given = {name: value for name, value in (query or {}).items() if value is not None}
        target += f"?{urlencode(given)}" if given else ""
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
            raise Failure(answer.problem(), "Check e-mail and password.")
        if answer.refused:
            raise answer.failure()
        if answer.cookie is None:
            raise Failure("Did not receive cookie with session id", "Is CLIENT_NODE_URL the address of a node?")
        self._keep(answer.cookie)

    def forget(self) -> None:
        """Drop the cookie."""
        self.cookie_file.unlink(missing_ok=True)

    def send(self, method: str, target: str, body: bytes | None = None, cookie: str | None = None) -> Answer:
        """One request. Raises Failure when there is no answer."""
        parts = urlsplit(self._url)
        headers = {"Content-Type": "application/json", "Connection": "close"} | ({"Cookie": cookie} if cookie else {})
        connection = self._connection(parts.scheme, parts.hostname or "", parts.port)
        try:
            connection.request(method, parts.path.rstrip("/") + target, body, headers)
            response = connection.getresponse()
            return Answer(response.status, response.reason, response.read(), response.getheader("Set-Cookie"))
        except ssl.SSLCertVerificationError as problem:
            cause = f"{words(self._url)} has a certificate that nobody vouches for: {problem.verify_message}"
            raise Failure(cause, "If that is as it should be, set INSECURE_SKIP_VERIFY=true.") from None
        except (OSError, HTTPException) as problem:
            reason = getattr(problem, "strerror", None) or str(problem) or type(problem).__name__
            advice = "Is the node running? CLIENT_NODE_URL says where it is."
            raise Failure(f"No answer from {words(self._url)}: {reason}", advice) from None
        finally:
            connection.close()

    def _connection(self, scheme: str, host: str, port: int | None) -> HTTPConnection:
        if scheme != "https":
            return HTTPConnection(host, port, timeout=TIMEOUT)
        if self._verify:
            return HTTPSConnection(host, port, timeout=TIMEOUT, context=ssl.create_default_context())
        click.echo("Warning: the node's certificate is not checked (INSECURE_SKIP_VERIFY).", err=True)
        return HTTPSConnection(host, port, timeout=TIMEOUT, context=ssl._create_unverified_context())  # noqa: S323, SLF001 - the operator asked for it

    def _log_in_from_file(self) -> None:
        self._may_log_in = False
        self.log_in(*files.credentials(self._credentials))

    def _has_cookie(self) -> bool:
        return self.cookie_file.is_file() and self.cookie_file.stat().st_size > 0

    def _cookie(self) -> str:
        """The first pair of the saved text. Raises Failure."""
        try:
            text = self.cookie_file.read_text()
        except (OSError, UnicodeError) as problem:
            cause = files.unreadable(self.cookie_file, problem)
            raise Failure(f"Unable to retrieve credentials, have you logged in?; {cause}", _LOG_IN) from None
        pair = text.partition(";")[0].strip()
        if "=" not in pair or not pair.isprintable():
            raise Failure("Cookie not in file, have you logged in?", _LOG_IN)
        return pair

    def _keep(self, cookie: str) -> None:
        """Write the cookie beside its place and move it there, so that no other user can ever read it."""
        try:
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
            beside = self.cookie_file.with_name(".cookie.new")
            beside.unlink(missing_ok=True)
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(cookie)
            beside.replace(self.cookie_file)
        except OSError as problem:
            raise Failure(f"Cannot keep the session in {self.cookie_file}: {problem.strerror}") from None


def connect() -> Client:
    """The client of the configured node. Raises Failure when a setting is wrong."""
    return Client(settings.load())


def _advice(status: int) -> str:
    match status:
        case 401:
            return _LOG_IN
        case 301 | 302 | 307 | 308:
            return "The node answers elsewhere, perhaps by https: correct CLIENT_NODE_URL."
        case 429:
            return "Wait a little and try again."
        case 503:
            return "Ask `adyton health` what is wrong, and try again."
        case _:
            return ""
