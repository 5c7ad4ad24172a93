"""What helps to use the command line itself."""

from __future__ import annotations

import click

from adyton.cli.everywhere import offered
from adyton.cli.tree import Entry, Group, Needed

FILES = offered("files")
NAME = Needed("name", "NAME", "Must pass the name of the node", shell_complete=offered("profiles"))
_INSTALL = """Print the script that completes words in a shell.

Ids, names and profiles are asked for at the node, if there is a session.

\b
bash: adyton completion bash > ~/.local/share/bash-completion/completions/adyton
zsh:  adyton completion zsh > ~/.zfunc/_adyton     (a directory of $fpath, before compinit)
fish: adyton completion fish > ~/.config/fish/completions/adyton.fish

For this session alone: source <(adyton completion bash)
"""

COMMANDS = (
    Entry(
        "profiles list",
        "profiles:list_profiles",
        "List the nodes that this person speaks to.",
        (),
        ("profile list",),
        examples=("adyton profiles", "adyton profiles list --json"),
        local=True,
    ),
    Entry(
        "profiles show",
        "profiles:show",
        "Show one: where it is, and where its secrets are.",
        (NAME,),
        ("profile show",),
        examples=("adyton profiles show staging",),
        local=True,
    ),
    Entry(
        "profiles add",
        "profiles:add",
        "Add a node under a name of your own.\n\nWithout --credentials and --access-key log in once: adyton --node NAME admin "
        "login. Its session is kept apart from those of other nodes.",
        (
            NAME,
            Needed("url", "URL", "Must pass the URL of the node, such as https://oracle.example.com:6689"),
            click.Option(["--ca-file"], metavar="FILE", help="Who vouches for its certificate.", shell_complete=FILES),
            click.Option(["--insecure"], is_flag=True, help="Do not check its certificate; each command says so."),
            click.Option(
                ["--credentials"],
                metavar="FILE",
                help="Two lines, e-mail and password: commands log in by themselves.",
                shell_complete=FILES,
            ),
            click.Option(["--access-key"], metavar="KEY", help="The access key of an API token."),
            click.Option(["--secret-file"], metavar="FILE", help="Its secret; else you are asked.", shell_complete=FILES),
            click.Option(["--use"], is_flag=True, help="Ask this node when nothing says which."),
            click.Option(["--replace"], is_flag=True, help="Put it in the place of one of the same name."),
        ),
        ("profile add",),
        json=False,
        examples=(
            "adyton profiles add staging https://staging.example.com:6689 --use",
            "adyton profiles add prod https://oracle.example.com:6689 --access-key 3f2a --secret-file ~/prod.secret",
        ),
        local=True,
    ),
    Entry(
        "profiles use",
        "profiles:use",
        "Choose the node that is asked when nothing says which.\n\n--node, ADYTON_NODE and a CLIENT_NODE_URL that is set go "
        "first.",
        (
            click.Argument(["name"], metavar="[NAME]", required=False, shell_complete=offered("profiles")),
            click.Option(["--none", "nothing"], is_flag=True, help="None: back to CLIENT_NODE_URL."),
        ),
        ("profile use",),
        json=False,
        examples=("adyton profiles use staging", "adyton profiles use --none"),
        local=True,
    ),
    Entry(
        "profiles remove",
        "profiles:remove",
        "Forget a node, and its session.",
        (NAME,),
        ("profile remove",),
        json=False,
        examples=("adyton profiles remove staging",),
        local=True,
    ),
    Entry(
        "completion",
        "completing:script",
        _INSTALL,
        (click.Argument(["shell"], type=click.Choice(["bash", "zsh", "fish"]), metavar="bash|zsh|fish"),),
        json=False,
        examples=("adyton completion bash",),
        local=True,
    ),
)
GROUPS = {
    "profiles": Group("profiles", help="The nodes that this person speaks to.", default="list"),
    "profile": Group("profile", help="The nodes that this person speaks to.", default="list", hidden=True),
}
