"""What an Ethereum node means when it refuses a raw transaction.

Clients share no error codes, only words, so the words are a table: a phrase, what it means, and which client says it. The
union of all clients is tried, because a provider does not say what runs behind it. A phrase counts at the beginning of the
message or behind ``": "``, and must end there, before another ``:``, or before punctuation; geth appends details behind a
colon, and others wrap it. The first meaning that matches wins, in the order of ``Meaning``.

What is not in the table may have been accepted: dev chains for one report a revert of a transaction that they have mined.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum

import msgspec


class Meaning(Enum):
    """What became of the bytes. The order is the order of trying: a message may match more than one."""

    FATAL = "fatal"
    """Rejected by every rule, at any price and time."""
    NONCE_TOO_LOW = "nonce too low"
    """The nonce is used: by these bytes, or by something else."""
    REPLACEMENT_UNDERPRICED = "replacement underpriced"
    """The node holds another transaction of this nonce and the new one does not pay enough more."""
    KNOWN = "known"
    """The node has exactly these bytes."""
    POOL_FULL = "pool full"
    """No room at this price at this time."""
    UNDERPRICED = "underpriced"
    """Below what the node takes at all, or below the base fee. Never accepted: it may be priced again."""
    NONCE_TOO_HIGH = "nonce too high"
    """The node misses an earlier transaction of the key."""
    NO_FUNDS = "no funds"
    """The key cannot pay for the whole gas limit."""
    FEE_CAP = "fee cap"
    """The node's own limit on what one transaction may cost; another node may take it."""
    UNAVAILABLE = "unavailable"
    """The node, or the way to it, did not work."""
    UNKNOWN = "unknown"
    """Not in the table: it may have been accepted."""


TOO_DEAR = frozenset({Meaning.NO_FUNDS, Meaning.FEE_CAP})
"""Answers that a lower price may turn into a yes."""
DOUBTFUL = frozenset({Meaning.UNAVAILABLE, Meaning.UNKNOWN})
"""Answers after which somebody may have the bytes."""


class Phrase(msgspec.Struct, frozen=True):
    """One row of the table. ``pattern`` is a regular expression, matched without regard to case."""

    meaning: Meaning
    client: str
    pattern: str


def _phrases(meaning: Meaning, client: str, *patterns: str) -> tuple[Phrase, ...]:
    return tuple(Phrase(meaning, client, pattern) for pattern in patterns)


M = Meaning
_NUMBER = r"[\d.]+"

