"""What an operator pays out: LINK that the oracle contract has earned, and ether of the node's keys.

Everything is checked before anything is written. What is written is a transaction like any other; it is sent at once, and the
answer waits a moment for its hash. A caller who may ask twice gives the payment a key of his own: then it is made once.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping

import msgspec
import structlog

from adyton.domain import evm
from adyton.domain.chain import ZERO_ADDRESS, Address, Hex
from adyton.domain.errors import Conflict, Disconnected, Fault, Invalid, Refused
from adyton.domain.request_json import field, first_object, kind_of
from adyton.domain.transactions import Transaction, TransactionRequest, TransactionState
from adyton.ethereum.errors import RpcError
from adyton.ethereum.reverts import revert_text
from adyton.services.balances import Kind
from adyton.services.parts import Parts
from adyton.storage import operator_transactions as stored

WITHDRAWAL, TRANSFER = "withdrawal", "transfer"
HASH_SECONDS = 3.0
"""How long an answer waits for a node to have the transaction."""
_UNDER_WAY = frozenset({TransactionState.UNSTARTED, TransactionState.IN_PROGRESS})
_LOOK_EVERY = 0.05
_LOOKED_AT = 20
"""Contracts that are asked at once what can be withdrawn."""
_WITHDRAWABLE = "0x50188301"
_WITHDRAW = "f3fef3a3"
_ADDRESS = re.compile(r"0[xX][0-9a-fA-F]{40}")
_AMOUNT = re.compile(r"[+-]?[0-9]{1,80}")
_KEY = re.compile(r"[\x20-\x7e]{1,200}")
_WORD_LIMIT = 2**256

log = structlog.get_logger(__name__)


class NotChecked(Refused):
    """What the contract holds could not be told; a 500 in v0.6.2."""


class Foreseen(msgspec.Struct, frozen=True, kw_only=True):
    """What a payment would be: ``amount`` (juels of a withdrawal, wei of a transfer) of the ``available``, from a contract (of
    a withdrawal) to an address, sent by a key of ours for ``cost`` wei of gas at most."""

    purpose: str
    sender: Address
    contract: Address | None
    to: Address
    amount: int
    available: int
    cost: int


class Withdrawable(msgspec.Struct, frozen=True):
    """What can be withdrawn from a contract: ``juels``, by the key ``owner``; or why that cannot be told."""

    contract: Address
    juels: int | None
    owner: Address | None
    refusal: str | None = None


class _Ask(msgspec.Struct, frozen=True):
    """A payment as it was asked for; ``source`` is the contract or the key that it comes from, None: the node's choice."""

    to: Address
    amount: int
    source: Address | None
    key: str | None


async def withdraw(parts: Parts, body: bytes, key: str | None) -> Transaction:
    """Send LINK from an oracle contract to an address. ``key``: the caller's own, from the request's header.

    Raises Invalid (v0.6.2's texts), NotChecked, Conflict (the key belongs to another payment), Disconnected.
    """
    ask = _read(body, key, struct="WithdrawalRequest", unit="Link", source="contractAddress")
    contract, data = _contract(parts, ask), _withdrawal(ask)
    known = await _known(parts, ask, WITHDRAWAL, contract, data, 0)
    if known is not None:
        return known
    sender = await _owner(parts, contract, ask.amount, data)
    return await _pay(parts, TransactionRequest(to=contract, data=data, senders=(sender,)), WITHDRAWAL, ask)


async def transfer(parts: Parts, body: bytes, key: str | None) -> Transaction:
    """Send ether from one of the node's keys, or from the one that is named. ``key`` as in ``withdraw``.

    Raises Invalid (v0.6.2's texts), Conflict, Disconnected.
    """
    ask = _read(body, key, struct="SendEtherRequest", unit="Eth", source="from")
    known = await _known(parts, ask, TRANSFER, ask.to, "0x", ask.amount)
    if known is not None:
        return known
    senders = await _able(parts, _payers(parts, ask), ask.amount)
    return await _pay(parts, TransactionRequest(to=ask.to, data="0x", value=ask.amount, senders=senders), TRANSFER, ask)


