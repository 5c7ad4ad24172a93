"""Jobs in files: which there are, what each is called, and where in which file something is wrong."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click
import msgspec

from adyton.cli import files
from adyton.cli.answers import Answer
from adyton.cli.output import clean
from adyton.cli.tree import Failure
from adyton.domain import data

_CODE = "ADY-0207"
_DEEPEST = data.DEEPEST_OF_A_SOURCE - 8
"""The request stands around a job."""


class JobFile(NamedTuple):
    """A job in a file. ``place`` is its number where the file holds several, else None. ``key`` is what it is known by: its
    name, else the file's."""

    path: Path
    place: int | None
    key: str
    spec: msgspec.Raw

    @property
    def where(self) -> str:
        """What is said of it in messages."""
        return str(self.path) if self.place is None else f"{self.path}[{self.place}]"


class Problem(msgspec.Struct):
    """One fault that the node found: what, where, and the page about it."""

    class Source(msgspec.Struct):
        """The place."""

        pointer: str = ""

    detail: str = ""
    code: str = ""
    source: Source | None = None

    @property
    def pointer(self) -> str:
        """A JSON pointer into what was sent."""
        return "" if self.source is None else self.source.pointer


class _Problems(msgspec.Struct):
    errors: list[Problem]


def read_all(paths: Sequence[str]) -> list[JobFile]:
    """The jobs of files, and of every ``*.json`` below directories, in order. Raises Failure when one cannot be read, a
    directory holds none, or two have one key."""
    found: list[JobFile] = []
    wrong: list[Failure] = []
    for path in _expanded(paths):
        try:
            found += _jobs(path)
        except Failure as failure:
            wrong.append(failure)
    if len(wrong) > 1:
        for each in wrong:
            click.echo(each.message, err=True)
        raise Failure(f"{len(wrong)} files cannot be read; nothing was changed.", code=_CODE)
    if wrong:
        raise wrong[0]
    first: dict[str, JobFile] = {}
    for job in found:
        if (other := first.setdefault(job.key, job)) is not job:
            cause = f'{job.where} and {other.where} are both called "{job.key}"'
            raise Failure(clean(cause), "Give one of them another name, or its file another one.", code=_CODE)
    return found


def _expanded(paths: Sequence[str]) -> Iterator[Path]:
    seen: set[Path] = set()
    for text in paths:
        path = Path(text).expanduser()
        for each in _below(path) if path.is_dir() else [path]:
            # Links count by their own names: two that lead to one file are two jobs.
            place = each.parent.resolve() / each.name
            if place not in seen:
                seen.add(place)
                yield each


def _below(directory: Path) -> list[Path]:
    """Every ``*.json`` below a directory, also behind links, but for names that begin with a dot. Raises Failure where that
    cannot be told, or there is none: a job whose file is overlooked is archived by ``--prune``."""
    found: list[Path] = []
    seen: set[str] = set()
    try:
        for at, directories, names in os.walk(directory, onerror=_unseen, followlinks=True):
            if (real := os.path.realpath(at)) in seen:  # a link back, which would never end
                directories.clear()
                continue
            seen.add(real)
            directories[:] = [name for name in directories if not name.startswith(".")]
            paths = [Path(at, name) for name in names if name.endswith(".json") and not name.startswith(".")]
            # A pipe would be waited for. A link that leads nowhere is read, and named then.
            found += [path for path in paths if path.is_file() or not path.exists()]
    except OSError as problem:
        raise Failure(clean(files.unreadable(Path(problem.filename or directory), problem)), code=_CODE) from None
    if not found:
        advice = "Directories are searched for *.json. A file with [] says that there are no jobs any more."
        raise Failure(clean(f"There is no job in {directory}."), advice, code=_CODE)
    return sorted(found)


def _unseen(problem: OSError) -> None:
    raise problem


def _jobs(path: Path) -> Iterator[JobFile]:
    """The job of a file, or those of the list in it."""
    try:
        text = files.without_mark(path.read_bytes())
        text.decode()
    except (OSError, UnicodeError) as problem:
        raise Failure(clean(files.unreadable(path, problem)), code=_CODE) from None
    _check(text, path)
    content = _decoded(text, msgspec.Raw, path)
    if bytes(content).lstrip()[:1] == b"[":
        for n, spec in enumerate(_decoded(text, list[msgspec.Raw], path)):
            name = _name(spec, path)
            if name is None:
                advice = 'Each job of a list needs a "name", or a file of its own.'
                raise Failure(clean(f"{path}: the job at {n} has no name"), advice, code=_CODE)
            yield JobFile(path, n, name, spec)
        return
    yield JobFile(path, None, _name(content, path) or path.stem, content)


def _name(spec: msgspec.Raw, path: Path) -> str | None:
    """The job's own name; keys match in any case, as on the node. Raises Failure when it is no object."""
    content = _decoded(bytes(spec), dict[str, msgspec.Raw], path)
    named = [value for key, value in content.items() if key.casefold() == "name"]
    value: Any = msgspec.json.decode(named[-1]) if named and bytes(named[-1]).startswith(b'"') else None
    return value or None


def _check(text: bytes, path: Path) -> None:
    """Raises Failure for what the node could not read: it sees all files as one text, and could not say which."""
    try:
        data.parse(text, deepest=_DEEPEST)
    except (ValueError, RecursionError) as problem:
        raise Failure(clean(f"{path}: not a job in JSON: {problem}"), code=_CODE) from None


def _decoded(text: bytes, kind: Any, path: Path) -> Any:
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as problem:
        raise Failure(clean(f"{path}: not a job in JSON: {problem}"), code=_CODE) from None


# --- what the node says of them --------------------------------------------------------------------------------------


def problems(answer: Answer) -> list[Problem]:
    """The faults that the node lists; none when it refuses in another way."""
    try:
        return msgspec.json.decode(answer.body, type=_Problems).errors if answer.status == 400 else []
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return []


def told(found: Sequence[tuple[str, Problem]]) -> Failure:
    """Print each fault on a line of its own, behind where it is; returns what ends the command."""
    for where, problem in found:
        at = f"{where}: {problem.pointer}" if problem.pointer else where
        code = f" ({problem.code})" if problem.code else ""
        click.echo(clean(f"{at}: {problem.detail}{code}"), err=True)
    count = len(found)
    code = next((problem.code for _, problem in found if problem.code), "")
    return Failure(f"{count} {'thing is' if count == 1 else 'things are'} wrong; nothing was changed.", code=code)


def placed(problem: Problem, jobs: Sequence[JobFile]) -> tuple[str, Problem]:
    """A fault of one of the jobs that were sent, with the pointer inside its file."""
    parts = problem.pointer.split("/", 4)
    number = int(parts[2]) if len(parts) > 2 and parts[1] == "jobs" and parts[2].isdigit() else len(jobs)
    if number >= len(jobs):
        return "the jobs", problem
    rest = "/" + parts[4] if len(parts) > 4 and parts[3] == "spec" else ""
    return jobs[number].where, Problem(problem.detail, problem.code, Problem.Source(rest))
