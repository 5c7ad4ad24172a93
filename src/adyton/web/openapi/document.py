"""The OpenAPI 3.1 document of a table of routes.

Paths, methods, roles and limits are the table's; the rest is in the routes' forms. Summaries and descriptions are the handlers'
docstrings. Schemas of answers are made from the structs that are encoded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from adyton import __version__
from adyton.web.endpoint import Authentication, Route
from adyton.web.form import Answer, Body, Form, Many, One, Parameter, Value
from adyton.web.jsonapi import CONTENT_TYPE, ERROR_CONTENT_TYPE
from adyton.web.openapi.common import BY_STATUS, COUNTED, HEADERS, RESPONSES
from adyton.web.openapi.links import identity, links_of
from adyton.web.openapi.schemas import Schemas
from adyton.web.openapi.security import SCHEMES, of_group

Json: TypeAlias = dict[str, Any]
Table: TypeAlias = Sequence[tuple[Authentication, tuple[Route, ...]]]

_PARAMETER = re.compile(r"{([^}:]+)(?::[^}]+)?}")
_ABOUT = (
    "The HTTP API of an Adyton node. Its forms are those of the Chainlink node v0.6.2, so clients written for that work "
    "unchanged. Successful answers are JSON:API documents of the media type `application/vnd.api+json`; refusals are a list of "
    "faults in `application/json`. A known path with another method is 404, as an unknown one is. `x-role` is the role that a "
    "user or a token needs: view, run, edit, admin, each of which includes those before it. Bodies are read as JSON whatever "
    "their content type is; keys match in any case, and unknown ones are ignored."
)


def document(table: Table) -> Json:
    """The document. Takes some tens of milliseconds, all of it computing."""
    schemas = Schemas()
    every = [route for _, routes in table for route in routes]
    paths: dict[str, Json] = {}
    for allowed, routes in table:
        for route in routes:
            if route.form is not None:
                operation = _operation(route, route.form, of_group(allowed), schemas)
                _link(operation, links_of(route, every))
                paths.setdefault(_PARAMETER.sub(r"{\1}", route.path), {})[route.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Adyton",
            "version": __version__,
            "summary": "A self-hosted oracle node.",
            "description": _ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name} for name in dict.fromkeys(_tag(route) for route in every)],
        "paths": paths,
        "components": {
            "schemas": schemas.components(),
            "headers": {name: dict(each) for name, each in HEADERS.items()},
            "responses": {name: dict(each) for name, each in RESPONSES.items()},
            "securitySchemes": {name: dict(each) for name, each in SCHEMES.items()},
        },
    }


def _operation(route: Route, form: Form, security: Sequence[Sequence[str]], schemas: Schemas) -> Json:
    summary, about = words(form.title or route.handler.__doc__ or "")
    shown: Json = {
        "operationId": identity(route),
        "tags": [_tag(route)],
        "summary": summary,
        "description": "\n\n".join(part for part in (about, form.about) if part),
        "security": [{name: [] for name in names} for names in (security if form.security is None else form.security)],
        "x-role": route.needs.value,
        "parameters": _parameters(route, form, schemas),
        "responses": _responses(route, form, schemas),
    }
    if not shown["description"]:
        del shown["description"]
    if not any(each != {} for each in shown["security"]):
        del shown["x-role"]
    if form.body is not None:
        shown["requestBody"] = _body(form.body, schemas)
    return shown


def words(docstring: str) -> tuple[str, str]:
    """The first sentence of a docstring, and the rest, in Markdown."""
    text = re.sub(r"\s+", " ", docstring).strip().replace("``", "`")
    first, stop, rest = text.partition(". ")
    return (f"{first}{stop.strip()}" if stop else text), rest.strip()


def _link(operation: Json, links: Json) -> None:
    """Say where what has just been shown can be asked for again."""
    if links:
        next(response for status, response in operation["responses"].items() if status[0] == "2")["links"] = links


def _tag(route: Route) -> str:
    parts = [part for part in route.path.split("/") if part and part != "v2"]
    return parts[0].replace("_", " ")


def _parameters(route: Route, form: Form, schemas: Schemas) -> list[Json]:
    described = {each.name: each for each in form.path}
    names = _PARAMETER.findall(route.path)
    assert set(names) == set(described), f"{route.path}: its form describes {sorted(described)}"
    return [
        *(_parameter(described[name], "path", schemas) for name in names),
        *(_parameter(each, "query", schemas) for each in form.query),
        *(_parameter(each, "header", schemas) for each in form.headers),
    ]


def _parameter(each: Parameter, where: str, schemas: Schemas) -> Json:
    schema = schemas.of(each.kind)
    if where == "path" and schema == {"type": "string"}:
        # No path holds an empty name, a slash or a dot alone: another route would be meant, or none.
        schema = {"type": "string", "pattern": r"^[A-Za-z0-9_~:@+-][A-Za-z0-9._~:@+-]*$"}
    shown: Json = {"name": each.name, "in": where, "description": each.about, "schema": schema}
    if each.required:
        shown["required"] = True
    if each.example is not None:
        shown["example"] = each.example
    return shown


def _body(body: Body, schemas: Schemas) -> Json:
    media: Json = {"schema": schemas.written(body.schema)}
    if body.examples:
        media["examples"] = {name: {"value": value} for name, value in body.examples.items()}
    about = {"description": body.about} if body.about else {}
    return {**about, "required": body.required, "content": {"application/json": media}}


def _responses(route: Route, form: Form, schemas: Schemas) -> Json:
    shown: Json = {}
    for answer in form.answers:
        shown[str(answer.status)] = _answer(answer, schemas, counted=bool(route.limiters))
    for status in _usual(route):
        name = BY_STATUS[status]
        if str(status) not in shown and status not in form.refusals:
            shown[str(status)] = {"$ref": f"#/components/responses/{name}"}
    for status, when in form.refusals.items():
        shown[str(status)] = _refusal(status, when, schemas)
    if "content" in shown["503"]:
        # Here the node says with its checks that it cannot serve; when it stops, or the chain is away, as everywhere.
        shown["503"]["content"] |= RESPONSES[BY_STATUS[503]]["content"]
    return dict(sorted(shown.items()))


def _usual(route: Route) -> Iterable[int]:
    """What is answered by what stands around every handler."""
    yield from (400, 401, 403, 404, 408, 413, 414, 421, 500, 503)
    if route.limiters:
        yield 429


def _answer(answer: Answer, schemas: Schemas, *, counted: bool) -> Json:
    content: Json = {}
    for media, schema in ((_media(each), _shown(each, schemas)) for each in answer.shown):
        known = content.get(media)
        content[media] = {"schema": schema if known is None else {"anyOf": [known["schema"], schema]}}
    headers: Json = {name: {"description": about, "schema": {"type": "string"}} for name, about in answer.headers}
    if counted:
        headers |= COUNTED
    shown: Json = {"description": answer.about or "Done."}
    return {**shown, **({"headers": headers} if headers else {}), **({"content": content} if content else {})}


def _media(each: One | Many | Value) -> str:
    return each.media if isinstance(each, Value) else CONTENT_TYPE


def _shown(each: One | Many | Value, schemas: Schemas) -> Json:
    if isinstance(each, Value):
        return dict(each.schema) if each.schema else schemas.of(each.kind)
    resource = schemas.resource(each.kind, each.attributes)
    if isinstance(each, One):
        meta = {} if each.meta is None else {"meta": schemas.of(each.meta)}
        return {"type": "object", "properties": {"data": resource, **meta}, "required": ["data"]}
    listed: Json = {"data": {"type": "array", "items": resource}}
    if not each.paged:
        return {"type": "object", "properties": listed, "required": ["data"]}
    around = {"links": schemas.links(), "meta": schemas.meta()}
    return {"type": "object", "properties": {**around, **listed}, "required": ["data", "meta"]}


def _refusal(status: int, when: str, schemas: Schemas) -> Json:
    usual: Mapping[str, Any] = RESPONSES.get(BY_STATUS.get(status, ""), {})
    about = f"{when}\n\n{usual['description']}" if usual else when
    content = {**usual.get("content", {}), ERROR_CONTENT_TYPE: {"schema": schemas.faults()}}
    headers = {"headers": usual["headers"]} if "headers" in usual else {}
    return {"description": about, **headers, "content": content}
