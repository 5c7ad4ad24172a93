"""The schemas of a document: of the structs that are encoded, and of the envelope around them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from adyton.web.jsonapi import Error, Links, Meta
from adyton.web.presenters.jobs import JobInitiator, JobTask, StoredInitiator
from adyton.web.schemas.pieces import Named

REF = "#/components/schemas/{name}"
_ALREADY_JSON = (JobTask, JobInitiator, StoredInitiator)
"""What is named inside structs as JSON that is made once."""


class Schemas:
    """Collects the components that the schemas of types name."""

    def __init__(self) -> None:
        self._found: dict[str, Any] = {}
        self._known: dict[Any, dict[str, Any]] = {}
        for kind in _ALREADY_JSON:
            self.of(kind)

    def of(self, kind: Any) -> dict[str, Any]:
        """The schema of a type."""
        known = self._known.get(kind)
        if known is None:
            (known,), components = msgspec.json.schema_components([kind], ref_template=REF)
            self._known[kind] = known
            self._found |= {name: _cleaned(schema) for name, schema in components.items()}
        return known

    def resource(self, kind: str, attributes: Any) -> dict[str, Any]:
        """The schema of a resource."""
        properties = {"type": {"const": kind}, "id": {"type": "string"}, "attributes": self.of(attributes)}
        return {"type": "object", "properties": properties, "required": ["type", "id", "attributes"]}

    def written(self, schema: Any) -> Any:
        """A schema that was written by hand; those in it that have a name become components."""
        if isinstance(schema, Mapping):
            shown = {key: self.written(value) for key, value in schema.items()}
            if not isinstance(schema, Named):
                return shown
            known = self._found.setdefault(schema.name, shown)
            assert known == shown, f"two schemas are called {schema.name}"
            return {"$ref": REF.format(name=schema.name)}
        return [self.written(item) for item in schema] if isinstance(schema, list | tuple) else schema

    def links(self) -> dict[str, Any]:
        """The neighbouring pages."""
        return self.of(Links)

    def meta(self) -> dict[str, Any]:
        """How many there are."""
        return self.of(Meta)

    def faults(self) -> dict[str, Any]:
        """The list of faults."""
        return FAULTS | {"properties": {"errors": {"type": "array", "minItems": 1, "items": self.of(Error)}}}

    def components(self) -> dict[str, Any]:
        """Every component, by name."""
        self.of(Error)
        return dict(sorted(self._found.items()))


FAULTS: dict[str, Any] = {
    "type": "object",
    "properties": {"errors": {"type": "array", "minItems": 1, "items": {"$ref": REF.format(name="Error")}}},
    "required": ["errors"],
}


def _cleaned(schema: dict[str, Any]) -> dict[str, Any]:
    """Without titles that repeat the name; docstrings as Markdown, on one line."""
    shown = {key: value for key, value in schema.items() if key != "title"}
    if "description" in shown:
        shown["description"] = " ".join(shown["description"].replace("``", "`").split())
    return shown
