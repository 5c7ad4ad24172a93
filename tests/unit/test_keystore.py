"""Key files: made, opened, refused; and what never leaves."""

from __future__ import annotations

import asyncio
import json
import logging
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct

from adyton.domain.errors import Invalid, NotFound, Unauthenticated
from adyton.domain.evm import checksum
from adyton.domain.transactions import Fee, UnsignedTransaction
from adyton.keystore import Keystore

PASSWORD = "T.tLHkcmwePT/p,]sYuntjwHKAsrhm#4eRs4LuKHwvHejWYAC2JP4M8HimwgmbaZ"
WORK = 4096
SECRET = b"\x46" * 32
ADDRESS = "0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F"


class Dice:
    """Chance that the test decides."""

    def __init__(self, *tokens: bytes) -> None:
        self._tokens = list(tokens)

    def token(self, size: int) -> bytes:
        found = self._tokens.pop(0)
        assert len(found) == size
        return found

    def new_id(self) -> str:
        raise AssertionError

    def jitter(self) -> float:
        return 0.0


def opened(directory: Path, password: str = PASSWORD, *, create: bool = False, dice: Dice | None = None) -> Keystore:
    return asyncio.run(Keystore.open(directory, password, entropy=dice or Dice(SECRET), create_if_empty=create, scrypt_n=WORK))


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    directory = tmp_path_factory.mktemp("made") / "keys"
    opened(directory, create=True)
    content: dict[str, Any] = json.loads((directory / f"{ADDRESS}.json").read_text())
    return content


@pytest.fixture
def directory(tmp_path: Path, key_file: dict[str, Any]) -> Path:
    keys = tmp_path / "keys"
    keys.mkdir()
    (keys / f"{ADDRESS}.json").write_text(json.dumps(key_file))
    return keys


def changed(directory: Path, **fields: Any) -> Path:
    path = directory / f"{ADDRESS}.json"
    content = json.loads(path.read_text()) | fields
    path.write_text(json.dumps({name: value for name, value in content.items() if value is not None}))
    return path


# --- making ----------------------------------------------------------------------------------------------------------


def test_the_first_key_is_made_in_the_standard_form_for_the_owners_eyes_only(tmp_path: Path) -> None:
    directory = tmp_path / "root" / "keys"
    made = opened(directory, create=True)
    assert made.addresses() == (ADDRESS.lower(),)
    assert [path.name for path in directory.iterdir()] == [f"{ADDRESS}.json"]
    path = directory / f"{ADDRESS}.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    content = json.loads(path.read_text())
    assert (content["version"], content["crypto"]["kdf"], content["crypto"]["cipher"]) == (3, "scrypt", "aes-128-ctr")
    assert content["crypto"]["kdfparams"]["n"] == WORK
    assert bytes(Account.decrypt(content, PASSWORD)) == SECRET
    assert opened(directory).addresses() == made.addresses()


def test_without_a_key_and_without_leave_to_make_one_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="no key file in"):
        opened(tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()


def test_an_existing_key_is_never_joined_by_a_new_one(directory: Path) -> None:
    assert opened(directory, create=True).addresses() == (ADDRESS.lower(),)
    assert len(list(directory.iterdir())) == 1


def test_a_crash_while_a_key_is_written_leaves_nothing_that_counts(tmp_path: Path) -> None:
    directory = tmp_path / "keys"
    directory.mkdir()
    (directory / f".{ADDRESS}.json.new").write_text('{"half":')
    assert opened(directory, create=True).addresses() == (ADDRESS.lower(),)
    assert [path.name for path in directory.iterdir()] == [f"{ADDRESS}.json"]


def test_a_number_that_is_no_key_is_drawn_again(tmp_path: Path) -> None:
    drawn = Dice(b"\0" * 32, b"\xff" * 32, SECRET)
    assert opened(tmp_path / "keys", create=True, dice=drawn).addresses() == (ADDRESS.lower(),)


# --- opening ---------------------------------------------------------------------------------------------------------


def test_a_key_of_another_wallet_is_opened_under_its_own_name(tmp_path: Path) -> None:
    account = Account.from_key(b"\x47" * 32)
    content = account.encrypt(PASSWORD, kdf="pbkdf2", iterations=2000)
    (tmp_path / "UTC--2020-01-01T00-00-00.000000000Z--x").write_text(json.dumps(content))
    assert opened(tmp_path).addresses() == (account.address.lower(),)


def test_every_key_is_opened_and_other_files_are_left_alone(directory: Path) -> None:
    other = Account.from_key(b"\x47" * 32)
    (directory / "a.json").write_text(json.dumps(other.encrypt(PASSWORD, kdf="pbkdf2", iterations=2000)))
    (directory / "README").write_text("keys live here")
    (directory / ".hidden.json").write_text("not a key")
    (directory / "folder.json").mkdir()
    assert set(opened(directory).addresses()) == {ADDRESS.lower(), other.address.lower()}


def test_a_file_that_keeps_its_address_in_its_name_only_is_opened(directory: Path) -> None:
    changed(directory, address=None)
    assert opened(directory).addresses() == (ADDRESS.lower(),)


def test_a_wrong_password_names_every_account_that_it_does_not_open(directory: Path) -> None:
    other = Account.from_key(b"\x47" * 32)
    (directory / "a.json").write_text(json.dumps(other.encrypt("another", kdf="pbkdf2", iterations=2000)))
    with pytest.raises(Unauthenticated) as refusal:
        opened(directory, "wrong")
    assert str(refusal.value) == (f"invalid password for account {ADDRESS}; invalid password for account {other.address}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it is not JSON"),
        ("{", "it is not JSON"),
        ("[" * 100_000, "it is not JSON (JSON is nested too deeply)"),
        ("[]", "it is not a JSON object"),
        ('{"version": 1}', '"version" must be 3, not 1'),
        ('{"version": 3}', 'the field "crypto" is missing'),
        ('{"version": 3, "crypto": {}}', 'the field "crypto.cipher" is missing'),
    ],
)
def test_a_damaged_file_is_named_with_what_is_wrong(directory: Path, text: str, said: str) -> None:
    path = directory / f"{ADDRESS}.json"
    path.write_text(text)
    with pytest.raises(Invalid) as refusal:
        opened(directory)
    assert f"key file {path} is damaged: " in str(refusal.value)
    assert said in str(refusal.value)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"address": "12"}, "\"address\" must be 40 hex digits, not '12'"),
        ({"address": 7}, '"address" must be 40 hex digits, not 7'),
        ({"address": "ab" * 20}, f"it names the address {checksum('0x' + 'ab' * 20)}, but holds the key of {ADDRESS}"),
    ],
)
def test_a_file_whose_address_is_not_its_keys_is_refused(directory: Path, fields: dict[str, Any], said: str) -> None:
    changed(directory, **fields)
    with pytest.raises(Invalid) as refusal:
        opened(directory)
    assert said in str(refusal.value)


