"""Every route, grouped by the authentication it needs, with the role that users and tokens must have."""

from __future__ import annotations

from adyton.domain.access import Role
from adyton.domain.wishes import Wish
from adyton.web import (
    accounts,
    agreements,
    audit,
    auth,
    blocks,
    bridges,
    callbacks,
    configuration,
    drafts,
    events,
    explain,
    external_initiators,
    forms,
    health,
    jobs,
    keys,
    metrics,
    payments,
    process,
    requests,
    runs,
    sessions,
    tokens,
    transactions,
    users,
)
from adyton.web.endpoint import Authentication, Route
from adyton.web.openapi import handlers as openapi
from adyton.web.record import Kept

ROUTES: tuple[tuple[Authentication, tuple[Route, ...]], ...] = (
    (
        auth.session_or_initiator,
        (
            Route("POST", "/v2/specs/{job_id}/runs", runs.create, Role.RUN, kept=Kept.ALONGSIDE, form=forms.runs.CREATE),
            Route("GET", "/v2/ping", external_initiators.ping, form=forms.external_initiators.PING),
        ),
    ),
    # As v0.6.2: initiators without a name may create jobs. Those of later versions may not.
    (auth.session_or_anonymous_initiator, (Route("POST", "/v2/specs", jobs.create, Role.EDIT, form=forms.jobs.CREATE),)),
    (
        auth.session,
        (
            Route("GET", "/v2/runs/{run_id}", runs.show, form=forms.runs.SHOW),
            Route("GET", "/v2/runs", runs.index, form=forms.runs.INDEX),
            Route("PUT", "/v2/runs/{run_id}/cancellation", runs.cancel, Role.RUN, form=forms.runs.CANCEL),
            # Only its opening is counted, not what it then says.
            Route("GET", "/v2/events", events.stream, form=forms.events.STREAM),
            Route("DELETE", "/v2/bulk_delete_runs", runs.bulk_delete, Role.EDIT, form=forms.runs.BULK_DELETE),
            Route("POST", "/v2/specs/validate", drafts.validate, kept=Kept.NEVER, form=forms.drafts.VALIDATE),
            Route("POST", "/v2/specs/try", drafts.attempt, Role.RUN, form=forms.drafts.TRY),
            Route("POST", "/v2/specs/apply", drafts.apply_all, Role.EDIT, form=forms.drafts.APPLY),
            Route("GET", "/v2/specs", jobs.index, form=forms.jobs.INDEX),
            Route("GET", "/v2/specs/{job_id}/export", drafts.export, form=forms.drafts.EXPORT),
            Route("GET", "/v2/specs/{job_id}", jobs.show, form=forms.jobs.SHOW),
            Route("DELETE", "/v2/specs/{job_id}", jobs.archive, Role.EDIT, form=forms.jobs.ARCHIVE),
            Route("GET", "/v2/bridge_types", bridges.index, form=forms.bridges.INDEX),
            Route("POST", "/v2/bridge_types", bridges.create, Role.EDIT, form=forms.bridges.CREATE),
            Route("GET", "/v2/bridge_types/{name}", bridges.show, form=forms.bridges.SHOW),
            Route("PATCH", "/v2/bridge_types/{name}", bridges.update, Role.EDIT, form=forms.bridges.UPDATE),
            Route("DELETE", "/v2/bridge_types/{name}", bridges.delete, Role.EDIT, form=forms.bridges.DELETE),
            Route("POST", "/v2/bridge_types/{name}/tokens", bridges.rotate, Role.EDIT, form=forms.bridges.ROTATE),
            Route("GET", "/v2/requests", requests.index, form=forms.requests.INDEX),
            Route("GET", "/v2/requests/{request_id}", requests.show, form=forms.requests.SHOW),
            Route("POST", "/v2/requests/{request_id}/runs", requests.run, Role.RUN, form=forms.requests.RUN),
            Route("GET", "/v2/explain/{what}", explain.show, form=forms.requests.EXPLAIN),
            Route("POST", "/v2/replay_from_block/{number}", blocks.replay, Role.EDIT, form=forms.blocks.REPLAY),
            Route("GET", "/v2/rereads", blocks.rereads, form=forms.blocks.REREADS),
            Route("GET", "/v2/transactions", transactions.index, form=forms.transactions.INDEX),
            Route("GET", "/v2/transactions/doctor", transactions.examine, form=forms.transactions.EXAMINE),
            Route("GET", "/v2/transactions/{name}", transactions.show, form=forms.transactions.SHOW),
            *(
                Route(
                    "POST",
                    f"/v2/transactions/{{name}}/{wish}",
                    transactions.wishes(wish),
                    Role.ADMIN,
                    form=forms.transactions.WISHES[wish],
                )
                for wish in Wish
            ),
            Route("GET", "/v2/tx_attempts", transactions.attempts, form=forms.transactions.ATTEMPTS),
            Route("POST", "/v2/withdrawals", payments.withdraw, Role.ADMIN, form=forms.payments.WITHDRAW),
            Route("POST", "/v2/transfers", payments.transfer, Role.ADMIN, form=forms.payments.TRANSFER),
            Route("GET", "/v2/user/balances", accounts.balances, form=forms.payments.BALANCES),
            Route("GET", "/v2/user", users.whoami, form=forms.users.WHOAMI),
            Route("PATCH", "/v2/user/password", users.change_password, form=forms.users.PASSWORD),
            Route("GET", "/v2/user/sessions", users.sessions, form=forms.users.SESSIONS),
            Route("DELETE", "/v2/user/sessions", users.end_sessions, form=forms.users.END_SESSIONS),
            Route("POST", "/v2/user/token", tokens.create_unnamed, form=forms.tokens.CREATE_UNNAMED),
            Route("POST", "/v2/user/token/delete", tokens.delete_unnamed, form=forms.tokens.DELETE_UNNAMED),
            Route("GET", "/v2/tokens", tokens.index, form=forms.tokens.INDEX),
            Route("POST", "/v2/tokens", tokens.create, form=forms.tokens.CREATE),
            Route("POST", "/v2/tokens/{access_key}/secret", tokens.rotate, form=forms.tokens.ROTATE),
            Route("DELETE", "/v2/tokens/{access_key}", tokens.delete, form=forms.tokens.DELETE),
            Route("GET", "/v2/users", users.index, Role.ADMIN, form=forms.users.INDEX),
            Route("POST", "/v2/users", users.create, Role.ADMIN, form=forms.users.CREATE),
            Route("PATCH", "/v2/users/{email}", users.update, Role.ADMIN, form=forms.users.UPDATE),
            Route("DELETE", "/v2/users/{email}", users.delete, Role.ADMIN, form=forms.users.DELETE),
            Route("GET", "/v2/audit", audit.index, Role.ADMIN, form=forms.audit.INDEX),
            Route("GET", "/v2/service_agreements/{agreement_id}", agreements.show, form=forms.agreements.SHOW),
            Route("GET", "/v2/external_initiators", external_initiators.index, form=forms.external_initiators.INDEX),
            Route(
                "POST", "/v2/external_initiators", external_initiators.create, Role.EDIT, form=forms.external_initiators.CREATE
            ),
            Route(
                "DELETE",
                "/v2/external_initiators/{name}",
                external_initiators.delete,
                Role.EDIT,
                form=forms.external_initiators.DELETE,
            ),
            Route("GET", "/v2/config", configuration.show, form=forms.process.CONFIG),
            Route("GET", "/v2/config/settings", configuration.settings, form=forms.process.SETTINGS),
            Route("PATCH", "/v2/config", configuration.change, Role.ADMIN, form=forms.process.CHANGE),
            Route("GET", "/v2/log", configuration.show_log, form=forms.process.LOG),
            Route("PATCH", "/v2/log", configuration.change_log, Role.ADMIN, form=forms.process.CHANGE_LOG),
            Route("GET", "/v2/features", process.features, form=forms.process.FEATURES),
            Route("GET", "/v2/chains", process.chains, form=forms.process.CHAINS),
            Route("GET", "/v2/nodes", process.nodes, form=forms.process.NODES),
            Route("GET", "/v2/build_info", process.build_info, form=forms.process.BUILD_INFO),
            Route("POST", "/v2/keys", keys.create_extra, Role.ADMIN, form=forms.keys.CREATE_EXTRA),
            Route("GET", "/v2/keys/eth", keys.index, form=forms.keys.INDEX),
            Route("POST", "/v2/keys/eth", keys.create, Role.ADMIN, form=forms.keys.CREATE),
            Route("POST", "/v2/keys/eth/import", keys.take_in, Role.ADMIN, form=forms.keys.TAKE_IN),
            Route("POST", "/v2/keys/eth/export/{address}", keys.give_out, Role.ADMIN, form=forms.keys.GIVE_OUT),
            Route("DELETE", "/v2/keys/eth/{address}", keys.delete, Role.ADMIN, form=forms.keys.DELETE),
            Route("PATCH", "/v2/keys/password", keys.change_password, Role.ADMIN, form=forms.keys.CHANGE_PASSWORD),
        ),
    ),
    # As v0.7.1, an API token is no session, and does not open what is below /debug.
    (
        auth.session_cookie,
        (
            Route("DELETE", "/sessions", sessions.delete, form=forms.sessions.DELETE),
            Route("GET", "/debug/vars", process.variables, form=forms.process.VARIABLES),
        ),
    ),
    (
        auth.nobody,
        (
            # A session does not help here: who answers for a bridge has its token.
            Route("PATCH", "/v2/runs/{run_id}", callbacks.update, kept=Kept.NEVER, form=forms.runs.LATE_ANSWER),
            Route(
                "POST",
                "/sessions",
                sessions.create,
                limiters=("requests", "logins"),
                kept=Kept.AFTER,
                form=forms.sessions.CREATE,
            ),
            # As v0.6.2: who proposes an agreement is no user of this node.
            Route(
                "POST",
                "/v2/service_agreements",
                agreements.create,
                limiters=("requests", "agreements"),
                form=forms.agreements.CREATE,
            ),
            Route("GET", "/v2/openapi.json", openapi.show, form=forms.openapi.DOCUMENT),
            Route("GET", "/openapi.json", openapi.show, form=forms.openapi.DOCUMENT),
            Route("GET", "/v2/docs", openapi.read, form=forms.openapi.PAGE),
            Route("GET", "/docs", openapi.read, form=forms.openapi.PAGE),
            Route("GET", "/v2/docs.css", openapi.style, form=forms.openapi.STYLE),
            Route("GET", "/docs.css", openapi.style, form=forms.openapi.STYLE),
            Route("GET", "/v2/schemas/job.json", openapi.job, form=forms.openapi.SCHEMA),
            Route("GET", "/v2/schemas/bridge.json", openapi.bridge, form=forms.openapi.SCHEMA),
            # Watchers are not counted, so that a busy client at the same address cannot make the node look dead.
            Route("GET", "/health", health.show, limiters=(), form=forms.health.SHOW),
            Route("GET", "/readyz", health.ready, limiters=(), form=forms.health.READY),
        ),
    ),
    (metrics.scraper, (Route("GET", "/metrics", metrics.show, limiters=(), form=forms.health.METRICS),)),
)
