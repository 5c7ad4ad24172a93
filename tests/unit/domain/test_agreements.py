"""Terms, ids and what a node agrees to."""

from __future__ import annotations

from typing import Any

import pytest
from eth_abi.packed import encode_packed
from hypothesis import given
from hypothesis import strategies as st

from adyton.domain import agreements
from adyton.domain.agreements import Encumbrance, Limits
from adyton.domain.errors import Fault, Invalid
from adyton.domain.evm import checksum, keccak
from adyton.domain.normalise import normalise

BODY_A = (
    b'{"payment":"1","initiators":[{"type":"web"}],"tasks":[{"type":"httpget","url":"https://bitstamp.net/api/ticker/"},'
    b'{"type":"jsonparse","path":["last"]},{"type":"ethbytes32"},{"type":"ethtx"}]}'
)
BODY_B = (
    b'{"initiators":[{"type":"execagreement"}],"tasks":[{"type":"noOp"}],"payment":"1000000000000000000","expiration":300,'
    b'"endAt":"2019-10-19T22:17:19Z","oracles":["0x3cb8e3FD9d27e39a5e9e6852b0e96160061fd4ea",'
    b'"0xa0788FC17B1dEe36f057c42B6F373A34B014687e"]}'
)
LINK = 10**18
FIRST, SECOND = "0x3cb8e3fd9d27e39a5e9e6852b0e96160061fd4ea", "0xa0788fc17b1dee36f057c42b6f373a34b014687e"
END = 1_571_523_439
SECOND_MICROS = 1_000_000
NOW = 1_529_000_000 * SECOND_MICROS
LIMITS = Limits(payment=LINK, expiration=300, shortest=0, longest=3600 * SECOND_MICROS * 24 * 365 * 100)


def terms(**changed: Any) -> Encumbrance:
    """Terms that the node of FIRST agrees to."""
    wanted: dict[str, Any] = {
        "payment": LINK,
        "expiration": 300,
        "end_at": END * SECOND_MICROS,
        "oracles": (FIRST, SECOND),
    }
    return Encumbrance(**(wanted | changed))


# --- texts and digests, as v0.6.2 had them (engine.md 10.14) -----------------------------------------------------------


def test_a_request_is_normalised_and_hashed_as_in_v062() -> None:
    assert normalise(BODY_A) == (
        '{"initiators":[{"type":"web"}],"payment":"1","tasks":[{"type":"httpget","url":"https://bitstamp.net/api/ticker/"},'
        '{"path":["last"],"type":"jsonparse"},{"type":"ethbytes32"},{"type":"ethtx"}]}'
    )
    assert agreements.digest(normalise(BODY_A)).hex() == "2fb4dfe89fa155a61017835ad62bf057d7959ceaa0be1f47b04d1ecc03a1a19d"
    assert normalise(BODY_B) == (
        '{"endAt":"2019-10-19T22:17:19Z","expiration":3.000000e+02,"initiators":[{"type":"execagreement"}],'
        '"oracles":["0x3cb8e3FD9d27e39a5e9e6852b0e96160061fd4ea","0xa0788FC17B1dEe36f057c42B6F373A34B014687e"],'
        '"payment":"1000000000000000000","tasks":[{"type":"noOp"}]}'
    )
    assert agreements.digest(normalise(BODY_B)).hex() == "1718f9ee3e372923a12e465b21e6f059707f2a799d3ba3bd42f6b4d62cad09fa"


def test_the_end_takes_a_whole_word_unlike_in_v062() -> None:
    """The terms of engine.md's body B: there they gave 0x826d7696…, which no contract computes."""
    request_digest = agreements.digest(normalise(BODY_B))
    words = [LINK, 300, END, int(FIRST, 16), int(SECOND, 16)]
    assert agreements.agreement_id(terms(), request_digest) == keccak(
        b"".join(word.to_bytes(32, "big") for word in words) + request_digest
    )
    in_four_bytes = b"".join(word.to_bytes(32, "big") for word in words[:2]) + END.to_bytes(4, "big")
    in_four_bytes += b"".join(word.to_bytes(32, "big") for word in words[3:]) + request_digest
    assert keccak(in_four_bytes).hex() == "826d76961f6b2565d8beb42c14bb69e88b8766780afec3f45adca079e47cae62"


