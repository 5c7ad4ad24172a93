"""Questions to a person at a terminal, as v0.6.2 asks them: each line is wiped after its answer."""

from __future__ import annotations

import signal
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager

import click

from adyton.cli.tree import Failure

_WIPE = "\r" + " " * 60 + "\r"
_NOBODY = "There is no terminal to ask at"


def interactive() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def ask(question: str) -> str:
    """An answer that is seen while it is typed. Raises Failure when the input ends."""
    with _interruptible():
        return _answer(question)


def ask_hidden(question: str) -> str:
    """An answer that nobody sees. Raises Failure without a terminal on standard input."""
    if not sys.stdin.isatty():
        raise Failure(_NOBODY, "Give the answer in a file: see --help.", code="ADY-1159")
    with _interruptible(), _silent():
        return _answer(question)


def confirmed(question: str) -> bool:
    """Whether a person, or whoever writes into standard input, says yes. Raises UsageError when nobody answers."""
    try:
        return click.confirm(question, err=True)
    except click.Abort:
        if sys.stdin.isatty():
            raise  # Ctrl-C
        raise click.UsageError("There is no terminal to ask at: give --yes to do it.") from None


def _answer(question: str) -> str:
    sys.stdout.write(question)
    sys.stdout.flush()
    line = sys.stdin.readline()
    sys.stdout.write(_WIPE)
    sys.stdout.flush()
    if not line:
        raise Failure("The input ended before the answer came.", code="ADY-1159")
    return line.rstrip("\r\n")


@contextmanager
def _silent() -> Iterator[None]:
    """The terminal without its echo, put back whatever happens."""
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    hidden = [*before]
    hidden[3] &= ~termios.ECHO
    termios.tcsetattr(descriptor, termios.TCSADRAIN, hidden)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C ends the question even where an event loop has taken the signal over."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
