"""Params of a task: whose word counts, and how they are read."""

from __future__ import annotations

from collections.abc import Callable, Collection
from decimal import Decimal
from typing import TypeVar

from adyton.domain import secrets
from adyton.domain.data import as_text
from adyton.domain.errors import Invalid
from adyton.domain.numbers import Unencodable, decimal_from_text, short
from adyton.domain.runs import Data
from adyton.domain.strangers import UNRESTRICTED

T = TypeVar("T")

_GAS = frozenset({"gasprice", "gaslimit", "fromaddress", "fromaddresses", "minrequiredoutgoingconfirmations"})
"""What an answer may cost, which key pays, and how long the node watches it, is the job's to say, never the requester's."""
_CODE = frozenset({"wasm", "functionabi"})
"""What the node executes, and which function it calls, too."""
_TARGETS = {"ethtxabiencode": frozenset({"address"})}
"""What the job says of whom a task of that type calls counts, also against the log that asked."""
_WHERE = frozenset({"get", "post", "url"})
"""Names of one thing: whoever says one of them has said where to."""


def task_params(
    spec: Data, given: Data, reserved: Collection[str] | None, *, kind: str = "", requester_wins: bool = False
) -> Data:
    """The params that a task works with, from the job's and the run's input.

    A run that a client started (``reserved`` is None): the input wins, as v0.6.2. A run that a stranger asked for on chain:
    the job wins (as v0.7.1), because the request could else send the job's headers, with their keys, to a server of its own
    (v0.6.2 let it, a DEFECT); ``requester_wins`` restores that order. In both, the keys in ``reserved`` are the log's, in
    exactly their spelling: other spellings, by which v0.6.2 let a stranger redirect an answer, are dropped, and so are gas
    settings. A task of a ``kind`` that calls whom it likes, and answers nobody, keeps whom the job names.

    A task that reaches every address asks where the job says, whoever starts the run: an external initiator, a bridge that
    may override the job, or a requester could else have a look around in the operator's network.

    A task that names a secret takes its params from the job alone: whoever starts a run could else have the secret sent to a
    server of his own.
    """
    if not given or secrets.named_in(spec):
        return spec
    if kind.endswith(UNRESTRICTED):
        given = {key: value for key, value in given.items() if key.casefold() not in _WHERE}
    if reserved is None:
        return {**spec, **given}
    own = _TARGETS.get(kind, frozenset()) & {key.casefold() for key in spec}
    reserved = [name for name in reserved if name.casefold() not in own]
    from_log = {name.casefold() for name in reserved}
    ours = {key: value for key, value in spec.items() if key.casefold() not in from_log}
    refused = from_log | own | _GAS | _CODE
    if not requester_wins:
        said = {key.casefold() for key in ours}
        refused |= said | _WHERE if said & _WHERE else said
    return {**ours, **{key: value for key, value in given.items() if key in reserved or key.casefold() not in refused}}


def field(params: Data, name: str) -> object:
    """A param, matched exactly first, else in any case; None when there is none. Of several other spellings the last in the
    order of their characters counts, as in v0.6.2, whose keys were sorted."""
    if name in params:
        return params[name]
    folded = name.casefold()
    spelled = max((key for key in params if key.casefold() == folded), default=None)
    return None if spelled is None else params[spelled]


def present(params: Data, name: str) -> bool:
    """Whether the param is there at all, null or not."""
    folded = name.casefold()
    return name in params or any(key.casefold() == folded for key in params)


def read(name: str, what: Callable[[], T], *, code: str) -> T:
    """What ``what`` returns; its ValueError becomes Invalid, naming the param; ``code`` is its page."""
    try:
        return what()
    except ValueError as fault:
        raise Invalid(f"{name}: {fault}", code=code) from None


def json_path(params: Data, name: str) -> tuple[str, ...]:
    """A path of keys: a list of texts, or one text that is cut at every dot. Missing and null are the empty path."""
    value = field(params, name)
    if value is None:
        return ()
    if isinstance(value, str):
        return tuple(value.split("."))
    if isinstance(value, list) and all(isinstance(key, str) for key in value):
        return tuple(value)
    raise Invalid(f"{name} must be a text such as a.b.c or a list of texts, not {shown(value)}", code="ADY-0271")


def decimal_param(params: Data, name: str) -> Decimal | None:
    """A number, or a text with one; None when there is none. Raises Invalid (v0.6.2's text)."""
    value = field(params, name)
    if value is None:
        return None
    if isinstance(value, str | int | Decimal) and not isinstance(value, bool):
        try:
            return decimal_from_text(str(value))
        except Unencodable:
            pass
    raise Invalid(f"cannot parse into float: {short(as_text(value))}", code="ADY-0272")


def shown(value: object) -> str:
    """What a message shows of a wrong value: its beginning, spelled so that it prints on one line. Not for values that can
    hold a secret (URLs, headers, queries)."""
    return repr(as_text(value)[:80])
