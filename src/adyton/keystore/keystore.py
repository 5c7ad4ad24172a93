"""The unlocked keys, and what an operator may do with them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from coincurve import PrivateKey

from adyton.domain import rlp
from adyton.domain.chain import Address
from adyton.domain.errors import Conflict, Fault, Invalid, NotFound, Refused
from adyton.domain.evm import checksum, keccak
from adyton.domain.transactions import SignedTransaction, UnsignedTransaction
from adyton.keystore import files
from adyton.keystore.files import address_of
from adyton.ports import Entropy

STANDARD_WORK = 262144
SHORTEST_PASSWORD = 8

T = TypeVar("T")


class Keystore:
    """The unlocked keys of one directory. Signing is deterministic (RFC 6979): the same values give the same bytes.

    As a collection it holds the addresses of the keys, as they are at each moment.
    """

    def __init__(self, keys: Iterable[PrivateKey], *, directory: Path | None = None, scrypt_n: int = STANDARD_WORK) -> None:
        """Without a ``directory`` the keys live in memory alone and cannot be changed. ``scrypt_n`` as for ``open``."""
        self._keys: dict[Address, PrivateKey] = {address_of(key): key for key in keys}
        self._directory = directory
        self._scrypt_n = scrypt_n
        # Files are changed by one caller at a time; deriving a key takes 256 MB besides.
        self._changing = asyncio.Lock()

    @classmethod
    async def open(
        cls, directory: Path, password: str, *, entropy: Entropy, create_if_empty: bool, scrypt_n: int = STANDARD_WORK
    ) -> Keystore:
        """Unlock every key file in ``directory``; with ``create_if_empty``, make the first key where there is none.

        ``scrypt_n`` is the work of encrypting a new key (a power of two; the standard's 262144 takes a second and 256 MB;
        tests take less). Existing files say themselves how they were encrypted.

        Raises Unauthenticated when the password does not open a file (all such accounts are named), Invalid when a file is
        damaged (all such files are named, with what is wrong) or when there is none and none may be made.
        """
        await asyncio.to_thread(files.recover, directory)
        found = await asyncio.to_thread(files.key_files, directory)
        if found:
            return cls(await asyncio.to_thread(files.unlock_all, found, password), directory=directory, scrypt_n=scrypt_n)
        if not create_if_empty:
            raise Invalid(
                f"no key file in {directory}: put a Web3 key file (version 3) there, or start with a password to make one",
                code="ADY-0805",
            )
        key = files.new_key(entropy)
        # A crash before the rename leaves no key; after it, the key is complete and nothing has used it yet.
        await asyncio.to_thread(files.write, directory, key, password, scrypt_n)
        return cls((key,), directory=directory, scrypt_n=scrypt_n)

    def __repr__(self) -> str:
        return f"Keystore({', '.join(self._keys)})"

    def __contains__(self, address: object) -> bool:
        return address in self._keys

    def __iter__(self) -> Iterator[Address]:
        return iter(tuple(self._keys))

    def __len__(self) -> int:
        return len(self._keys)

    def addresses(self) -> tuple[Address, ...]:
        """The addresses of the keys, in the order of their file names; those added since come last."""
        return tuple(self._keys)

    # --- signing -----------------------------------------------------------------------------------------------------

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

    # --- changing ----------------------------------------------------------------------------------------------------

    async def create(self, password: str, *, entropy: Entropy) -> Address:
        """Make a key under the keystore's password. Durable when it returns. Raises Unauthenticated (wrong password)."""
        async with self._changing:
            directory = await self._proven(password)
            return await self._add(directory, files.new_key(entropy), password)

    async def take_in(self, content: object, their_password: str, password: str) -> Address:
        """Add the key in a key file's ``content``, which ``their_password`` opens, under the keystore's own password.

        Raises Unauthenticated (either password is wrong), Invalid (no key file), Conflict (the key is here already).
        """
        async with self._changing:
            directory = await self._proven(password)
            key = await asyncio.to_thread(files.unlock_given, content, their_password)
            if address_of(key) in self._keys:
                raise Conflict(f"the key of {checksum(address_of(key))} is in the keystore already", code="ADY-0806")
            return await self._add(directory, key, password)

    async def give_out(self, address: Address, password: str, new_password: str) -> dict[str, Any]:
        """A key file of one key, opened by ``new_password``. Raises Unauthenticated, NotFound, Invalid (the new password is too
        short)."""
        _check_password(new_password, "/newPassword")
        async with self._changing:
            key = self._key(address)
            await self._proven(password)
            return await asyncio.to_thread(files.encrypted, key, new_password, self._scrypt_n)

    async def change_password(self, old: str, new: str) -> None:
        """Encrypt every key with another password, all or none, durably. Raises Unauthenticated, Invalid (too short)."""
        _check_password(new, "/newPassword")
        async with self._changing:
            directory = self._files()
            await _finished(files.rekey, directory, old, new, self._scrypt_n)

    async def check(self, password: str) -> None:
        """Raises Unauthenticated unless the password opens the keystore."""
        async with self._changing:
            await self._proven(password)

    async def remove(self, address: Address, *, hard: bool) -> None:
        """Forget a key, and move its file aside or with ``hard`` delete it. The last key stays. Raises NotFound, Conflict."""
        async with self._changing:
            self._key(address)
            if len(self._keys) == 1:
                raise Conflict("this is the only key: a node without one cannot answer; make another first", code="ADY-0807")
            await _finished(files.remove, self._files(), address, hard=hard)
            del self._keys[address]

    async def _proven(self, password: str) -> Path:
        directory = self._files()
        first = (await asyncio.to_thread(files.key_files, directory))[:1]
        # One file is enough: one password opens all of them.
        await asyncio.to_thread(files.unlock_all, first, password)
        return directory

    async def _add(self, directory: Path, key: PrivateKey, password: str) -> Address:
        await _finished(files.write, directory, key, password, self._scrypt_n)
        self._keys[address_of(key)] = key
        return address_of(key)

    def _files(self) -> Path:
        if self._directory is None:
            raise Refused("these keys live in memory alone; there are no files to change", code="ADY-0808")
        return self._directory

    def _key(self, address: Address) -> PrivateKey:
        key = self._keys.get(address)
        if key is None:
            raise NotFound(f"no key of {checksum(address)} in the keystore", code="ADY-0803")
        return key


async def _finished(work: Callable[..., T], *arguments: object, **options: object) -> T:
    """Do in a thread what the node's stop must not cut off: it waits until the files are whole."""
    doing = asyncio.ensure_future(asyncio.to_thread(work, *arguments, **options))
    try:
        return await asyncio.shield(doing)
    except asyncio.CancelledError:
        await asyncio.wait([doing])
        raise


def _check_password(password: str, pointer: str) -> None:
    if len(password) < SHORTEST_PASSWORD:
        raise Invalid(Fault(f"the new password needs {SHORTEST_PASSWORD} characters or more", pointer), code="ADY-0809")
