"""The error tree. An error says who must act, and by its code where to read about it.

::

    AdytonError
    ├── Refused            the caller must change something: 4xx, a message on the command line
    │   ├── Invalid          the input is wrong; ``faults`` lists every fault at once
    │   ├── NotFound         no such thing, or archived
    │   ├── Forbidden        this caller may not
    │   ├── Unauthenticated  who is calling?
    │   └── Conflict         somebody else was first, or the thing is in use
    ├── TryAgain           the world was not ready: 503, or pending with back-off
    │   ├── Disconnected     no connection to the chain
    │   └── StorageUnavailable  the database cannot write or read now (disk full, server gone)
    └── Broken             we were wrong, or the database was: logged with context, never shown in detail

Each error has a code, ``ADY-`` and four digits: that of the place where it is raised, else that of its class. A code has a page
(``adyton/codes``) with its cause and its cure, which ``adyton explain ADY-0001`` prints. Who raises an error again in another
class hands its code on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Self

import msgspec


class AdytonError(Exception):
    """Root of every error that the node raises on purpose. ``error_code`` names its page. (``code`` is what Ethereum nodes call
    their own numbers.)"""

    usual: ClassVar[str] = "ADY-0001"

    def __init__(self, *words: object, code: str = "") -> None:
        super().__init__(*words)
        self.error_code = code or self.usual

    def twin(self) -> Self:
        """The same error as another object, with its code and whatever else its class keeps: one object raised twice would mix
        its tracebacks."""
        other = type(self).__new__(type(self), *self.args)
        other.__dict__.update(self.__dict__)
        return other


class Refused(AdytonError):
    """The caller must change something."""

    usual = "ADY-0002"


class Fault(msgspec.Struct, frozen=True):
    """One thing wrong with an input: ``detail`` for people, ``pointer`` a JSON pointer to the field ("" if none), ``code`` its
    page if it has one of its own, ``parameter`` that of the query string that is wrong."""

    detail: str
    pointer: str = ""
    code: str = ""
    parameter: str = ""


class Invalid(Refused):
    """The input is wrong. Carries every fault found, in the order in which v0.6.2 reports them; without a code of its own it
    has that of the first fault."""

    usual = "ADY-0003"

    def __init__(self, *faults: Fault | str, code: str = "") -> None:
        self.faults: Sequence[Fault] = tuple(f if isinstance(f, Fault) else Fault(f) for f in faults)
        first = next((fault.code for fault in self.faults if fault.code), "")
        super().__init__(",".join(fault.detail for fault in self.faults), code=code or first)


class NotFound(Refused):
    """No such thing, or archived."""

    usual = "ADY-0004"


class Forbidden(Refused):
    """This caller may not do that."""

    usual = "ADY-0005"


class Unauthenticated(Refused):
    """The caller has not proven who they are."""

    usual = "ADY-0006"


class Conflict(Refused):
    """Somebody else was first: a unique key, a version fence, or something still in use."""

    usual = "ADY-0007"


class TryAgain(AdytonError):
    """The world was not ready; the same call may succeed later."""

    usual = "ADY-0008"


class Disconnected(TryAgain):
    """There is no connection to the chain now."""

    usual = "ADY-0009"


class StorageUnavailable(TryAgain):
    """The database can neither take nor give rows now. Nothing was written, unless the message says that it may have been:
    when the answer to a commit was lost. Fences make it safe to ask again in both cases."""

    usual = "ADY-0010"


class Broken(AdytonError):
    """We were wrong. Never shown to a client in detail."""

    usual = "ADY-0011"
