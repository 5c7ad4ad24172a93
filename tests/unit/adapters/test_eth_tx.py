"""ethtx asks for one transaction, waits for it, and says honestly what became of it."""

from __future__ import annotations

import msgspec
import pytest

from adyton.adapters import eth_tx
from adyton.adapters.base import TaskContext
from adyton.adapters.params import task_params
from adyton.domain.chain import ZERO_ADDRESS, Log, Receipt
from adyton.domain.errors import Invalid
from adyton.domain.evm import checksum
from adyton.domain.runs import Completed, Errored, RunStatus, Sends, Waits
from adyton.domain.transactions import Attempt, Fee, Transaction, TransactionState

CONTRACT = "0x00000000000000000000000000000000000000AA"
FIRST, SECOND = "0x" + "11" * 32, "0x" + "22" * 32
LOG = Log(CONTRACT.lower(), (FIRST,), "0x", 9, FIRST, SECOND, 0, 10)
DATA = {"result": "0x1", "keep": 1}
PARAMS = {"address": CONTRACT, "functionSelector": "0xb3f98adc"}
S = TransactionState


def transaction(state: TransactionState, mined: int | None = None, *, error: str | None = None) -> Transaction:
    attempts = tuple(
        Attempt(id=n, transaction_id=1, hash=h, fee=Fee(gas_price=n), raw="0x", state="broadcast", created_at=0)
        for n, h in enumerate((FIRST, SECOND))
    )
    return Transaction(
        id=1,
        from_address=ZERO_ADDRESS,
        to_address=CONTRACT.lower(),
        data="0x",
        value=0,
        gas_limit=1,
        gas_price=None,
        state=state,
        created_at=0,
        error=error,
        receipt=None if mined is None else Receipt(FIRST, 9, SECOND, mined, 0, None, (LOG,)),
        attempts=() if state is S.UNSTARTED else attempts,
    )


def asked(about: Transaction | None = None, *, connected: bool = True) -> object:
    context = TaskContext(run_id="0" * 32, position=4, status=RunStatus.UNSTARTED, transaction=about, connected=connected)
    return eth_tx.adapter.perform(PARAMS, DATA, context)


def test_first_it_asks_for_a_transaction() -> None:
    outcome = asked()
    assert isinstance(outcome, Sends)
    assert outcome.data == DATA
    assert outcome.request.to == CONTRACT.lower()
    assert outcome.request.data == "0xb3f98adc" + "1".rjust(64, "0")


def test_it_asks_for_nothing_while_there_is_no_connection() -> None:
    assert asked(connected=False) == Waits(RunStatus.PENDING_CONNECTION, DATA)


@pytest.mark.parametrize("state", [S.UNSTARTED, S.IN_PROGRESS, S.UNCONFIRMED, S.CONFIRMED])
@pytest.mark.parametrize("connected", [True, False])
def test_it_never_asks_twice_and_waits_until_the_transaction_is_settled(state: TransactionState, connected: bool) -> None:
    outcome = asked(transaction(state, 1 if state is S.CONFIRMED else None), connected=connected)
    assert isinstance(outcome, Waits)
    assert outcome.status is RunStatus.PENDING_CONFIRMATIONS


def test_a_reverted_transaction_that_may_still_be_reorganised_is_waited_for() -> None:
    assert isinstance(asked(transaction(S.CONFIRMED, 0)), Waits)


def test_a_safe_transaction_completes_the_task_with_its_receipt() -> None:
    outcome = asked(transaction(S.SAFE, 1))
    assert isinstance(outcome, Completed)
    assert outcome.data["result"] == outcome.data["latestOutgoingTxHash"] == FIRST
    assert outcome.data["keep"] == 1
    [receipt] = outcome.data["ethereumReceipts"]
    assert (receipt["blockNumber"], receipt["transactionHash"]) == (9, FIRST)
    assert receipt["logs"][0]["logIndex"] == "0xa"


def test_receipts_of_earlier_tasks_are_kept_and_what_is_no_list_is_replaced() -> None:
    safe = transaction(S.SAFE, 1)
    kept = eth_tx.outcome({"ethereumReceipts": [1]}, safe)
    replaced = eth_tx.outcome({"ethereumReceipts": "x"}, safe)
    assert isinstance(kept, Completed)
    assert isinstance(replaced, Completed)
    assert [len(each.data["ethereumReceipts"]) for each in (kept, replaced)] == [2, 1]


def test_a_transaction_that_reverted_fails_its_task() -> None:
    outcome = asked(transaction(S.SAFE, 0))
    assert isinstance(outcome, Errored)
    assert outcome.error == f"transaction {FIRST} reverted on-chain"


def test_a_transaction_that_can_never_be_mined_fails_its_task() -> None:
    outcome = asked(transaction(S.FATAL_ERROR, error="insufficient funds for ever"))
    assert isinstance(outcome, Errored)
    assert outcome.error == "insufficient funds for ever"


