"""The node's keys: encrypted files at rest, private keys in memory only, signatures out.

A key file is Web3 secret storage, version 3, as every Ethereum wallet writes it, so keys move in and out by copying files.
One password opens all of them. A file is complete or absent: it is written beside its place, synced and renamed.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import msgspec
from coincurve import PrivateKey

from adyton.domain import data, rlp
from adyton.domain.chain import Address
from adyton.domain.errors import Invalid, NotFound, Unauthenticated
from adyton.domain.evm import checksum, keccak
from adyton.domain.transactions import SignedTransaction, UnsignedTransaction
from adyton.ports import Entropy

_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""The order of secp256k1: a private key is a number from 1 to this less one."""


class Keystore:
    """The unlocked keys of one directory. Signing is deterministic (RFC 6979): the same values give the same bytes."""

    def __init__(self, keys: Iterable[PrivateKey]) -> None:
        self._keys: Mapping[Address, PrivateKey] = {address_of(key): key for key in keys}

    @classmethod
    async def open(
        cls, directory: Path, password: str, *, entropy: Entropy, create_if_empty: bool, scrypt_n: int = 262144
    ) -> Keystore:
        """Unlock every key file in ``directory``; with ``create_if_empty``, make the first key where there is none.

        ``scrypt_n`` is the work of encrypting a new key (a power of two; the standard's 262144 takes a second and 256 MB;
        tests take less). Existing files say themselves how they were encrypted.

        Raises Unauthenticated when the password does not open a file (all such accounts are named), Invalid when a file is
        damaged (all such files are named, with what is wrong) or when there is none and none may be made.
        """
        files = await asyncio.to_thread(_key_files, directory)
        if files:
            return cls(await asyncio.to_thread(_unlock_all, files, password))
        if not create_if_empty:
            raise Invalid(
                f"no key file in {directory}: put a Web3 key file (version 3) there, or start with a password to make one"
            )
        key = _new_key(entropy)
        # A crash before the rename leaves no key; after it, the key is complete and nothing has used it yet.
        await asyncio.to_thread(_write, directory, key, password, scrypt_n)
        return cls((key,))

    def __repr__(self) -> str:
        return f"Keystore({', '.join(self._keys)})"

    def addresses(self) -> tuple[Address, ...]:
        """The addresses of the keys, in the order of their file names."""
        return tuple(self._keys)

    def sign(self, address: Address, unsigned: UnsignedTransaction) -> SignedTransaction:
        """Sign with the key of ``address``. Raises NotFound when there is no such key."""
        signature = self._key(address).sign_recoverable(keccak(rlp.signing_payload(unsigned)), hasher=None)
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
        raw = rlp.signed_payload(unsigned, r, s, signature[64])
        return SignedTransaction(raw=f"0x{raw.hex()}", hash=f"0x{keccak(raw).hex()}")

    def sign_message(self, address: Address, message: bytes) -> bytes:
        """Sign a message as wallets do (EIP-191: behind a prefix that no transaction begins with); returns r, s and v.

        v, the last of the 65 bytes, is 27 or 28, as ``ecrecover`` and every contract that calls it want it. Raises NotFound
        when there is no such key.
        """
        digest = keccak(b"\x19Ethereum Signed Message:\n%d%b" % (len(message), message))
        signature = self._key(address).sign_recoverable(digest, hasher=None)
        return signature[:64] + bytes((27 + signature[64],))

    def _key(self, address: Address) -> PrivateKey:
        key = self._keys.get(address)
        if key is None:
            raise NotFound(f"no key of {checksum(address)} in the keystore")
        return key


def address_of(key: PrivateKey) -> Address:
    """The address that a private key controls."""
    return f"0x{keccak(key.public_key.format(compressed=False)[1:])[12:].hex()}"


# --- files, always in a thread ---------------------------------------------------------------------------------------


def _key_files(directory: Path) -> list[Path]:
    """The key files: ``*.json`` as this node names them, ``UTC--...`` as geth does. Hidden and other files are not ours."""
    if not directory.is_dir():
        return []
    found = (path for path in directory.iterdir() if path.is_file() and not path.name.startswith("."))
    return sorted(path for path in found if path.suffix == ".json" or path.name.startswith("UTC--"))


def _unlock_all(files: Iterable[Path], password: str) -> list[PrivateKey]:
    """One after the other: deriving one key takes up to 256 MB."""
    keys, damaged, locked = [], [], []
    for path in files:
        try:
            keys.append(_unlock(path, password))
        except Invalid as fault:
            damaged.append(str(fault))
        except Unauthenticated as fault:
            locked.append(str(fault))
    if damaged:
        raise Invalid(*damaged)
    if locked:
        raise Unauthenticated("; ".join(locked))
    return keys


def _unlock(path: Path, password: str) -> PrivateKey:
    content = _content(path)
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
        content = data.parse(path.read_bytes())
    except OSError as error:
        _damaged(path, f"it cannot be read ({error.strerror})")
    except ValueError as error:
        _damaged(path, f"it is not JSON ({error})")
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


def _claimed_address(content: Mapping[str, Any], path: Path) -> Address:
    """The address that the file says it is for; wallets that keep it out of the content put it at the end of the name."""
    text = content.get("address") or path.stem[-40:]
    digits = text.lower().removeprefix("0x") if isinstance(text, str) else ""
    if len(digits) != 40 or not set(digits) <= set("0123456789abcdef"):
        _damaged(path, f'"address" must be 40 hex digits, not {text!r}')
    return f"0x{digits}"


def _decrypt(content: dict[str, Any], path: Path, password: str, address: Address) -> bytes:
    try:
        return bytes(_wallet_files().decode_keyfile_json(content, password.encode()))
    except ValueError as error:
        if "MAC mismatch" in str(error):
            raise Unauthenticated(f"invalid password for account {checksum(address)}") from None
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


def _damaged(path: Path, what: str) -> NoReturn:
    raise Invalid(f"key file {path} is damaged: {what}; restore it from a backup, or move it away")


def _new_key(entropy: Entropy) -> PrivateKey:
    while True:
        secret = entropy.token(32)
        if 0 < int.from_bytes(secret, "big") < _ORDER:
            return PrivateKey(secret)


def _write(directory: Path, key: PrivateKey, password: str, scrypt_n: int) -> None:
    content = _wallet_files().create_keyfile_json(key.secret, password.encode(), version=3, kdf="scrypt", iterations=scrypt_n)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.chmod(0o700)
    name = f"{checksum(address_of(key))}.json"
    temporary = directory / f".{name}.new"
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(content))
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(directory / name)
    _sync_directory(directory)


def _sync_directory(directory: Path) -> None:
    """Makes the rename durable."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
