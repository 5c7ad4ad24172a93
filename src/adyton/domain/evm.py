"""Words, selectors and addresses of the EVM."""

from __future__ import annotations

import re
from functools import lru_cache

import sha3

from adyton.domain.chain import Address, Hex

WORD = 32
_UINT_LIMIT = 1 << 256
_INT_LIMIT = 1 << 255
_SELECTOR_BYTES = 4
_PAIRS = re.compile("(?:[0-9a-fA-F]{2})*")


class WordOverflow(ValueError):
    """A number that does not fit into a word."""


def keccak(data: bytes) -> bytes:
    """Keccak-256."""
    digest: bytes = sha3.keccak_256(data).digest()
    return digest


def event_topic(signature: str) -> Hex:
    """Topic 0 of an event such as ``ChainlinkFulfilled(bytes32)``."""
    return "0x" + keccak(signature.encode()).hex()


@lru_cache(maxsize=4096)
def checksum(address: Address) -> str:
    """An address in the mixed-case spelling that carries its checksum (EIP-55)."""
    digits = address[2:].lower()
    hashed = keccak(digits.encode()).hex()
    return "0x" + "".join(d.upper() if int(h, 16) > 7 else d for d, h in zip(digits, hashed, strict=False))


def parse_address(text: str) -> Address:
    """An address that a person wrote: 40 hex digits, ``0x`` optional, in their checksummed spelling. Raises ValueError."""
    digits = text.removeprefix("0x")
    if len(digits) != 2 * 20 or not _is_hex(digits):
        raise ValueError(f"not a valid Ethereum address: {text}")
    right = checksum("0x" + digits.lower())
    if right[2:] != digits:
        raise ValueError(
            f"{text} treated as Ethereum address, but it has an invalid capitalization! The correctly-capitalized address "
            f"would be {right}, but check carefully before copying and pasting! "
        )
    return right.lower()


def unsigned_word(number: int) -> bytes:
    """A number as a word. Raises WordOverflow (v0.6.2's texts)."""
    if number < 0:
        raise WordOverflow("Uint256 cannot be negative")
    if number >= _UINT_LIMIT:
        raise WordOverflow(f"Overflow saving big.Int to EVM word: {number}")
    return number.to_bytes(WORD, "big")


def signed_word(number: int) -> bytes:
    """A number as a two's complement word. Raises WordOverflow. -2^255 fits (v0.6.2 refused it, a DEFECT not copied)."""
    if not -_INT_LIMIT <= number < _INT_LIMIT:
        raise WordOverflow(f"Overflow saving signed big.Int to EVM word: {number}")
    return number.to_bytes(WORD, "big", signed=True)


def padding(length: int) -> int:
    """Bytes missing to the next word border."""
    return -length % WORD


def dynamic_bytes(content: bytes) -> bytes:
    """Length word, content, padding."""
    return unsigned_word(len(content)) + content + bytes(padding(len(content)))


def lenient_hash(text: str) -> bytes:
    """A word read as v0.6.2 reads hashes: ``0x`` optional, an odd digit count gets a leading 0, reading stops at the first bad
    pair, the last 32 bytes count, shorter is padded on the left."""
    digits = text[2:] if text[:2] in ("0x", "0X") else text
    if len(digits) % 2:
        digits = "0" + digits
    good = _PAIRS.match(digits)
    assert good is not None, "the pattern matches the empty text"
    return bytes.fromhex(good[0][-2 * WORD :]).rjust(WORD, b"\0")


def selector(text: str) -> bytes:
    """A function selector: four bytes in hex behind ``0x``, or the first four of the hash of any other text, which is taken as
    a signature. Raises ValueError."""
    if not text.startswith("0x"):
        return keccak(text.encode())[:_SELECTOR_BYTES]
    digits = text[2:]
    if len(digits) % 2:
        digits = "0" + digits
    if len(digits) != 2 * _SELECTOR_BYTES or not _is_hex(digits):
        raise ValueError("Function ID must be 4 bytes in length")
    return bytes.fromhex(digits)


def eighteen(amount: int) -> str:
    """Juels or wei as LINK or ETH with 18 decimals."""
    sign = "-" if amount < 0 else ""
    whole, part = divmod(abs(amount), 10**18)
    return f"{sign}{whole}.{part:018d}"


def _is_hex(digits: str) -> bool:
    return all(digit in "0123456789abcdefABCDEF" for digit in digits)