def test_while_it_waits_the_result_is_the_newest_attempt_or_the_mined_one() -> None:
    assert eth_tx.pending_data(DATA, transaction(S.UNSTARTED)) == DATA
    assert eth_tx.pending_data(DATA, transaction(S.UNCONFIRMED))["result"] == SECOND
    mined = eth_tx.pending_data(DATA, transaction(S.CONFIRMED, 1))
    assert (mined["result"], mined["latestOutgoingTxHash"]) == (FIRST, FIRST)


def test_gas_of_the_job_goes_into_the_request_and_zero_means_the_nodes_own() -> None:
    priced = eth_tx.request({**PARAMS, "gasPrice": "0xbb", "gasLimit": 911}, DATA)
    assert (priced.gas_price, priced.gas_limit) == (187, 911)
    assert eth_tx.request({**PARAMS, "gasLimit": 0}, DATA).gas_limit is None


def test_a_result_that_fits_no_word_is_an_error_before_anything_is_sent() -> None:
    context = TaskContext(run_id="0" * 32, position=0, status=RunStatus.UNSTARTED, transaction=None, connected=True)
    outcome = eth_tx.adapter.perform({**PARAMS, "format": "uint256"}, {"result": "0x" + "f" * 6000}, context)
    assert isinstance(outcome, Errored)


def test_a_receipt_keeps_every_field_of_its_logs() -> None:
    shown = eth_tx.log_json(msgspec.structs.replace(LOG, removed=True))
    assert len(shown) == 9
    assert shown["removed"] is True


# --- which keys send it ----------------------------------------------------------------------------------------------

KEY, OTHER_KEY, STRANGER = "0x" + "aB" * 20, "0x" + "12" * 20, "0x" + "34" * 20


def senders(**params: object) -> tuple[str, ...]:
    return eth_tx.request({**PARAMS, **params}, DATA).senders


def test_a_task_may_be_pinned_to_keys() -> None:
    assert senders() == ()
    assert senders(fromAddresses=[KEY, OTHER_KEY, KEY.lower()]) == (KEY.lower(), OTHER_KEY)
    assert senders(FROMADDRESS=KEY) == (KEY.lower(),)
    assert senders(fromAddresses=[]) == senders(fromAddresses=None) == senders(fromAddress=None) == ()


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"fromAddresses": KEY}, "fromAddresses must be a list of addresses"),
        ({"fromAddresses": [KEY, 7]}, "fromAddresses: an address is 0x and 40 hex digits, not '7'"),
        ({"fromAddresses": ["0x12"]}, "fromAddresses: an address is 0x"),
        ({"fromAddress": "mine"}, "fromAddress: an address is 0x"),
        ({"fromAddress": [KEY]}, "fromAddress: an address is 0x"),
        ({"fromAddress": KEY, "fromAddresses": [KEY]}, "give one of them"),
    ],
)
def test_what_is_no_list_of_addresses_is_refused(params: dict[str, object], said: str) -> None:
    with pytest.raises(Invalid, match=said):
        eth_tx.adapter.check({**PARAMS, **params})


def test_a_key_that_the_node_does_not_have_is_refused_when_the_job_is_made_and_when_the_task_runs() -> None:
    adapter = eth_tx.adapter_for((KEY.lower(), OTHER_KEY))
    adapter.check({**PARAMS, "fromAddresses": [KEY]})
    pinned = {**PARAMS, "fromAddresses": [KEY, STRANGER]}
    said = f"{checksum(STRANGER)} is no key of this node; its keys: {checksum(KEY.lower())}, {checksum(OTHER_KEY)}"
    context = TaskContext(run_id="0" * 32, position=4, status=RunStatus.UNSTARTED, transaction=None, connected=True)
    with pytest.raises(Invalid, match=said):
        adapter.check(pinned)
    with pytest.raises(Invalid, match=said):
        adapter.perform(pinned, DATA, context)
    with pytest.raises(Invalid, match="it has none"):
        eth_tx.adapter_for(()).check(pinned)


def test_a_transaction_under_way_is_followed_although_its_key_is_gone() -> None:
    context = TaskContext(
        run_id="0" * 32,
        position=4,
        status=RunStatus.PENDING_CONFIRMATIONS,
        transaction=transaction(S.SAFE, 1),
        connected=True,
    )
    outcome = eth_tx.adapter_for(()).perform({**PARAMS, "fromAddress": KEY}, DATA, context)
    assert isinstance(outcome, Completed)


@pytest.mark.parametrize("requester_wins", [True, False])
def test_a_requester_does_not_choose_the_key(requester_wins: bool) -> None:
    given = {"fromAddresses": [STRANGER], "fromAddress": STRANGER, "address": CONTRACT}
    assert "fromAddress" not in str(task_params({}, given, ("address",), requester_wins=requester_wins))
