"""Service agreements: stored with their job or not at all."""

from __future__ import annotations

import pytest

from adyton.domain.agreements import Agreement, Encumbrance
from adyton.domain.errors import Conflict
from adyton.storage import agreements as stored
from adyton.storage import jobs
from adyton.storage.database import Database
from support.builders import JOB_ID, NOW, SENDER, job, number_hash


def agreement(number: int = 1, *, job_id: str = JOB_ID, aggregator: bool = True) -> Agreement:
    """An agreement with every term at its largest."""
    return Agreement(
        id=number_hash(number),
        job_id=job_id,
        created_at=NOW,
        terms=Encumbrance(
            payment=2**256 - 1,
            expiration=2**63 - 1,
            end_at=NOW,
            oracles=(SENDER,),
            aggregator=SENDER if aggregator else None,
            initiate_selector="0x01020304" if aggregator else None,
            fulfill_selector="0x05060708" if aggregator else None,
        ),
        request_body='{"expiration":3.000000e+02}',
        request_digest=number_hash(number, 1),
        signature="0x" + "ab" * 65,
    )


@pytest.mark.parametrize("aggregator", [True, False])
async def test_an_agreement_comes_back_as_it_was_made(database: Database, aggregator: bool) -> None:
    made = agreement(aggregator=aggregator)
    await jobs.create(database, job(), stored.insert(made))
    assert await stored.get(database, made.id) == made
    assert await stored.get(database, number_hash(2)) is None


async def test_of_two_jobs_for_one_agreement_one_is_stored(database: Database) -> None:
    await jobs.create(database, job(), stored.insert(agreement()))
    with pytest.raises(Conflict):
        await jobs.create(database, job(job_id="f" * 32), stored.insert(agreement(job_id="f" * 32)))
    assert await jobs.get(database, "f" * 32) is None
