"""Whether a node refuses a range of blocks for its size, row by row of the table and in words that providers use."""

from __future__ import annotations

import pytest

from adyton.ethereum.errors import RpcError
from adyton.ethereum.limits import header_not_found, rest_asked_for, throttled, too_many


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (-32003, "anything at all"),
        (-32005, "query returned more than 10000 results. Try with this block range [0x1, 0x2]."),
        (-32602, "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range"),
        (-32614, "eth_getLogs is limited to a 10,000 range"),
        (-32002, "request timed out"),
        (-32000, "too wide blocks range, the limit is 100"),
        (-32000, "requested too many blocks from 1 to 5000, maximum is set to 2048"),
        (-32000, "query returned more than 10000 results"),
        (-32000, "query exceeds max results 20000, retry with the range 1-5"),
        (-32600, "block range is too large"),
        (-32602, "exceed maximum block range: 5000"),
        (-32000, "eth_getLogs block range exceeds the maximum"),
        (-32701, "Please specify an address in your request or, to remove restrictions, up to 1024 blocks"),
        (-32000, "query timeout exceeded"),
        (-32000, "response size exceeded"),
        (-32000, "too many logs"),
        (-32005, "logs matched by query exceeds limit of 10000"),
    ],
)
def test_words_that_mean_too_much_was_asked(code: int, message: str) -> None:
    assert too_many(RpcError(code, message))


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (-32000, "header not found"),
        (-32005, "limit exceeded"),
        (429, "Too Many Requests"),
        (-32000, "nonce too low"),
        (-32601, "the method eth_getLogs does not exist/is not available"),
    ],
)
def test_words_that_mean_something_else(code: int, message: str) -> None:
    assert not too_many(RpcError(code, message))


@pytest.mark.parametrize(
    "message",
    [
        "header not found",
        "header for hash not found",
        "unknown block",
        "Unknown block number",
        "block 0x12 not found",
        "One of the blocks specified in filter (fromBlock, toBlock or blockHash) cannot be found.",
        "block range extends beyond current head block",
        "invalid block range params",
        "toBlock is greater than the latest block",
    ],
)
def test_words_that_mean_the_block_is_not_there_yet(message: str) -> None:
    assert header_not_found(RpcError(-32000, message))


@pytest.mark.parametrize("message", ["execution reverted", "query returned more than 10000 results", "internal error"])
def test_other_words_do_not_mean_that_a_block_is_missing(message: str) -> None:
    assert not header_not_found(RpcError(-32000, message))


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (429, "anything at all"),
        (-32005, "limit exceeded"),
        (-32005, "daily request count exceeded, request rate limited"),
        (-32007, "50/second request limit reached - reduce calls per second or upgrade your account"),
        (-32029, "too many requests, contact support"),
        (-32000, "Too Many Requests"),
        (-32000, "rate limit exceeded"),
        (-32016, "your rate-limit is used up"),
        (-32603, "Your app has exceeded its compute units per second capacity."),
        (-32000, "exceeded project throughput"),
        (-32000, "throughput limit reached"),
    ],
)
def test_words_that_mean_too_often(code: int, message: str) -> None:
    assert throttled(RpcError(code, message))


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (-32005, "query returned more than 10000 results. Try with this block range [0x1, 0x2]."),
        (-32005, "logs matched by query exceeds limit of 10000"),
        (-32000, "eth_getLogs is limited to a 10,000 range"),
        (3, "execution reverted: rate limit exceeded"),
        (-32000, "execution reverted: too many requests"),
        (-32000, "nonce too low"),
        (-32000, "exceeds block gas limit"),
        (-32000, "txpool is full"),
        (-32000, "insufficient funds for gas * price + value"),
        (-32000, "tx fee (1.10 ether) exceeds the configured cap (1.00 ether)"),
        (-32000, "account limit exceeded"),
        (-32000, "There are too many transactions in the queue. Your transaction was dropped due to limit."),
    ],
)
def test_words_that_do_not_mean_too_often(code: int, message: str) -> None:
    assert not throttled(RpcError(code, message))


@pytest.mark.parametrize(
    ("data", "seconds"),
    [
        (None, None),
        ("0x", None),
        ({"retry_after": 7}, 7.0),
        ({"retry_after": "soon"}, None),
        ({"retry_after": -1}, None),
        ({"rate": {"backoff_seconds": 30}}, 30.0),
        ({"rate": "fast"}, None),
    ],
)
def test_the_rest_that_a_node_asks_for(data: object, seconds: float | None) -> None:
    assert rest_asked_for(RpcError(429, "", data)) == seconds
