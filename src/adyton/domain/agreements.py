"""Service agreements: a job that several oracles have promised, with the terms, under an id that a contract computes too.

What an operator or a requester sends is a job with terms at its top level. The text is normalised and hashed (the digest); the
terms and the digest make the id, byte for byte as the ``Coordinator`` contract packs them. v0.6.2 packed the end in four bytes
and signed the id without the prefix that contracts expect, so no contract took its agreements: a DEFECT.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

import msgspec
from msgspec import UNSET

from adyton.domain import evm
from adyton.domain.chain import ZERO_ADDRESS, Address, Hash, Hex
from adyton.domain.errors import Fault, Invalid
from adyton.domain.jobs import Job
from adyton.domain.request_json import field, kind_of
from adyton.domain.requests import EXEC_AGREEMENT
from adyton.domain.times import go_time

_SECOND = 1_000_000
_YEAR_ONE = -62_135_596_800 * _SECOND
"""What an end that is not set looks like in v0.6.2's messages."""
_MAX_WORD, _WORD_DIGITS = 2**256 - 1, 78
_MOST_SECONDS = 2**63 - 1
"""As many as the database keeps."""
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_ID = re.compile(r"[0-9a-f]{64}")
_MOST_ORACLES = 255


class Encumbrance(msgspec.Struct, frozen=True, kw_only=True):
    """The terms. ``payment`` is in juels, None if none is named; ``expiration`` in seconds; ``end_at`` in microseconds.

    With an ``aggregator`` (as later versions of the contract) its two functions are named by their selectors.
    """

    payment: int | None
    expiration: int
    end_at: int | None
    oracles: tuple[Address, ...]
    aggregator: Address | None = None
    initiate_selector: Hex | None = None
    fulfill_selector: Hex | None = None


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """An agreement as stored: ``request_body`` is the normalised text of what was sent, ``signature`` that of the node's first
    key over the id. ``created_at`` is in microseconds."""

    id: Hash
    job_id: str
    created_at: int
    terms: Encumbrance
    request_body: str
    request_digest: Hash
    signature: Hex


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What this node agrees to. ``payment`` is in juels, ``expiration`` in seconds, durations in microseconds from now."""

    payment: int
    expiration: int
    shortest: int
    longest: int


# --- reading ---------------------------------------------------------------------------------------------------------


def read_terms(source: Mapping[str, object], end_at: int | None) -> Encumbrance:
    """The terms at the top level of a request; the end is the job's own. Raises Invalid with everything that cannot be read."""
    faults: list[Fault] = []
    aggregator = _address(field(source, "aggregator"), "aggregator", faults)
    initiate = _selector(source, "aggInitiateJobSelector", aggregator, faults)
    fulfill = _selector(source, "aggFulfillSelector", aggregator, faults)
    terms = Encumbrance(
        payment=_payment(field(source, "payment"), faults),
        expiration=_expiration(field(source, "expiration"), faults),
        end_at=end_at,
        oracles=_oracles(field(source, "oracles"), faults),
        aggregator=aggregator,
        initiate_selector=initiate,
        fulfill_selector=fulfill,
    )
    if faults:
        raise Invalid(*faults)
    return terms


def _payment(value: object, faults: list[Fault]) -> int | None:
    """Juels as decimal digits in a string, as v0.6.2; null and nothing are none."""
    if value is UNSET or value is None:
        return None
    digits = isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _WORD_DIGITS
    if isinstance(value, str) and digits and int(value) <= _MAX_WORD:
        return int(value)
    shown = f'"{value[:90]}"' if isinstance(value, str) else kind_of(value)
    faults.append(
        Fault(
            f'payment must be juels in a string, such as "1000000000000000000" for one LINK, not {shown}',
            "/payment",
            code="ADY-0514",
        )
    )
    return None


def _expiration(value: object, faults: list[Fault]) -> int:
    """Seconds as a number; null and nothing are none."""
    if value is UNSET or value is None:
        return 0
    if isinstance(value, Decimal) and value == value.to_integral_value():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_SECONDS:
        return value
    shown = str(value)[:40] if isinstance(value, int | Decimal) and not isinstance(value, bool) else kind_of(value)
    faults.append(Fault(f"expiration must be a whole number of seconds, not {shown}", "/expiration", code="ADY-0514"))
    return 0


def _oracles(value: object, faults: list[Fault]) -> tuple[Address, ...]:
    if value is UNSET or value is None:
        return ()
    if not isinstance(value, list):
        faults.append(Fault(f"oracles must be an array of addresses, not {kind_of(value)}", "/oracles", code="ADY-0516"))
        return ()
    if len(value) > _MOST_ORACLES:
        faults.append(Fault(f"there are {len(value)} oracles; at most {_MOST_ORACLES} can agree", "/oracles", code="ADY-0516"))
        return ()
    return tuple(_oracle(item, f"oracles/{n}", faults) for n, item in enumerate(value))


def _oracle(value: object, name: str, faults: list[Fault]) -> Address:
    """One that is there: nobody can sign for null."""
    if value is None:
        faults.append(Fault("an oracle must be an address in a string, not null", f"/{name}", code="ADY-0516"))
    return _address(value, name, faults) or ZERO_ADDRESS


def _address(value: object, name: str, faults: list[Fault]) -> Address | None:
    """An address in its checksummed spelling; null and nothing are none."""
    if value is UNSET or value is None:
        return None
    if not isinstance(value, str):
        faults.append(Fault(f"an address must be a string, not {kind_of(value)}", f"/{name}", code="ADY-0516"))
    elif _ADDRESS.fullmatch(value) and evm.checksum(value.lower()) == value:
        return value.lower()
    else:
        faults.append(Fault(f'"{value[:90]}" is not a valid EIP55 formatted address', f"/{name}", code="ADY-0516"))
    return None


