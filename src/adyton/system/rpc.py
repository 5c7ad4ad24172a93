"""The way to an Ethereum node that its URL asks for."""

from __future__ import annotations

from adyton.ports import RpcSocket
from adyton.system.rpc_http import HttpRpcTransport
from adyton.system.websocket import WebsocketTransport


class EthereumTransport:
    """Opens lines to Ethereum nodes (``ports.RpcTransport``): websockets, or HTTP."""

    def __init__(self) -> None:
        self._http = HttpRpcTransport()
        self._websocket = WebsocketTransport()

    async def open(self, url: str) -> RpcSocket:
        """Connect to ``url``. Raises ConnectionLost, whose message names only scheme, host and port."""
        return await (self._http if url.startswith("http") else self._websocket).open(url)
