"""How a call to the chain fails. ``Disconnected`` (no connection, or it was lost while the call waited) is the domain's."""

from __future__ import annotations

from typing import Any

from adyton.domain.errors import AdytonError, TryAgain


class RpcError(AdytonError):
    """The node answered the call with an error. What it means depends on the call, so the caller decides who must act.

    ``code`` and ``message`` are the node's; ``data`` is what it added (any JSON value, None if nothing).
    """

    usual = "ADY-0601"

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data


class RpcTimeout(TryAgain):
    """No answer before the deadline. The node may still have done what was asked."""

    usual = "ADY-0602"


class GatewayFailed(RpcTimeout):
    """What stands before the node answered in its place (HTTP 502 and the like). The node may have done what was asked."""

    usual = "ADY-0603"


class Throttled(TryAgain):
    """The node wants to be asked less often, or the budget has no room before the deadline. It was not done."""

    usual = "ADY-0604"


class MalformedAnswer(TryAgain, ValueError):
    """The node answered something that is not what the call promises. The message names the field."""

    usual = "ADY-0605"


class WrongChain(AdytonError):
    """The node serves another chain than the configured one."""

    usual = "ADY-0606"
