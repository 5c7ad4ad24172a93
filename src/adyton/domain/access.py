"""Who calls, and what they may do.

Roles are steps of one stair: each may what those below it may. They are those of later Chainlink versions.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from adyton.domain.errors import Fault, Invalid


class Role(StrEnum):
    """What a user or a token may do."""

    VIEW = "view"
    """Look at everything that is not a secret."""
    RUN = "run"
    """Start and cancel runs."""
    EDIT = "edit"
    """Change jobs, bridges and external initiators."""
    ADMIN = "admin"
    """Spend money; change users, keys and the node itself."""

    def covers(self, needed: Role) -> bool:
        """Whether who has this role may do what needs the other."""
        return _STAIR.index(self) >= _STAIR.index(needed)

    def and_not_above(self, other: Role) -> Role:
        """The lower of the two."""
        return self if other.covers(self) else other


_STAIR = tuple(Role)


class CallerKind(StrEnum):
    """How a caller has proven who they are."""

    NOBODY = "nobody"
    USER = "user"
    TOKEN = "token"  # noqa: S105 - a kind of caller
    INITIATOR = "external initiator"
    NODE = "node"
    """The node's own command line, which works on its files."""


class Caller(msgspec.Struct, frozen=True):
    """Who a request comes from: ``name`` is a user's e-mail, a token's access key, an external initiator's name or access key.

    ``role`` is None for those whose rights are not a role's: each route says what they may. ``address`` is the client's.
    ``email`` is the user behind it: of a token the one who made it.
    """

    kind: CallerKind
    name: str = ""
    role: Role | None = None
    address: str = ""
    email: str = ""


def read_role(text: str) -> Role:
    """The role of that name. Raises Invalid."""
    try:
        return Role(text)
    except ValueError:
        raise Invalid(Fault(f'role must be one of {", ".join(Role)}, not "{text[:40]}"', "/role"), code="ADY-0105") from None


NOBODY = Caller(CallerKind.NOBODY)
