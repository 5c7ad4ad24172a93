"""Requests, blocks, and what explains them."""

from __future__ import annotations

import click

from adyton.cli.commands.common import PAGE
from adyton.cli.tree import Entry, Group, Needed

FROM_BLOCK = click.Option(["--from", "first"], type=click.IntRange(min=0), metavar="BLOCK", help="The first block.")
CONTRACTS = click.Option(
    ["--contract", "contracts"], multiple=True, metavar="ADDRESS", help="An oracle contract; may be given again."
)
JOB_OF_REQUESTS = click.Option(["--jobid", "job_id"], metavar="JOBID", help="Only requests of this job.")
UNANSWERED = click.Option(["--unanswered"], is_flag=True, help="Only those that are neither answered nor cancelled.")
UNACCOUNTED = click.Option(["--unaccounted"], is_flag=True, help="Only those without an end and without a reason.")
REPLAY_FROM = click.Option(
    ["--from", "--block-number", "first"], type=click.IntRange(min=0), metavar="N", required=True, help="The first block."
)
REQUEST = Needed("request_id", "REQUESTID", "Must pass the id of a request, alone or as CONTRACT:ID")

COMMANDS = (
    Entry(
        "ledger",
        "ledger:show",
        "Account for every request, nonce, gas and LINK.\n\nReads the chain and the database, not the node, which may run or "
        "not; fails when something does not add up.",
        (FROM_BLOCK, CONTRACTS),
    ),
    Entry(
        "explain",
        "requests:explain",
        "Say step by step why something did or did not happen.\n\nWHAT is the hash of the transaction that asked or that "
        "answers, the id of a request, or that of a run.",
        (Needed("what", "WHAT", "Must pass a transaction's hash, a request's id or a run's id"),),
    ),
    Entry(
        "requests list",
        "requests:list_requests",
        "List requests and what became of them, the newest first.",
        (PAGE, JOB_OF_REQUESTS, UNANSWERED, UNACCOUNTED),
    ),
    Entry("requests show", "requests:show_request", "Show a request.", (REQUEST,)),
    Entry("requests run", "requests:run_request", "Run a request again that got no answer.", (REQUEST,)),
    Entry(
        "blocks replay",
        "requests:replay",
        "Read blocks again, from one on; nothing is started twice.",
        (REPLAY_FROM,),
    ),
)
GROUPS = {
    "requests": Group("requests", help="What contracts asked the node, and what became of it.", default="list"),
    "blocks": Group("blocks", help="The blocks that the node has read."),
}
