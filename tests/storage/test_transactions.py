"""Outgoing transactions: what the database itself makes impossible, and what is read back, on every database."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from adyton.domain.chain import Log, Receipt
from adyton.domain.errors import Conflict
from adyton.domain.transactions import DEFAULT_GAS_LIMIT, Fee, SignedTransaction, TransactionRequest
from adyton.domain.transactions import TransactionState as S
from adyton.domain.trials import Place
from adyton.storage import finished_transactions, foreign_nonces, judgements, keys, transaction_runs
from adyton.storage import transactions as stored
from adyton.storage.database import Database, Statement
from adyton.storage.foreign_nonces import ForeignNonces

SENDER = "0x" + "01" * 20
OTHER = "0x" + "02" * 20
REQUEST = TransactionRequest(to="0x" + "ab" * 20, data="0x1234", value=2**200, gas_price=2**100)
LEGACY = Fee(gas_price=2**90)
TYPE_2 = Fee(tip_cap=1, fee_cap=2**90)
BLOCK = "0x" + "bb" * 32


def signed(name: str) -> SignedTransaction:
    return SignedTransaction(raw=f"0x{name.encode().hex()}", hash=f"0x{name.encode().hex():0>64}")


def receipt(name: str, *, block: int = 100) -> Receipt:
    log = Log("0x" + "ab" * 20, (BLOCK,), "0x", block, BLOCK, signed(name).hash, 0, 0)
    return Receipt(signed(name).hash, block, BLOCK, 1, 21000, 2**90, (log,))


async def asked(db: Database, *names: str, sender: str = SENDER) -> list[int]:
    await keys.ensure(db, [SENDER, OTHER], 1)
    for name in names:
        await db.write(stored.insert(REQUEST, sender=sender, run_id=name, task_position=0, min_confirmations=3, now=5))
    found = await stored.of_runs(db, names)
    return [found[name, 0].id for name in names]


async def started(db: Database, name: str, nonce: int, *, sender: str = SENDER, fee: Fee = TYPE_2) -> int:
    (found,) = await asked(db, name, sender=sender)
    transaction = await stored.of_task(db, name, 0)
    assert transaction is not None
    await db.write(*stored.started(transaction, nonce, signed(name), fee, 7))
    return found


async def unconfirmed(db: Database, name: str, nonce: int, *, sender: str = SENDER, at: int = 9) -> int:
    found = await started(db, name, nonce, sender=sender)
    await db.write(keys.advance(sender, nonce), *stored.accepted(found, at))
    return found


async def confirmed(db: Database, name: str, nonce: int) -> int:
    found = await unconfirmed(db, name, nonce)
    await db.write(*stored.confirmed([stored.Inclusion(found, receipt(name), 102, "because")]))
    return found


async def test_a_transaction_comes_back_as_it_was_left(database: Database) -> None:
    await asked(database, "run")
    found = await stored.of_task(database, "run", 0)
    assert found is not None
    assert (found.to_address, found.data, found.value, found.gas_price) == (REQUEST.to, REQUEST.data, 2**200, 2**100)
    assert (found.gas_limit, found.state, found.created_at, found.min_confirmations) == (DEFAULT_GAS_LIMIT, S.UNSTARTED, 5, 3)
    assert await stored.of_task(database, "run", 1) is None


@pytest.mark.parametrize("fee", [LEGACY, TYPE_2])
async def test_signed_bytes_and_prices_come_back_exactly(database: Database, fee: Fee) -> None:
    await started(database, "run", 4, fee=fee)
    found = await stored.in_progress(database, SENDER)
    assert found is not None
    assert (found.nonce, found.attempts[0].raw, found.attempts[0].fee) == (4, signed("run").raw, fee)
    assert (found.attempts[0].state, found.attempts[0].created_at) == ("in_progress", 7)


async def test_a_receipt_comes_back_with_its_logs(database: Database) -> None:
    await confirmed(database, "run", 0)
    found = await stored.of_task(database, "run", 0)
    assert found is not None
    assert (found.receipt, found.revert_reason) == (receipt("run"), "because")
    assert [(mined.run_id, mined.block, mined.block_hash) for mined in await stored.confirmed_until(database, 102)] == [
        ("run", 100, BLOCK)
    ]
    assert await stored.confirmed_until(database, 101) == []
    assert len(await stored.confirmed_until(database, None)) == 1


async def test_a_task_run_has_one_transaction_however_often_it_asks(database: Database) -> None:
    (first,) = await asked(database, "run")
    (again,) = await asked(database, "run")
    assert first == again
    assert len(await stored.unstarted(database, SENDER, 10)) == 1


async def test_what_waits_is_read_oldest_first_and_by_key(database: Database) -> None:
    await asked(database, "a", "b", "c")
    await asked(database, "x", sender=OTHER)
    assert [found.run_id for found in await stored.unstarted(database, SENDER, 2)] == ["a", "b"]
    assert [found.run_id for found in await stored.unstarted(database, OTHER, 9)] == ["x"]


# --- what cannot be --------------------------------------------------------------------------------------------------


async def test_a_key_has_one_transaction_in_progress_and_other_keys_do_not_mind(database: Database) -> None:
    await started(database, "a", 0)
    with pytest.raises(Conflict):
        await started(database, "b", 1)
    await started(database, "c", 0, sender=OTHER)


async def test_a_nonce_of_a_key_is_used_once(database: Database) -> None:
    await unconfirmed(database, "a", 0)
    with pytest.raises(Conflict):
        await started(database, "b", 0)


async def test_a_send_is_not_recorded_when_the_nonce_is_not_the_next(database: Database) -> None:
    found = await started(database, "a", 3)
    with pytest.raises(Conflict):
        await database.write(keys.advance(SENDER, 3), *stored.accepted(found, 9))
    still = await stored.in_progress(database, SENDER)
    assert still is not None
    assert still.attempts[0].state == "in_progress"
    assert await keys.recorded(database, SENDER) == keys.Recorded(0, 3)


async def test_the_next_nonce_is_caught_up_only_from_what_was_read(database: Database) -> None:
    await asked(database)
    await database.write(keys.catch_up(SENDER, 0, 7))
    with pytest.raises(Conflict):
        await database.write(keys.catch_up(SENDER, 0, 9))
    assert await keys.recorded(database, SENDER) == keys.Recorded(7, None)
    await keys.ensure(database, [SENDER], 99)
    assert (await keys.recorded(database, SENDER)).next_nonce == 7


async def test_a_transaction_has_one_attempt_without_an_answer(database: Database) -> None:
    found = await unconfirmed(database, "a", 0)
    await database.write(*stored.bumped(found, signed("b"), TYPE_2, 8))
    with pytest.raises(Conflict):
        await database.write(*stored.bumped(found, signed("c"), TYPE_2, 8))


Move = Callable[[int], Sequence[Statement]]
MOVES: dict[str, tuple[S, Move]] = {
    "accepted": (S.IN_PROGRESS, lambda found: stored.accepted(found, 9)),
    "refused": (S.IN_PROGRESS, lambda found: stored.refused(found, "no")),
    "repriced": (S.IN_PROGRESS, lambda found: stored.repriced(found, signed("new"), TYPE_2, 8)),
    "added": (S.IN_PROGRESS, lambda found: stored.added(found, signed("new"), TYPE_2, 8)),
    "rejected": (S.UNSTARTED, lambda found: [stored.rejected(found, "no")]),
    "bumped": (S.UNCONFIRMED, lambda found: stored.bumped(found, signed("new"), TYPE_2, 8)),
    "bump repriced": (S.UNCONFIRMED, lambda found: stored.bump_repriced(found, signed("new"), TYPE_2, 8)),
    "bump added": (S.UNCONFIRMED, lambda found: stored.bump_added(found, signed("new"), TYPE_2, 8)),
    "bump delivered": (S.UNCONFIRMED, lambda found: stored.bump_delivered(found, 9)),
    "bump dropped": (S.UNCONFIRMED, lambda found: stored.bump_dropped(found, "why", 5)),
    "bump kept": (S.UNCONFIRMED, lambda found: stored.bump_kept(found, "why", 5)),
    "waits on": (S.UNCONFIRMED, lambda found: [stored.waits_on(found, "why", 5)]),
    "confirmed": (S.UNCONFIRMED, lambda found: stored.confirmed([stored.Inclusion(found, receipt("a"), 102)])),
    "displaced": (S.UNCONFIRMED, stored.displaced),
    "given up": (S.UNCONFIRMED, lambda found: stored.given_up(found, "no")),
    "safe": (S.CONFIRMED, lambda found: [stored.safe([found])]),
    "reopened": (S.SAFE, lambda found: [stored.reopened([found])]),
    "reorganised": (S.CONFIRMED, lambda found: [stored.reorganised([found])]),
}


async def in_state(db: Database, state: S) -> int:
    if state is S.UNSTARTED:
        return (await asked(db, "a"))[0]
    if state is S.IN_PROGRESS:
        return await started(db, "a", 0)
    if state is S.UNCONFIRMED:
        return await unconfirmed(db, "a", 0)
    if state is S.FATAL_ERROR:
        found = await started(db, "a", 0)
        await db.write(*stored.refused(found, "no"))
        return found
    found = await confirmed(db, "a", 0)
    if state is S.SAFE:
        await db.write(stored.safe([found]))
    return found


@pytest.mark.parametrize("state", S)
async def test_a_change_is_made_from_its_own_state_and_refused_whole_from_any_other(database: Database, state: S) -> None:
    found = await in_state(database, state)
    before = await stored.of_task(database, "a", 0)
    for name, (needed, move) in MOVES.items():
        if needed is not state:
            with pytest.raises(Conflict):
                await database.write(*move(found))
            assert await stored.of_task(database, "a", 0) == before, name


@pytest.mark.parametrize("name", MOVES)
async def test_every_change_can_be_made(database: Database, name: str) -> None:
    needed, move = MOVES[name]
    found = await in_state(database, needed)
    await database.write(*move(found))


# --- going on and going back -----------------------------------------------------------------------------------------


async def test_a_transaction_given_up_holds_no_nonce_and_no_bytes(database: Database) -> None:
    found = await started(database, "a", 0)
    await database.write(*stored.refused(found, "oversized data"))
    after = await stored.of_task(database, "a", 0)
    assert after is not None
    assert (after.state, after.nonce, after.attempts, after.error) == (S.FATAL_ERROR, None, (), "oversized data")
    await started(database, "b", 0)


async def test_a_reorganised_transaction_is_due_to_be_sent_at_once(database: Database) -> None:
    found = await confirmed(database, "a", 0)
    await database.write(stored.reorganised([found]))
    after = await stored.of_task(database, "a", 0)
    assert after is not None
    assert (after.state, after.receipt, after.revert_reason, after.waiting_since) == (S.UNCONFIRMED, None, None, None)
    assert [due.id for due in await stored.unheard(database, SENDER, 1, 0, 10)] == [found]
    await database.write(stored.sent_again([found], 50))
    assert await stored.unheard(database, SENDER, 49, 0, 10) == []


async def test_a_head_stamps_what_was_sent_before_it_once(database: Database) -> None:
    assert not await stored.anything_unseen(database)
    await unconfirmed(database, "a", 0)
    assert await stored.anything_unseen(database)
    await database.write(*stored.seen(10))
    await unconfirmed(database, "b", 1)
    await database.write(*stored.seen(11))
    assert not await stored.anything_unseen(database)
    found = await stored.of_runs(database, ["a", "b"])
    assert [found[name, 0].waiting_since for name in "ab"] == [10, 11]
    assert [found[name, 0].attempts[0].broadcast_before for name in "ab"] == [10, 11]


async def test_the_loops_find_exactly_what_concerns_them(database: Database) -> None:
    for nonce, name in enumerate("abcd"):
        await unconfirmed(database, name, nonce, at=nonce)
        await database.write(*stored.seen(10 + nonce))
    await unconfirmed(database, "x", 0, sender=OTHER)
    assert await stored.senders_open(database) == [SENDER, OTHER]
    assert [found.run_id for found in await stored.minable(database, SENDER, 3, 0, 9)] == ["b", "c"]
    assert [found.run_id for found in await stored.impatient(database, SENDER, 12, 1, 9)] == ["b", "c"]
    assert [found.run_id for found in await stored.impatient(database, SENDER, 99, 0, 2)] == ["a", "b"]
    assert [found.run_id for found in await stored.unheard(database, SENDER, 2, 1, 9)] == ["b", "c"]
    assert await stored.undecided(database, SENDER) == []
    (bumped,) = [found.id for found in await stored.minable(database, SENDER, 2, 0, 1)]
    await database.write(*stored.bumped(bumped, signed("new"), TYPE_2, 8))
    assert [found.run_id for found in await stored.undecided(database, SENDER)] == ["b"]
    assert await stored.undecided(database, OTHER) == []


async def test_runs_whose_transactions_all_came_to_their_end_are_settled(database: Database) -> None:
    await database.write(
        Statement("INSERT INTO jobs (id, created_at) VALUES (?, 0)", [("job",)]),
        Statement(
            "INSERT INTO runs (id, job_id, initiator_id, status, version, created_at, updated_at, input, wake_height) "
            "VALUES (?, 'job', 1, 'pending_confirmations', 1, 0, 0, '{}', ?)",
            [("a", None), ("b", None), ("incoming", 5)],
        ),
    )
    done = await confirmed(database, "a", 0)
    await database.write(stored.safe([done]))
    await unconfirmed(database, "b", 1)
    assert await stored.settled_runs(database) == ["a"]


async def test_a_transaction_whose_nonce_is_lost_starts_over(database: Database) -> None:
    found = await unconfirmed(database, "a", 0)
    await database.write(*stored.displaced(found))
    after = await stored.of_task(database, "a", 0)
    assert after is not None
    assert (after.state, after.nonce, after.attempts, after.broadcast_at) == (S.UNSTARTED, None, (), None)


# --- columns of later versions ---------------------------------------------------------------------------------------


async def test_what_an_operator_or_a_caller_said_comes_back(database: Database) -> None:
    (found,) = await asked(database, "run")
    await database.write(
        Statement(
            "UPDATE transactions SET purpose = 'transfer', idempotency_key = ?, wish = 'cancel', wish_price = ? WHERE id = ?",
            [("mine", str(2**100), found)],
        )
    )
    after = await stored.of_task(database, "run", 0)
    assert after is not None
    assert (after.purpose, after.idempotency_key, after.wish, after.wish_price) == ("transfer", "mine", "cancel", 2**100)


async def test_a_receipts_status_is_a_column_while_there_is_a_receipt(database: Database) -> None:
    found = await confirmed(database, "a", 0)
    after = await stored.of_task(database, "a", 0)
    assert after is not None
    assert after.receipt_status == 1
    await database.write(stored.reorganised([found]))
    after = await stored.of_task(database, "a", 0)
    assert after is not None
    assert after.receipt_status is None


async def test_a_mined_no_op_is_no_answer(database: Database) -> None:
    await confirmed(database, "answer", 0)
    cancelled = await unconfirmed(database, "cancelled", 1)
    reverted = await unconfirmed(database, "reverted", 2)
    noop = Statement(
        "INSERT INTO tx_attempts (transaction_id, hash, gas_price, raw, state, created_at, noop) "
        "VALUES (?, ?, '1', '0x', 'broadcast', 1, 1)",
        [(cancelled, signed("noop").hash)],
    )
    await database.write(noop)
    failed = Receipt(signed("reverted").hash, 100, BLOCK, 0, 21000, 1)
    await database.write(
        *stored.confirmed(
            [stored.Inclusion(cancelled, receipt("noop"), 102), stored.Inclusion(reverted, failed, 102)],
        )
    )
    found = await stored.of_task(database, "cancelled", 0)
    assert found is not None
    assert (found.cancelling, found.cancelled) == (True, True)
    answers = {mined.run_id: mined.answer for mined in await stored.confirmed_until(database, None)}
    assert answers == {"answer": signed("answer").hash, "cancelled": None, "reverted": None}
    await database.write(stored.safe([cancelled, reverted]))
    assert {mined.run_id: mined.answer for mined in await stored.safe_since(database, 0)} == {
        "cancelled": None,
        "reverted": None,
    }


async def test_judgements_begin_at_the_lowest_block_asked_for_and_go_on_where_they_ended(database: Database) -> None:
    assert await judgements.wanted(database) is None
    for block in (9, 100, 70):
        await database.write(judgements.asked(block))
    assert await judgements.wanted(database) == 9
    await database.write(judgements.progress(9, 120))
    assert await judgements.wanted(database) == 120
    await database.write(judgements.asked(50))
    await database.write(judgements.progress(120, 130), judgements.progress(120, None))  # of what was asked before
    assert await judgements.wanted(database) == 50
    await database.write(judgements.progress(50, None))
    assert await judgements.wanted(database) is None


async def test_safe_transactions_are_judged_by_whole_blocks_the_oldest_first(database: Database) -> None:
    for nonce, (name, block) in enumerate([("a", 100), ("b", 103), ("c", 103), ("d", 105)]):
        found = await unconfirmed(database, name, nonce)
        await database.write(*stored.confirmed([stored.Inclusion(found, receipt(name, block=block), block)]))
        await database.write(stored.safe([found]))
    await confirmed(database, "not safe", 4)

    async def judged(block: int, limit: int) -> list[str | None]:
        return [each.run_id for each in await judgements.safe_from(database, block, limit)]

    assert await judged(0, 2) == ["a", "b", "c"]
    assert await judged(104, 2) == ["d"]
    assert await judged(0, 9) == ["a", "b", "c", "d"]
    assert await judged(106, 2) == []


async def test_only_a_transaction_without_a_nonce_is_taken_back(database: Database) -> None:
    waits, sent = (await asked(database, "waits"))[0], await started(database, "sent", 0)
    await database.write(*transaction_runs.withdrawn(waits), *transaction_runs.withdrawn(sent))
    assert await stored.of_task(database, "waits", 0) is None
    assert await stored.of_task(database, "sent", 0) is not None


# --- runs ------------------------------------------------------------------------------------------------------------


async def run(
    db: Database,
    name: str,
    *,
    status: str = "completed",
    request: str | None = None,
    prefix: str = "0xCAFE",
    closed: bool = True,
) -> None:
    """A run, of a request if one is named."""
    finished = 9 if status in {"completed", "errored", "cancelled"} else None
    await db.write(
        Statement("INSERT INTO jobs (id, created_at) VALUES (?, 0) ON CONFLICT (id) DO NOTHING", [("job",)]),
        Statement(
            "INSERT INTO runs (id, job_id, initiator_id, status, version, created_at, updated_at, finished_at, input, "
            "creation_height, contract, request_id, request_tx, request_block) "
            "VALUES (?, 'job', 1, ?, 1, 0, 0, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    name,
                    status,
                    finished,
                    f'{{"dataPrefix": "{prefix}", "more": [1]}}',
                    None if request is None else 7,
                    None if request is None else "0x01",
                    request,
                    None if request is None else "0x02",
                    None if request is None else BLOCK,
                )
            ],
        ),
    )
    if request is not None:
        end = ("answered", "0x03", 9) if closed else (None, None, None)
        row = ("0x01", request, "job", 7, BLOCK, "0x02", 0, "0x04", "1", "run started", name, 5, *end)
        await db.write(
            Statement(
                "INSERT INTO requests (contract, request_id, job_id, block_number, block_hash, transaction_hash, log_index, "
                "requester, payment, decision, run_id, seen_at, closed_as, closed_tx, closed_block) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [row],
            )
        )


async def test_where_a_request_is_and_what_its_answer_repeats_is_known_by_run(database: Database) -> None:
    await run(database, "asked", request="0xaa")
    await run(database, "by a client")
    assert await transaction_runs.places(database, ["asked", "by a client", "unknown"]) == {"asked": Place(7, BLOCK, "cafe")}


# --- the reaper ------------------------------------------------------------------------------------------------------


async def safe_at(db: Database, name: str, nonce: int) -> None:
    await db.write(stored.safe([await confirmed(db, name, nonce)]))


async def reaped(db: Database, *, before: int = 6, below: int = 101, limit: int = 99) -> list[str]:
    """What is deleted (everything was asked for at 5 and mined in block 100)."""
    names: list[str] = [str(name) for (name,) in await db.read("SELECT run_id FROM transactions WHERE run_id IS NOT NULL")]
    count = await finished_transactions.reap(db, before=before, below=below, limit=limit)
    left = [name for (name,) in await db.read("SELECT run_id FROM transactions WHERE run_id IS NOT NULL")]
    gone = sorted(set(names) - {str(name) for name in left})
    assert count == len(gone)
    return gone


async def test_old_finished_transactions_are_deleted_with_their_attempts_but_not_a_keys_newest(database: Database) -> None:
    for nonce, name in enumerate("abc"):
        await safe_at(database, name, nonce)
    assert await reaped(database, before=5) == []
    assert await reaped(database, below=100) == []
    assert await reaped(database, limit=1) == ["a"]
    assert await reaped(database) == ["b"]
    assert await reaped(database) == []
    assert await database.read("SELECT COUNT(*) FROM tx_attempts") == [(1,)]
    assert (await keys.recorded(database, SENDER)).highest == 2


async def test_what_is_not_finished_is_not_deleted(database: Database) -> None:
    await asked(database, "unstarted")
    for nonce, name in enumerate(("unconfirmed", "confirmed")):
        await (unconfirmed if name == "unconfirmed" else confirmed)(database, name, nonce)
    await run(database, "waits", status="pending_confirmations")
    await safe_at(database, "waits", 2)
    await started(database, "in progress", 3)
    assert await reaped(database) == []


async def test_an_answer_that_is_not_noted_with_its_request_is_not_deleted(database: Database) -> None:
    await run(database, "open", request="0xaa", closed=False)
    await run(database, "closed", request="0xbb")
    for nonce, name in enumerate(("open", "closed", "newest")):
        await safe_at(database, name, nonce)
    assert await reaped(database) == ["closed"]


async def test_what_failed_for_good_is_deleted_and_what_a_caller_may_ask_for_again_is_not(database: Database) -> None:
    found = await started(database, "failed", 0)
    await database.write(*stored.refused(found, "no"))
    for nonce, name in enumerate(("keyed", "newest")):
        await safe_at(database, name, nonce)
    await database.write(Statement("UPDATE transactions SET idempotency_key = ? WHERE run_id = 'keyed'", [("mine",)]))
    assert await reaped(database) == ["failed"]


# --- foreign nonces --------------------------------------------------------------------------------------------------


async def test_nonces_that_something_else_used_are_noted_once(database: Database) -> None:
    await asked(database)
    first = ForeignNonces(SENDER, 3, 5, 10)
    await database.write(foreign_nonces.adopted(first))
    await database.write(
        foreign_nonces.adopted(ForeignNonces(SENDER, 3, 4, 11)), foreign_nonces.adopted(ForeignNonces(OTHER, 0, 0, 12))
    )
    assert await foreign_nonces.of(database, SENDER) == [first]
    assert await foreign_nonces.of(database) == [first, ForeignNonces(OTHER, 0, 0, 12)]
