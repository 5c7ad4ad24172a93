"""Key files: found, read, decrypted, written. Everything here takes time and files: call it in a thread.

A file is complete or absent: it is written beside its place, synced and renamed. Several files get a new password together:
all are written into ``.rekey``, a mark there makes it count, and only then they take their places. Whoever opens the
directory first finishes, or undoes, what a crash left.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import msgspec
from coincurve import PrivateKey

from adyton.domain import data
from adyton.domain.chain import Address
from adyton.domain.errors import Fault, Invalid, NotFound, Unauthenticated
from adyton.domain.evm import checksum, keccak
from adyton.keystore.work import problem_of
from adyton.ports import Entropy

_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""The order of secp256k1: a private key is a number from 1 to this less one."""
_REKEY, _COMPLETE = ".rekey", "COMPLETE"
_DELETED = "deleted"


def address_of(key: PrivateKey) -> Address:
    """The address that a private key controls."""
    return f"0x{keccak(key.public_key.format(compressed=False)[1:])[12:].hex()}"


def key_files(directory: Path) -> list[Path]:
    """The key files: ``*.json`` as this node names them, ``UTC--...`` as geth does. Hidden and other files are not ours."""
    if not directory.is_dir():
        return []
    found = (path for path in directory.iterdir() if path.is_file() and not path.name.startswith("."))
    return sorted(path for path in found if path.suffix == ".json" or path.name.startswith("UTC--"))


def unlock_all(files: Iterable[Path], password: str) -> list[PrivateKey]:
    """The keys in files, one after the other: deriving one key takes up to 256 MB. Raises Unauthenticated and Invalid that name
    all the files concerned."""
    keys, damaged, locked = [], [], []
    for path in files:
        try:
            keys.append(unlock(path, password))
        except Invalid as fault:
            damaged.append(str(fault))
        except Unauthenticated as fault:
            locked.append(str(fault))
    if damaged:
        raise Invalid(*damaged, code="ADY-0802")
    if locked:
        raise Unauthenticated("; ".join(locked), code="ADY-0804")
    return keys


def unlock(path: Path, password: str) -> PrivateKey:
    """The key in a file. Raises Unauthenticated (wrong password), Invalid (damaged, with what is wrong)."""
    return _opened(_content(path), path, password)


def unlock_given(content: object, password: str) -> PrivateKey:
    """The key in a key file's content that somebody sent. Raises as ``unlock``."""
    try:
        return _opened(_checked(content, None), None, password)
    except Unauthenticated as wrong:
        # The keystore's own password is asked for beside it.
        raise Unauthenticated(f"{wrong}: it does not open the key file", code="ADY-0804") from None


def _opened(content: dict[str, Any], path: Path | None, password: str) -> PrivateKey:
    claimed = _claimed_address(content, path)
    secret = _decrypt(content, path, password, claimed)
    if len(secret) != 32 or not 0 < int.from_bytes(secret, "big") < _ORDER:
        _damaged(path, "what it holds is not a private key")
    key = PrivateKey(secret)
    if address_of(key) != claimed:
        _damaged(path, f"it names the address {checksum(claimed)}, but holds the key of {checksum(address_of(key))}")
    return key


def _content(path: Path) -> dict[str, Any]:
    try:
        return _parsed(path.read_bytes(), path)
    except OSError as error:
        _damaged(path, f"it cannot be read ({error.strerror})")


def _parsed(content: bytes, path: Path) -> dict[str, Any]:
    try:
        value = data.parse(content)
    except ValueError as error:
        _damaged(path, f"it is not JSON ({error})")
    return _checked(value, path)


def _checked(content: object, path: Path | None) -> dict[str, Any]:
    if not isinstance(content, dict):
        _damaged(path, "it is not a JSON object")
    if content.get("version") != 3:
        _damaged(path, f'"version" must be 3, not {content.get("version")!r}')
    # Some old wallets wrote "Crypto".
    crypto = content.get("crypto", content.get("Crypto"))
    if not isinstance(crypto, dict):
        _damaged(path, 'the field "crypto" is missing')
    for field in ("cipher", "cipherparams", "ciphertext", "kdf", "kdfparams", "mac"):
        if field not in crypto:
            _damaged(path, f'the field "crypto.{field}" is missing')
    return content


def _claimed_address(content: Mapping[str, Any], path: Path | None) -> Address:
    """The address that the file says it is for; wallets that keep it out of the content put it at the end of the name."""
    text = content.get("address") or (path.stem[-40:] if path else None)
    digits = text.lower().removeprefix("0x") if isinstance(text, str) else ""
    if len(digits) != 40 or not set(digits) <= set("0123456789abcdef"):
        _damaged(path, f'"address" must be 40 hex digits, not {text!r}')
    return f"0x{digits}"


