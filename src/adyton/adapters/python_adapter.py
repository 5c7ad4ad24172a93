"""An adapter of an installed package, as a task type like any other."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from adyton.adapters import base
from adyton.adapters.base import TaskContext
from adyton.domain import secrets as named
from adyton.domain.data import encode, encode_bytes, parse, with_result
from adyton.domain.errors import Invalid
from adyton.domain.python_adapters import Answer, Question
from adyton.domain.runs import Completed, Data, Errored, Outcome
from adyton.ports import Secrets, WorkerFailure, Workers


class PythonAdapter:
    """Asks the process of the package. A crash of the node asks again; whatever is wrong with the package fails this task.

    A dict that the adapter returns is laid over the run's data, anything else becomes their result; on any error the data stay
    as they are.
    """

    pure = False
    takes_secrets = True

    def __init__(self, name: str, *, workers: Workers, secrets: Secrets) -> None:
        self.name = name
        self._workers = workers
        self._secrets = secrets

    def check(self, params: Data) -> None:
        """Every object passes: only the package knows its params, see ``verify``."""

    async def verify(self, params: Data, values: Mapping[str, str]) -> None:
        """Raises Invalid when the package cannot be loaded or does not take these params, with the secrets in place."""
        try:
            answer = await self._workers.ask(self._question("check", params, {}, values))
        except WorkerFailure as failure:
            raise Invalid(named.redact(f"{self.name}: {failure}", values), code="ADY-0287") from None
        if answer.error is not None:
            raise Invalid(
                named.redact(f"{self.name}: {answer.error.removeprefix('ValidationError: ')}", values), code="ADY-0287"
            )

    def question(self, params: Data, data: Data, context: TaskContext) -> base.Question:  # noqa: ARG002 - an adapter's signature
        """What the package would be asked: nobody here knows what it does."""
        return base.Question(f"the installed adapter {self.name}", "", "", encode({"params": params, "data": data}))

    async def perform(self, params: Data, data: Data, context: TaskContext) -> Outcome:
        """The outcome. Raises Invalid for a secret that cannot be read."""
        names = named.named_in(context.spec) if context.spec is not None else []
        values = await self._secrets.values(names) if names else {}
        try:
            answer = await self._workers.ask(self._question("perform", params, data, values))
            if answer.error is not None:
                return self._failed(answer.error, data, values)
            return Completed(_merged(data, answer, values))
        except (WorkerFailure, ValueError) as fault:
            return self._failed(str(fault), data, values)

    def _question(self, op: str, params: Data, data: Data, values: Mapping[str, str]) -> Question:
        filled = named.fill_all(params, values) if values else params
        return Question(
            op="perform" if op == "perform" else "check",
            name=self.name,
            params=msgspec.Raw(encode_bytes(filled)),
            data=msgspec.Raw(encode_bytes(data)),
        )

    def _failed(self, why: str, data: Data, values: Mapping[str, str]) -> Errored:
        # NUL has no place in an error: PostgreSQL cannot store it.
        return Errored(named.redact(f"{self.name} failed: {why}", values).replace("\0", "\ufffd"), data)


def _merged(data: Data, answer: Answer, values: Mapping[str, str]) -> Data:
    """The run's data after an answer. Raises ValueError for a value that is no JSON of ours."""
    value = parse(bytes(answer.value)) if isinstance(answer.value, msgspec.Raw) else None
    value = named.redact_all(value, values)
    if not answer.merge:
        return with_result(data, value)
    if not isinstance(value, dict):
        raise ValueError("its process answered with something else than an answer")  # noqa: TRY004 - it came as JSON
    return {**data, **value}
