"""Files that people hand to a command."""

from __future__ import annotations

import codecs
import sys
from pathlib import Path

import msgspec

from adyton.cli.tree import Failure


def json_or_file(argument: str) -> bytes:
    """The JSON that an argument is, or that the file which it names holds; ``-`` is standard input. Raises Failure.

    As in v0.6.2 a file's content is sent as it is, but for a byte order mark: the node says what is wrong with it.
    """
    if argument == "-":
        return without_mark(sys.stdin.buffer.read())
    try:
        msgspec.json.decode(argument)
    except (msgspec.DecodeError, UnicodeError):
        return _file(argument)
    return argument.encode()


def without_mark(text: bytes) -> bytes:
    """A file's content without the byte order mark that some editors put before it."""
    return text.removeprefix(codecs.BOM_UTF8)


def credentials(path: Path) -> tuple[str, str]:
    """E-mail and password: the first two lines of a file. Raises Failure."""
    try:
        return two_lines(path.read_text(), path)
    except (OSError, UnicodeError) as problem:
        raise Failure(unreadable(path, problem), code="ADY-1158") from None


def two_lines(text: str, path: Path) -> tuple[str, str]:
    """The same, of the file's text. Raises Failure."""
    lines = text.splitlines()
    if len(lines) < 2:
        cause = f"Malformed API credentials file does not have at least two lines at {path}"
        raise Failure(cause, "Write the e-mail into its first line and the password into its second.", code="ADY-1158")
    return lines[0].strip(), lines[1].strip()


def unreadable(path: Path, problem: OSError | UnicodeError) -> str:
    """Why a file cannot be read, in v0.6.2's words."""
    reason = (problem.strerror or str(problem)).lower() if isinstance(problem, OSError) else "it is not UTF-8 text"
    return f"open {path}: {reason}"


def _file(argument: str) -> bytes:
    try:
        return without_mark(Path(argument).expanduser().read_bytes())
    except FileNotFoundError:
        pass
    except (OSError, ValueError, RuntimeError) as problem:
        # Text that is neither JSON nor anything a file could be called.
        if argument.lstrip()[:1] not in {"{", "["}:
            reason = getattr(problem, "strerror", None) or problem
            raise Failure(f"Error reading from file '{_short(argument)}': {reason}", code="ADY-1157") from None
    raise Failure(f"Invalid JSON or file not found '{_short(argument)}'", _neither(argument), code="ADY-1157")


def _neither(argument: str) -> str:
    """Why an argument is no JSON, if it was meant to be some; else that there is no such file."""
    if argument.lstrip()[:1] not in {"{", "["}:
        return "Give JSON in quotes, the path of a file that is there, or - for standard input."
    try:
        msgspec.json.decode(argument)
    except (msgspec.DecodeError, UnicodeError) as problem:
        return f"It is no JSON: {problem}. Does the shell leave it whole, in '…'?"
    return ""


def _short(argument: str) -> str:
    """Enough of an argument to recognise it by."""
    return argument if len(argument) <= 200 else f"{argument[:200]}…"
