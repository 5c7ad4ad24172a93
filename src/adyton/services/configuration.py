"""The settings: show them, and change those that may change while the node runs.

What is changed here counts at once. The gas price is kept in the database, as v0.6.6 kept it; what is written to the log is as
LOG_LEVEL and LOG_SQL say again after the next start.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import msgspec
import structlog
from msgspec import UNSET

from adyton.config import Setting, settings
from adyton.config.kinds import LOG_LEVEL
from adyton.domain.errors import Fault, Invalid
from adyton.domain.request_json import field, first_object, kind_of
from adyton.services.parts import Parts
from adyton.storage import facts

log = structlog.get_logger(__name__)

GAS_PRICE = "gas price default"
"""The fact that says what an operator has set ETH_GAS_PRICE_DEFAULT to while the node ran."""
SET = "set at run time"
"""The source of a value that was changed so."""
_LONGEST = 78
_MOST = 2**256 - 1


class SettingShown(msgspec.Struct, frozen=True):
    """A setting as it counts now: its value (secrets masked), where that came from, and what it is about."""

    name: str
    value: str
    source: str
    default: str
    group: str
    meaning: str
    allowed: str
    secret: bool
    changeable: bool
    """Whether it may change while the node runs."""


class Change(msgspec.Struct, frozen=True):
    """What a value was, and what it is."""

    old: str
    new: str


def shown(parts: Parts) -> list[SettingShown]:
    """Every setting, in the order of docs/configuration.md."""
    now = _now(parts)
    return [_setting(parts, row, now) for row in settings()]


def _setting(parts: Parts, row: Setting, now: Mapping[str, str]) -> SettingShown:
    configured = parts.config.shown(row.field)
    value = now.get(row.field, configured)
    return SettingShown(
        name=row.name,
        value=value,
        source=parts.config.sources.get(row.field, "") if value == configured else SET,
        default=row.default,
        group=row.group,
        meaning=row.meaning,
        allowed=row.kind.allowed,
        secret=row.kind.mask is not None,
        changeable=row.field in now,
    )


def _now(parts: Parts) -> Mapping[str, str]:
    """The fields that may change while the node runs, and their values."""
    return {
        "eth_gas_price_default": str(parts.outgoing.price_default),
        "log_level": parts.levels.now,
        "log_sql": "true" if parts.sql_log.speaks else "false",
    }


async def change(parts: Parts, body: bytes) -> Change:
    """Give ETH_GAS_PRICE_DEFAULT another value. It is durable, and counts, when this returns; what is signed keeps its price
    until it is raised. Raises Invalid."""
    wei = _wei(field(first_object(body), "ethGasPriceDefault"))
    try:
        rules = parts.outgoing.with_price_default(wei)
    except Invalid as wrong:
        raise Invalid(*(Fault(each.detail, "/ethGasPriceDefault") for each in wrong.faults), code="ADY-0170") from None
    old = parts.outgoing.price_default
    # A crash behind the write: the next start reads it.
    await parts.db.write(facts.put(GAS_PRICE, str(wei)))
    parts.outgoing.price_by(rules)
    log.warning("an operator has set the gas price", old=old, new=wei)
    return Change(str(old), str(wei))


def _wei(value: object) -> int:
    number = value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _LONGEST:
        number = int(value)
    if isinstance(number, Decimal) and number == number.to_integral_value():
        number = int(number)  # 20e9, and 5.0
    if isinstance(number, int) and not isinstance(number, bool) and 0 < number <= _MOST:
        return number
    given = "nothing" if value is UNSET else kind_of(value) if not isinstance(value, str) else f'"{value[:80]}"'
    words = f'ethGasPriceDefault must be wei for each gas, such as "20000000000", not {given}'
    raise Invalid(Fault(words, "/ethGasPriceDefault"), code="ADY-0170")


def change_log(parts: Parts, body: bytes) -> None:
    """Say which lines of the log are written, until the next start: ``level``, ``sqlEnabled``. Raises Invalid."""
    given = first_object(body)
    level, sql = field(given, "level"), field(given, "sqlEnabled")
    faults = [*_level_faults(level), *_sql_faults(sql)]
    if field(given, "serviceLogLevel") not in (UNSET, None, []):
        faults.append(Fault("serviceLogLevel: this node has one level for all its parts; give level", "/serviceLogLevel"))
    if not faults and level in (UNSET, None, "") and sql in (UNSET, None):
        faults.append(Fault("nothing is to be changed: give level or sqlEnabled"))
    if faults:
        raise Invalid(*faults, code="ADY-0171")
    if isinstance(level, str) and level:
        parts.levels.set(level.lower())
    if isinstance(sql, bool):
        parts.sql_log.speaks = sql
    log.warning("an operator has changed what is logged", level=parts.levels.now, sql=parts.sql_log.speaks)


def _level_faults(level: object) -> list[Fault]:
    if level in (UNSET, None, ""):
        return []
    given = f'"{level[:40]}"' if isinstance(level, str) else kind_of(level)
    try:
        LOG_LEVEL.parse(level.lower() if isinstance(level, str) else "")
    except ValueError:
        return [Fault(f"level must be {LOG_LEVEL.allowed}, not {given}", "/level")]
    return []


def _sql_faults(sql: object) -> list[Fault]:
    if sql in (UNSET, None) or isinstance(sql, bool):
        return []
    return [Fault(f"sqlEnabled must be true or false, not {kind_of(sql)}", "/sqlEnabled")]