# --- looking ahead ---------------------------------------------------------------------------------------------------


async def foresee_withdrawal(parts: Parts, body: bytes, key: str | None) -> Foreseen:
    """What ``withdraw`` would do now. Nothing is written. Raises as that does."""
    ask = _read(body, key, struct="WithdrawalRequest", unit="Link", source="contractAddress")
    contract = _contract(parts, ask)
    sender = await _owner(parts, contract, ask.amount, _withdrawal(ask))
    held, _ = await _withdrawable(parts, contract, (sender,))
    cost = await parts.outgoing.foresight.cost_now()
    available = held.get(sender, 0)
    return Foreseen(
        purpose=WITHDRAWAL, sender=sender, contract=contract, to=ask.to, amount=ask.amount, available=available, cost=cost
    )


async def foresee_transfer(parts: Parts, body: bytes, key: str | None) -> Foreseen:
    """What ``transfer`` would do now. Nothing is written. Raises as that does."""
    ask = _read(body, key, struct="SendEtherRequest", unit="Eth", source="from")
    sender = (await _able(parts, _payers(parts, ask), ask.amount))[0]
    cost = await parts.outgoing.foresight.cost_now()
    available = await parts.balances.balance(sender)
    return Foreseen(
        purpose=TRANSFER, sender=sender, contract=None, to=ask.to, amount=ask.amount, available=available, cost=cost
    )


async def withdrawable(parts: Parts) -> list[Withdrawable]:
    """What can be withdrawn from each contract that is watched, or configured. Raises Disconnected."""
    _check_connected(parts)
    configured = parts.config.oracle_contract_address
    watched = [holding.address for holding in parts.holdings() if holding.kind is Kind.CONTRACT]
    contracts = list(dict.fromkeys([*([] if configured is None else [configured]), *watched]))[:_LOOKED_AT]
    return list(await asyncio.gather(*(_looked_at(parts, contract) for contract in contracts)))


async def _looked_at(parts: Parts, contract: Address) -> Withdrawable:
    found, refusal = await _withdrawable(parts, contract, parts.keys.addresses())
    if not found:
        return Withdrawable(contract, None, None, refusal)
    owner = max(found, key=lambda key: found[key])
    return Withdrawable(contract, found[owner], owner)


# --- reading ---------------------------------------------------------------------------------------------------------


def _read(body: bytes, key: str | None, *, struct: str, unit: str, source: str) -> _Ask:
    """What a body asks for. Raises Invalid with everything that is wrong with it."""
    given = first_object(body)
    faults: list[Fault] = []
    amount = _amount(given, struct, unit, faults)
    to = _address(given, "address", faults)
    if to == ZERO_ADDRESS:
        faults.append(Fault(f"Invalid {'withdrawal' if unit == 'Link' else 'transfer'} address", "/address", code="ADY-0711"))
    paid_from = _address(given, source, faults)
    own_key = _own_key(given, key, faults)
    if faults:
        raise Invalid(*faults)
    return _Ask(to, amount, None if paid_from == ZERO_ADDRESS else paid_from, own_key)


def _amount(given: Mapping[str, object], struct: str, unit: str, faults: list[Fault]) -> int:
    value = field(given, "amount")
    kind = "juels" if unit == "Link" else "wei"
    if isinstance(value, str):
        if not _AMOUNT.fullmatch(value):
            faults.append(Fault(f'assets: cannot unmarshal "{value[:100]}" into a *assets.{unit}', "/amount", code="ADY-0710"))
            return 0
        number = int(value)
        if number >= _WORD_LIMIT:
            faults.append(Fault(f"amount of {number} {kind} is more than there can be", "/amount", code="ADY-0710"))
        elif number < 1:
            faults.append(_too_little(unit))
        return number
    if value is None or value is msgspec.UNSET:
        faults.append(_too_little(unit))
    else:
        words = kind_of(value).removeprefix("a ").removeprefix("an ")
        name = {"boolean": "bool"}.get(words, words)
        faults.append(
            Fault(
                f"json: cannot unmarshal {name} into Go struct field {struct}.amount of type *assets.{unit}",
                "/amount",
                code="ADY-0710",
            )
        )
    return 0


