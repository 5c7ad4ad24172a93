"""Keys that come and go while the node runs, and the keystore's password."""

from __future__ import annotations

import asyncio
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from adyton.domain.errors import Conflict, Invalid, NotFound, Refused, Unauthenticated
from adyton.keystore import Keystore, files
from adyton.system.entropy import SystemEntropy

PASSWORD = "p4ssword of the keystore"
ANOTHER = "p4ssword after the change"
WORK = 4096
ENTROPY = SystemEntropy()


def opened(directory: Path, password: str = PASSWORD) -> Keystore:
    return asyncio.run(Keystore.open(directory, password, entropy=ENTROPY, create_if_empty=True, scrypt_n=WORK))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "keys"


@pytest.fixture
def keystore(directory: Path) -> Keystore:
    return opened(directory)


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def test_a_key_that_is_made_is_there_at_once_and_after_a_restart(keystore: Keystore, directory: Path) -> None:
    address = asyncio.run(keystore.create(PASSWORD, entropy=ENTROPY))
    assert (address in keystore, len(keystore), list(keystore)) == (True, 2, list(keystore.addresses()))
    assert set(opened(directory).addresses()) == set(keystore.addresses())
    assert {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()} == {0o600}


def test_nothing_is_done_with_a_wrong_password(keystore: Keystore, directory: Path) -> None:
    [address] = keystore.addresses()
    before = {path: path.read_bytes() for path in directory.iterdir()}
    for attempt in (
        keystore.create("wrong one", entropy=ENTROPY),
        keystore.give_out(address, "wrong one", ANOTHER),
        keystore.change_password("wrong one", ANOTHER),
        keystore.take_in(_file_of_another_wallet("theirs"), "theirs", "wrong one"),
        keystore.check("wrong one"),
    ):
        with pytest.raises(Unauthenticated, match="invalid password for account 0x"):
            asyncio.run(attempt)
    assert {path: path.read_bytes() for path in directory.iterdir()} == before


def test_a_key_of_another_wallet_comes_in_under_the_keystores_password(keystore: Keystore, directory: Path) -> None:
    address = asyncio.run(keystore.take_in(_file_of_another_wallet("theirs"), "theirs", PASSWORD))
    assert address in opened(directory)
    with pytest.raises(Conflict, match="is in the keystore already"):
        asyncio.run(keystore.take_in(_file_of_another_wallet("theirs"), "theirs", PASSWORD))


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "not a JSON object"), ({"version": 2}, '"version" must be 3'), ({"version": 3}, '"crypto" is missing')],
)
def test_what_is_no_key_file_is_refused_with_the_place(keystore: Keystore, content: object, said: str) -> None:
    with pytest.raises(Invalid, match=said) as refused:
        asyncio.run(keystore.take_in(content, "theirs", PASSWORD))
    assert refused.value.faults[0].pointer == "/keyJSON"


@pytest.mark.parametrize(
    ("kdf", "params", "said"),
    [
        ("scrypt", {"n": 2**24}, "too much memory or time"),
        ("scrypt", {"p": 2**15}, "too much memory or time"),
        ("scrypt", {"N": 2**24}, "too much memory or time"),
        ("scrypt", {"dklen": 10**9}, "dklen. must be 32 to 64"),
        ("scrypt", {"n": 1.5}, "kdfparams.n. must be a whole number"),
        ("scrypt", {"r": True}, "kdfparams.r. must be a whole number"),
        ("pbkdf2", {"c": 2**31, "prf": "hmac-sha256"}, "takes too long"),
        ("pbkdf2", {"c": 1, "prf": "sha256"}, "prf. must be hmac-sha256"),
        ("pbkdf2", {"c": 1, "prf": 7}, "prf. must be hmac-sha256"),
        (["scrypt"], {}, "Unsupported key derivation function"),
    ],
)
def test_a_file_that_asks_for_all_memory_or_time_is_refused_before_it_gets_any(
    keystore: Keystore, kdf: object, params: dict[str, object], said: str
) -> None:
    content = _file_of_another_wallet("theirs")
    content["crypto"]["kdf"] = kdf
    content["crypto"]["kdfparams"] |= {"dklen": 32, "n": WORK, "r": 8, "p": 1, **params}
    with pytest.raises(Invalid, match=said) as refused:
        asyncio.run(keystore.take_in(content, "theirs", PASSWORD))
    assert refused.value.faults[0].pointer == "/keyJSON"


