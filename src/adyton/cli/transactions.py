"""The commands about outgoing transactions: look at them, unblock them, pay.

What may cost something is tried first: the node says what it would do and what that costs at most, and a person says yes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import click
import msgspec

from adyton.cli import prompts
from adyton.cli.client import Answer, Client, connect
from adyton.cli.listing import show_list
from adyton.cli.output import clean, write_table
from adyton.cli.showing import Attributes, Many, decoded, show, show_one
from adyton.cli.tables import checksummed, text, units, when
from adyton.cli.tree import Failure, Pages, wants_json

_AMOUNT = re.compile(r"\+?[0-9]{1,78}")
_ETHER = re.compile(r"[0-9]{1,60}(\.[0-9]{1,18})?")


class _Blocked(msgspec.Struct):
    blocked: bool = False


_blocked = msgspec.json.Decoder(_Blocked)

# --- look ------------------------------------------------------------------------------------------------------------


def list_transactions(pages: Pages, states: Sequence[str], sender: str | None, run_id: str | None) -> None:
    """Transactions, newest first."""
    query: dict[str, str | int | None] = {"state": ",".join(states) or None, "from": sender, "run": run_id}
    show_list("v2", "transactions", shown=_transactions, pages=pages, query=query)


def show_transaction(name: str) -> None:
    """One transaction and its attempts."""
    show_one(_known(connect().call("GET", "v2", "transactions", name)), _transaction)


def list_attempts(pages: Pages) -> None:
    """Signed versions, newest first."""
    show_list("v2", "tx_attempts", shown=_attempts, pages=pages)


def doctor() -> None:
    """What keeps each key from sending. Raises Failure when something does."""
    answer = connect().call("GET", "v2", "transactions", "doctor")
    if answer.refused:
        raise answer.failure()
    found = decoded(answer, Many).data
    show(found, _diagnoses)
    if any(_blocked.decode(each.attributes).blocked for each in found):
        raise Failure(
            "Something keeps a key from sending.", "" if wants_json() else "What can be done stands above.", code="ADY-0726"
        )


# --- wish ------------------------------------------------------------------------------------------------------------


def bump(name: str, price: int | None, *, dry_run: bool, yes: bool) -> None:
    """Raise a transaction's price."""
    _wish("bump", name, price, dry_run=dry_run, yes=yes)


def cancel(name: str, price: int | None, *, dry_run: bool, yes: bool) -> None:
    """Cancel a transaction."""
    _wish("cancel", name, price, dry_run=dry_run, yes=yes)


def resend(name: str, *, dry_run: bool, yes: bool) -> None:
    """Send a transaction's bytes again."""
    _wish("resend", name, None, dry_run=dry_run, yes=yes)


def _wish(wish: str, name: str, price: int | None, *, dry_run: bool, yes: bool) -> None:
    """Show what it would do, ask, do it. Raises UsageError where nobody can be asked and ``--yes`` is not given."""
    if not (dry_run or yes or prompts.interactive()):
        raise click.UsageError("There is no terminal to ask at: give --yes to do it, or --dry-run to see what it would cost.")
    client = connect()
    body = b"" if price is None else msgspec.json.encode({"gasPrice": str(price)})
    if dry_run:
        show_one(_asked(client, wish, name, body, dry=True), _foreseen)
        return
    if not yes:
        show_one(_asked(client, wish, name, body, dry=True), _foreseen)
        if prompts.ask("Proceed? [y/N] ").strip().lower() not in {"y", "yes"}:
            raise Failure("Nothing was done.", code="ADY-1161")
    show_one(_asked(client, wish, name, body, dry=False), _done)


def _asked(client: Client, wish: str, name: str, body: bytes, *, dry: bool) -> Answer:
    query = {"dryRun": "true"} if dry else {}
    answer = client.call("POST", "v2", "transactions", name, wish, query=query, body=body)
    if answer.status == 409:
        raise answer.failure(advice=f"`adyton txs show {name}` shows how it is.")
    return _known(answer)


