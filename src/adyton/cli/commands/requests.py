"""Requests, blocks, and what explains them."""

from __future__ import annotations

import click

from adyton.cli.commands.common import PAGES, Number
from adyton.cli.everywhere import offered
from adyton.cli.tree import Entry, Group, Needed

FROM_BLOCK = click.Option(["--from", "first"], type=Number(min=0), metavar="BLOCK", help="The first block.")
CONTRACTS = click.Option(
    ["--contract", "contracts"], multiple=True, metavar="ADDRESS", help="An oracle contract; may be given again."
)
JOB_OF_REQUESTS = click.Option(
    ["--jobid", "job_id"], metavar="JOBID", help="Only requests of this job.", shell_complete=offered("jobs")
)
UNANSWERED = click.Option(["--unanswered"], is_flag=True, help="Only those that are neither answered nor cancelled.")
UNACCOUNTED = click.Option(["--unaccounted"], is_flag=True, help="Only those without an end and without a reason.")
REPLAY_FROM = click.Option(
    ["--from", "--block-number", "first"], type=Number(min=0), metavar="N", required=True, help="The first block."
)
EVERY_CODE = click.Option(["--list", "everything"], is_flag=True, help="List the codes of all errors.")
REQUEST = Needed(
    "request_id", "REQUESTID", "Must pass the id of a request, alone or as CONTRACT:ID", shell_complete=offered("requests")
)

COMMANDS = (
    Entry(
        "ledger",
        "ledger:show",
        "Account for every request, nonce, gas and LINK.\n\nReads the chain and the database, not the node, which may run or "
        "not; fails when something does not add up.",
        (FROM_BLOCK, CONTRACTS),
        examples=("adyton ledger", "adyton ledger --from 17000000 --contract 0x514910771AF9Ca656af840dff83E8264EcF986CA"),
        local=True,
    ),
    Entry(
        "explain",
        "explain:explain",
        "Say step by step why something did or did not happen, or what an error means.\n\nWHAT is the hash of the transaction "
        "that asked or that answers, the id of a request, or that of a run; or the code of an error, such as ADY-0312, whose "
        "page is printed without a node.",
        (click.Argument(["what"], metavar="WHAT", required=False), EVERY_CODE),
        examples=(
            "adyton explain 0x9fc76417374aa880d4449a1f7f31ec597f00b1f6f3dd2d66f4c9c6c445836d8b",
            "adyton explain ADY-0312",
            "adyton explain --list",
        ),
    ),
    Entry(
        "requests list",
        "requests:list_requests",
        "List requests and what became of them, the newest first.",
        (*PAGES, JOB_OF_REQUESTS, UNANSWERED, UNACCOUNTED),
        examples=("adyton requests", "adyton requests list --unanswered --all"),
    ),
    Entry(
        "requests show",
        "requests:show_request",
        "Show a request.",
        (REQUEST,),
        examples=("adyton requests show 0xc524fafafcaec40652b1f84fca09c231185437d008d195fccf2f51e64b7062f8",),
    ),
    Entry(
        "requests run",
        "requests:run_request",
        "Run a request again that got no answer.",
        (REQUEST,),
        examples=("adyton requests run 0xc524fafafcaec40652b1f84fca09c231185437d008d195fccf2f51e64b7062f8",),
    ),
    Entry(
        "blocks replay",
        "requests:replay",
        "Read blocks again, from one on; nothing is started twice.",
        (REPLAY_FROM,),
        examples=("adyton blocks replay --from 17000000",),
    ),
)
GROUPS = {
    "requests": Group("requests", help="What contracts asked the node, and what became of it.", default="list"),
    "blocks": Group("blocks", help="The blocks that the node has read."),
}
