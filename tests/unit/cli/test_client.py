"""Servers that are no nodes, or behave as none should: always a message, never a traceback."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from adyton.cli import client
from support.command_line import Adyton, StandIn


@contextmanager
def server(answer: bytes, *, hold: bool = False) -> Iterator[str]:
    """Sends these bytes to whoever comes, whatever they ask."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)
                if hold:
                    over.wait(30)
                    return
                # What of the request comes late is read too: closing before would be a reset, which can overtake the answer.
                connection.settimeout(30)
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(65536):
                        pass

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            over.set()
            thread.join()


@pytest.fixture(autouse=True)
def logged_in(adyton: Adyton) -> None:
    adyton.is_logged_in()


def said(adyton: Adyton, *words: str, answer: bytes) -> str:
    with server(answer) as url:
        result = adyton(*words, CLIENT_NODE_URL=url)
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    assert not {sign for sign in result.output if not sign.isprintable() and sign != "\n"}
    return result.stderr


OK = b"HTTP/1.1 200 OK\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"", "No answer from"),
        (b"SSH-2.0-OpenSSH_9\x1b[2J\r\n", "No answer from"),
        (b"HTTP/9.9 banana\r\n\r\n", "No answer from"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "No answer from"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort", "No answer from"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", "No answer from"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: banana\r\n\r\n[]", "parseResponse error: "),
        (OK + b"\xff\xfe", "parseResponse error: "),
        (OK + b"[" * 100_000, "parseResponse error: "),
        (
            OK + b'{"data":[{"attributes":{"id":{},"createdAt":"99999-99-99","initiators":[],"tasks":[]}}]}',
            "parseResponse error: ",
        ),
        (OK + b'{"data":[{"attributes":{"id":"x","createdAt":[],"initiators":7,"tasks":null}}]}', "parseResponse error: "),
        (b"HTTP/1.1 500 \x1b[31mred\r\n\r\n\x1b]0;title\x07", "500 "),
        (b"HTTP/1.1 404 Not Found\r\n\r\n" + b"x" * 100_000, "404 Not Found; xxx"),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n<html>", "502 Bad Gateway\nSomething between here and the node"),
        (b'HTTP/1.1 500 Oops\r\n\r\n{"errors":[{"detail":"\\u001b[2J","code":"evil"}]}', "500 Oops; "),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 3, "No answer from"),
    ],
)
@pytest.mark.usefixtures("usual_depth")
def test_a_server_that_answers_rubbish_ends_in_a_message(adyton: Adyton, answer: bytes, message: str) -> None:
    told = said(adyton, "jobs", answer=answer)
    assert told.startswith(message)
    assert len(told) < 1500


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort", "No answer from {}: it broke off after 5 bytes\n"),
        (OK + b'{"data":[{"attributes":{"initiators":[],"tasks":[]}}]}', 'parseResponse error: it has no "id"\n'),
        (OK + b'{"data":[{"attributes":[]}]}', "parseResponse error: it has another form than this command knows\n"),
        (
            OK + b'{"data":[{"attributes":{"id":"x","createdAt":null,"initiators":7}}]}',
            "parseResponse error: it has another form than",
        ),
        (OK + b'{"data":[{"attributes":{"id":"\xff"}}]}', "parseResponse error: it is not UTF-8 text\n"),
    ],
)
def test_what_is_wrong_with_an_answer_is_told_in_words_for_people(adyton: Adyton, answer: bytes, cause: str) -> None:
    with server(answer) as url:
        assert adyton("jobs", CLIENT_NODE_URL=url).stderr.startswith(cause.format(url))


@pytest.mark.parametrize("attributes", [b"[]", b"{}", b'{"key":"a","action":"create","diff":7}', b'{"key":"\xff"}'])
def test_a_plan_that_is_none_ends_in_a_message(adyton: Adyton, tmp_path: Path, attributes: bytes) -> None:
    file = tmp_path / "job.json"
    file.write_text("{}")
    told = said(adyton, "apply", "-y", "-f", str(file), answer=OK + b'{"data":[{"attributes":' + attributes + b"}]}")
    assert told.startswith("parseResponse error: ")
    assert told.endswith("More: adyton explain ADY-1160\n")


