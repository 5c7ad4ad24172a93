"""External initiators and service agreements."""

from __future__ import annotations

import click

from adyton.cli.commands.common import PAGES
from adyton.cli.everywhere import offered
from adyton.cli.tree import Entry, Group, Needed

INITIATOR = click.Argument(["name"], metavar="[NAME]", required=False)
INITIATOR_URL = click.Argument(["url"], metavar="[URL]", required=False)

COMMANDS = (
    Entry(
        "initiators create",
        "external_initiators:create",
        "Create an external initiator; its secrets are shown this once.\n\nWith a NAME it may start the jobs that name it, and "
        "is told of them at URL; without one, any job with a web initiator.",
        (INITIATOR, INITIATOR_URL),
        ("externalinitiators create", "exi create"),
        examples=("adyton initiators create", "adyton initiators create weather http://localhost:9000/jobs"),
    ),
    Entry(
        "initiators list",
        "external_initiators:list_initiators",
        "List the external initiators.",
        PAGES,
        examples=("adyton initiators",),
    ),
    Entry(
        "initiators destroy",
        "external_initiators:destroy",
        "Delete an external initiator.",
        (
            Needed(
                "name",
                "NAME|ACCESSKEY",
                "Must pass the AccessKey for the external initiator to delete",
                shell_complete=offered("initiators"),
            ),
        ),
        ("initiators delete", "externalinitiators delete", "exi delete"),
        examples=("adyton initiators destroy weather",),
    ),
    Entry(
        "agreements create",
        "agreements:create",
        "Have the node sign a service agreement and keep it.\n\nAGREEMENT is JSON, a file with JSON, or - for standard input.",
        (Needed("agreement", "AGREEMENT", "Must pass in JSON or filepath", shell_complete=offered("files")),),
        ("agree create", "createsa"),
        examples=("adyton agreements create agreement.json", "adyton agree agreement.json"),
    ),
    Entry(
        "agreements show",
        "agreements:show",
        "Show a service agreement.",
        (Needed("agreement_id", "ID", "Must pass the id of the agreement"),),
        examples=("adyton agreements show 0xc524fafafcaec40652b1f84fca09c231185437d008d195fccf2f51e64b7062f8",),
    ),
)
GROUPS = {
    "initiators": Group("initiators", help="Programs outside that start runs.", default="list"),
    "externalinitiators": Group("externalinitiators", help="Programs outside that start runs.", hidden=True),
    "exi": Group("exi", help="Programs outside that start runs.", hidden=True),
    "agreements": Group("agreements", help="What the node has promised together with other oracles."),
    "agree": Group("agree", help="Make a service agreement.", default="create", verbless=True, hidden=True),
}