def _known(answer: Answer) -> Answer:
    if answer.status == 404:
        raise answer.failure(advice="`adyton txs list` shows what there is; name one by its id or a hash.")
    return answer


# --- pay -------------------------------------------------------------------------------------------------------------


def withdraw(address: str, amount: str, contract: str | None, key: str | None) -> None:
    """Send LINK (in juels) from an oracle contract to an address. Prints the node's answer as it is, as v0.6.2 did."""
    body: dict[str, object] = {"amount": _whole("LINK withdrawal", amount)}
    if contract is not None:
        body["contractAddress"] = _address("source contract withdrawal address", contract)
    body["address"] = _address(f"withdrawal destination address {address}", address)
    _print_raw(_paid("withdrawals", body, key))


def send_ether(amount: str, address: str, sender: str | None, key: str | None) -> None:
    """Send ether (in wei). Prints the node's answer as it is, as v0.6.2 did."""
    body: dict[str, object] = {"amount": _whole("ETH transfer", amount)}
    body["address"] = _address(f"withdrawal destination address {address}", address)
    if sender is not None:
        body["from"] = _address(f"withdrawal from address {sender}", sender)
    _print_raw(_paid("transfers", body, key))


def create(amount: str, sender: str, address: str, key: str | None, *, wei: bool) -> None:
    """Send ether, in ETH or in wei, from one of the node's keys."""
    given = {
        "amount": _whole("ETH transfer", amount) if wei else _ether(amount),
        "from": _address(f"from address {sender}", sender),
        "address": _address(f"destination address {address}", address),
    }
    show_one(_paid("transfers", given, key), _transaction)


def _paid(where: str, body: Mapping[str, object], key: str | None) -> Answer:
    given = body if key is None else {**body, "idempotencyKey": key}
    answer = connect().call("POST", "v2", where, body=msgspec.json.encode(given))
    if answer.refused:
        raise answer.failure()
    return answer


def _print_raw(answer: Answer) -> None:
    click.echo(clean(answer.body.decode(errors="replace")))


def _whole(what: str, amount: str) -> str:
    """Juels or wei. Raises Failure."""
    unit, coin = ("juels", "LINK") if what.startswith("LINK") else ("wei", "ETH")
    if not _AMOUNT.fullmatch(amount):
        cause = f'while parsing {what} amount; strconv.ParseInt: parsing "{amount}": invalid syntax'
        raise Failure(cause, f"A whole number of {unit}: 1 followed by 18 zeros is one {coin}.", code="ADY-1163")
    return str(int(amount))


def _ether(amount: str) -> str:
    """ETH as wei, exactly. Raises Failure."""
    if not _ETHER.fullmatch(amount):
        advice = "Such as 0.25; --wei takes whole wei."
        raise Failure(f"while parsing ETH transfer amount; {amount} is no amount of ETH", advice, code="ADY-1163")
    whole, _, part = amount.partition(".")
    return str(int(whole) * 10**18 + int(part.ljust(18, "0")))


def _address(what: str, given: str) -> str:
    """An address in its checksummed spelling. Raises Failure."""
    from adyton.domain.evm import parse_address  # the hash's library is loaded only when an address is checked

    try:
        return parse_address(given)
    except ValueError as wrong:
        raise Failure(f"while parsing {what}; {wrong}", code="ADY-1163") from None


# --- tables ----------------------------------------------------------------------------------------------------------


def _transactions(found: Sequence[Attributes]) -> None:
    columns = ("ID", "Hash", "Nonce", "From", "To", "GasPrice", "SentAt", "Confirmed", "State")
    write_table("Transactions", columns, [_row(each) for each in found], wrap=None)