def test_a_second_spelling_of_the_version_changes_nothing_that_was_checked(keystore: Keystore) -> None:
    with pytest.raises(Invalid, match='"version" must be 3, not 4'):
        asyncio.run(keystore.take_in(_file_of_another_wallet("theirs") | {"VERSION": 4}, "theirs", PASSWORD))


def test_an_exported_key_opens_elsewhere_with_its_own_password(keystore: Keystore) -> None:
    [address] = keystore.addresses()
    content = asyncio.run(keystore.give_out(address, PASSWORD, ANOTHER))
    assert Account.from_key(Account.decrypt(content, ANOTHER)).address.lower() == address
    with pytest.raises(Invalid, match="8 characters"):
        asyncio.run(keystore.give_out(address, PASSWORD, "short"))


def test_a_changed_password_opens_every_key_and_the_old_one_none(keystore: Keystore, directory: Path) -> None:
    asyncio.run(keystore.create(PASSWORD, entropy=ENTROPY))
    asyncio.run(keystore.change_password(PASSWORD, ANOTHER))
    assert set(opened(directory, ANOTHER).addresses()) == set(keystore.addresses())
    with pytest.raises(Unauthenticated):
        opened(directory)
    asyncio.run(keystore.create(ANOTHER, entropy=ENTROPY))


class Crash(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("moment", range(1, 9))
def test_a_crash_at_any_moment_of_a_change_leaves_one_password_for_all(
    directory: Path, keystore: Keystore, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    asyncio.run(keystore.create(PASSWORD, entropy=ENTROPY))
    left = moment

    def dying(real: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                raise Crash
            return real(*arguments, **options)

        return call

    with monkeypatch.context() as patched:
        patched.setattr(files, "_write_new", dying(files._write_new))
        patched.setattr(files, "_sync_directory", dying(files._sync_directory))
        patched.setattr(Path, "rename", dying(Path.rename))
        with pytest.raises(Crash):
            files.rekey(directory, PASSWORD, ANOTHER, WORK)

    opens = []
    for password in (PASSWORD, ANOTHER):
        try:
            opens.append(len(opened(directory, password)))
        except Unauthenticated:
            opens.append(0)
    assert sorted(opens) == [0, 2]
    assert names(directory) == {path.name for path in files.key_files(directory)}


def test_a_deleted_key_is_moved_aside_and_can_be_put_back(keystore: Keystore, directory: Path) -> None:
    address = asyncio.run(keystore.create(PASSWORD, entropy=ENTROPY))
    asyncio.run(keystore.remove(address, hard=False))
    assert address not in keystore
    assert address not in opened(directory)
    [kept] = (directory / "deleted").iterdir()
    kept.rename(directory / kept.name)
    assert address in opened(directory)


def test_a_key_deleted_for_good_is_gone(keystore: Keystore, directory: Path) -> None:
    address = asyncio.run(keystore.create(PASSWORD, entropy=ENTROPY))
    asyncio.run(keystore.remove(address, hard=True))
    assert len(names(directory)) == 1


def test_the_last_key_and_an_unknown_one_stay(keystore: Keystore) -> None:
    [address] = keystore.addresses()
    with pytest.raises(Conflict, match="only key"):
        asyncio.run(keystore.remove(address, hard=True))
    with pytest.raises(NotFound):
        asyncio.run(keystore.remove("0x" + "1" * 40, hard=True))


def test_keys_in_memory_alone_have_no_files_to_change() -> None:
    with pytest.raises(Refused, match="memory"):
        asyncio.run(Keystore(()).create(PASSWORD, entropy=ENTROPY))


def test_a_file_is_added_unopened_and_once(directory: Path, tmp_path: Path) -> None:
    content = json.dumps(_file_of_another_wallet("theirs")).encode()
    source = tmp_path / "given.json"
    assert [files.add_file(directory, source, content)[1] for _ in range(2)] == [True, False]
    with pytest.raises(Invalid, match=r"given\.json is damaged"):
        files.add_file(directory, source, b"{")


def _file_of_another_wallet(password: str) -> dict[str, Any]:
    return dict(Account.encrypt(bytes.fromhex("51" * 32), password, kdf="pbkdf2", iterations=2))
