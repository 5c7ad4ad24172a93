"""What ``adyton ledger`` says when it cannot begin; what it finds is in tests/unit/ledger and in the stories."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import structlog

from support.command_line import Adyton


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """The command sets logging up for its process, which here is the tests'."""
    root = logging.getLogger()
    handlers, level = [*root.handlers], root.level
    yield
    structlog.reset_defaults()
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)


def test_no_database(adyton: Adyton) -> None:
    result = adyton("ledger")
    assert result.exit_code == 1
    assert "there is no database at" in result.stderr
    assert "DATABASE_URL or ROOT" in result.stderr


@pytest.mark.parametrize("contract", ["0x12", "0xE7F1725E7734CE288F8367e1Bb143E90bb3F0512", "oracle"])
def test_a_contract_that_is_no_address_is_named(adyton: Adyton, contract: str) -> None:
    result = adyton("ledger", "--contract", contract)
    assert result.exit_code == 1
    assert result.stderr.startswith("--contract: ")
    assert contract in result.stderr


def test_a_block_is_a_number(adyton: Adyton) -> None:
    result = adyton("ledger", "--from", "yesterday")
    assert result.exit_code == 2
    assert "yesterday" in result.stderr
