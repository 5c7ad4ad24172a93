"""What a node that runs is set to, and the Ethereum nodes that it asks."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import click
import msgspec

from adyton.cli.client import connect
from adyton.cli.output import clean, write_table
from adyton.cli.showing import Attributes, show_one, show_page
from adyton.cli.tables import text
from adyton.cli.tree import Failure

_GWEI = 10**9


def settings() -> None:
    """Every setting of the node as it counts there now."""
    show_page(connect().call("GET", "v2", "config", "settings"), _settings)


def set_gas_price(amount: str, gwei: bool) -> None:
    """Give ETH_GAS_PRICE_DEFAULT another value, now and for the next start."""
    body = msgspec.json.encode({"ethGasPriceDefault": str(_wei(amount, gwei=gwei))})
    show_one(connect().call("PATCH", "v2", "config", body=body), _changed)


def log_level(level: str | None) -> None:
    """Show what is logged, or log more or less from now on."""
    _log({} if level is None else {"level": level})


def log_sql(enable: bool | None) -> None:
    """Log SQL statements, or no more. Raises UsageError when neither is said."""
    if enable is None:
        raise click.UsageError("Give --enable or --disable; `adyton config loglevel` shows how it is.")
    _log({"sqlEnabled": enable})


def chains() -> None:
    """The chain of the node."""
    show_page(connect().call("GET", "v2", "chains"), _chains)


def nodes() -> None:
    """The Ethereum nodes that it asks."""
    show_page(connect().call("GET", "v2", "nodes"), _nodes)


def schema(name: str) -> None:
    """A JSON Schema, without a node."""
    from adyton.web.schemas.standalone import text as schema_text

    click.echo(schema_text(name), nl=False)


def job_schema() -> None:
    """That of jobs."""
    schema("job")


def bridge_schema() -> None:
    """That of bridges."""
    schema("bridge")


def _wei(amount: str, *, gwei: bool) -> int:
    """Raises Failure when it is no whole number of wei."""
    try:
        number = Decimal(amount) * (_GWEI if gwei else 1)
        whole = number.is_finite() and number == number.to_integral_value() and number > 0
    except ArithmeticError:
        whole = False
    if not whole:
        raise Failure(
            f"{amount} is no price of gas.",
            "Give wei, or with --gwei gwei: adyton config setgasprice 40 --gwei",
            code="ADY-0170",
        )
    return int(number)


def _log(wanted: dict[str, object]) -> None:
    client = connect()
    answer = client.call("PATCH", "v2", "log", body=msgspec.json.encode(wanted)) if wanted else client.call("GET", "v2", "log")
    show_one(answer, _logged)


# --- for people ------------------------------------------------------------------------------------------------------


def _settings(found: Sequence[Attributes]) -> None:
    rows = [(each["name"], each["value"], each["source"]) for each in found]
    write_table("Configuration of the node", ("Setting", "Value", "Source"), rows, wrap=None)


def _changed(found: Attributes) -> None:
    price = found["ethGasPriceDefault"]
    click.echo(clean(f"ETH_GAS_PRICE_DEFAULT was {price['old']} wei, and is {price['new']} wei."))


def _logged(found: Attributes) -> None:
    known = dict(zip(found["serviceName"], found["logLevel"], strict=True))
    write_table(
        "Log", ("Level", "SQL", "After the next start"), [(known["Global"], known["IsSqlEnabled"], found["defaultLogLevel"])]
    )


def _chains(found: Sequence[Attributes]) -> None:
    rows = [
        (each["id"], _yes(each["connected"]), _shown(each["head"]), _shown(each["finalityDepth"]), _shown(each["problem"]))
        for each in found
    ]
    write_table("Chain", ("ID", "Connected", "Head", "Finality", "Problem"), rows)


def _nodes(found: Sequence[Attributes]) -> None:
    rows = [
        (
            each["name"],
            each["role"],
            f"{each['state']}{' (asked)' if each['active'] else ''}",
            _shown(each["head"]),
            _shown(each["calls"]),
            _shown(each["errors"]),
            "" if each["latency"] is None else f"{float(each['latency']) * 1000:.1f} ms",
            _shown(each["problem"]),
        )
        for each in found
    ]
    write_table("Ethereum nodes", ("Name", "Role", "State", "Head", "Calls", "Errors", "Latency", "Problem"), rows)


def _shown(value: object) -> str:
    return "" if value is None else text(value)


def _yes(value: object) -> str:
    return "yes" if value else "no"
