"""How many blocks are asked for at once, and what the Ethereum node is asked and believed."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from adyton.domain.chain import Address, Hex, LogFilter
from adyton.domain.errors import Disconnected
from adyton.domain.log_filters import wanted_logs
from adyton.domain.requests import CLOSINGS, RUN_LOG_TOPICS, named_job, read_run_log
from adyton.ethereum.client import Chain
from adyton.ethereum.errors import RpcError, RpcTimeout
from adyton.initiators.open_requests import TriedAnswers
from adyton.initiators.reading import Stride
from adyton.initiators.source import ChainLogs
from support.builders import JOB_ID, ORACLE, SENDER, job, number_hash, run_log

# --- strides ---------------------------------------------------------------------------------------------------------


def answers(stride: Stride, count: int) -> list[int]:
    """The sizes that are asked for while everything is answered quickly."""
    sizes = []
    for _ in range(count):
        sizes.append(stride.blocks)
        stride.answered(stride.blocks, 0.1, 0)
    return sizes


def test_a_stride_doubles_while_answers_come_up_to_the_longest() -> None:
    assert answers(Stride(100, 1000), 5) == [100, 200, 400, 800, 1000]
    assert answers(Stride(100), 3) == [100, 100, 100]


def test_what_was_refused_is_not_asked_for_again_for_a_while() -> None:
    stride = Stride(100, 1000)
    stride.refused(100)
    sizes = answers(stride, 200)
    assert sizes[:20] == [50] * 20
    assert sizes[20] == 62
    assert max(sizes) > 100


def test_one_block_is_the_least() -> None:
    stride = Stride(1)
    stride.refused(1)
    stride.failed(1)
    assert stride.blocks == 1


@pytest.mark.parametrize(("seconds", "logs", "then"), [(3.0, 0, 100), (6.0, 0, 50), (0.1, 3000, 100), (0.1, 20_000, 50)])
def test_slow_and_long_answers_are_not_made_slower_and_longer(seconds: float, logs: int, then: int) -> None:
    stride = Stride(100, 1000)
    stride.answered(100, seconds, logs)
    assert stride.blocks == then


def test_the_rest_of_a_range_says_nothing_about_longer_ones() -> None:
    stride = Stride(100, 1000)
    stride.answered(3, 0.1, 0)
    assert stride.blocks == 100


# --- the filter ------------------------------------------------------------------------------------------------------


def test_one_filter_asks_for_the_requests_of_every_job_and_for_how_they_end() -> None:
    (wanted,) = wanted_logs([job(address=ORACLE)], ["0x" + "11" * 20])
    assert wanted == LogFilter(addresses=("0x" + "11" * 20, ORACLE), topics=((*RUN_LOG_TOPICS, *CLOSINGS),))
    assert wanted_logs([job()], [ORACLE]) == (LogFilter(topics=((*RUN_LOG_TOPICS, *CLOSINGS),)),)
    assert wanted_logs([]) == ()


def test_the_job_that_a_log_names_is_told_whether_it_exists_or_not() -> None:
    words = run_log(job_id=JOB_ID)
    assert named_job(words) == JOB_ID
    raw = msgspec.structs.replace(words, topics=(words.topics[0], "0x" + JOB_ID + "0" * 32))
    assert named_job(raw) == JOB_ID
    for topic in ("0x" + "00" * 32, "0x" + "ff" * 32, number_hash(7)):
        assert named_job(msgspec.structs.replace(words, topics=(words.topics[0], topic))) == topic


# --- the Ethereum node -----------------------------------------------------------------------------------------------


class Frames:
    """Answers batches with what the test says, and remembers them."""

    def __init__(self, *answers: bytes | RpcError) -> None:
        self.answers = [answer if isinstance(answer, RpcError) else msgspec.Raw(answer) for answer in answers]
        self.asked: list[Sequence[tuple[str, Sequence[object]]]] = []

    async def batch_raw(self, calls: Sequence[tuple[str, Sequence[object]]]) -> Sequence[msgspec.Raw | RpcError]:
        """The answers."""
        self.asked.append(calls)
        return self.answers


def block(number: int) -> bytes:
    shown = {"number": hex(number), "hash": number_hash(number), "parentHash": number_hash(number - 1), "timestamp": "0x1"}
    return msgspec.json.encode(shown)


async def test_logs_and_the_last_block_are_asked_for_in_one_frame() -> None:
    frames = Frames(b"[]", block(9))
    source = ChainLogs(Chain(None), frames)  # type: ignore[arg-type] # only the frames are used

    logs, last = await source.logs([LogFilter(addresses=(ORACLE,))], 3, 9)

    assert logs == []
    assert last is not None
    assert last.hash == number_hash(9)
    ((get_logs, get_block),) = frames.asked
    assert get_logs[0] == "eth_getLogs"
    assert get_block == ("eth_getBlockByNumber", ("0x9", False))


async def test_a_node_without_the_last_block_says_so() -> None:
    _, last = await ChainLogs(Chain(None), Frames(b"[]", b"null")).logs([LogFilter()], 3, 9)  # type: ignore[arg-type]
    assert last is None


@pytest.mark.parametrize("wrong", [(RpcError(-32005, "no"), block(9)), (b"[]", RpcError(-32005, "no"))])
async def test_an_error_in_either_is_an_error(wrong: tuple[bytes | RpcError, ...]) -> None:
    with pytest.raises(RpcError):
        await ChainLogs(Chain(None), Frames(*wrong)).logs([LogFilter()], 3, 9)  # type: ignore[arg-type]


# --- requests that are not open --------------------------------------------------------------------------------------


def reverts(words: str) -> RpcError:
    return RpcError(3, f"execution reverted: {words}", None)


class Contract:
    """Answers calls with what the test says."""

    def __init__(self, *answers: Hex | RpcError, error: Exception | None = None) -> None:
        self.answers = answers
        self.error = error
        self.asked: list[tuple[Address, Hex, Address | None, int | None]] = []

    async def calls(
        self, calls: Sequence[tuple[Address, Hex, Address | None, int | None]], block: str | int
    ) -> list[Hex | RpcError]:
        """The answers."""
        assert block == "latest"
        self.asked += calls
        if self.error is not None:
            raise self.error
        return list(self.answers)


async def test_requests_that_their_contract_does_not_hold_are_closed_and_no_others() -> None:
    requests = {(ORACLE, number_hash(number)): read_run_log(run_log(request=number)) for number in range(5)}
    contract = Contract(
        reverts("Must have a valid requestId"),
        "0x01",
        reverts("Not an authorized node to fulfill requests"),
        reverts("Params do not match request ID"),
        RpcError(-32005, "rate limited"),
    )

    closed = await TriedAnswers(chain=contract, keys=lambda: (SENDER,)).closed(requests)

    assert closed == {(ORACLE, number_hash(0)), (ORACLE, number_hash(3))}
    to, calldata, sender, _ = contract.asked[1]
    assert (to, sender) == (ORACLE, SENDER)
    assert calldata == "0x4ab0d190" + run_log(request=1).data[66:386] + "0" * 64


@pytest.mark.parametrize("error", [RpcError(-32000, "no"), RpcTimeout("slow")])
async def test_when_it_cannot_be_told_nothing_is_said(error: Exception) -> None:
    requests = {(ORACLE, number_hash(1)): read_run_log(run_log())}
    assert await TriedAnswers(chain=Contract(error=error), keys=lambda: (SENDER,)).closed(requests) == set()
    assert await TriedAnswers(chain=Contract(), keys=lambda: ()).closed(requests) == set()


async def test_without_a_connection_it_is_asked_again_later() -> None:
    requests = {(ORACLE, number_hash(1)): read_run_log(run_log())}
    with pytest.raises(Disconnected):
        await TriedAnswers(chain=Contract(error=Disconnected("gone")), keys=lambda: (SENDER,)).closed(requests)