@pytest.mark.parametrize("attributes", [b"[]", b"{}", b'{"spec":'])
def test_an_export_that_is_none_ends_in_a_message(adyton: Adyton, attributes: bytes) -> None:
    told = said(adyton, "jobs", "export", "x", answer=OK + b'{"data":{"attributes":' + attributes + b"}}")
    assert told.endswith("More: adyton explain ADY-1160\n")


def test_a_user_and_a_password_in_the_url_are_sent_to_the_proxy_before_the_node(adyton: Adyton, node: StandIn) -> None:
    node.answers_many()
    assert adyton("jobs", CLIENT_NODE_URL=node.url.replace("://", "://me:ses%40me@")).exit_code == 0
    assert node.headers[0]["Authorization"] == "Basic bWU6c2VzQG1l"
    node.answers_many()
    assert adyton("jobs").exit_code == 0
    assert "Authorization" not in node.headers[1]


@pytest.mark.parametrize("code", ["ADY-0804", "ADY-0109"])
def test_a_wrong_password_is_no_reason_to_log_in(adyton: Adyton, node: StandIn, code: str) -> None:
    node.answers({"errors": [{"detail": "wrong password", "code": code}]}, 401)
    assert adyton("jobs").stderr == (
        f"401 Unauthorized; wrong password\nGive the password again; nothing was done.\nMore: adyton explain {code}\n"
    )


def test_a_redirect_names_where_to(adyton: Adyton) -> None:
    told = said(adyton, "jobs", answer=b"HTTP/1.1 301 Moved Permanently\r\nLocation: https://h.example:6689/v2/specs\r\n\r\n")
    assert "The node answers elsewhere, at https://h.example:6689. CLIENT_NODE_URL says where it is." in told


def test_the_code_of_a_refusal_leads_to_its_page(adyton: Adyton, node: StandIn) -> None:
    node.answers({"errors": [{"detail": "no"}, {"detail": "never", "code": "ADY-0312"}]}, status=409)
    assert adyton("bridges", "show", "x").stderr == (
        "parseResponse error: 409 Conflict; no,never\nMore: adyton explain ADY-0312\n"
    )


def test_an_answer_without_end_is_not_read_to_its_end(adyton: Adyton, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "LARGEST", 2**20)
    told = said(adyton, "jobs", answer=OK + b" " * (2**20 + 1))
    assert told.startswith("The answer has more than 1 MiB\nAsk for less: --page and --size choose a part of a list.\n")


@pytest.mark.parametrize(
    ("words", "advice"),
    [(["jobs"], ""), (["jobs", "archive", "x"], "What was asked for may be done all the same: look before you ask again.\n")],
)
def test_a_server_that_never_answers_is_given_up(
    adyton: Adyton, monkeypatch: pytest.MonkeyPatch, words: list[str], advice: str
) -> None:
    connect: Callable[..., client.Client] = client.connect
    monkeypatch.setattr("adyton.cli.remote.connect", lambda: connect(timeout=0.1))
    monkeypatch.setattr("adyton.cli.listing.connect", lambda: connect(timeout=0.1))
    with server(b"", hold=True) as url:
        result = adyton(*words, CLIENT_NODE_URL=url)
    assert result.exit_code == 1
    assert result.stderr == f"No answer from {url} within 0.1 s\n{advice}More: adyton explain ADY-1101\n"


@pytest.mark.parametrize("url", ["http://" + "a" * 300, "http://[::1]:99999", "http://\u2603.example", "http://h:0"])
def test_an_url_that_leads_nowhere_ends_in_a_message(adyton: Adyton, url: str) -> None:
    result = adyton("jobs", CLIENT_NODE_URL=url)
    assert result.exit_code == 1
    assert result.stderr
    assert "Traceback" not in result.output