def _too_little(unit: str) -> Fault:
    if unit == "Link":
        return Fault("Must withdraw at least 0.000000000000000001 LINK", "/amount", code="ADY-0710")
    return Fault("Must transfer at least 0.000000000000000001 ETH: amount is wei in digits", "/amount", code="ADY-0710")


def _address(given: Mapping[str, object], name: str, faults: list[Fault]) -> Address:
    """An address; the zero address for one that is missing."""
    value = field(given, name)
    if value is None or value is msgspec.UNSET:
        return ZERO_ADDRESS
    if isinstance(value, str) and _ADDRESS.fullmatch(value):
        right = evm.checksum(value.lower())
        if value[2:] not in {right[2:], right[2:].lower(), right[2:].upper()}:
            # v0.6.2's API took it all the same. What is paid to a mistyped address is lost.
            faults.append(
                Fault(
                    f"{name} of {value} is mistyped: its capitals do not fit its digits, which make {right}",
                    f"/{name}",
                    code="ADY-0711",
                )
            )
        return value.lower()
    faults.append(Fault(f"{name} must be 0x and 40 hex digits", f"/{name}", code="ADY-0711"))
    return "0x"


def _own_key(given: Mapping[str, object], header: str | None, faults: list[Fault]) -> str | None:
    value = field(given, "idempotencyKey")
    inside = None if value is msgspec.UNSET else value
    if header is not None and inside is not None and inside != header:
        faults.append(Fault("idempotencyKey differs from the header Idempotency-Key", "/idempotencyKey", code="ADY-0720"))
        return None
    key = inside if header is None else header
    if key is None:
        return None
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        faults.append(Fault("idempotencyKey must be a text of 1 to 200 ASCII characters", "/idempotencyKey", code="ADY-0720"))
        return None
    return key


def _contract(parts: Parts, ask: _Ask) -> Address:
    contract = ask.source or parts.config.oracle_contract_address
    if contract is None:
        raise NotChecked("OracleContractAddress not set; cannot check LINK balance", code="ADY-0714")
    return contract


def _withdrawal(ask: _Ask) -> Hex:
    return f"0x{_WITHDRAW}{ask.to[2:]:0>64}{ask.amount:064x}"


def _payers(parts: Parts, ask: _Ask) -> tuple[Address, ...]:
    keys = parts.keys.addresses()
    if not keys:
        raise Invalid("Must activate an account before creating a transaction", code="ADY-0713")
    if ask.source is not None and ask.source not in keys:
        raise Invalid(Fault("Transaction failed: account does not exist", "/from", code="ADY-0712"))
    return keys if ask.source is None else (ask.source,)


# --- checking --------------------------------------------------------------------------------------------------------


async def _owner(parts: Parts, contract: Address, amount: int, data: Hex) -> Address:
    """The key that may withdraw so much: contracts up to 0.6 tell only their owner what can be withdrawn."""
    _check_connected(parts)
    keys = parts.keys.addresses()
    if not keys:
        raise NotChecked("Must connect and activate an account before creating a transaction", code="ADY-0713")
    balances, refusal = await _withdrawable(parts, contract, keys)
    if not balances:
        raise NotChecked(f"Could not check LINK balance for {evm.checksum(contract)}; {refusal}", code="ADY-0715")
    if amount > max(balances.values()):
        held = evm.eighteen(max(balances.values()))
        amounts = f"Withdrawal Amount: {evm.eighteen(amount)} Link Balance: {held}"
        raise Invalid(Fault(f"Insufficient link balance. {amounts}", "/amount", code="ADY-0716"))
    for sender in balances:
        try:
            await parts.balances.call(contract, data, sender=sender)
        except RpcError as fault:
            refusal = revert_text(fault) or fault.message
        else:
            return sender
    raise Invalid(
        f"the contract {evm.checksum(contract)} refuses the withdrawal: {refusal}; do our keys own it?", code="ADY-0718"
    )