def _selector(source: Mapping[str, object], name: str, aggregator: Address | None, faults: list[Fault]) -> Hex | None:
    """A selector as four bytes in hex, or the signature of the function; an aggregator needs it, and nothing else has it."""
    value = field(source, name)
    if value is UNSET or value is None or value == "":
        if aggregator is not None:
            faults.append(Fault(f'an aggregator needs its {name}, such as "0xd43a12f6"', f"/{name}", code="ADY-0517"))
        return None
    if aggregator is None and field(source, "aggregator") in (UNSET, None):
        faults.append(Fault(f"{name} is of an aggregator: name that too", f"/{name}", code="ADY-0517"))
    if not isinstance(value, str):
        faults.append(Fault(f"{name} must be a string, not {kind_of(value)}", f"/{name}", code="ADY-0517"))
        return None
    try:
        return f"0x{evm.selector(value).hex()}"
    except ValueError as wrong:
        faults.append(Fault(f"{name}: {wrong}", f"/{name}", code="ADY-0517"))
        return None


# --- identity --------------------------------------------------------------------------------------------------------


def digest(normalised: str) -> bytes:
    """The hash of a normalised request."""
    return evm.keccak(normalised.encode())


def agreement_id(terms: Encumbrance, request_digest: bytes) -> bytes:
    """The id, as the contract packs it: payment, expiration and end (seconds) as words, each oracle as a word, the digest; with
    an aggregator its 20 bytes and the two selectors. Terms that are not set count as zero."""
    words = [terms.payment or 0, terms.expiration, seconds(terms.end_at)]
    packed = b"".join(evm.unsigned_word(word) for word in words)
    packed += b"".join(bytes.fromhex(oracle[2:]).rjust(evm.WORD, b"\0") for oracle in terms.oracles) + request_digest
    if terms.aggregator is not None:
        selectors = (terms.initiate_selector or "0x00000000")[2:] + (terms.fulfill_selector or "0x00000000")[2:]
        packed += bytes.fromhex(terms.aggregator[2:] + selectors)
    return evm.keccak(packed)


def seconds(micros: int | None) -> int:
    """A time as contracts know it; zero for none, and for times before 1970."""
    return max(micros // _SECOND, 0) if micros is not None else 0


def plain_id(text: str) -> Hash | None:
    """The id that somebody wrote, with or without ``0x``, in any case; None when it cannot be one."""
    digits = text.lower().removeprefix("0x")
    return f"0x{digits}" if _ID.fullmatch(digits) else None


# --- judging ---------------------------------------------------------------------------------------------------------


def judge(terms: Encumbrance, own: Address, job_faults: list[Fault], limits: Limits, now: int) -> list[Fault]:
    """Everything wrong with an agreement that could be read, in the order and the words of v0.6.2."""
    return [
        *_judge_price(terms, limits),
        *_judge_oracles(terms, own),
        *_judge_job(job_faults),
        *_judge_end(terms, limits, now),
    ]


def exec_agreement_alone(job: Job) -> list[Fault]:
    """An agreement is made without a login, so its job is started by requests under it and by nothing else. (v0.6.2 took any
    initiator.)"""
    if [initiator.type for initiator in job.initiators] == [EXEC_AGREEMENT]:
        return []
    return [Fault(f"an agreement's job has one initiator, of type {EXEC_AGREEMENT}", "/initiators", code="ADY-0515")]


def _judge_price(terms: Encumbrance, limits: Limits) -> list[Fault]:
    faults = []
    if terms.payment is None:
        faults.append(_encumbrance("No payment amount set", "/payment"))
    elif terms.payment < limits.payment:
        faults.append(_encumbrance(f"Payment amount is below minimum {evm.eighteen(limits.payment)}", "/payment"))
    if terms.expiration < limits.expiration:
        faults.append(_encumbrance(f"Expiration is below minimum {limits.expiration}", "/expiration"))
    return faults


def _judge_oracles(terms: Encumbrance, own: Address) -> list[Fault]:
    if own not in terms.oracles:
        return [_encumbrance("This node must be listed in the participating oracles", "/oracles")]
    if len(set(terms.oracles)) != len(terms.oracles):
        # The contract would wait for ever for the second answer of one oracle. (v0.6.2 did not look.)
        return [_encumbrance("An oracle is listed twice", "/oracles")]
    return []


def _judge_job(faults: list[Fault]) -> list[Fault]:
    if not faults:
        return []
    told = ",".join(fault.detail for fault in faults)
    return [Fault(f"Service agreement job spec error: Job spec validation: {told}", faults[0].pointer, code="ADY-0518")]


def _judge_end(terms: Encumbrance, limits: Limits, now: int) -> list[Fault]:
    end = terms.end_at if terms.end_at is not None else _YEAR_ONE
    if end - now > limits.longest:
        furthest = go_time(now + limits.longest)
        told = f"endAt value of {go_time(end)} is too far in the future. Furthest allowed date is {furthest}"
    elif end - now < limits.shortest:
        told = f"endAt value of {go_time(end)} is too soon. Earliest allowed date is {go_time(now + limits.shortest)}"
    else:
        return []
    return [_encumbrance(told, "/endAt")]


def _encumbrance(told: str, pointer: str) -> Fault:
    return Fault(f"Service agreement encumbrance error: {told}", pointer, code="ADY-0519")
