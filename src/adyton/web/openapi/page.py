"""The page on which people read the document. Server-made, without scripts, and nothing comes from elsewhere.

Imported when somebody asks for the page: a node does not start later for it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from adyton.web.openapi.common import BY_STATUS, RESPONSES
from adyton.web.openapi.handlers import FILES

Json: TypeAlias = Mapping[str, Any]

_CODE = re.compile(r"`([^`]+)`")


def page(document: Json) -> str:
    """The page of a document, as HTML."""
    environment = Environment(
        loader=FileSystemLoader(FILES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    known: dict[str, Callable[..., Any]] = {
        "anchor": lambda tag: re.sub(r"[^a-z0-9]+", "-", tag.lower()),
        "callers": _callers,
        "linked": _linked,
        "kind": _kind,
        "pretty": lambda value: json.dumps(value, indent=2, ensure_ascii=False),
        "prose": _prose,
    }
    environment.filters |= known
    return environment.get_template("docs.html.j2").render(
        document=document,
        groups=_groups(document),
        everywhere={str(status): RESPONSES[name] for status, name in BY_STATUS.items()},
    )


def _groups(document: Json) -> list[tuple[str, list[Json]]]:
    """The operations under each tag, in the order of the table of routes."""
    found: dict[str, list[Json]] = {tag["name"]: [] for tag in document["tags"]}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            found[operation["tags"][0]].append({"path": path, "method": method, "operation": operation})
    return list(found.items())


def _prose(text: str) -> Markup:
    """A text with its code, and its paragraphs."""
    paragraphs = [_CODE.sub(lambda code: f"<code>{code[1]}</code>", str(escape(part))) for part in text.split("\n\n")]
    return Markup("<br>".join(paragraphs))  # noqa: S704 - escaped above


def _callers(operation: Json) -> Markup:
    """Who may call, and with which role."""
    ways = [
        " and ".join(f'<a href="#credential-{escape(name)}">{escape(name)}</a>' for name in way) or "anyone"
        for way in operation["security"]
    ]
    role = f"; the role {escape(operation['x-role'])}" if "x-role" in operation else ""
    return Markup(f"With {', or '.join(ways)}{role}." if ways else "Anyone.")  # noqa: S704 - escaped above


def _linked(schema: Json) -> Markup:
    """A schema in a few words, with links to those that have names."""
    return Markup(  # noqa: S704 - escaped below
        re.sub(
            r"#/components/schemas/(\w+)",
            lambda name: f'<a href="#schema-{name[1]}">{name[1]}</a>',
            str(escape(_kind(schema))),
        )
    )


def _kind(schema: Json) -> str:
    """What a value is, in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"])
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    for several, between in (("anyOf", " | "), ("oneOf", " | "), ("allOf", " & ")):
        if several in schema and "properties" not in schema:
            return between.join(dict.fromkeys(_kind(each) for each in schema[several]))
    kind = schema.get("type", "any")
    if kind == "array":
        return f"[{_kind(schema.get('items', {}))}]"
    if kind == "object" and "properties" in schema:
        return f"{{{', '.join(f'{name}: {_kind(value)}' for name, value in schema['properties'].items())}}}"
    return " | ".join(kind) if isinstance(kind, list) else str(kind)
