"""The table of refusals, row by row: what each client says, and what must not be mistaken for it."""

from __future__ import annotations

import pytest

from adyton.domain.send_errors import TABLE, Meaning, _compiled, classify

M = Meaning

PARITY_RIVAL = (
    "Transaction gas price 100wei is too low. There is another transaction with same nonce in the queue. "
    "Try increasing the gas price or incrementing the nonce."
)
PARITY_MINIMUM = (
    "Transaction gas price is too low. It does not satisfy your node's minimal gas price (minimal: 1 got: 0). "
    "Try increasing the gas price."
)

OLD_HARDFORK = (
    "EIP-1559 style fee params (maxFeePerGas or maxPriorityFeePerGas) received but they are not supported by the current "
    "hardfork.\n\nYou can use them by running anvil with '--hardfork london' or later."
)

SAID: list[tuple[Meaning, str]] = [
    # geth, and clients that speak like it
    (M.NONCE_TOO_LOW, "nonce too low"),
    (M.NONCE_TOO_LOW, "nonce too low: next nonce 5, tx nonce 3"),
    (M.NONCE_TOO_LOW, "err: nonce too low: address 0x00, tx: 3 state: 5"),
    (M.NONCE_TOO_LOW, "nonce too low: address 0xAb current nonce (7) > tx nonce (5)"),
    (M.NONCE_TOO_HIGH, "nonce too high"),
    (M.NONCE_TOO_HIGH, "future transaction tries to replace pending"),
    (M.NONCE_TOO_HIGH, "gapped-nonce tx from delegated accounts"),
    (M.REPLACEMENT_UNDERPRICED, "replacement transaction underpriced"),
    (M.REPLACEMENT_UNDERPRICED, "replacement transaction underpriced: new tx gas fee cap 1 <= 1 queued"),
    (M.KNOWN, "already known"),
    (M.KNOWN, "known transaction: 7f657507aee0511e36d2d1972a6b22e917cc89f92b6c12c4dbd57eaabb236960"),
    (M.KNOWN, "Known transaction: 7f65"),
    (M.UNDERPRICED, "transaction underpriced"),
    (M.UNDERPRICED, "transaction underpriced: tip needed 1000000000, tip permitted 1"),
    (M.UNDERPRICED, "max fee per gas less than block base fee: address 0x00, maxFeePerGas: 1, baseFee: 7 (supplied gas 5)"),
    (M.UNDERPRICED, "err: max fee per gas less than block base fee: address 0x00"),
    (M.NO_FUNDS, "insufficient funds for transfer"),
    (M.NO_FUNDS, "insufficient funds for gas * price + value"),
    (M.NO_FUNDS, "insufficient funds for gas * price + value: balance 0, tx cost 1, overshot 1"),
    (M.NO_FUNDS, "insufficient funds for gas * price + value + gatewayFee"),
    (M.NO_FUNDS, "insufficient balance for transfer"),
    (M.NO_FUNDS, "transaction would cause overdraft: queued cost 1, balance 0"),
    (M.POOL_FULL, "txpool is full"),
    (M.POOL_FULL, "account limit exceeded: pooled 16 txs"),
    (M.POOL_FULL, "in-flight transaction limit reached for delegated accounts"),
    (M.FEE_CAP, "tx fee (1.10 ether) exceeds the configured cap (1.00 ether)"),
    (M.FEE_CAP, "tx fee (1.10 of currency celo) exceeds the configured cap (1.00 of currency celo)"),
    (M.FATAL, "exceeds block gas limit"),
    (M.FATAL, "invalid sender"),
    (M.FATAL, "negative value"),
    (M.FATAL, "oversized data: transaction size 131073, limit 131072"),
    (M.FATAL, "gas uint64 overflow"),
    (M.FATAL, "intrinsic gas too low: gas 1, minimum needed 21000"),
    (M.FATAL, "max priority fee per gas higher than max fee per gas: address 0x00"),
    (M.FATAL, "transaction type not supported"),
    (M.FATAL, OLD_HARDFORK),
    (M.UNAVAILABLE, "invalid sender: invalid chain id for signer: have 1 want 5"),
    (M.FATAL, "max initcode size exceeded: code size 50000, limit 49152"),
    (M.FATAL, "insufficient gas for floor data gas cost: gas 21000, minimum needed 22000"),
    (M.FATAL, "sender not an eoa: address 0x00, len(code): 23"),
    (M.FATAL, "nonce has max value: address 0x00, nonce: 18446744073709551615"),
    (M.FATAL, "only replay-protected (EIP-155) transactions allowed over RPC"),
    # Erigon
    (M.NONCE_TOO_LOW, "mined"),
    (M.POOL_FULL, "pending sub-pool is full"),
    (M.POOL_FULL, "baseFee sub-pool is full"),
    (M.POOL_FULL, "queued sub-pool is full"),
    (M.POOL_FULL, "spammer"),
    (M.UNDERPRICED, "fee too low"),
    (M.NO_FUNDS, "insufficient funds"),
    (M.FATAL, "transaction is too big"),
    (M.FATAL, "transaction too large"),
    (M.FATAL, "initcode too large"),
    (M.FATAL, "gas overflow"),
    (M.KNOWN, "existing tx with same hash"),
    (M.KNOWN, "block already known"),
    (M.REPLACEMENT_UNDERPRICED, "could not replace existing tx"),
    (M.UNDERPRICED, "fee cap less than block base fee"),
    (M.UNDERPRICED, "underpriced"),
    (M.FATAL, "rlp: expected input list for types.Transaction"),
    # Parity and OpenEthereum
    (M.NONCE_TOO_LOW, "Transaction nonce is too low. Try incrementing the nonce."),
    (M.REPLACEMENT_UNDERPRICED, PARITY_RIVAL),
    (M.KNOWN, "Transaction with the same hash was already imported."),
    (M.UNDERPRICED, PARITY_MINIMUM),
    (
        M.POOL_FULL,
        "There are too many transactions in the queue. Your transaction was dropped due to limit. Try increasing the fee.",
    ),
    (
        M.NO_FUNDS,
        "Insufficient funds. The account you tried to send transaction from does not have enough funds. Required 1 and got: 0.",
    ),
    (M.NO_FUNDS, "Insufficient balance for transaction. Balance=0, Cost=1"),
    (
        M.FATAL,
        "Transaction gas is too low. There is not enough gas to cover minimal cost of the transaction (minimal: 2 got: 1).",
    ),
    (M.FATAL, "Transaction cost exceeds current gas limit. Limit: 1, got: 2. Try decreasing supplied gas."),
    (M.FATAL, "Invalid signature: Crypto error"),
    (M.FATAL, "Recipient is banned in local queue."),
    (M.FATAL, "Supplied gas is beyond limit."),
    (M.FATAL, "Sender is banned in local queue."),
    (M.FATAL, "Code is banned in local queue."),
    (M.FATAL, "Transaction is not permitted."),
    (M.FATAL, "Transaction is too big, see chain specification for the limit."),
    (M.FATAL, "Invalid RLP data: RlpExpectedToBeList"),
    # Besu
    (M.NONCE_TOO_LOW, "Nonce too low"),
    (M.NONCE_TOO_LOW, "Nonce below sender account nonce"),
    (M.REPLACEMENT_UNDERPRICED, "Replacement transaction underpriced"),
    (M.KNOWN, "Known transaction"),
    (M.UNDERPRICED, "Gas price below configured minimum gas price"),
    (M.UNDERPRICED, "Gas price below current base fee"),
    (M.NO_FUNDS, "Upfront cost exceeds account balance"),
    (M.FEE_CAP, "Transaction fee cap exceeded"),
    (M.NONCE_TOO_HIGH, "Transaction nonce is too distant from current sender nonce"),
    (M.FATAL, "Intrinsic gas exceeds gas limit"),
    (M.FATAL, "Transaction gas limit exceeds block gas limit"),
    (M.FATAL, "Invalid signature"),
    (M.NONCE_TOO_HIGH, "An invalid transaction with a lower nonce exists"),
    (M.UNDERPRICED, "Max priority fee per gas below configured minimum"),
    (M.FATAL, "Wrong chainId"),
    (M.FATAL, "Invalid transaction type"),
    (M.FATAL, "Max priority fee per gas exceeds max fee per gas"),
    (M.FATAL, "Sender account not authorized to send transactions"),
    # Nethermind
    (M.NONCE_TOO_HIGH, "NonceTooFarInFuture"),
    (M.UNDERPRICED, "TooLowPriorityFee, MaxPriorityFeePerGas is 0"),
    (M.FATAL, "MaxTxSizeExceeded, Max tx size: 1, got: 2"),
    (M.FATAL, "NotSupportedTxType, Type: 5"),
    (M.UNAVAILABLE, "Syncing"),
    (M.NONCE_TOO_LOW, "OldNonce"),
    (M.NONCE_TOO_LOW, "OldNonce, Current nonce: 5, nonce of rejected tx: 3"),
    (M.NONCE_TOO_HIGH, "NonceGap, Future nonce. Expected nonce: 6"),
    (M.KNOWN, "AlreadyKnown"),
    (M.KNOWN, "OwnNonceAlreadyUsed"),
    (M.UNDERPRICED, "FeeTooLow"),
    (M.UNDERPRICED, "FeeTooLow, MaxFeePerGas too low. MaxFeePerGas: 1, BaseFee: 7, MaxPriorityFeePerGas:0, Block number: 1"),
    (M.POOL_FULL, "FeeTooLowToCompete"),
    (M.NO_FUNDS, "InsufficientFunds, Account balance: 0, cumulative cost: 1"),
    (M.REPLACEMENT_UNDERPRICED, "ReplacementNotAllowed"),
    (M.UNAVAILABLE, "503 Service Unavailable: [upstream connect error]"),
    (M.FATAL, "SenderIsContract"),
    (M.FATAL, "Invalid"),
    (M.FATAL, "Invalid, transaction Hash is null"),
    (M.FATAL, "Int256Overflow"),
    (M.FATAL, "FailedToResolveSender"),
    (M.FATAL, "GasLimitExceeded, Gas limit: 1, gas limit of rejected tx: 2"),
    # Reth
    (M.FATAL, "tx type not supported"),
    (M.FATAL, "gas limit too high"),
    (M.REPLACEMENT_UNDERPRICED, "insufficient gas price to replace existing transaction"),
    (M.FATAL, "transaction's size 140000 exceeds max 131072"),
    (M.FATAL, "invalid chain ID"),
    (M.NO_FUNDS, "insufficient funds for gas * price + value: have 0 want 1"),
    (M.FEE_CAP, "tx fee (2000000000000000000 wei) exceeds the configured cap (1000000000000000000 wei)"),
    # anvil, Hardhat, Ganache
    (M.FATAL, "Transaction requires at least 21000 gas but got 100"),
    (M.FATAL, "Transaction gas limit is 40000000 and exceeds block gas limit of 30000000"),
    (M.FATAL, "Trying to send a raw transaction with an invalid chainId. The expected chainId is 31337"),
    (M.FATAL, "base fee exceeds gas limit"),
    (M.FATAL, "Exceeds block gas limit"),
    (M.UNDERPRICED, "Transaction's maxFeePerGas (1) is less than the block's baseFeePerGas (7) (vm hf=london)"),
    (M.KNOWN, "transaction already imported"),
    (M.FATAL, "intrinsic gas too high -- tx.gas_limit > env.block.gas_limit"),
    (M.NO_FUNDS, "Insufficient funds for gas * price + value"),
    (
        M.NONCE_TOO_LOW,
        "Nonce too low. Expected nonce to be 5 but got 3. Note that transactions can't be queued when automining.",
    ),
    (
        M.NONCE_TOO_HIGH,
        "Nonce too high. Expected nonce to be 5 but got 7. Note that transactions can't be queued when automining.",
    ),
    (
        M.UNDERPRICED,
        "Transaction maxFeePerGas (1000000) is too low for the next block, which has a baseFeePerGas of 875000000",
    ),
    (M.UNDERPRICED, "Transaction gasPrice (1) is too low for the next block, which has a baseFeePerGas of 7"),
    (
        M.NO_FUNDS,
        "sender doesn't have enough funds to send tx. The max upfront cost is: 2 and the sender's account only has: 1",
    ),
    (M.NO_FUNDS, "Sender doesn't have enough funds to send tx. The max upfront cost is: 2 and the sender's balance is: 1."),
    (
        M.REPLACEMENT_UNDERPRICED,
        "Replacement transaction underpriced. A gasPrice/maxFeePerGas of at least 2 is necessary to replace it.",
    ),
    # Arbitrum, OP
    (M.NONCE_TOO_LOW, "invalid transaction nonce"),
    (M.UNDERPRICED, "gas price too low"),
    (M.UNDERPRICED, "gas price too low: 1 wei, use at least tx.gasPrice = 2 wei"),
    (M.UNDERPRICED, "fee too low: 1, use at least tx.gasLimit = 2 and tx.gasPrice = 3"),
    (M.FEE_CAP, "fee too high: 3, use less than 2 * 0.5"),
    (M.NO_FUNDS, "not enough funds for gas"),
    (M.POOL_FULL, "queue full"),
    (M.POOL_FULL, "sequencer pending tx pool full, please try again"),
    (M.UNAVAILABLE, "502 Bad Gateway: [nothing]"),
    (M.UNAVAILABLE, "dial tcp: network is unreachable"),
    (M.UNAVAILABLE, "read tcp: i/o timeout"),
    (M.FATAL, "invalid message format"),
    (M.FATAL, "forbidden sender address"),
    (M.FATAL, "execution reverted"),
    # Others
    (M.NONCE_TOO_LOW, "submit transaction to pool failed: Pool(Stale)"),
    (M.KNOWN, "submit transaction to pool failed: Pool(AlreadyImported)"),
    (M.NONCE_TOO_LOW, "transaction already finalized"),
    (M.KNOWN, "alreadyknown"),
    (M.REPLACEMENT_UNDERPRICED, "there is another tx which has the same nonce in the tx pool"),
    (M.UNDERPRICED, "gasprice is less than gas price minimum floor"),
    (M.UNDERPRICED, "gas price less than block base fee"),
    (M.UNDERPRICED, "Gas price '1' is below configured minimum gas price '2'"),
    (M.NO_FUNDS, "failed precheck with status INSUFFICIENT_PAYER_BALANCE"),
]