ADDRESSES = st.integers(0, 2**160 - 1).map(lambda number: f"0x{number:040x}")
WORDS = st.integers(0, 2**256 - 1)


@given(
    payment=WORDS,
    expiration=st.integers(0, 2**64 - 1),
    end=st.integers(0, 253_402_300_799),
    oracles=st.lists(ADDRESSES, max_size=4),
    request_digest=st.binary(min_size=32, max_size=32),
    aggregator=st.none() | ADDRESSES,
    selectors=st.tuples(st.binary(min_size=4, max_size=4), st.binary(min_size=4, max_size=4)),
)
def test_the_id_is_packed_as_another_implementation_packs_it(
    payment: int,
    expiration: int,
    end: int,
    oracles: list[str],
    request_digest: bytes,
    aggregator: str | None,
    selectors: tuple[bytes, bytes],
) -> None:
    # Solidity fills the addresses of a packed array up to words; that library does so with numbers only.
    kinds = ["uint256", "uint256", "uint256", "uint256[]", "bytes32"]
    values: list[Any] = [payment, expiration, end, [int(oracle, 16) for oracle in oracles], request_digest]
    if aggregator is not None:
        kinds += ["address", "bytes4", "bytes4"]
        values += [aggregator, *selectors]
    agreed = terms(
        payment=payment,
        expiration=expiration,
        end_at=end * SECOND_MICROS + 999_999,
        oracles=tuple(oracles),
        aggregator=aggregator,
        initiate_selector=f"0x{selectors[0].hex()}" if aggregator else None,
        fulfill_selector=f"0x{selectors[1].hex()}" if aggregator else None,
    )
    assert agreements.agreement_id(agreed, request_digest) == keccak(encode_packed(kinds, values))


# --- reading ---------------------------------------------------------------------------------------------------------


def test_terms_are_read_in_their_forms() -> None:
    source: dict[str, object] = {
        "Payment": "7",
        "expiration": 300,
        "oracles": [checksum(FIRST)],
        "aggregator": checksum(SECOND),
        "aggInitiateJobSelector": "0xD43A12F6",
        "aggFulfillSelector": "fulfill(bytes32,bytes32,address,bytes32)",
    }
    assert agreements.read_terms(source, 5) == Encumbrance(
        payment=7,
        expiration=300,
        end_at=5,
        oracles=(FIRST,),
        aggregator=SECOND,
        initiate_selector="0xd43a12f6",
        fulfill_selector="0x" + keccak(b"fulfill(bytes32,bytes32,address,bytes32)")[:4].hex(),
    )
    assert agreements.read_terms({}, None) == Encumbrance(payment=None, expiration=0, end_at=None, oracles=())


@pytest.mark.parametrize(
    ("source", "pointer", "detail"),
    [
        ({"payment": 7}, "/payment", "payment must be juels in a string"),
        ({"payment": "1.5"}, "/payment", "payment must be juels in a string"),
        ({"payment": "-1"}, "/payment", "payment must be juels in a string"),
        ({"payment": str(2**256)}, "/payment", "payment must be juels in a string"),
        ({"payment": "٣"}, "/payment", "payment must be juels in a string"),
        ({"expiration": "300"}, "/expiration", "expiration must be a whole number of seconds, not a string"),
        ({"expiration": -1}, "/expiration", "expiration must be a whole number of seconds, not -1"),
        ({"expiration": True}, "/expiration", "expiration must be a whole number of seconds, not a boolean"),
        ({"expiration": 2**63}, "/expiration", "expiration must be a whole number of seconds"),
        ({"oracles": {}}, "/oracles", "oracles must be an array of addresses, not an object"),
        ({"oracles": [FIRST]}, "/oracles/0", f'"{FIRST}" is not a valid EIP55 formatted address'),
        ({"oracles": [checksum(FIRST), "0x"]}, "/oracles/1", '"0x" is not a valid EIP55 formatted address'),
        ({"oracles": [checksum(FIRST), None]}, "/oracles/1", "an oracle must be an address in a string, not null"),
        ({"oracles": [checksum(FIRST)] * 256}, "/oracles", "there are 256 oracles"),
        ({"aggregator": checksum(FIRST)}, "/aggInitiateJobSelector", "an aggregator needs its aggInitiateJobSelector"),
        ({"aggFulfillSelector": "0x00000000"}, "/aggFulfillSelector", "aggFulfillSelector is of an aggregator"),
        (
            {"aggregator": checksum(FIRST), "aggInitiateJobSelector": "0x01", "aggFulfillSelector": "f()"},
            "/aggInitiateJobSelector",
            "aggInitiateJobSelector: Function ID must be 4 bytes in length",
        ),
    ],
)
def test_terms_that_cannot_be_read_are_named(source: dict[str, object], pointer: str, detail: str) -> None:
    with pytest.raises(Invalid) as refused:
        agreements.read_terms(source, None)
    assert refused.value.faults[0].pointer == pointer
    assert refused.value.faults[0].detail.startswith(detail)


