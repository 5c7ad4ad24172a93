"""The JSON Schemas for editors, as files of their own: draft 2020-12."""

from __future__ import annotations

import json
from typing import Any

from adyton.web.schemas import bridge, job

DIALECT = "https://json-schema.org/draft/2020-12/schema"
NAMES = ("job", "bridge")


def schema(name: str) -> dict[str, Any]:
    """The schema called ``job`` or ``bridge``."""
    made, examples = (job.schema(), job.EXAMPLES) if name == "job" else (bridge.schema(), bridge.EXAMPLES)
    return {"$schema": DIALECT, "$id": f"urn:adyton:schema:{name}", **made, "examples": list(examples.values())}


def text(name: str) -> str:
    """The same as a file."""
    return json.dumps(schema(name), indent=2, ensure_ascii=False) + "\n"
