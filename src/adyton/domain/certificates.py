"""Until when a certificate is valid: as much of X.509 as that takes (RFC 5280, 4.1)."""

from __future__ import annotations

import binascii
import re
from datetime import UTC, datetime

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)
_SEQUENCE, _VERSION, _UTC_TIME, _GENERALIZED_TIME = 0x30, 0xA0, 0x17, 0x18
_FORMS = {_UTC_TIME: "%y%m%d%H%M%SZ", _GENERALIZED_TIME: "%Y%m%d%H%M%SZ"}
_UTC_PIVOT = 2050
"""Years of two digits mean 1950 to 2049 here, 1969 to 2068 to Python."""


def expiry(pem: str) -> int:
    """The Unix second after which the first certificate of a PEM text is not valid any more. Raises ValueError when there is
    none that can be read."""
    found = _PEM.search(pem)
    if found is None:
        raise ValueError("no certificate in PEM")
    try:
        return _not_after(binascii.a2b_base64(found[1]))
    except (IndexError, binascii.Error) as fault:
        raise ValueError("the certificate cannot be read") from fault


def _not_after(der: bytes) -> int:
    _, certificate, _ = _element(der)
    _, inside, _ = _element(certificate)
    tag, _, rest = _element(inside)
    if tag != _VERSION:  # certificates of version 1 do not say so
        rest = inside
    for _ in ("serial number", "signature", "issuer"):
        _, _, rest = _element(rest)
    tag, validity, _ = _element(rest)
    if tag != _SEQUENCE:
        raise ValueError("the certificate has no validity where it belongs")
    _, _, after = _element(validity)
    tag, text, _ = _element(after)
    if tag not in _FORMS:
        raise ValueError("the certificate's end is no time")
    end = datetime.strptime(text.decode("ascii"), _FORMS[tag]).replace(tzinfo=UTC)
    if tag == _UTC_TIME and end.year >= _UTC_PIVOT:
        end = end.replace(year=end.year - 100)
    return int(end.timestamp())


def _element(der: bytes) -> tuple[int, bytes, bytes]:
    """Tag and content of the first element, and what follows it."""
    tag, length, start = der[0], der[1], 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(der[2:start])
    if len(der) < start + length:
        raise IndexError
    return tag, der[start : start + length], der[start + length :]
