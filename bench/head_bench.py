"""What a new head asks the database, with few and with many runs and transactions that it does not concern."""

from __future__ import annotations

from adyton.domain.jobs import Initiator, Job, TaskSpec
from adyton.node import Node
from adyton.storage import jobs as stored_jobs
from adyton.storage import runs as stored_runs
from adyton.storage import transactions as stored_transactions
from adyton.storage.database import Row, Statement
from common import figure, main, open_node, timed

OTHERS = 200_000
HEADS = 200
CHUNK = 10_000
HEIGHT = 1000
SENDER = "0x9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f"


async def ask(node: Node) -> float:
    """Milliseconds a head for the questions of the engine and of the confirmer."""
    elapsed = timed()
    for height in range(HEIGHT, HEIGHT + HEADS):
        assert await stored_runs.due_at(node.db, height, limit=1000) == []
        await stored_transactions.anything_unseen(node.db)
        await stored_transactions.senders_open(node.db)
        assert await stored_transactions.confirmed_until(node.db, height) == []
    return elapsed() * 1000 / HEADS


async def fill(node: Node) -> None:
    """Runs that wait for a far head, finished runs, and safe transactions."""
    spec = Job(id="0" * 32, initiators=(Initiator(type="web"),), tasks=(TaskSpec(type="noop"),), created_at=1)
    job = await stored_jobs.create(node.db, spec)
    for start in range(0, OTHERS, CHUNK):
        numbers = range(start, start + CHUNK)
        waiting: list[Row] = [(f"{n:032x}", job.id, 1, "pending_confirmations", 1, 1, 1, None, "{}", 10**6) for n in numbers]
        finished: list[Row] = [(f"{n + OTHERS:032x}", job.id, 1, "completed", 1, 1, 1, 1, "{}", None) for n in numbers]
        safe: list[Row] = [(f"{n + OTHERS:032x}", SENDER, n) for n in numbers]
        await node.db.write(
            Statement(
                "INSERT INTO runs (id, job_id, initiator_id, status, version, created_at, updated_at, finished_at, input, "
                "wake_height) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                waiting + finished,
            ),
            Statement(
                "INSERT INTO transactions (run_id, task_position, from_address, to_address, data, value, gas_limit, "
                "min_confirmations, state, nonce, created_at, broadcast_at, safe_height, receipt_block, receipt_block_hash, "
                "receipt) VALUES (?, 0, ?, '0x', '0x', '0', 1, 1, 'safe', ?, 1, 1, 1, 1, '0x', '{}')",
                safe,
            ),
        )


async def measure() -> None:
    print("what a new head asks the database, of runs and transactions that it does not concern; SQLite")
    async with open_node() as node:
        few = await ask(node)
        await fill(node)
        many = await ask(node)
    figure("an empty database", few, "ms/head")
    figure(
        f"{OTHERS:,} waiting runs, {OTHERS:,} finished ones, {OTHERS:,} safe transactions", many, "ms/head", "target: no more"
    )


if __name__ == "__main__":
    main(measure)
