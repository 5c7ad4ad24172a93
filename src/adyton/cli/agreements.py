"""The commands about service agreements."""

from __future__ import annotations

from adyton.cli import files
from adyton.cli.client import connect
from adyton.cli.output import write_table
from adyton.cli.showing import Attributes, show_one
from adyton.cli.tables import units, when


def create(agreement: str) -> None:
    """Propose an agreement to the node, as an operator if there is a session: nobody need be logged in for that."""
    client, body = connect(), files.json_or_file(agreement)
    if client.is_known:
        answer = client.call("POST", "v2", "service_agreements", body=body)
    else:
        answer = client.send("POST", "/v2/service_agreements", body)
    show_one(answer, _agreement)


def show(agreement_id: str) -> None:
    """One agreement."""
    show_one(connect().call("GET", "v2", "service_agreements", agreement_id), _agreement)


def _agreement(made: Attributes) -> None:
    terms = made["encumbrance"]
    row = (made["id"], when(made["createdAt"]), f"{units(terms['payment'])} LINK", f"{terms['expiration']} seconds")
    write_table("Service Agreement", ("ID", "Created At", "Payment", "Expiration"), [row], wrap=None)
