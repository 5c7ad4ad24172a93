"""The node's keys: encrypted files at rest, private keys in memory only, signatures out.

A key file is Web3 secret storage, version 3, as every Ethereum wallet writes it, so keys move in and out by copying files.
One password opens all of them; it is not kept, so whoever adds a key, takes one out or changes the password gives it again.
"""

from adyton.keystore.files import address_of
from adyton.keystore.keystore import Keystore

__all__ = ["Keystore", "address_of"]
