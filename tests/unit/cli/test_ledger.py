"""What ``adyton ledger`` says when it cannot begin; what it finds is in tests/unit/ledger and in the stories."""

from __future__ import annotations

import pytest

from support.command_line import Adyton


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