def _row(found: Attributes) -> tuple[str, ...]:
    signed = bool(found["hash"])
    return (
        str(found["txId"]),
        found["hash"],
        found["nonce"] if signed else "",
        checksummed(found["from"]),
        checksummed(found["to"]),
        found["gasPrice"] if signed else "",
        found["sentAt"] if signed else "",
        text(found.get("confirmed", False)),
        found["state"],
    )


def _transaction(found: Attributes) -> None:
    _transactions([found])
    facts = [
        ("Value", f"{units(found['value'])} ETH"),
        ("Waiting", found["waiting"]),
        ("Error", found["error"]),
        ("Run", found["runId"]),
        ("Purpose", found["purpose"]),
        ("Wish", found["wish"]),
        ("Mined in block", found["minedIn"]),
    ]
    write_table("Details", ("What", "Value"), [(name, value) for name, value in facts if value], wrap=80)
    rows = [
        (each["hash"], each["gasPrice"], each["sentAt"], each["state"], when(each["createdAt"]), _noop(each))
        for each in found["attempts"]
    ]
    write_table("Attempts", ("Hash", "GasPrice", "SentAt", "State", "Created At", "Note"), rows, wrap=None)


def _noop(attempt: Attributes) -> str:
    return "no-op" if attempt.get("noop") else ""


def _attempts(found: Sequence[Attributes]) -> None:
    rows = [
        (text(each["TxID"]), each["Hash"], text(each["GasPrice"]), text(each["SentAt"]), text(each["Confirmed"]))
        for each in found
    ]
    write_table("Tx Attempts", ("TxID", "Hash", "GasPrice", "SentAt", "Confirmed"), rows, wrap=None)


def _foreseen(found: Attributes) -> None:
    """What would be done, in a few lines."""
    name = f"Transaction {found['txId']}, {found['state']}"
    click.echo(clean(f"{name}, nonce {found['nonce']} of {found['from']}" if found["nonce"] else name))
    click.echo(clean(f"{found['wish']}: {found['outcome']}."))
    click.echo(f"It costs at most {units(found['mostCost'])} ETH for gas.")


def _done(found: Attributes) -> None:
    click.echo(clean(f"Transaction {found['txId']}, {found['state']}: {found['wish']} is noted; {found['outcome']}."))
    if found["state"] != "fatal_error":
        click.echo(f"See what comes of it: adyton txs show {found['txId']}")


def _diagnoses(keys: Sequence[Attributes]) -> None:
    for key in keys:
        _diagnosis(key)


def _diagnosis(key: Attributes) -> None:
    """A key in a few lines, and what to type."""
    click.echo(clean(f"{key['address']}: {'BLOCKED' if key['blocked'] else 'nothing wrong'}"))
    lowest = key["lowest"]
    if lowest is not None:
        blocks = "" if key["ageBlocks"] is None else f", {key['ageBlocks']} blocks"
        age = f"{round(key['ageSeconds'] or 0)} s{blocks}"
        paid = f"{lowest['gasPrice']} wei a gas in {len(lowest['attempts'])} attempts"
        base_fee = "" if key["baseFee"] is None else f"; the base fee is {key['baseFee']}"
        click.echo(f"  lowest: transaction {lowest['txId']}, nonce {lowest['nonce']}, since {age}, {paid}{base_fee}")
    counts = [("chain", key["latestNonce"]), ("pool", key["pendingNonce"]), ("ours", key["nextNonce"])]
    nonces = ", ".join(f"{name} {'?' if count is None else count}" for name, count in counts)
    waiting = f"{key['sent']} sent and not mined, {key['unstarted']} not sent"
    click.echo(f"  next nonce: {nonces}; {waiting}; holds {units(key['balance']) or '?'} ETH")
    for finding in key["findings"]:
        click.echo(clean(f"  {finding['cause']}: {finding['words']}"))
    for remedy in key["remedies"]:
        click.echo(clean(f"  {remedy['help']}: {remedy['words']}"))
        if remedy.get("command"):
            click.echo(clean(f"      {remedy['command']}"))