# --- judging ---------------------------------------------------------------------------------------------------------


def details(agreed: Encumbrance, *, job: list[Fault] | None = None, limits: Limits = LIMITS, own: str = FIRST) -> list[str]:
    """What the node says to terms."""
    return [fault.detail for fault in agreements.judge(agreed, own, job or [], limits, NOW)]


def test_good_terms_are_agreed_to() -> None:
    assert details(terms()) == []


@pytest.mark.parametrize(
    ("agreed", "said"),
    [
        (terms(payment=None), "No payment amount set"),
        (terms(payment=LINK - 1), "Payment amount is below minimum 1.000000000000000000"),
        (terms(expiration=299), "Expiration is below minimum 300"),
        (terms(oracles=(SECOND,)), "This node must be listed in the participating oracles"),
        (terms(oracles=(FIRST, SECOND, FIRST)), "An oracle is listed twice"),
        (
            terms(end_at=NOW - SECOND_MICROS),
            "endAt value of 2018-06-14 18:13:19 +0000 UTC is too soon. Earliest allowed date is 2018-06-14 18:13:20 +0000 UTC",
        ),
        (
            terms(end_at=None),
            "endAt value of 0001-01-01 00:00:00 +0000 UTC is too soon. Earliest allowed date is 2018-06-14 18:13:20 +0000 UTC",
        ),
        (
            terms(end_at=NOW + LIMITS.longest + SECOND_MICROS),
            (
                "endAt value of 2118-05-21 18:13:21 +0000 UTC is too far in the future. Furthest allowed date is "
                "2118-05-21 18:13:20 +0000 UTC"
            ),
        ),
    ],
)
def test_each_limit_has_its_words(agreed: Encumbrance, said: str) -> None:
    assert details(agreed) == [f"Service agreement encumbrance error: {said}"]


def test_the_limits_themselves_are_within() -> None:
    for end in (NOW, NOW + LIMITS.longest):
        assert details(terms(end_at=end)) == []


def test_faults_stand_in_the_order_of_v062() -> None:
    bad = terms(payment=None, expiration=0, oracles=(), end_at=None)
    assert [text.split(" error: ")[1][:20] for text in details(bad, job=[Fault("a", "/tasks"), Fault("b")])] == [
        "No payment amount se",
        "Expiration is below ",
        "This node must be li",
        "Job spec validation:",
        "endAt value of 0001-",
    ]
    assert "Service agreement job spec error: Job spec validation: a,b" in details(bad, job=[Fault("a"), Fault("b")])


@pytest.mark.parametrize("text", ["0x" + "AB" * 32, "ab" * 32, "0X" + "ab" * 32])
def test_an_id_is_known_in_every_spelling(text: str) -> None:
    assert agreements.plain_id(text) == "0x" + "ab" * 32


@pytest.mark.parametrize("text", ["", "0x", "ab" * 31, "zz" * 32, "ab" * 33])
def test_what_is_no_id_is_nobodys(text: str) -> None:
    assert agreements.plain_id(text) is None
