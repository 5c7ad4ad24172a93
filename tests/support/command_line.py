"""A stand-in for the node's API, and the command line that talks to it."""

from __future__ import annotations

import json
import threading
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from click.testing import CliRunner, Result

from adyton.cli.main import main

COOKIE = "clsession=abc123; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax"


class Asked(NamedTuple):
    """A request that arrived."""

    line: str
    cookie: str | None
    body: str


class StandIn:
    """Answers each request with the next prepared answer, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.headers: list[dict[str, str]] = []
        self._answers: deque[tuple[int, bytes, str | None]] = deque()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def answers(self, body: object = None, status: int = 200, cookie: str | None = None) -> None:
        """Prepare an answer; a text is sent as it is."""
        raw = body.encode() if isinstance(body, str) else json.dumps(body).encode() if body is not None else b""
        self._answers.append((status, raw, cookie))

    def answers_one(self, **attributes: Any) -> None:
        """Prepare a document about one thing."""
        self.answers({"data": {"type": "things", "id": "1", "attributes": attributes}})

    def answers_many(self, *items: dict[str, Any], links: dict[str, str] | None = None, count: int = 0) -> None:
        """Prepare a document about a list."""
        data = [{"type": "things", "id": "1", "attributes": item} for item in items]
        self.answers({"data": data, "meta": {"count": count}, **({"links": links} if links else {})})

    def refuses(self, status: int, *details: str) -> None:
        """Prepare a refusal."""
        self.answers({"errors": [{"detail": detail} for detail in details]}, status)

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(stand_in) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - the handler's self is another
        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                stand_in.asked.append(Asked(f"{self.command} {self.path}", self.headers.get("Cookie"), body))
                stand_in.headers.append(dict(self.headers))
                status, raw, cookie = stand_in._answers.popleft()
                self.send_response(status)
                if cookie:
                    self.send_header("Set-Cookie", cookie)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815 - names that the library looks for

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
                pass

        return Handler


class Adyton:
    """Runs commands in a ROOT of its own."""

    def __init__(self, root: Path, url: str) -> None:
        self.root = root
        self.environ = {"ROOT": str(root), "CLIENT_NODE_URL": url}

    def __call__(self, *args: str, stdin: str | None = None, **environ: str) -> Result:
        return CliRunner().invoke(main, args, input=stdin, env={**self.environ, **environ}, catch_exceptions=False)

    def is_logged_in(self) -> None:
        """As after a login."""
        self.root.mkdir(exist_ok=True)
        (self.root / "cookie").write_text(COOKIE)
