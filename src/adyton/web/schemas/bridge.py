"""The JSON Schema of a bridge."""

from __future__ import annotations

from typing import Any

from adyton.web.schemas.pieces import Named, digits, nullable, text, whole

EXAMPLES: dict[str, Any] = {
    "usual": {"name": "random-number", "url": "https://adapter.example/", "confirmations": 10, "minimumContractPayment": "100"}
}


def schema(*, named: bool = True) -> Named:
    """The schema of a bridge; ``named``: one that is made, whose name counts."""
    name = text(
        "Tasks use it as their type; it is kept in small letters.",
        pattern="^[a-zA-Z0-9_-]+$" if named else "^[a-zA-Z0-9_-]*$",
        maxLength=512,
    )
    shown = {
        "type": "object",
        "title": "Bridge" if named else "Changes of a bridge",
        "description": "An external adapter, known by a name that tasks use as their type.",
        "properties": {
            "name": name if named else nullable({**name, "description": "Not looked at: a bridge keeps its name."}),
            "url": text(
                "Where the adapter is asked.",
                pattern="^(https?://[^\\s/?#@:]|\\$\\(secret:[a-zA-Z0-9_.-]+\\))",
                maxLength=8192,
                examples=["https://adapter.example/"],
            ),
            "confirmations": nullable(whole("Confirmations of a request's block that its tasks wait for.", 0, 2**32 - 1)),
            "minimumContractPayment": nullable(digits("Juels that it adds to what a request must pay.", "100")),
        },
        "required": ["name", "url"] if named else ["url"],
    }
    return Named("Bridge" if named else "BridgeChanges", shown)