def _decrypt(content: dict[str, Any], path: Path | None, password: str, address: Address) -> bytes:
    wallet_files = _wallet_files()
    content = dict(wallet_files.normalize_keys(content))  # what is checked is what is used, however its names are spelled
    crypto = _checked(content, path)["crypto"]
    problem = problem_of(crypto["kdf"], crypto["kdfparams"]) if crypto["kdf"] in ("scrypt", "pbkdf2") else None
    if problem is not None:
        _damaged(path, f"it cannot be decrypted ({problem})")
    try:
        return bytes(wallet_files.decode_keyfile_json(content, password.encode()))
    except ValueError as error:
        if "MAC mismatch" in str(error):
            raise Unauthenticated(f"invalid password for account {checksum(address)}", code="ADY-0804") from None
        _damaged(path, f"it cannot be decrypted ({error})")
    except (TypeError, KeyError, NotImplementedError) as error:
        _damaged(path, f"it cannot be decrypted ({type(error).__name__}: {error})")


def _wallet_files() -> ModuleType:
    """The library that reads and writes key files.

    A part of it raises the interpreter's recursion limit a hundredfold when it is imported. That is taken back: the limit is
    what stands between a deeply nested text from outside and the end of the process's stack.
    """
    limit = sys.getrecursionlimit()
    from eth_keyfile import keyfile  # noqa: PLC0415 (0.6 s of imports, only where keys are unlocked)

    sys.setrecursionlimit(limit)
    return keyfile


def _damaged(path: Path | None, what: str) -> NoReturn:
    if path is None:
        raise Invalid(Fault(f"this is no Web3 key file of version 3: {what}", "/keyJSON"), code="ADY-0801")
    raise Invalid(f"key file {path} is damaged: {what}; restore it from a backup, or move it away", code="ADY-0802")


def new_key(entropy: Entropy) -> PrivateKey:
    """A key that nobody has."""
    while True:
        secret = entropy.token(32)
        if 0 < int.from_bytes(secret, "big") < _ORDER:
            return PrivateKey(secret)


def encrypted(key: PrivateKey, password: str, scrypt_n: int) -> dict[str, Any]:
    """A key file's content. ``scrypt_n`` is the work of opening it again, a power of two."""
    made = _wallet_files().create_keyfile_json(key.secret, password.encode(), version=3, kdf="scrypt", iterations=scrypt_n)
    return dict(made)


def write(directory: Path, key: PrivateKey, password: str, scrypt_n: int) -> None:
    """Add a key to a directory, encrypted. Durable when it returns; a crash before leaves nothing that counts."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.chmod(0o700)
    name = f"{checksum(address_of(key))}.json"
    temporary = directory / f".{name}.new"
    _write_new(temporary, msgspec.json.encode(encrypted(key, password, scrypt_n)))
    temporary.rename(directory / name)
    _sync_directory(directory)


def claimed(path: Path) -> Address:
    """The address that a key file says it is for; nothing is decrypted. Raises Invalid when the file is damaged."""
    return _claimed_address(_content(path), path)


def add_file(directory: Path, source: Path, content: bytes) -> tuple[Address, bool]:
    """Put a key file's ``content`` into a directory unopened: the key's address, and False when there was a file of it, which
    stays. Raises Invalid that names ``source``."""
    address = _claimed_address(_parsed(content, source), source)
    if any(_claimed_address(_content(path), path) == address for path in key_files(directory)):
        return address, False
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.chmod(0o700)
    name = f"{checksum(address)}.json"
    temporary = directory / f".{name}.new"
    _write_new(temporary, content)
    temporary.rename(directory / name)
    _sync_directory(directory)
    return address, True


def file_of(directory: Path, address: Address) -> Path:
    """The file of a key, whoever named it. Raises NotFound."""
    for path in key_files(directory):
        if _claimed_address(_content(path), path) == address:
            return path
    raise NotFound(f"no key file of {checksum(address)} in {directory}", code="ADY-0803")


def remove(directory: Path, address: Address, *, hard: bool) -> None:
    """Take a key out of a directory: into ``deleted`` beside the others, from where it can be put back, or with ``hard`` for
    good. Raises NotFound."""
    path = file_of(directory, address)
    if hard:
        path.unlink()
    else:
        kept = directory / _DELETED
        kept.mkdir(mode=0o700, exist_ok=True)
        path.rename(kept / path.name)
        _sync_directory(kept)
    _sync_directory(directory)


def rekey(directory: Path, old: str, new: str, scrypt_n: int) -> None:
    """Encrypt every key of a directory with a new password, all of them or none.

    The mark is the commit: a crash before it leaves the old files, a crash after it is finished by ``recover``. Raises
    Unauthenticated when the old password does not open them all, Invalid when one is damaged.
    """
    recover(directory)
    files = key_files(directory)
    keys = unlock_all(files, old)
    staged = directory / _REKEY
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir(mode=0o700)
    for path, key in zip(files, keys, strict=True):
        _write_new(staged / path.name, msgspec.json.encode(encrypted(key, new, scrypt_n)))
    _sync_directory(staged)
    _write_new(staged / _COMPLETE, b"")
    _sync_directory(staged)
    _sync_directory(directory)
    recover(directory)


def recover(directory: Path) -> None:
    """Finish a change of the password that was complete when the process ended; undo one that was not."""
    staged = directory / _REKEY
    if not staged.is_dir():
        return
    if (staged / _COMPLETE).exists():
        for path in key_files(staged):
            path.rename(directory / path.name)
        _sync_directory(directory)
        (staged / _COMPLETE).unlink()
    shutil.rmtree(staged)
    _sync_directory(directory)


def _write_new(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_directory(directory: Path) -> None:
    """Makes the rename durable."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
