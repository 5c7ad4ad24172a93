"""The account at a story's end: the world settles, and every request must have come to exactly one end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

import msgspec

from adyton.domain.chain import Receipt
from adyton.domain.errors import Conflict, Disconnected, TryAgain
from adyton.domain.statistics import NOTHING
from adyton.ethereum.client import Chain
from adyton.ledger import ends as ledger
from adyton.ledger.draw_up import draw_up
from adyton.sim.chain import ELSEWHERE, GWEI, SimulatedChain
from adyton.sim.contracts import LINK, ORACLE
from adyton.sim.rlp import SimTransaction
from adyton.sim.world import NODE, PRICE, PRICE_JOB, World
from adyton.storage import statistics, statistics_money

PATIENCE = 2 * 3600.0
"""Simulated seconds that a world may take to settle once nothing disturbs it any more."""
TRIES = 20
"""How often the ledger is asked while the node has no connection."""
AFTERWARDS = 6
"""Blocks through which it must stay settled."""

OPEN = ("unstarted", "in_progress", "unconfirmed", "confirmed")
"""States of a transaction that something must still move."""


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What an account may hold: refusals where sources fail; transactions that were paid for and reverted where the chain was
    replaced below confirmed requests, or a requester was faster."""

    refusals: bool = False
    reverts: bool = False


STRICT = Rules()


def calm(world: World) -> None:
    """Stop every fault."""
    for endpoint in world.ethereum.endpoints.values():
        endpoint.faults.calm()
        endpoint.online = True
    world.http.faults.calm()
    world.disk.calm()
    world.gate.defuse()
    world.chain.drift = 0.0
    if world.chain.next_base_fee is not None:
        world.chain.set_base_fee(10 * GWEI)


async def settle(world: World, requests: Sequence[str], rules: Rules) -> None:
    """Return when nothing moves any more and every request has ended. Raises AssertionError with what has not, after
    ``PATIENCE``."""
    problem: str | None = None

    async def quiet() -> bool:
        nonlocal problem
        problem = await unsettled(world, requests, rules)
        return problem is None

    for _ in range(2):
        deadline = world.clock.monotonic() + PATIENCE
        while not await quiet():
            if world.clock.monotonic() > deadline:
                world.fail(f"not settled: {problem}")
            await world.breathe(5.0)
        await world.pass_blocks(AFTERWARDS)
    if not await quiet():
        world.fail(f"settled and unsettled again: {problem}")


async def unsettled(world: World, requests: Sequence[str], rules: Rules) -> str | None:
    """The first thing that is not at its end yet, or None."""
    if world.node is None:
        return "the node is down"
    moving = await world.rows(
        "SELECT id, status FROM runs WHERE status NOT IN ('completed', 'errored', 'cancelled') ORDER BY id LIMIT 1"
    )
    for identity, status in moving:
        return f"run {identity!r} is {status or 'unstarted'!r}"
    sending = await world.rows(f"SELECT id, state FROM transactions WHERE state IN {OPEN!r} ORDER BY id LIMIT 1")
    for identity, state in sending:
        return f"transaction {identity!r} is {state!r}"
    for waiting in left_over(world.chain):
        return f"transaction {waiting.hash} with nonce {waiting.nonce} is in the mempool"
    for request in requests:
        problem = await _unended(world, request, rules)
        if problem is not None:
            return problem
    return None


async def _unended(world: World, request: str, rules: Rules) -> str | None:
    chain = world.chain
    if chain.block_of(chain.transaction_of(request)) is None:
        return f"request {request} is not on the chain"
    if not chain.is_open(request):
        return None
    status, error = await world.run_of(request)
    if rules.refusals and await _source_failed(world, request):
        return None
    return f"request {request} is open, and its run is {status}: {error}"


async def _source_failed(world: World, request: str) -> bool:
    """Whether the request's run ended at a task before the last, which is the one that sends, because of what a source said."""
    rows = await world.rows(
        "SELECT t.error FROM runs r JOIN task_runs t ON t.run_id = r.id "
        "WHERE r.request_id = ? AND r.superseded_by IS NULL AND r.status = 'errored' "
        "AND t.status = 'errored' AND t.position < ?",
        request,
        len(PRICE_JOB["tasks"]) - 1,
    )
    return any(error and "main chain" not in str(error) for (error,) in rows)


