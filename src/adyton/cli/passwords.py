"""Passwords for commands: from a file, or from a person who is asked for them."""

from __future__ import annotations

from pathlib import Path

from adyton.cli import prompts
from adyton.cli.files import unreadable
from adyton.cli.tree import Failure


def secret(file: str | None, question: str, *, twice: bool = False) -> str:
    """What the file holds, white space around it removed; without one what a person answers. Raises Failure."""
    if file is None:
        return _asked(question, twice=twice)
    path = Path(file).expanduser()
    try:
        found = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError) as problem:
        raise Failure(f"error reading password: {unreadable(path, problem)}", code="ADY-0813") from None
    if not found:
        raise Failure(f"error reading password: {path} is empty", code="ADY-0813")
    return found


def _asked(question: str, *, twice: bool) -> str:
    answer = prompts.ask_hidden(question)
    if twice and prompts.ask_hidden("Confirmation:") != answer:
        raise Failure("New password and confirmation did not match", code="ADY-0814")
    return answer
