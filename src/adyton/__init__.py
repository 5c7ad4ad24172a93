"""Adyton: a self-hosted oracle node. A request on chain is answered on chain, once."""

__version__ = "0.1.0"