def check_account(world: World, requests: Sequence[str], rules: Rules = STRICT, *, cancelled: Collection[str] = ()) -> None:
    """What must be true at the end, whatever happened. Fails with the end of the trace.

    ``cancelled``: the requests whose requester tried to.
    """
    chain = world.chain
    for request in requests:
        answers = [answer.number for answer in chain.answers(request)]
        if len(answers) > 1:
            world.fail(f"doubled: request {request} has the answers {answers}")
        if answers and answers != [PRICE]:
            world.fail(f"wrong: request {request} has the answer {answers}")
        if not answers and chain.is_open(request) and not rules.refusals:
            world.fail(f"lost: request {request} has no answer")
        if not answers and not chain.is_open(request) and request not in cancelled:
            world.fail(f"lost: request {request} is closed without an answer")
    if reverted(chain) and not rules.reverts:
        world.fail(f"the node paid for transactions that reverted: {reverted(chain)}")
    if left_over(chain):
        world.fail(f"transactions are left in the mempool: {[each.hash for each in left_over(chain)]}")


async def audit(world: World) -> None:
    """Let the ledger draw up the account, from what the chain says and the rows alone. Fails with its first finding."""
    rules = ledger.Rules(now=world.clock.now(), grace=0, finality=world.config.finality_depth(world.chain.chain_id), quiet=True)
    for _ in range(TRIES):
        try:
            assert world.node is not None
            account = await draw_up(world.database, Chain(world.node.rpc), rules, link=LINK, contracts=[ORACLE])
        except (TryAgain, Disconnected):
            # Between two of the node's connections; a third party would have one of its own.
            await world.breathe(10)
            continue
        if not account.sound:
            found = account.findings[0]
            world.fail(f"{found.kind}: {found.subject}: {found.words}")
        await _check_statistics(world)
        return
    world.fail("not settled: the account cannot be drawn up")


async def _check_statistics(world: World) -> None:
    """What was counted while runs ended, went on, and ended again is what the rows say now; nothing of them is deleted here."""
    while True:
        try:
            await statistics.count_everything(world.database)
            more = await statistics_money.count(world.database)
        except Conflict:
            continue  # the node counts as well
        if not more:
            break
    ended: Counter[object] = Counter(status for (status,) in await world.rows("SELECT status FROM runs WHERE finished_at > 0"))
    paid = await world.rows("SELECT payment FROM requests WHERE closed_as = 'answered'")
    receipts = await world.rows("SELECT receipt FROM transactions WHERE receipt IS NOT NULL")
    costs = [msgspec.json.decode(str(text), type=Receipt) for (text,) in receipts]
    true = (
        *(ended.total(), ended["completed"], ended["errored"], ended["cancelled"]),
        *(sum(int(str(payment)) for (payment,) in paid), sum(r.gas_used * (r.effective_gas_price or 0) for r in costs)),
    )
    found = (await statistics.of_jobs(world.database, [statistics.ALL_JOBS])).get(statistics.ALL_JOBS, NOTHING)
    told = (found.runs, found.completed, found.errored, found.cancelled, found.link_earned, found.gas_spent)
    if told != true:
        world.fail(f"counted wrong: {told} runs, completed, errored, cancelled, juels and wei instead of {true}")


def left_over(chain: SimulatedChain) -> list[SimTransaction]:
    """The node's transactions in the mempool; those that somebody else signed with its key are nobody's care."""
    return [each for each in chain.pool if each.sender == NODE and each.raw != ELSEWHERE]


def reverted(chain: SimulatedChain) -> list[str | None]:
    """Why transactions of the node on the canonical chain reverted."""
    return [
        outcome.revert
        for block in chain.blocks
        for transaction, outcome in zip(block.transactions, block.outcomes, strict=True)
        if transaction.sender == NODE and not outcome.status
    ]


def sent_by_node(chain: SimulatedChain) -> list[str]:
    """The hashes of the node's transactions on the canonical chain."""
    return [each.hash for block in chain.blocks for each in block.transactions if each.sender == NODE]
