"""External initiators: programs outside that start runs, and how they prove who they are.

One without a name is as v0.6.2 knew them: it starts jobs that have a web initiator. One with a name, as later versions have
them, starts only jobs whose ``external`` initiator names it, and is told about those at its URL. Names are kept in lower case.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Mapping
from hashlib import sha3_256
from urllib.parse import quote, urlsplit

import msgspec
from msgspec import UNSET

from adyton.domain import data
from adyton.domain.errors import Fault, Forbidden, Invalid
from adyton.domain.jobs import Initiator, Job
from adyton.domain.request_json import field, first_object, kind_of, text_at
from adyton.domain.runs import Data

EXTERNAL = "external"
"""The type of the initiators of a job that name one."""
ACCESS_KEY_HEADER = "X-Chainlink-EA-AccessKey"
SECRET_HEADER = "X-Chainlink-EA-Secret"  # noqa: S105 - the header's name

_WEB = "web"
_SECRET_LENGTH = 64
_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_FAIR = 256 - 256 % len(_LETTERS)
"""Bytes below this give every letter the same chance."""
_NAME = re.compile(r"[a-zA-Z0-9_-]+")
_KEY = re.compile(r"[0-9a-f]{32}")
_LONGEST = 512
_NOBODYS_HASH = "0" * 64

Draw = Callable[[int], bytes]
"""As many unpredictable bytes as asked for."""


class ExternalInitiator(msgspec.Struct, frozen=True, kw_only=True):
    """A program that may start runs. Of the secret that it sends only a hash is here; ``outgoing_token`` and
    ``outgoing_secret`` are what the node sends to ``url``, so that it knows the node. ``created_at`` is in microseconds."""

    access_key: str
    secret_hash: str
    salt: str
    name: str | None = None
    url: str | None = None
    outgoing_token: str | None = None
    outgoing_secret: str | None = None
    created_at: int = 0

    @property
    def called(self) -> str:
        """The name, or for one without the access key, which is no secret."""
        return self.name or self.access_key


class Wanted(msgspec.Struct, frozen=True):
    """What a new named initiator is to be."""

    name: str
    url: str | None


# --- new ones --------------------------------------------------------------------------------------------------------


def read_wanted(body: bytes) -> Wanted | None:
    """What a request to create one asks for; None for an empty body, which asks for one as v0.6.2 had them.

    Raises Invalid when the body cannot be read; ``check`` says whether what it holds will do.
    """
    if not body.strip():
        return None
    source = first_object(body)
    faults: list[Fault] = []
    name = text_at(source, "name", "", faults)
    url = text_at(source, "url", "", faults)
    if faults:
        raise Invalid(*faults)
    return Wanted(name.lower(), url or None)


def check(wanted: Wanted) -> None:
    """Raises Invalid, in the words of later versions."""
    if not wanted.name:
        raise Invalid(Fault("No name specified", "/name", code="ADY-0501"))
    if not could_be_name(wanted.name):
        raise Invalid(Fault("Name must be alphanumeric and may contain '_' or '-'", "/name", code="ADY-0501"))
    if wanted.url is not None and not _is_url(wanted.url):
        raise Invalid(Fault("Invalid URL format: it must be like https://initiator.example/jobs", "/url", code="ADY-0502"))


def make(wanted: Wanted | None, draw: Draw, now: int) -> tuple[ExternalInitiator, str]:
    """A new initiator and the secret that it must send, which is not kept."""
    access_key, secret, salt = draw(16).hex(), _letters(draw), _letters(draw)
    outgoing = wanted is not None and wanted.url is not None
    made = ExternalInitiator(
        access_key=access_key,
        secret_hash=_hash(access_key, secret, salt),
        salt=salt,
        name=wanted.name if wanted else None,
        url=wanted.url if wanted else None,
        outgoing_token=draw(16).hex() if outgoing else None,
        outgoing_secret=_letters(draw) if outgoing else None,
        created_at=now,
    )
    return made, secret


def _letters(draw: Draw) -> str:
    """64 letters and digits, each as likely as any other: about 381 bits."""
    drawn: list[str] = []
    while len(drawn) < _SECRET_LENGTH:
        drawn += [_LETTERS[byte % len(_LETTERS)] for byte in draw(_SECRET_LENGTH) if byte < _FAIR]
    return "".join(drawn[:_SECRET_LENGTH])


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        whole = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return whole and text.isprintable() and " " not in text


# --- who is calling --------------------------------------------------------------------------------------------------


def proves(known: ExternalInitiator | None, access_key: str, secret: str) -> bool:
    """Whether the secret is that of the initiator; compared in constant time, also when there is none."""
    salt, right = (known.salt, known.secret_hash) if known is not None else ("", _NOBODYS_HASH)
    return hmac.compare_digest(_hash(access_key, secret, salt), right) and known is not None


def could_be_key(text: str) -> bool:
    """Whether a text has the form of an access key."""
    return _KEY.fullmatch(text) is not None


def could_be_name(text: str) -> bool:
    """Whether a text has the form of a name. (A database may refuse to look for others.)"""
    return len(text) <= _LONGEST and _NAME.fullmatch(text) is not None


def _hash(access_key: str, secret: str, salt: str) -> str:
    """What is stored of a secret (as v0.6.2)."""
    return sha3_256(f"v0-{access_key}-{secret}-{salt}".encode(errors="surrogateescape")).hexdigest()


def started_by(job: Job, caller: ExternalInitiator | None) -> Initiator:
    """The initiator of the job through which the caller may start it; ``caller`` is None for a person who is logged in.

    Raises Forbidden: people and initiators without a name need a web initiator (as v0.6.2), others one that names them.
    """
    if caller is not None and caller.name is not None:
        named = next((i for i in job.initiators if i.type == EXTERNAL and i.name == caller.name), None)
        if named is None:
            raise Forbidden(f"Job not available via External Initiator '{caller.name}'", code="ADY-0505")
        return named
    web = job.initiator(_WEB)
    if web is None:
        raise Forbidden("Job not available on web API, recreate with web initiator", code="ADY-0505")
    return web


# --- initiators of jobs ----------------------------------------------------------------------------------------------


def read_params(params: Mapping[str, object], pointer: str, faults: list[Fault]) -> tuple[str | None, Data | None]:
    """The name and the body in the params of a job's initiator; the body may be anything that is an object."""
    name = text_at(params, "name", pointer, faults).lower()
    body = field(params, "body")
    if body is UNSET or body is None:
        return name or None, None
    if not isinstance(body, dict):
        at = f"{pointer}/body"
        faults.append(Fault(f"the body for an external initiator must be an object, not {kind_of(body)}", at, code="ADY-0267"))
        return name or None, None
    return name or None, body


def judge(initiator: Initiator, job: Job, pointer: str) -> list[Fault]:
    """What is wrong with an external initiator of a job, in the words of later versions."""
    faults = []
    if not initiator.name:
        faults.append(Fault("External must have a name", f"{pointer}/params/name", code="ADY-0266"))
    first = job.initiator(EXTERNAL)
    if first is not initiator:
        faults.append(Fault("must have one or less External Initiators", f"{pointer}/type", code="ADY-0266"))
    return faults


# --- what they are told ----------------------------------------------------------------------------------------------


def news_of(job: Job) -> str:
    """What the external initiator that a job names is told about it (as v0.6.10 and v0.8)."""
    named = job.initiator(EXTERNAL)
    return data.encode({"jobId": job.id, "type": EXTERNAL, "params": (named.body if named else None) or {}})


def forget_url(url: str, job_id: str) -> str:
    """Where it is told that a job is gone (as v0.9.10)."""
    parts = urlsplit(url)
    return parts._replace(path=f"{parts.path.rstrip('/')}/{quote(job_id)}", fragment="").geturl()


def shown_url(url: str) -> str:
    """The URL as it may stand in a message: without user and query, which can hold keys."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
