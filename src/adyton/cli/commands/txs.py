"""Transactions and payments."""

from __future__ import annotations

import click

from adyton.cli.commands.common import PAGES, YES, Number
from adyton.cli.everywhere import offered
from adyton.cli.tree import Entry, Group, Needed

TRANSACTION = Needed(
    "name",
    "ID|HASH",
    "Must pass the id of a transaction, or the hash of one of its attempts",
    shell_complete=offered("transactions"),
)
GAS_PRICE = click.Option(
    ["--gas-price", "price"], type=Number(min=1), metavar="WEI", help="At this price a gas; else as the rules say."
)
DRY_RUN = click.Option(["--dry-run"], is_flag=True, help="Only say what would happen and what it costs at most.")
PAYMENT_KEY = click.Option(["--id", "key"], metavar="KEY", help="A key of your own: under one key it is paid only once.")
TRANSACTIONS_WANTED = (
    click.Option(
        ["--state", "states"],
        type=click.Choice(["unstarted", "in_progress", "unconfirmed", "confirmed", "safe", "fatal_error"]),
        multiple=True,
        help="Only those in this state; may be given again.",
    ),
    click.Option(["--from", "sender"], metavar="ADDRESS", help="Only those of this key."),
    click.Option(["--run", "run_id"], metavar="RUNID", help="Only those of this run.", shell_complete=offered("runs")),
)
_WITHDRAW = "withdraw expects two arguments: an address and an amount"
_SEND_ETHER = "sendether expects two arguments: an amount and an address"
_CREATE = "txs create expects three arguments: an amount, the sender's address and the recipient's"

COMMANDS = (
    Entry(
        "txs list",
        "transactions:list_transactions",
        "List transactions, newest first.",
        (*PAGES, *TRANSACTIONS_WANTED),
        ("transactions",),
        examples=("adyton txs", "adyton txs list --size 100 --json"),
    ),
    Entry(
        "txs show",
        "transactions:show_transaction",
        "Show a transaction and its attempts.",
        (TRANSACTION,),
        examples=("adyton txs show 1234", "adyton txs show 0x9fc76417374aa880d4449a1f7f31ec597f00b1f6f3dd2d66f4c9c6c445836d8b"),
    ),
    Entry(
        "txs attempts",
        "transactions:list_attempts",
        "List signed versions of transactions, newest first.",
        PAGES,
        ("txattempts", "attempts list", "txas"),
        examples=("adyton txs attempts", "adyton attempts list --page 2"),
    ),
    Entry(
        "txs doctor",
        "transactions:doctor",
        "Say what keeps each key from sending, and what to type.\n\nOnly looks; fails when something keeps one.",
        examples=("adyton txs doctor", "adyton txs doctor --json"),
    ),
    Entry(
        "txs bump",
        "transactions:bump",
        "Raise the price of a transaction that is sent and not mined.",
        (TRANSACTION, GAS_PRICE, DRY_RUN, YES),
        examples=("adyton txs bump 1234 --dry-run", "adyton txs bump 1234 --gas-price 30000000000 --yes"),
    ),
    Entry(
        "txs cancel",
        "transactions:cancel",
        "Cancel a transaction that is not mined.\n\nIf it may have been sent, a no-op competes for its nonce; whichever is "
        "mined first decides.",
        (TRANSACTION, GAS_PRICE, DRY_RUN, YES),
        examples=("adyton txs cancel 1234 --dry-run", "adyton txs cancel 1234"),
    ),
    Entry(
        "txs resend",
        "transactions:resend",
        "Send the same bytes of a transaction again.",
        (TRANSACTION, DRY_RUN, YES),
        examples=("adyton txs resend 1234",),
    ),
    Entry(
        "txs create",
        "transactions:create",
        "Send ether.\n\nAMOUNT is in ETH, FROM one of the node's keys.",
        (
            Needed("amount", "AMOUNT", _CREATE),
            Needed("sender", "FROM", _CREATE),
            Needed("address", "TO", _CREATE),
            click.Option(["--wei"], is_flag=True, help="AMOUNT is in wei."),
            PAYMENT_KEY,
        ),
        examples=(
            "adyton txs create 0.25 $FROM $TO",
            "adyton txs create 250000000000000000 $FROM $TO --wei --id top-up-7",
        ),
    ),
    Entry(
        "sendether",
        "transactions:send_ether",
        "Send ether, in wei, from one of the node's keys.",
        (
            Needed("amount", "AMOUNT", _SEND_ETHER),
            Needed("address", "ADDRESS", _SEND_ETHER),
            click.Option(["-f", "--from", "sender"], metavar="ADDRESS", help="The key; else the node chooses."),
            PAYMENT_KEY,
        ),
        examples=("adyton sendether 250000000000000000 $TO --from $FROM",),
    ),
    Entry(
        "admin withdraw",
        "transactions:withdraw",
        "Send LINK, in juels, that an oracle contract has earned to an address.",
        (
            Needed("address", "ADDRESS", _WITHDRAW),
            Needed("amount", "AMOUNT", _WITHDRAW),
            click.Option(
                ["--from-oracle-contract-address", "--from", "contract"],
                metavar="ADDRESS",
                help="The contract; else ORACLE_CONTRACT_ADDRESS.",
            ),
            PAYMENT_KEY,
        ),
        ("withdraw", "w"),
        examples=(
            "adyton admin withdraw $TO 1000000000000000000",
            "adyton withdraw $TO 1000000000000000000 --from-oracle-contract-address $CONTRACT",
        ),
    ),
)
GROUPS = {
    "txs": Group("txs", help="What the node sends to the chain.", default="list"),
    "attempts": Group("attempts", help="Signed versions of transactions.", default="list", hidden=True),
}
