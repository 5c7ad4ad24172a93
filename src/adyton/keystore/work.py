"""How much work a key file asks for before it opens: its author says so, and who imports it does the work.

Unbounded, a file of a few hundred bytes takes all memory of the machine, and the node with it.
"""

from __future__ import annotations

from collections.abc import Mapping

_MEMORY = 1 << 30
"""Bytes that scrypt may take. The standard's parameters take 256 MB."""
_MIXINGS = 1 << 24
"""Blocks that scrypt may mix (n times r times p). The standard's parameters mix 2 million, in a second."""
_ITERATIONS = 20_000_000
"""Rounds of pbkdf2. Wallets take up to a million."""
_SHORTEST, _LONGEST = 32, 64
"""Bytes that are derived. Every wallet takes 32."""


def problem_of(kdf: object, params: object) -> str | None:
    """What keeps a derivation with these ``kdfparams``, their names in small letters, from being tried; None when nothing."""
    if not isinstance(params, Mapping):
        return '"crypto.kdfparams" must be an object'
    names = ("dklen", "n", "r", "p") if kdf == "scrypt" else ("dklen", "c")
    for name in names:
        value = params.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            return f'"crypto.kdfparams.{name}" must be a whole number above 0'
    if not _SHORTEST <= params["dklen"] <= _LONGEST:
        return f'"crypto.kdfparams.dklen" must be {_SHORTEST} to {_LONGEST}'
    return _too_much_scrypt(params) if kdf == "scrypt" else _wrong_pbkdf2(params)


def _too_much_scrypt(params: Mapping[str, int]) -> str | None:
    n, r, p = params["n"], params["r"], params["p"]
    if 128 * n * r > _MEMORY or n * r * p > _MIXINGS:
        return f"scrypt with n {n}, r {r}, p {p} takes too much memory or time; export the key with the standard's 262144, 8, 1"
    return None


def _wrong_pbkdf2(params: Mapping[str, object]) -> str | None:
    if params.get("prf") != "hmac-sha256":
        return '"crypto.kdfparams.prf" must be hmac-sha256'
    rounds = params["c"]
    if isinstance(rounds, int) and rounds > _ITERATIONS:
        return f"pbkdf2 with more than {_ITERATIONS} rounds takes too long; export the key with fewer"
    return None
