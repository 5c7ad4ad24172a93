"""What an operator says about a bridge, its tokens, and where its late answers go."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.domain.bridges import (
    Bridge,
    BridgeRequest,
    bearer,
    read_name,
    read_request,
    response_url,
    token_hash,
    token_matches,
)
from adyton.domain.errors import Invalid

ASKED = {"name": "randomNumber", "url": "https://example.com/randomNumber"}


def read(**changes: object) -> object:
    return read_request(json.dumps({**ASKED, **changes}).encode())


def test_a_bridge_is_read_with_its_name_in_small_letters() -> None:
    asked = read_request(
        b'{"NAME": "randomNumber", "url": "https://example.com/r", "confirmations": 10, '
        b'"minimumContractPayment": "100", "_comment": 1} and what follows is ignored'
    )
    assert (asked.name, asked.url) == ("randomnumber", "https://example.com/r")
    assert (asked.confirmations, asked.minimum_payment) == (10, 100)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "a/b"}, "Task Type validation: name a/b contains invalid characters"),
        ({"name": "ſ"}, "contains invalid characters"),
        ({"name": 5}, "name must be a string, not a number"),
        ({"name": "a" * 513}, "name is longer than 512 characters"),
        ({"url": ""}, "url is missing"),
        ({"url": None}, "url is missing"),
        ({"url": 5}, "url must be a string, not a number"),
        ({"url": "/rooted"}, "url does not begin with http:// or https://"),
        ({"url": "example.com"}, "url does not begin with http:// or https://"),
        ({"url": "ftp://example.com"}, "url does not begin with http:// or https://"),
        ({"url": "https://"}, "url names no host"),
        ({"url": "https://exa mple.com"}, "url holds blanks or control characters"),
        ({"url": "https://example.com/\u0000"}, "url holds blanks or control characters"),
        ({"url": "https://example.com:port"}, "url cannot be taken apart"),
        ({"url": "https://[::1"}, "url cannot be taken apart"),
        ({"url": "https://example.com/?key=$(secret:../KEY)"}, "url names a secret whose name is not made of letters"),
        ({"url": "https://example.com/" + "x" * 9000}, "url is longer than 8192 characters"),
        ({"confirmations": -1}, "confirmations must be a whole number from 0 to 4294967295"),
        ({"confirmations": 2**32}, "confirmations must be"),
        ({"confirmations": 1.5}, "confirmations must be"),
        ({"confirmations": "1"}, "confirmations must be"),
        ({"confirmations": True}, "confirmations must be"),
        ({"minimumContractPayment": 100}, 'minimumContractPayment must be juels in a string such as "100", not a number'),
        ({"minimumContractPayment": "-1"}, "not this text"),
        ({"minimumContractPayment": "1.5"}, "not this text"),
        ({"minimumContractPayment": ""}, "not this text"),
        ({"minimumContractPayment": str(2**256)}, "not this text"),
    ],
)
def test_what_is_wrong_with_a_bridge_is_said(changes: dict[str, object], words: str) -> None:
    with pytest.raises(Invalid, match=words.replace("(", r"\(").replace(".", r"\.")):
        read(**changes)


def test_every_fault_is_said_at_once_and_points_to_its_field() -> None:
    with pytest.raises(Invalid) as caught:
        read(name="a b", url="nowhere", confirmations="x", minimumContractPayment=1)
    assert [fault.pointer for fault in caught.value.faults] == ["/name", "/url", "/confirmations", "/minimumContractPayment"]


def test_a_wrong_url_is_not_repeated_because_it_can_hold_a_key() -> None:
    with pytest.raises(Invalid) as caught:
        read(url="ftp://example.com/?apikey=sesame")
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.7:8080/",
        "http://[::1]:8080/adapter?x=1",
        "https://example.com/$(secret:PATH)?key=$(secret:KEY)",
        "$(secret:WHOLE_URL)",
        "$(secret:HOST)/path",
    ],
)
def test_a_bridge_may_be_anywhere_and_its_url_may_name_secrets(url: str) -> None:
    assert read(url=url) == read_request(json.dumps({"name": "randomnumber", "url": url}).encode())


@given(st.binary(max_size=200))
def test_no_body_raises_anything_but_invalid(body: bytes) -> None:
    with suppress(Invalid):
        assert isinstance(read_request(body), BridgeRequest)


def test_names_in_paths_are_read_as_those_in_bodies() -> None:
    assert read_name("My-Bridge_2") == "my-bridge_2"
    with pytest.raises(Invalid, match=r"name x\.y contains invalid characters"):
        read_name("x.y")


# --- tokens ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("token", "salt", "digest"),
    [
        ("token", "salt", "67a20a0dd98596915b883892ef1f7311379a39df5414a86177756a9c52018f9d"),
        (
            "0123456789abcdef0123456789abcdef",
            "fedcba9876543210fedcba9876543210",
            "0cb3afe8653dae6aed2ede2e23c4064fbc75ec8d9515fc979cdb4a8025def7ad",
        ),
    ],
)
def test_a_token_is_hashed_as_v0_6_2_hashed_it(token: str, salt: str, digest: str) -> None:
    assert token_hash(token, salt) == digest


def test_only_the_bridges_own_token_matches() -> None:
    bridge = Bridge(name="b", url="http://b", incoming_token_hash=token_hash("in", "s"), salt="s", outgoing_token="out")
    assert token_matches(bridge, "in")
    assert not any(token_matches(bridge, wrong) for wrong in ("", "in ", "out", "s", bridge.incoming_token_hash, "ïn"))


@pytest.mark.parametrize(
    ("header", "token"),
    [("Bearer abc", "abc"), ("  Bearer abc ", "abc"), ("bearer abc", "abc"), ("abc", "abc"), ("", ""), ("Bearer", "Bearer")],
)
def test_a_token_is_taken_from_its_header_with_bearer_or_without(header: str, token: str) -> None:
    assert bearer(header) == token


# --- where late answers go -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("", None),
        ("https://chain.link", "https://chain.link/v2/runs/1234"),
        ("https://chain.link/base/", "https://chain.link/base//v2/runs/1234"),
        ("https://chain.link?x=1", "https://chain.link/v2/runs/1234?x=1"),
        ("http://[::1]:6688", "http://[::1]:6688/v2/runs/1234"),
    ],
)
def test_the_address_for_a_late_answer_is_under_the_nodes_own(base: str, url: str | None) -> None:
    assert response_url(base, "1234") == url
