"""Lists of archived jobs. Those that are live are in memory."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from adyton.domain.jobs import Job
from adyton.storage.database import Database, Row, Value
from adyton.storage.jobs import named

_OF_INITIATOR = "EXISTS (SELECT 1 FROM initiators i WHERE i.job_id = jobs.id AND i.type = ?)"
_OF_TASK = "EXISTS (SELECT 1 FROM task_specs t WHERE t.job_id = jobs.id AND t.version = jobs.version AND t.type = ?)"


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which jobs are wanted, None is any: by name, by the type of an initiator, by the type of a task; ``search`` is a piece of
    the name, in either case, or of the id."""

    name: str | None = None
    initiator: str | None = None
    task: str | None = None
    search: str | None = None

    def finds(self, job_id: str, name: str | None) -> bool:
        """Whether the search, if there is one, finds a job."""
        if self.search is None:
            return True
        piece = self.search.casefold()
        return (name is not None and piece in name.casefold()) or (piece.replace("-", "") or piece) in job_id


async def archived(db: Database, wanted: Wanted, *, offset: int, limit: int, descending: bool) -> tuple[list[Job], int]:
    """A page of archived jobs by age, and how many there are in all. Names are compared here: databases differ about the case
    of letters. Only a search reads the name of each."""
    condition, params = _condition(wanted)
    direction = "DESC" if descending else "ASC"
    order = f"ORDER BY created_at {direction}, id {direction}"
    if wanted.search is not None:
        rows = await db.read(f"SELECT id, name FROM jobs WHERE {condition} {order}", params)
        found = [row for row in rows if wanted.finds(str(row[0]), None if row[1] is None else str(row[1]))]
        return await _read(db, found[offset : offset + limit]), len(found)
    ((count,),) = await db.read(f"SELECT COUNT(*) FROM jobs WHERE {condition}", params)
    rows = await db.read(f"SELECT id FROM jobs WHERE {condition} {order} LIMIT ? OFFSET ?", (*params, limit, offset))
    return await _read(db, rows), int(count or 0)


def _condition(wanted: Wanted) -> tuple[str, tuple[Value, ...]]:
    asked = (("name = ?", wanted.name), (_OF_INITIATOR, wanted.initiator), (_OF_TASK, wanted.task))
    given = [(words, value) for words, value in asked if value is not None]
    return " AND ".join(["archived_at IS NOT NULL", *(words for words, _ in given)]), tuple(value for _, value in given)


async def _read(db: Database, rows: Sequence[Row]) -> list[Job]:
    ids = [str(row[0]) for row in rows]
    jobs = {job.id: job for job in await named(db, ids)}
    return [jobs[each] for each in ids]