UNKNOWN = [
    "",
    "internal error",
    "something about a nonce too lowly to mention",
    "renonce too low",
    # Ganache does not say whether the nonce was too low or too high.
    "the tx doesn't have the correct nonce. account has nonce of: 5 tx has nonce of: 3",
    # Dev chains report a revert of what they have mined.
    "VM Exception while processing transaction: revert",
    "VM Exception while processing transaction: reverted with reason string 'nonce too low'",
    "Error: VM Exception while processing transaction: execution reverted",
    "VM Exception while processing transaction: invalid opcode",
    "VM Exception while processing transaction: invalid",
    "Transaction reverted without a reason string",
    "rate limit exceeded",
]


@pytest.mark.parametrize(("meaning", "words"), SAID)
def test_what_a_node_says_is_understood(meaning: Meaning, words: str) -> None:
    assert classify(words) is meaning


@pytest.mark.parametrize("words", UNKNOWN)
def test_anything_else_may_have_been_accepted(words: str) -> None:
    assert classify(words) is Meaning.UNKNOWN


@pytest.mark.parametrize("meaning", [meaning for meaning in Meaning if meaning is not Meaning.UNKNOWN])
def test_every_meaning_is_in_the_table(meaning: Meaning) -> None:
    assert any(phrase.meaning is meaning for phrase in TABLE)


def test_every_row_of_the_table_is_tried() -> None:
    for phrase in TABLE:
        one = _compiled([phrase])
        assert any(one.search(words) for meaning, words in SAID if meaning is phrase.meaning), phrase


def test_the_clients_that_matter_are_in_the_table() -> None:
    named = {phrase.client for phrase in TABLE}
    assert named >= {"geth", "Erigon", "Nethermind", "Besu", "Reth", "anvil", "Hardhat", "Ganache", "Parity", "Arbitrum", "OP"}
