"""Who may use the node: sessions, users, API tokens, the audit log; and the node's accounts."""

from __future__ import annotations

import click

from adyton.cli.commands.common import PAGES, YES
from adyton.cli.everywhere import offered
from adyton.cli.tree import Entry, Group, Needed

ROLES = ("view", "run", "edit", "admin")
LOGIN_FILE = click.Option(["-f", "--file", "file"], metavar="FILE", help="Two lines: e-mail, password.")
PASSWORD = click.Option(["-p", "--password"], metavar="FILE", help="File with the password; else you are asked.")
NEW_PASSWORD = click.Option(["--newpassword"], metavar="FILE", help="File with the new password; else you are asked.")
OTHERS = click.Option(["--others"], is_flag=True, help="This session stays open.")
EMAIL = Needed("email", "EMAIL", "Must pass the e-mail of the user", shell_complete=offered("users"))
ACCESS_KEY = Needed("access_key", "ACCESSKEY", "Must pass the access key of the token", shell_complete=offered("tokens"))
ROLE = click.Option(["--role"], type=click.Choice(ROLES), default="view", show_default=True, help="What the user may do.")
TOKEN_ROLE = click.Option(["--role"], type=click.Choice(ROLES), help="What it may do; else what you may.")
EXPIRES = click.Option(["--expires"], metavar="TIME", help="When it ends, such as 2030-01-01T00:00:00Z; else never.")
AUDIT = (
    click.Option(["--caller"], metavar="NAME", help="Only what this e-mail, or access key, did."),
    click.Option(["--action"], metavar="ACTION", help="Only this, such as 'DELETE /v2/specs/:job_id'."),
    click.Option(["--subject"], metavar="NAME", help="Only what was done to this job, user, key."),
    click.Option(["--outcome"], type=click.Choice(("begun", "done", "refused", "failed")), help="Only what ended so."),
    click.Option(["--after"], metavar="TIME", help="Only what was done at this time or later, such as 2030-01-01T00:00:00Z."),
    click.Option(["--before"], metavar="TIME", help="Only what was done before this time."),
)

COMMANDS = (
    Entry(
        "admin login",
        "remote:login",
        "Log in: ask for e-mail and password, or read them from a file, and keep the session in ROOT/cookie.",
        (LOGIN_FILE,),
        ("login",),
        examples=("adyton admin login", "adyton admin login --file ~/credentials --node staging"),
    ),
    Entry(
        "admin logout", "remote:logout", "End the session and forget it.", (), ("logout",), examples=("adyton admin logout",)
    ),
    Entry(
        "admin info",
        "remote:balances",
        "Show the node's accounts and what they hold.",
        (),
        ("account", "a"),
        examples=("adyton admin info",),
    ),
    Entry("admin whoami", "users:whoami", "Show who the node takes you for, and your role.", examples=("adyton admin whoami",)),
    Entry(
        "admin chpass",
        "users:change_password",
        "Change your password. Your other sessions end; API tokens stay.",
        (PASSWORD, NEW_PASSWORD),
        ("chpass",),
        json=False,
        examples=("adyton admin chpass",),
    ),
    Entry("admin sessions list", "users:list_sessions", "List your open sessions.", examples=("adyton admin sessions",)),
    Entry(
        "admin sessions end",
        "users:end_sessions",
        "End all your sessions, this one too.",
        (OTHERS,),
        json=False,
        examples=("adyton admin sessions end --others",),
    ),
    Entry(
        "admin tokens list",
        "users:list_tokens",
        "List your API tokens; as an admin everybody's.",
        PAGES,
        examples=("adyton admin tokens",),
    ),
    Entry(
        "admin tokens create",
        "users:create_token",
        "Make an API token for a program; its secret is shown this once.\n\nNAME says what it is for. It may do what its role "
        "says, and never more than you.",
        (Needed("name", "NAME", "Must pass a name that says what the token is for"), TOKEN_ROLE, EXPIRES, PASSWORD),
        examples=("adyton admin tokens create 'price script' --role run --expires 2030-01-01T00:00:00Z",),
    ),
    Entry(
        "admin tokens rotate",
        "users:rotate_token",
        "Give an API token another secret, shown this once; the old one ends.",
        (ACCESS_KEY, PASSWORD),
        examples=("adyton admin tokens rotate 0b7d4a293bff4baf8de852bfa1f1f78a",),
    ),
    Entry(
        "admin tokens delete",
        "users:delete_token",
        "Delete an API token.",
        (ACCESS_KEY,),
        json=False,
        examples=("adyton admin tokens delete 0b7d4a293bff4baf8de852bfa1f1f78a",),
    ),
    Entry("admin users list", "users:list_users", "List the users and their roles.", PAGES, examples=("adyton admin users",)),
    Entry(
        "admin users create",
        "users:create_user",
        "Make a user.",
        (EMAIL, ROLE, PASSWORD),
        examples=("adyton admin users create watcher@example.com --role view",),
    ),
    Entry(
        "admin users chrole",
        "users:change_role",
        "Give a user another role; it counts at once.",
        (EMAIL, Needed("role", "ROLE", f"Must pass the role: {', '.join(ROLES)}", type=click.Choice(ROLES))),
        examples=("adyton admin users chrole watcher@example.com run",),
    ),
    Entry(
        "admin users delete",
        "users:delete_user",
        "Delete a user, with their sessions and API tokens.",
        (EMAIL, YES),
        examples=("adyton admin users delete watcher@example.com --yes",),
    ),
    Entry(
        "admin audit",
        "users:audit",
        "List what was done to the node, by whom and from where, the newest first.",
        (*PAGES, *AUDIT),
        examples=("adyton admin audit --caller you@example.com", "adyton admin audit --outcome refused --all --json"),
    ),
    Entry(
        "node deleteuser",
        "local_users:delete_user",
        "Delete a user in the database of a node that does not run.\n\nWithout EMAIL the only one there is. The next start "
        "asks for a new user when no admin is left.",
        (click.Argument(["email"], metavar="[EMAIL]", required=False),),
        ("local deleteuser",),
        json=False,
        local=True,
        examples=("adyton node deleteuser", "adyton node deleteuser you@example.com"),
    ),
)
GROUPS = {
    "admin": Group("admin", help="Who may use the node: sessions, users, API tokens, and what they did."),
    "admin sessions": Group("sessions", help="Your open sessions.", default="list"),
    "admin tokens": Group("tokens", help="API tokens, for programs.", default="list"),
    "admin users": Group("users", help="Who may use the node.", default="list"),
}
