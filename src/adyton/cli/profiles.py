"""``adyton profiles``: the nodes that this person speaks to."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import click
import msgspec

from adyton.cli import files, nodes_file, private, prompts, settings
from adyton.cli.nodes_file import Nodes, Profile
from adyton.cli.output import write_json, write_table
from adyton.cli.tree import Failure, wants_json
from adyton.config.redact import words


def list_profiles() -> None:
    """All of them, the one in use marked."""
    root = settings.load().root
    nodes = nodes_file.load(root)
    if wants_json():
        write_json(msgspec.json.encode([_facts(root, nodes, name) for name in sorted(nodes.nodes)]))
        return
    rows = [
        (name, words(profile.url), _speaks_as(root, name, profile), "yes" if name == nodes.use else "")
        for name, profile in sorted(nodes.nodes.items())
    ]
    write_table("Profiles", ("Name", "URL", "Speaks As", "In Use"), rows, wrap=None)
    if not rows:
        click.echo("Add one: adyton profiles add NAME URL", err=True)


def show(name: str) -> None:
    """One. Raises Failure if there is none of that name."""
    root = settings.load().root
    nodes = nodes_file.load(root)
    _known(root, nodes, name)
    facts = _facts(root, nodes, name)
    if wants_json():
        write_json(msgspec.json.encode(facts))
        return
    write_table("Profile", ("What", "Value"), [(key, _shown(value)) for key, value in facts.items() if value != ""], wrap=None)


def add(
    name: str,
    url: str,
    ca_file: str | None,
    credentials: str | None,
    access_key: str | None,
    secret_file: str | None,
    *,
    insecure: bool,
    use: bool,
    replace: bool,
) -> None:
    """Add one, or put another in its place. Raises Failure."""
    root = settings.load().root
    nodes = nodes_file.load(root)
    if name in nodes.nodes and not replace:
        raise Failure(f'There is a node "{name}" already.', "--replace puts another in its place.", code="ADY-1106")
    if secret_file and not access_key:
        raise click.UsageError("--secret-file needs --access-key: an API token has both.")
    if credentials and access_key:
        raise click.UsageError("--credentials and --access-key exclude each other.")
    try:
        url = nodes_file.check(name, url)
    except ValueError as problem:
        raise Failure(str(problem), code="ADY-1106") from None
    if name in nodes.nodes and nodes.nodes[name].url != url:
        shutil.rmtree(nodes_file.directory(root, name), ignore_errors=True)  # a session is not for another node
    profile = Profile(
        url=url,
        ca_file=_file(ca_file),
        insecure=insecure,
        credentials=_credentials(credentials),
        access_key=access_key or "",
        secret_file=_secret(root, name, secret_file) if access_key else "",
    )
    nodes_file.save(root, Nodes(name if use else nodes.use, {**nodes.nodes, name: profile}))
    if not (credentials or access_key):
        click.echo(f"Log in: adyton --node {name} admin login", err=True)


def use(name: str | None, *, nothing: bool) -> None:
    """Make one the node that is asked when nothing says which; or none. Raises Failure."""
    if (name is None) is not nothing:
        raise click.UsageError("Give the name of a node, or --none.")
    root = settings.load().root
    nodes = nodes_file.load(root)
    if name is not None:
        _known(root, nodes, name)
    nodes_file.save(root, Nodes(name or "", nodes.nodes))


def remove(name: str) -> None:
    """Forget one, and its session. Raises Failure if there is none of that name."""
    root = settings.load().root
    nodes = nodes_file.load(root)
    _known(root, nodes, name)
    rest = {other: profile for other, profile in nodes.nodes.items() if other != name}
    # What could be sent to the node goes first: a crash in between leaves a profile without a session.
    shutil.rmtree(nodes_file.directory(root, name), ignore_errors=True)
    nodes_file.save(root, Nodes("" if nodes.use == name else nodes.use, rest))


def _known(root: Path, nodes: Nodes, name: str) -> None:
    if name not in nodes.nodes:
        advice = "`adyton profiles list` shows what there is."
        raise Failure(f'There is no node "{name}" in {nodes_file.place(root)}.', advice, code="ADY-1106")


def _file(given: str | None) -> str:
    """A path that stays right wherever the next command is given. Raises Failure when there is no such file."""
    if given is None:
        return ""
    path = Path(given).expanduser().absolute()
    if not path.is_file():
        raise Failure(f"open {path}: no such file", code="ADY-1105")
    return str(path)


def _credentials(given: str | None) -> str:
    path = _file(given)
    if path:
        files.two_lines(private.read(Path(path)), Path(path))
    return path


def _secret(root: Path, name: str, given: str | None) -> str:
    """The file with a token's secret: the given one, or one that is made of what a person types."""
    path = _file(given)
    if path:
        private.read(Path(path))
        return path
    if not prompts.interactive():
        raise click.UsageError("There is no terminal to ask for the token's secret at: give --secret-file.")
    made = nodes_file.directory(root, name) / "secret"
    secret = prompts.ask_hidden("Secret: ")
    try:
        private.write(made, f"{secret}\n")
    except OSError as problem:
        raise Failure(f"Cannot keep the secret in {made}: {problem.strerror}", code="ADY-1105") from None
    return str(made.relative_to(root))


def _facts(root: Path, nodes: Nodes, name: str) -> Mapping[str, str | bool]:
    """What may be known of one: where its secrets are, not what they are."""
    profile = nodes.nodes[name]
    return {
        "name": name,
        "url": words(profile.url),
        "inUse": name == nodes.use,
        "speaksAs": _speaks_as(root, name, profile),
        "accessKey": profile.access_key,
        "secretFile": str(root / profile.secret_file) if profile.secret_file else "",
        "credentials": str(root / profile.credentials) if profile.credentials else "",
        "caFile": str(root / profile.ca_file) if profile.ca_file else "",
        "insecure": profile.insecure,
    }


def _speaks_as(root: Path, name: str, profile: Profile) -> str:
    if profile.access_key:
        return "token"
    if profile.credentials:
        return "credentials"
    return "session" if (nodes_file.directory(root, name) / "cookie").exists() else "nobody yet"


def _shown(value: str | bool) -> str:
    return value if isinstance(value, str) else "yes" if value else "no"