TABLE: tuple[Phrase, ...] = (
    *_phrases(
        M.FATAL,
        "geth",
        r"exceeds block gas limit",
        r"invalid sender(?!: invalid chain id)",
        r"negative value",
        r"oversized data",
        r"gas uint64 overflow",
        r"intrinsic gas too low",
        r"max initcode size exceeded",
        r"max priority fee per gas higher than max fee per gas",
        r"transaction type not supported",
        r"insufficient gas for floor data gas cost",
        r"sender not an eoa",
        r"nonce has max value",
        r"only replay-protected \(EIP-155\) transactions allowed over RPC",
    ),
    *_phrases(
        M.FATAL,
        "Erigon",
        r"rlp: .*",
        r"transaction too large",
        r"transaction is too big",
        r"initcode too large",
        r"gas overflow",
    ),
    *_phrases(
        M.FATAL,
        "Parity",
        r"Transaction gas is too low\. There is not enough gas to cover minimal cost of the transaction.*",
        r"Transaction cost exceeds current gas limit\. Limit.*",
        r"Invalid signature",
        r"Recipient is banned in local queue",
        r"Supplied gas is beyond limit",
        r"Sender is banned in local queue",
        r"Code is banned in local queue",
        r"Transaction is not permitted",
        r"Transaction is too big, see chain specification for the limit",
        r"Invalid RLP data.*",
    ),
    *_phrases(
        M.FATAL,
        "Besu",
        r"Intrinsic gas exceeds gas limit",
        r"Transaction gas limit exceeds block gas limit",
        r"Wrong chainId",
        r"Invalid transaction type",
        r"Max priority fee per gas exceeds max fee per gas",
        r"Sender account not authorized to send transactions",
    ),
    *_phrases(
        M.FATAL,
        "Nethermind",
        r"SenderIsContract",
        r"(?<!: )Invalid(, transaction Hash is null)?$",
        r"Int256Overflow",
        r"FailedToResolveSender",
        r"GasLimitExceeded(, .*)?",
        r"MaxTxSizeExceeded(, .*)?",
        r"NotSupportedTxType(, .*)?",
    ),
    *_phrases(
        M.FATAL,
        "Reth",
        r"gas limit too high",
        r"invalid chain ID",
        r"tx type not supported",
        r"transaction's size .* exceeds .*",
    ),
    *_phrases(M.FATAL, "anvil", r"intrinsic gas too high.*"),
    *_phrases(
        M.FATAL,
        "Hardhat",
        r"Transaction requires at least .* gas but got .*",
        r"Transaction gas limit is .* and exceeds block gas limit.*",
        r"Trying to send a raw transaction with an invalid chainId.*",
        r"EIP-1559 style fee params .* not supported by the current hardfork.*",
    ),
    *_phrases(M.FATAL, "Ganache", r"base fee exceeds gas limit", r"Exceeds block gas limit"),
    *_phrases(M.FATAL, "Arbitrum", r"invalid message format", r"forbidden sender address", r"(?<!: )execution reverted"),
    *_phrases(
        M.NONCE_TOO_LOW,
        "geth",
        r"nonce too low",
    ),
    *_phrases(M.NONCE_TOO_LOW, "Erigon", r"mined"),
    *_phrases(M.NONCE_TOO_LOW, "Substrate", r"Pool\(Stale\)"),
    *_phrases(M.NONCE_TOO_LOW, "Harmony", r"transaction already finalized"),
    *_phrases(M.NONCE_TOO_LOW, "Parity", r"Transaction nonce is too low\. Try incrementing the nonce"),
    *_phrases(M.NONCE_TOO_LOW, "Besu", r"Nonce below sender account nonce"),
    *_phrases(M.NONCE_TOO_LOW, "Nethermind", r"OldNonce(, .*)?"),
    *_phrases(M.NONCE_TOO_LOW, "Hardhat", r"Nonce too low\. Expected nonce to be \d+ but got \d+.*"),
    *_phrases(M.NONCE_TOO_LOW, "Arbitrum", r"invalid transaction nonce"),
    *_phrases(M.REPLACEMENT_UNDERPRICED, "geth", r"replacement transaction underpriced"),
    *_phrases(M.REPLACEMENT_UNDERPRICED, "Erigon", r"could not replace existing tx"),
    *_phrases(
        M.REPLACEMENT_UNDERPRICED,
        "Parity",
        r"Transaction gas price (\w+ )?is too low\. There is another transaction with same nonce in the queue.*",
    ),
    *_phrases(M.REPLACEMENT_UNDERPRICED, "Nethermind", r"ReplacementNotAllowed(, .*)?"),
    *_phrases(M.REPLACEMENT_UNDERPRICED, "Klaytn", r"there is another tx which has the same nonce in the tx pool"),
    *_phrases(M.REPLACEMENT_UNDERPRICED, "Reth", r"insufficient gas price to replace existing transaction"),
    *_phrases(M.REPLACEMENT_UNDERPRICED, "Hardhat", r"Replacement transaction underpriced\. A .*"),
    *_phrases(M.KNOWN, "geth", r"(already known|known transaction)\b.*"),
    *_phrases(M.KNOWN, "Erigon", r"block already known", r"existing tx with same hash"),
    *_phrases(M.KNOWN, "Parity", r"Transaction with the same hash was already imported"),
    *_phrases(M.KNOWN, "Nethermind", r"AlreadyKnown(, .*)?", r"OwnNonceAlreadyUsed(, .*)?"),
    *_phrases(M.KNOWN, "Gnosis", r"alreadyknown"),
    *_phrases(M.KNOWN, "Substrate", r"Pool\(AlreadyImported\)"),
    *_phrases(M.KNOWN, "anvil", r"(\[?0x[0-9a-f]+\]? )?(transaction )?already imported"),
    *_phrases(M.POOL_FULL, "geth", r"txpool is full", r"account limit exceeded", r"in-flight transaction limit reached.*"),
    *_phrases(M.POOL_FULL, "Erigon", r"(pending|baseFee|queued) sub-pool is full", r"spammer"),
    *_phrases(M.POOL_FULL, "Parity", r"There are too many transactions in the queue\..*"),
    *_phrases(M.POOL_FULL, "Nethermind", r"FeeTooLowToCompete(, .*)?"),
    *_phrases(M.POOL_FULL, "Arbitrum", r"queue full", r"sequencer pending tx pool full, please try again"),
    *_phrases(M.UNDERPRICED, "geth", r"transaction underpriced", r"max fee per gas less than block base fee"),
    *_phrases(M.UNDERPRICED, "Erigon", r"fee cap less than block base fee", r"underpriced", r"fee too low"),
    *_phrases(M.UNDERPRICED, "Celo", r"gasprice is less than gas price minimum floor"),
    *_phrases(M.UNDERPRICED, "Astar", r"gas price less than block base fee"),
    *_phrases(M.UNDERPRICED, "Hedera", r"Gas price '\d+' is below configured minimum gas price '\d+'"),
    *_phrases(
        M.UNDERPRICED,
        "Parity",
        r"Transaction gas price (\w+ )?is too low\. It does not satisfy your node's minimal gas price.*",
    ),
    *_phrases(
        M.UNDERPRICED,
        "Besu",
        r"Gas price below configured minimum gas price",
        r"Gas price below current base fee",
        r"Max priority fee per gas below configured minimum.*",
    ),
    *_phrases(M.UNDERPRICED, "Nethermind", r"FeeTooLow(, .*)?", r"TooLowPriorityFee(, .*)?"),
    *_phrases(
        M.UNDERPRICED,
        "Hardhat",
        r"Transaction (maxFeePerGas|gasPrice) \(\d+\) is too low for the next block, which has a baseFeePerGas of \d+",
    ),
    *_phrases(M.UNDERPRICED, "Ganache", r"Transaction's maxFeePerGas \(.*\) is less than the block's baseFeePerGas.*"),
    *_phrases(M.UNDERPRICED, "Arbitrum", r"gas price too low"),
    *_phrases(M.UNDERPRICED, "OP", rf"fee too low: {_NUMBER}, use at least .*", r"gas price too low: .*"),
    *_phrases(
        M.NONCE_TOO_HIGH,
        "geth",
        r"nonce too high",
        r"future transaction tries to replace pending",
        r"gapped-nonce tx from delegated accounts",
    ),
    *_phrases(
        M.NONCE_TOO_HIGH,
        "Besu",
        r"Transaction nonce is too distant from current sender nonce.*",
        r"An invalid transaction with a lower nonce exists",
    ),
    *_phrases(M.NONCE_TOO_HIGH, "Nethermind", r"NonceGap(, .*)?", r"NonceTooFarInFuture(, .*)?"),
    *_phrases(M.NONCE_TOO_HIGH, "Hardhat", r"Nonce too high\. Expected nonce to be \d+ but got \d+.*"),
    *_phrases(
        M.NO_FUNDS,
        "geth",
        r"insufficient funds for transfer",
        r"insufficient funds for gas \* price \+ value.*",
        r"insufficient balance for transfer",
        r"transaction would cause overdraft",
    ),
    *_phrases(
        M.NO_FUNDS,
        "Parity",
        r"Insufficient funds\. The account you tried to send transaction from does not have enough funds\..*",
        r"Insufficient balance for transaction.*",
    ),
    *_phrases(M.NO_FUNDS, "Erigon", r"insufficient funds"),
    *_phrases(M.NO_FUNDS, "Hedera", r"failed precheck with status INSUFFICIENT_PAYER_BALANCE"),
    *_phrases(M.NO_FUNDS, "Besu", r"Upfront cost exceeds (account )?balance"),
    *_phrases(M.NO_FUNDS, "Nethermind", r"InsufficientFunds(, .*)?"),
    *_phrases(M.NO_FUNDS, "Hardhat", r"sender doesn't have enough funds to send tx.*"),
    *_phrases(M.NO_FUNDS, "Arbitrum", r"not enough funds for gas"),
    *_phrases(M.FEE_CAP, "geth", rf"tx fee \({_NUMBER} [\w ]+\) exceeds the configured cap \({_NUMBER} [\w ]+\)"),
    *_phrases(M.FEE_CAP, "Besu", r"Transaction fee cap exceeded"),
    *_phrases(M.FEE_CAP, "OP", rf"fee too high: {_NUMBER}, use less than .*"),
    *_phrases(M.UNAVAILABLE, "Nethermind", r"50[234] .*", r"Syncing(, .*)?"),
    # A node of another chain behind the same address: this one's nonce and bytes are still good where they belong.
    *_phrases(M.UNAVAILABLE, "geth", r"invalid chain id for signer.*"),
    *_phrases(M.UNAVAILABLE, "Arbitrum", r"network is unreachable", r"i/o timeout"),
)


def _compiled(phrases: Iterable[Phrase]) -> re.Pattern[str]:
    union = "|".join(f"(?:{phrase.pattern})" for phrase in phrases)
    return re.compile(rf"(?:^|: )['\"]?(?:{union})(?=$|['\".,:;])", re.IGNORECASE | re.DOTALL)


_TESTS = tuple(
    (meaning, _compiled(phrase for phrase in TABLE if phrase.meaning is meaning))
    for meaning in Meaning
    if any(phrase.meaning is meaning for phrase in TABLE)
)


def classify(message: str) -> Meaning:
    """What the words of a JSON-RPC error to ``eth_sendRawTransaction`` mean; ``UNKNOWN`` when no phrase matches."""
    text = message.strip()
    return next((meaning for meaning, test in _TESTS if test.search(text)), Meaning.UNKNOWN)