@pytest.mark.parametrize(
    "change",
    [
        {"kdf": "md5"},
        {"ciphertext": "zz"},
        {"cipherparams": {}},
        {"kdfparams": {"n": 4096}},
        {"mac": 7},
        {"kdfparams": {"dklen": 32, "n": 3, "p": 1, "r": 8, "salt": "00"}},
    ],
)
def test_a_file_that_cannot_be_decrypted_is_damaged_and_not_a_wrong_password(
    directory: Path, key_file: dict[str, Any], change: dict[str, Any]
) -> None:
    changed(directory, crypto=key_file["crypto"] | change)
    with pytest.raises(Invalid, match="it cannot be decrypted"):
        opened(directory)


def test_a_file_that_cannot_be_read_is_named(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(Invalid, match="it cannot be read \\(Permission denied\\)"):
        opened(directory)


# --- using -----------------------------------------------------------------------------------------------------------


def unsigned() -> UnsignedTransaction:
    return UnsignedTransaction(
        chain_id=1, nonce=0, to="0x" + "ab" * 20, value=0, data="0x", gas_limit=21000, fee=Fee(gas_price=1)
    )


def test_a_key_that_is_not_there_signs_nothing(directory: Path) -> None:
    with pytest.raises(NotFound, match=f"no key of {checksum('0x' + 'ab' * 20)} in the keystore"):
        opened(directory).sign("0x" + "ab" * 20, unsigned())


def test_a_message_is_signed_so_that_contracts_and_wallets_know_the_signer(directory: Path) -> None:
    for message in (b"\x07" * 32, b"", b"text"):
        signature = opened(directory).sign_message(ADDRESS.lower(), message)
        assert len(signature) == 65
        assert signature[64] in (27, 28)
        assert Account.recover_message(encode_defunct(message), signature=signature) == ADDRESS
    with pytest.raises(NotFound):
        opened(directory).sign_message("0x" + "ab" * 20, b"")


def test_no_secret_is_shown_or_logged(directory: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    keys = opened(directory)
    keys.sign(ADDRESS.lower(), unsigned())
    shown = repr(keys) + str(vars(keys)) + caplog.text
    assert ADDRESS.lower() in shown
    assert SECRET.hex() not in shown
    assert PASSWORD not in shown


def test_the_key_file_library_does_not_lift_the_bound_on_recursion(directory: Path) -> None:
    program = (
        "import sys; limit = sys.getrecursionlimit(); from pathlib import Path; from adyton.keystore import files; "
        "files.unlock_all(files.key_files(Path(sys.argv[1])), sys.argv[2]); "
        "assert 'py_ecc' in sys.modules; sys.exit(sys.getrecursionlimit() != limit)"
    )
    assert subprocess.run([sys.executable, "-c", program, directory, PASSWORD], check=False).returncode == 0


def test_the_slow_parts_are_imported_only_where_keys_are_unlocked() -> None:
    program = "import adyton.keystore, sys; sys.exit('eth_keyfile' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
