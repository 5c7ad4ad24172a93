"""Every route, grouped by the authentication it needs. Paths are tried in this order, so the busy ones come first."""

from __future__ import annotations

from adyton.domain.wishes import Wish
from adyton.web import (
    accounts,
    agreements,
    auth,
    blocks,
    bridges,
    callbacks,
    explain,
    external_initiators,
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
        auth.session_or_initiator,
        (
            Route("POST", "/v2/specs/{job_id}/runs", runs.create),
            Route("GET", "/v2/ping", external_initiators.ping),
        ),
    ),
    # As v0.6.2: initiators without a name may create jobs. Those of later versions may not.
    (auth.session_or_anonymous_initiator, (Route("POST", "/v2/specs", jobs.create),)),
    (
        auth.session,
        (
            Route("GET", "/v2/runs/{run_id}", runs.show),
            Route("GET", "/v2/runs", runs.index),
            Route("PUT", "/v2/runs/{run_id}/cancellation", runs.cancel),
            Route("DELETE", "/v2/bulk_delete_runs", runs.bulk_delete),
            Route("GET", "/v2/specs", jobs.index),
            Route("GET", "/v2/specs/{job_id}", jobs.show),
            Route("DELETE", "/v2/specs/{job_id}", jobs.archive),
            Route("GET", "/v2/bridge_types", bridges.index),
            Route("POST", "/v2/bridge_types", bridges.create),
            Route("GET", "/v2/bridge_types/{name}", bridges.show),
            Route("PATCH", "/v2/bridge_types/{name}", bridges.update),
            Route("DELETE", "/v2/bridge_types/{name}", bridges.delete),
            Route("POST", "/v2/bridge_types/{name}/tokens", bridges.rotate),
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
            Route("GET", "/v2/service_agreements/{agreement_id}", agreements.show),
            Route("GET", "/v2/external_initiators", external_initiators.index),
            Route("POST", "/v2/external_initiators", external_initiators.create),
            Route("DELETE", "/v2/external_initiators/{name}", external_initiators.delete),
            Route("DELETE", "/sessions", sessions.delete),
        ),
    ),
    (
        auth.nobody,
        (
            # A session does not help here: who answers for a bridge has its token.
            Route("PATCH", "/v2/runs/{run_id}", callbacks.update),
            Route("POST", "/sessions", sessions.create, limiters=("requests", "logins")),
            # As v0.6.2: who proposes an agreement is no user of this node.
            Route("POST", "/v2/service_agreements", agreements.create, limiters=("requests", "agreements")),
            # Watchers are not counted, so that a busy client at the same address cannot make the node look dead.
            Route("GET", "/health", health.show, limiters=()),
            Route("GET", "/readyz", health.ready, limiters=()),
        ),
    ),
    (metrics.scraper, (Route("GET", "/metrics", metrics.show, limiters=()),)),
)
