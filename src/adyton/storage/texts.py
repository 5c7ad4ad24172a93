"""Texts from outside as every database can hold them."""

from __future__ import annotations


def storable(text: str | None) -> str | None:
    """The text without what PostgreSQL cannot store (U+0000) and nothing can encode (half a surrogate pair)."""
    return text and text.replace("\0", "\ufffd").encode(errors="replace").decode()
