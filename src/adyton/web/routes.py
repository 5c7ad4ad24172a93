"""Every route, grouped by the authentication it needs. Paths are tried in this order, so the busy ones come first."""

from __future__ import annotations

from adyton.domain.wishes import Wish
from adyton.web import (
    accounts,
    auth,
    blocks,
    explain,
    health,
    jobs,
    metrics,
    payments,
    requests,
    runs,
    sessions,
    transactions,
)
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
            Route("GET", "/v2/requests", requests.index),
            Route("GET", "/v2/requests/{request_id}", requests.show),
            Route("POST", "/v2/requests/{request_id}/runs", requests.run),
            Route("GET", "/v2/explain/{what}", explain.show),
            Route("POST", "/v2/replay_from_block/{number}", blocks.replay),
            Route("GET", "/v2/rereads", blocks.rereads),
            Route("GET", "/v2/transactions", transactions.index),
            Route("GET", "/v2/transactions/doctor", transactions.examine),
            Route("GET", "/v2/transactions/{name}", transactions.show),
            *(Route("POST", f"/v2/transactions/{{name}}/{wish}", transactions.wishes(wish)) for wish in Wish),
            Route("GET", "/v2/tx_attempts", transactions.attempts),
            Route("POST", "/v2/withdrawals", payments.withdraw),
            Route("POST", "/v2/transfers", payments.transfer),
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
    (metrics.scraper, (Route("GET", "/metrics", metrics.show, limiters=()),)),
)
