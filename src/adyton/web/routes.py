"""Every route, grouped by the authentication it needs. Paths are tried in this order, so the busy ones come first."""

from __future__ import annotations

from adyton.web import accounts, auth, health, jobs, runs, sessions
from adyton.web.endpoint import Authentication, Route

ROUTES: tuple[tuple[Authentication, tuple[Route, ...]], ...] = (
    (
        auth.session,
        (
            Route("POST", "/v2/specs/{job_id}/runs", runs.create),
            Route("GET", "/v2/runs/{run_id}", runs.show),
            Route("GET", "/v2/runs", runs.index),
            Route("GET", "/v2/specs", jobs.index),
            Route("POST", "/v2/specs", jobs.create),
            Route("GET", "/v2/specs/{job_id}", jobs.show),
            Route("DELETE", "/v2/specs/{job_id}", jobs.archive),
            Route("GET", "/v2/user/balances", accounts.balances),
            Route("DELETE", "/sessions", sessions.delete),
        ),
    ),
    (
        auth.nobody,
        (
            Route("POST", "/sessions", sessions.create, limiters=("requests", "logins")),
            # Watchers are not counted, so that a busy client at the same address cannot make the node look dead.
            Route("GET", "/health", health.show, limiters=()),
            Route("GET", "/readyz", health.ready, limiters=()),
        ),
    ),
)
