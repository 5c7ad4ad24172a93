"""Errors become responses: the error tree says who must act, here stands which status that is."""

from __future__ import annotations

import structlog
from starlette.requests import Request
from starlette.responses import Response

from adyton.domain.errors import Broken, Conflict, Forbidden, Invalid, NotFound, Refused, TryAgain, Unauthenticated
from adyton.ports import Entropy
from adyton.services.features import SwitchedOff
from adyton.services.jobs import NotAccepted
from adyton.services.payments import NotChecked
from adyton.services.runs import NotStarted
from adyton.services.throttle import TooManyAttempts
from adyton.web.jsonapi import refused

log = structlog.get_logger(__name__)

_RETRY_AFTER_SECONDS = "1"


class Unprocessable(Invalid):
    """The query string is wrong."""


class NotConfigured(Refused):
    """The node lacks what it needs for this; a 500 in v0.6.2."""


class SlowBody(Refused):
    """The request's body did not arrive in time."""

    usual = "ADY-1054"


# The first that fits. NotStarted, NotChecked and NotAccepted are a 500 because clients of v0.6.2 know them as that.
_STATUS: tuple[tuple[type[Refused], int], ...] = (
    (NotStarted, 500),
    (NotChecked, 500),
    (NotAccepted, 500),
    (NotConfigured, 500),
    (SwitchedOff, 405),
    (Unprocessable, 422),
    (Unauthenticated, 401),
    (Forbidden, 403),
    (NotFound, 404),
    (Conflict, 409),
    (SlowBody, 408),
    (TooManyAttempts, 429),
    (Refused, 400),
)


def response_to(error: Exception, request: Request, entropy: Entropy) -> Response:
    """The response to an error. What we did wrong ourselves is logged under an id, and only the id is shown."""
    if isinstance(error, Refused):
        faults = error.faults if isinstance(error, Invalid) else (str(error),)
        status = next(status for kind, status in _STATUS if isinstance(error, kind))
        headers = {"retry-after": str(error.retry_after)} if isinstance(error, TooManyAttempts) else None
        return refused(status, faults, headers, code=error.error_code)
    if isinstance(error, TryAgain):
        because, code = str(error), error.error_code
        log.warning("request not served", method=request.method, path=request.url.path, because=because, code=code)
        return refused(503, (str(error),), {"retry-after": _RETRY_AFTER_SECONDS}, code=error.error_code)
    error_id = entropy.new_id()
    log.error("request failed", method=request.method, path=request.url.path, error_id=error_id, exc_info=error)
    return refused(500, (f"internal error {error_id}; the node's log says more",), code=Broken.usual)
