"""The node's keys."""

from __future__ import annotations

import click

from adyton.cli.commands.common import YES
from adyton.cli.everywhere import offered
from adyton.cli.tree import Entry, Group, Needed

PASSWORD = click.Option(["-p", "--password"], metavar="FILE", help="File with the keystore's password; else you are asked.")
OLD_PASSWORD = click.Option(["--oldpassword"], metavar="FILE", help="File with the key file's password; else you are asked.")
NEW_PASSWORD = click.Option(["--newpassword"], metavar="FILE", help="File with the new password; else you are asked.")
OUTPUT = click.Option(["-o", "--output"], metavar="FILE", required=True, help="Where the key file goes; it must not exist.")
HARD = click.Option(["--hard"], is_flag=True, help="Delete the file for good instead of moving it to ROOT/keys/deleted.")
ADDRESS = Needed("address", "ADDRESS", "Must pass the address of the key", shell_complete=offered("keys"))

COMMANDS = (
    Entry("keys eth list", "keys:list_keys", "List the keys that send, and what they hold.", examples=("adyton keys eth",)),
    Entry(
        "keys eth create",
        "keys:create",
        "Make a key; it sends from now on.",
        (PASSWORD,),
        ("createextrakey",),
        examples=("adyton keys eth create", "adyton keys eth create --password /run/secrets/keystore"),
    ),
    Entry(
        "keys eth import",
        "keys:take_in",
        "Add the key of a Web3 key file; it sends from now on.",
        (Needed("file", "KEYFILE", "Must pass in filepath to key", shell_complete=offered("files")), PASSWORD, OLD_PASSWORD),
        examples=("adyton keys eth import key.json --oldpassword key.password",),
    ),
    Entry(
        "keys eth export",
        "keys:give_out",
        "Write the key file of a key, under a password of its own.\n\nWho has the file and its password has the money.",
        (ADDRESS, OUTPUT, PASSWORD, NEW_PASSWORD),
        examples=("adyton keys eth export 0x9CA9d2D5E04012C9Ed24C0e513C9bfAa4A2dD77f --output key.json",),
    ),
    Entry(
        "keys eth delete",
        "keys:delete",
        "Take a key out of use. Its transactions must be safe; the last key stays.",
        (ADDRESS, PASSWORD, HARD, YES),
        examples=("adyton keys eth delete 0x9CA9d2D5E04012C9Ed24C0e513C9bfAa4A2dD77f",),
    ),
    Entry(
        "keys password",
        "keys:change_password",
        "Give the keystore another password.\n\nThe file that the node is started with must say it too.",
        (PASSWORD, NEW_PASSWORD),
        json=False,
        examples=("adyton keys password",),
    ),
    Entry(
        "node import",
        "key_import:run",
        "Put a Web3 key file among the keys of a node that is not running.\n\nThe keystore's password must open it.",
        (Needed("file", "KEYFILE", "Must pass in filepath to key", shell_complete=offered("files")),),
        ("local import", "local i"),
        json=False,
        local=True,
        examples=("adyton node import key.json",),
    ),
)
GROUPS = {
    "keys": Group("keys", help="What the node signs with."),
    "keys eth": Group("eth", help="Ethereum keys.", default="list"),
}
