"""E-mails, passwords and tokens."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
from argon2 import extract_parameters

from adyton.domain import credentials
from adyton.domain.errors import Invalid


@pytest.mark.parametrize("email", ["a@b", "operator@example.com", "o.p+x'y@sub-1.example.co", "A@EXAMPLE"])
def test_these_are_emails(email: str) -> None:
    credentials.check_email(email)


@pytest.mark.parametrize(
    "email", ["a", "a@", "@b", "a b@c", "a@b c", "a@-b", "a@b-", "a@b..c", "a@b\n", "a@@b", "a@" + "b" * 64]
)
def test_these_are_not(email: str) -> None:
    with pytest.raises(Invalid, match="Invalid email format"):
        credentials.check_email(email)


def test_an_email_must_be_given() -> None:
    with pytest.raises(Invalid, match="Must enter an email"):
        credentials.check_email("")


@pytest.mark.parametrize(
    ("password", "fine"), [("x" * 7, False), ("x" * 8, True), ("x" * 1028, True), ("x" * 1029, False), ("éééé", True)]
)
def test_the_bytes_of_a_password_are_counted(password: str, fine: bool) -> None:
    refused = pytest.raises(Invalid, match="Must enter a password with 8 - 1028 characters")
    with nullcontext() if fine else refused:
        credentials.check_password(password)


def test_a_password_belongs_to_its_hash_alone() -> None:
    hashed = credentials.hash_password("correct horse", b"s" * credentials.SALT_BYTES)

    assert "correct horse" not in hashed
    assert hashed != credentials.hash_password("correct horse", b"t" * credentials.SALT_BYTES)
    assert credentials.password_matches(hashed, "correct horse")
    assert not credentials.password_matches(hashed, "Correct horse")
    assert not credentials.password_matches("no hash at all", "correct horse")


def test_the_hash_of_nobody_costs_what_a_real_one_costs() -> None:
    real = credentials.hash_password("correct horse", b"s" * credentials.SALT_BYTES)
    assert extract_parameters(credentials.NOBODYS_HASH) == extract_parameters(real)


@pytest.mark.parametrize("token", ["", "a" * 63, "a" * 65, "A" * 64, "g" * 64, "a" * 63 + "\n", "é" * 64])
def test_what_cannot_be_a_token_has_no_hash(token: str) -> None:
    assert credentials.token_hash(token) is None


def test_a_token_is_stored_as_its_sha_256() -> None:
    assert credentials.token_hash("0" * 64) == "60e05bd1b195af2f94112fa7197a5c88289058840ce7c6df9693756bc6250f55"
