"""Server-sent events, read with the standard library: lines become events, and a lost line is taken up where it was."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from http.client import HTTPException
from threading import Event as Pause
from typing import NamedTuple

from adyton.cli.client import Client

_LONGEST_RETRY = 60_000


class Received(NamedTuple):
    """An event: its name, its id, and the JSON text that it carries."""

    name: str
    id: str
    data: str


class Reading:
    """What is known from one line to the next: the id behind which to go on, and the milliseconds until another try."""

    def __init__(self, last_id: str = "") -> None:
        self.last_id = last_id
        self.retry = 1000

    def events(self, lines: Iterable[bytes]) -> Iterator[Received]:
        """The events of a stream (HTML standard, 9.2.6), as they come; one that is cut off is none."""
        name, data = "", ""
        for raw in lines:
            line = raw.decode(errors="replace").rstrip("\r\n")
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if line == "":
                if data:
                    yield Received(name or "message", self.last_id, data)
                name, data = "", ""
            elif field == "event":
                name = value
            elif field == "data":
                data += f"\n{value}" if data else value
            elif field == "id" and "\0" not in value:
                self.last_id = value
            elif field == "retry" and value.isascii() and value.isdigit():
                self.retry = min(int(value), _LONGEST_RETRY)


def follow(connect: Callable[[], Client], target: str, lost: Callable[[str], None], last_id: str = "") -> Iterator[Received]:
    """The events behind ``last_id``, or from now on, for ever. ``lost`` is told why the line was lost each time that it is; the
    next one goes on where the last ended. ``connect`` gives a client that is logged in; it raises Failure when the first try
    fails, and whenever the node refuses."""
    reading = Reading(last_id)
    while True:
        try:
            yield from _once(connect(), target, reading)
            lost("the node ended the stream")
        except (OSError, HTTPException, ValueError) as problem:
            lost(str(problem) or type(problem).__name__)
        Pause().wait(reading.retry / 1000)


def _once(client: Client, target: str, reading: Reading) -> Iterator[Received]:
    """The events of one connection."""
    more = {"Accept": "text/event-stream"} | ({"Last-Event-ID": reading.last_id} if reading.last_id else {})
    connection, response = client.open(target, more)
    with contextlib.closing(connection), response:
        if response.status != 200:
            raise HTTPException(f"{response.status} {response.reason}")
        yield from reading.events(response)
