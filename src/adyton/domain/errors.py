"""The error tree. An error says who must act.

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
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


class AdytonError(Exception):
    """Root of every error that the node raises on purpose."""


class Refused(AdytonError):
    """The caller must change something."""


class Fault(msgspec.Struct, frozen=True):
    """One thing wrong with an input: ``detail`` for people, ``pointer`` a JSON pointer to the field ("" if none)."""

    detail: str
    pointer: str = ""


class Invalid(Refused):
    """The input is wrong. Carries every fault found, in the order in which v0.6.2 reports them."""

    def __init__(self, *faults: Fault | str) -> None:
        self.faults: Sequence[Fault] = tuple(f if isinstance(f, Fault) else Fault(f) for f in faults)
        super().__init__(",".join(fault.detail for fault in self.faults))


class NotFound(Refused):
    """No such thing, or archived."""


class Forbidden(Refused):
    """This caller may not do that."""


class Unauthenticated(Refused):
    """The caller has not proven who they are."""


class Conflict(Refused):
    """Somebody else was first: a unique key, a version fence, or something still in use."""


class TryAgain(AdytonError):
    """The world was not ready; the same call may succeed later."""


class Disconnected(TryAgain):
    """There is no connection to the chain now."""


class StorageUnavailable(TryAgain):
    """The database can neither take nor give rows now. Nothing was written, unless the message says that it may have been:
    when the answer to a commit was lost. Fences make it safe to ask again in both cases."""


class Broken(AdytonError):
    """We were wrong. Never shown to a client in detail."""
