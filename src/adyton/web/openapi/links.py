"""Links from what is shown to the operations that take its name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from adyton.web.endpoint import Route
from adyton.web.form import One

_NAMED: Mapping[str, tuple[str, str]] = {
    "specs": ("/v2/specs/{job_id}", "job_id"),
    "runs": ("/v2/runs/{run_id}", "run_id"),
    "bridges": ("/v2/bridge_types/{name}", "name"),
    "external initiators": ("/v2/external_initiators/{name}", "name"),
    "external_initiators": ("/v2/external_initiators/{name}", "name"),
    "service_agreements": ("/v2/service_agreements/{agreement_id}", "agreement_id"),
    "transactions": ("/v2/transactions/{name}", "name"),
    "eTHKeys": ("/v2/keys/eth/{address}", "address"),
}
"""For a type of resources the path of one, and the parameter that is its id."""


_SECOND = frozenset({"/openapi.json", "/docs", "/docs.css"})
"""Second names of what stands below /v2 as well."""


def identity(route: Route) -> str:
    """``PUT /v2/runs/{run_id}/cancellation`` is ``put_runs_run_id_cancellation``."""
    plain = re.sub(r"[^a-zA-Z0-9]+", "_", route.path.removeprefix("/v2")).strip("_").lower()
    return f"{route.method.lower()}_{plain}{'_too' if route.path in _SECOND else ''}"


def links_of(route: Route, every: Iterable[Route]) -> dict[str, Any]:
    """What can be done with the resource that a POST has made."""
    kinds = {shown.kind for answer in _answers(route) for shown in answer if isinstance(shown, One)}
    found: dict[str, Any] = {}
    for kind in sorted(kinds & set(_NAMED) if route.method == "POST" else ()):
        path, parameter = _NAMED[kind]
        for other in every:
            # An operation of its own would have it in its path; what else uses the id is said in words.
            if other.path == path or (other.path.startswith(f"{path}/") and other.path.count("{") == 1):
                found[identity(other)] = {
                    "operationId": identity(other),
                    "parameters": {parameter: "$response.body#/data/id"},
                }
    return found


def _answers(route: Route) -> Iterable[tuple[object, ...]]:
    return () if route.form is None else (answer.shown for answer in route.form.answers)
