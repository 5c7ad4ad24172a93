"""Writes docs/errors.md: ``python -m adyton.codes > docs/errors.md``."""

from __future__ import annotations

import sys

from adyton.codes.listing import listing

if __name__ == "__main__":
    sys.stdout.write(listing())
