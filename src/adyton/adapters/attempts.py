"""Asking a source more than once."""

from __future__ import annotations

from adyton.ports import Clock, HttpFailure, HttpRequest, HttpResponse, HttpTransport

LONGEST_PAUSE = 5.0
"""Seconds between two attempts, at most."""
_FIRST_PAUSE = 0.1
_SERVER_ERROR = 500


async def answer(http: HttpTransport, clock: Clock, request: HttpRequest, *, attempts: int) -> HttpResponse:
    """What the source answers. It is asked again, with growing pauses, when there is no answer that could come later, or one of
    500 and above; the last of the ``attempts`` counts, whatever comes of it. Raises HttpFailure."""
    pause = _FIRST_PAUSE
    for _ in range(attempts - 1):
        try:
            response = await http.request(request)
            if response.status < _SERVER_ERROR:
                return response
        except HttpFailure as failure:
            if not failure.retriable:
                raise
        await clock.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)
    return await http.request(request)
