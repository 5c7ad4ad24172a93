"""The HTTP API: JSON:API documents in the forms of v0.6.2. It changes things only through ``services``."""