async def _withdrawable(parts: Parts, contract: Address, keys: tuple[Address, ...]) -> tuple[dict[Address, int], str]:
    """What the contract says to each key that it answers, and else why not."""
    balances: dict[Address, int] = {}
    refusal = "it answered no number; is it an oracle contract?"
    for key in keys:
        try:
            answer = await parts.balances.call(contract, _WITHDRAWABLE, sender=key)
        except RpcError as fault:
            refusal = revert_text(fault) or fault.message
        else:
            if len(answer) == 66:
                balances[key] = int(answer, 16)
    return balances, refusal


async def _able(parts: Parts, keys: tuple[Address, ...], amount: int) -> tuple[Address, ...]:
    """The keys that hold so much and what sending it may cost. Raises Invalid with the figures."""
    _check_connected(parts)
    gas = await parts.outgoing.foresight.cost_now()
    try:
        held = {key: await parts.balances.balance(key) for key in keys}
    except RpcError as fault:
        raise Invalid(f"Transaction failed: {fault}", code="ADY-0722") from None
    able = tuple(key for key in keys if held[key] >= amount + gas)
    if not able:
        richest = max(keys, key=lambda key: held[key])
        raise Invalid(
            Fault(
                f"Transaction failed: insufficient balance: {evm.checksum(richest)} holds {evm.eighteen(held[richest])} ETH; "
                f"{evm.eighteen(amount)} to be sent and at most {evm.eighteen(gas)} for gas make {evm.eighteen(amount + gas)}",
                "/amount",
                code="ADY-0717",
            )
        )
    return able


def _check_connected(parts: Parts) -> None:
    state = parts.chain.state
    if not state.connected or state.head is None:
        raise Disconnected(
            f"Cannot talk to chain, pending connection: {state.problem or 'no head has been seen yet'}", code="ADY-0600"
        )


# --- paying ----------------------------------------------------------------------------------------------------------


async def _known(parts: Parts, ask: _Ask, purpose: str, to: Address, data: Hex, value: int) -> Transaction | None:
    """The payment that was made under the caller's key. Raises Conflict when it is another one."""
    if ask.key is None:
        return None
    found = await stored.by_key(parts.db, ask.key)
    if found is None:
        return None
    same_sender = purpose == WITHDRAWAL or ask.source in {None, found.from_address}
    if (found.purpose, found.to_address, found.data, found.value) != (purpose, to, data, value) or not same_sender:
        raise Conflict(
            f"the key {ask.key!r} belongs to another payment, transaction {found.id}; give this one a new key", code="ADY-0721"
        )
    return await _with_hash(parts, found)


async def _pay(parts: Parts, request: TransactionRequest, purpose: str, ask: _Ask) -> Transaction:
    """Leave the transaction and wait for its hash. A crash before the write pays nothing, after it the transaction is sent at
    the next start."""
    insert = parts.outgoing.insert_for_operator(request, purpose=purpose, idempotency_key=ask.key, now=parts.clock.now())
    (rows,) = await parts.db.write(insert)
    if not rows:
        # Somebody asked the same under the same key at the same time.
        known = await _known(parts, ask, purpose, request.to, request.data, request.value)
        assert known is not None, "the key that was in the way belongs to a transaction"
        return known
    transaction_id = int(rows[0][0] or 0)
    log.warning("an operator pays", what=purpose, transaction=transaction_id, to=ask.to, amount=ask.amount)
    parts.outgoing.wake()
    found = await stored.get(parts.db, transaction_id)
    assert found is not None, "it has just been stored"
    return await _with_hash(parts, found)


async def _with_hash(parts: Parts, transaction: Transaction) -> Transaction:
    """The transaction once a node has it, or as it is after a while. Raises Invalid when it failed."""
    until = parts.clock.monotonic() + HASH_SECONDS
    while transaction.state in _UNDER_WAY:
        if parts.clock.monotonic() >= until:
            return transaction
        await parts.clock.sleep(_LOOK_EVERY)
        transaction = await stored.get(parts.db, transaction.id) or transaction
    if transaction.state is TransactionState.FATAL_ERROR:
        raise Invalid(f"Transaction failed: {transaction.error} (transaction {transaction.id})", code="ADY-0722")
    return transaction
