"""What a small body asks for: one object with a few texts. What cannot be read is a 422."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import TypeVar

from msgspec import UNSET
from starlette.requests import Request

from adyton.domain.access import Role, read_role
from adyton.domain.errors import Fault, Invalid
from adyton.domain.request_json import field, first_object, kind_of
from adyton.web.endpoint import body_of
from adyton.web.failures import Unprocessable

T = TypeVar("T")


async def object_of(request: Request) -> Mapping[str, object]:
    """The body's object. Raises Unprocessable."""
    try:
        return first_object(await body_of(request))
    except Invalid as unreadable:
        raise Unprocessable(*unreadable.faults, code=unreadable.error_code) from None


def text_in(body: Mapping[str, object], name: str) -> str:
    """The text of that name; "" when it is not there, or null. Raises Unprocessable."""
    value = field(body, name)
    if value is UNSET or value is None:
        return ""
    if not isinstance(value, str):
        raise Unprocessable(Fault(f"{name} must be a string, not {kind_of(value)}", f"/{name}"), code="ADY-0119")
    return value


def role_in(body: Mapping[str, object], name: str = "role") -> Role | None:
    """The role of that name; None when it is not said. Raises Unprocessable."""
    text = text_in(body, name)
    if not text:
        return None
    try:
        return read_role(text)
    except Invalid as unknown:
        raise Unprocessable(*unknown.faults, code=unknown.error_code) from None


async def unless_unfit(work: Awaitable[T]) -> T:
    """What a service finds wrong with its input is a wrong body here."""
    try:
        return await work
    except Invalid as unfit:
        raise Unprocessable(*unfit.faults, code=unfit.error_code) from None
