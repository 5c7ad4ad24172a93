"""Every route, grouped by the authentication it needs, with the role that users and tokens must have.

Paths are tried in this order, so the busy ones come first.
"""

from __future__ import annotations

from adyton.domain.access import Role
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
            Route("POST", "/v2/specs/{job_id}/runs", runs.create, Role.RUN),
            Route("GET", "/v2/ping", external_initiators.ping),
        ),
    ),
    # As v0.6.2: initiators without a name may create jobs. Those of later versions may not.
    (auth.session_or_anonymous_initiator, (Route("POST", "/v2/specs", jobs.create, Role.EDIT),)),
    (
        auth.session,
        (
            Route("GET", "/v2/runs/{run_id}", runs.show),
            Route("GET", "/v2/runs", runs.index),
            Route("PUT", "/v2/runs/{run_id}/cancellation", runs.cancel, Role.RUN),
            Route("DELETE", "/v2/bulk_delete_runs", runs.bulk_delete, Role.EDIT),
            Route("GET", "/v2/specs", jobs.index),
            Route("GET", "/v2/specs/{job_id}", jobs.show),
            Route("DELETE", "/v2/specs/{job_id}", jobs.archive, Role.EDIT),
            Route("GET", "/v2/bridge_types", bridges.index),
            Route("POST", "/v2/bridge_types", bridges.create, Role.EDIT),
            Route("GET", "/v2/bridge_types/{name}", bridges.show),
            Route("PATCH", "/v2/bridge_types/{name}", bridges.update, Role.EDIT),
            Route("DELETE", "/v2/bridge_types/{name}", bridges.delete, Role.EDIT),
            Route("POST", "/v2/bridge_types/{name}/tokens", bridges.rotate, Role.EDIT),
            Route("GET", "/v2/requests", requests.index),
            Route("GET", "/v2/requests/{request_id}", requests.show),
            Route("POST", "/v2/requests/{request_id}/runs", requests.run, Role.RUN),
            Route("GET", "/v2/explain/{what}", explain.show),
            Route("POST", "/v2/replay_from_block/{number}", blocks.replay, Role.EDIT),
            Route("GET", "/v2/rereads", blocks.rereads),
            Route("GET", "/v2/transactions", transactions.index),
            Route("GET", "/v2/transactions/doctor", transactions.examine),
            Route("GET", "/v2/transactions/{name}", transactions.show),
            *(Route("POST", f"/v2/transactions/{{name}}/{wish}", transactions.wishes(wish), Role.ADMIN) for wish in Wish),
            Route("GET", "/v2/tx_attempts", transactions.attempts),
            Route("POST", "/v2/withdrawals", payments.withdraw, Role.ADMIN),
            Route("POST", "/v2/transfers", payments.transfer, Role.ADMIN),
            Route("GET", "/v2/user/balances", accounts.balances),
            Route("GET", "/v2/service_agreements/{agreement_id}", agreements.show),
            Route("GET", "/v2/external_initiators", external_initiators.index),
            Route("POST", "/v2/external_initiators", external_initiators.create, Role.EDIT),
            Route("DELETE", "/v2/external_initiators/{name}", external_initiators.delete, Role.EDIT),
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
