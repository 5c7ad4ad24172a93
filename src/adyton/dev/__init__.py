"""A whole small world on this machine, all of it real: a chain, the official contracts, a price source, and the node.

``make demo``, ``adyton dev`` and the stories in the tests are made of it. Nothing of the node imports it.
"""
