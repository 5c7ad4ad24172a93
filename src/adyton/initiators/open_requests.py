"""Whether the chain still waits for an answer to a request, asked before a run is started for one from long ago."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import structlog

from adyton.domain.chain import Address, Hex
from adyton.domain.errors import Disconnected, TryAgain
from adyton.domain.requests import MANY_WORDS, RunLog
from adyton.ethereum import reverts
from adyton.ethereum.errors import RpcError
from adyton.initiators.findings import RequestKey

log = structlog.get_logger(__name__)

NOT_OPEN = ("Must have a valid requestId", "Params do not match request ID", "Cannot respond twice")
"""What Oracle, Operator and Coordinator contracts say of an answer to a request that they do not hold (any more), or that the
key that asks has answered."""


class OpenRequests(Protocol):
    """Knows which requests the chain does not wait for."""

    async def closed(self, requests: Mapping[RequestKey, RunLog]) -> set[RequestKey]:
        """Those that are certainly answered or cancelled; of any other nothing is said. Raises Disconnected."""
        ...


class Calls(Protocol):
    """Calls contracts."""

    async def calls(
        self, calls: Sequence[tuple[Address, Hex, Address | None, int | None]], block: str | int
    ) -> list[Hex | RpcError]:
        """What contracts answer to (to, data, sender, gas), in order; an error where one did not. Raises TryAgain."""
        ...


class TriedAnswers:
    """Tries an answer to each with eth_call at the newest block, as from one of our keys."""

    def __init__(self, *, chain: Calls, keys: Callable[[], Sequence[Address]]) -> None:
        self._chain = chain
        self._keys = keys

    async def closed(self, requests: Mapping[RequestKey, RunLog]) -> set[RequestKey]:
        """Those whose contract refuses the answer because it does not hold the request."""
        sender = next(iter(self._keys()), None)
        if sender is None or not requests:
            return set()
        asked = [(contract, _answer(request), sender, None) for (contract, _), request in requests.items()]
        try:
            answers = await self._chain.calls(asked, "latest")
        except Disconnected:
            raise
        except (RpcError, TryAgain) as fault:
            log.info("it cannot be told which requests are still open; they are run", because=str(fault), requests=len(asked))
            return set()
        return {key for key, answer in zip(requests, answers, strict=True) if _refuses(answer)}


def _answer(request: RunLog) -> Hex:
    """The least answer that its contract would look at."""
    selector = str(request.data["functionSelector"])
    value = f"{192:064x}{64:064x}{request.request_id[2:]}{0:064x}" if selector == MANY_WORDS else f"{0:064x}"
    return f"{selector}{str(request.data['dataPrefix']).removeprefix('0x')}{value}"


def _refuses(answer: Hex | RpcError) -> bool:
    return isinstance(answer, RpcError) and any(words in reverts.revert_text(answer) for words in NOT_OPEN)
