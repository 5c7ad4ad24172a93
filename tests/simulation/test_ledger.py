"""The ledger reads a simulated chain as it reads a real one, and finds what is missing there."""

from __future__ import annotations

import pytest

from adyton.ethereum.client import Chain
from adyton.ledger.account import Account, End
from adyton.ledger.draw_up import draw_up
from adyton.ledger.ends import Rules
from adyton.sim.account import audit
from adyton.sim.contracts import LINK, ORACLE
from adyton.sim.loop import run
from adyton.sim.world import PRICE_JOB, World
from adyton.storage.database import Statement


async def account_of(world: World) -> Account:
    assert world.node is not None
    rules = Rules(now=world.clock.now(), grace=3, quiet=True)
    return await draw_up(world.database, Chain(world.node.rpc), rules, link=LINK, first=1, contracts=[ORACLE])


def test_the_account_of_a_simulated_life_adds_up() -> None:
    async def main() -> None:
        async with World("ledger") as world:
            job = await world.create_job(PRICE_JOB)
            requests = [world.chain.request(job.id, {"number": number}) for number in range(3)]
            await world.until_completed(*requests)
            await world.pass_blocks(3)
            account = await account_of(world)
            assert account.sound
            assert dict(account.ends) == {End.ANSWERED: 3}
            assert account.unchecked == ()
            assert all(money.moved > 0 for money in (*account.earned, *account.spent))

    run(main())


@pytest.mark.parametrize(
    ("fault", "finding"),
    [
        ("DELETE FROM requests", "there is no row of it"),
        ("UPDATE requests SET closed_as = NULL, closed_tx = NULL, closed_block = NULL", "ended on the chain"),
        ("UPDATE requests SET closed_as = 'cancelled'", "ended in the database"),
        ("DELETE FROM transactions", "used by something unknown"),
        ("UPDATE transactions SET receipt_status = 0", "mined in the database"),
        ("UPDATE runs SET status = 'in_progress', finished_at = NULL", "not finished"),
    ],
)
def test_a_fault_in_the_rows_is_found(fault: str, finding: str) -> None:
    async def main() -> None:
        async with World("ledger") as world:
            job = await world.create_job(PRICE_JOB)
            await world.until_completed(world.chain.request(job.id, {}))
            await world.pass_blocks(3)
            await audit(world)
            await world.database.write(Statement(fault, [()]))
            with pytest.raises(AssertionError, match=finding):
                await audit(world)

    run(main())
