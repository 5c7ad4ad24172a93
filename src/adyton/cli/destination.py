"""Which node a command asks, and as whom.

In this order: ``--node``, ADYTON_NODE, CLIENT_NODE_URL if it is set, the profile in use, CLIENT_NODE_URL's default. A session,
a password or a token is only ever sent to the node that it is for: one whose URL is given in the line, and which no profile
knows, has a directory of its own, whose name no profile can have.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from adyton.cli import nodes_file
from adyton.cli.everywhere import Wishes
from adyton.cli.nodes_file import Profile
from adyton.cli.tree import Failure
from adyton.config import Config
from adyton.config.parsers import http_url
from adyton.config.setting import DEFAULT


class Token(NamedTuple):
    """An API token: its key, and the file that holds its secret."""

    access_key: str
    secret_file: Path


class Destination(NamedTuple):
    """A node. ``where`` says who names it, for advice; ``warning`` is not empty if its certificate is not checked; ``strict``:
    others must not be able to read the credentials file."""

    url: str
    cookie_file: Path
    credentials: Path | None
    token: Token | None
    ca_file: Path | None
    where: str
    warning: str
    name: str = ""
    strict: bool = False

    @property
    def option(self) -> str:
        """What a command needs behind ``adyton`` to ask the same node again."""
        return f" --node {self.name}" if self.name else ""


def destination(config: Config, wishes: Wishes) -> Destination:
    """The node that is meant. Raises Failure."""
    wanted = wishes.node or config.adyton_node
    chosen = "--node" if wishes.node else "ADYTON_NODE"
    if "://" in wanted:
        return _by_url(config, wishes, wanted, chosen)
    if wanted:
        return _profile(config, wishes, wanted, nodes_file.load(config.root).nodes)
    if config.sources.get("client_node_url", DEFAULT) == DEFAULT:
        nodes = nodes_file.load(config.root)
        if nodes.use:
            return _profile(config, wishes, nodes.use, nodes.nodes)
    return _configured(config, wishes)


def _configured(config: Config, wishes: Wishes) -> Destination:
    """As v0.6.2: CLIENT_NODE_URL and ROOT/cookie."""
    return Destination(
        url=config.client_node_url,
        cookie_file=config.root / "cookie",
        credentials=_given(wishes) or config.admin_credentials_file,
        token=_token_of(config),
        ca_file=None,
        where="CLIENT_NODE_URL says where it is.",
        warning=_warning(config, wishes),
    )


def _by_url(config: Config, wishes: Wishes, wanted: str, chosen: str) -> Destination:
    """A profile with that URL, the configured node, or a stranger, whose session is kept under its URL."""
    try:
        url = http_url(wanted)
    except ValueError as problem:
        raise Failure(f"{chosen}: {problem}", code="ADY-1106") from None
    nodes = nodes_file.load(config.root).nodes
    for name, profile in nodes.items():
        if profile.url.rstrip("/") == url:
            return _profile(config, wishes, name, nodes)
    if url == config.client_node_url:
        return _configured(config, wishes)
    explicit = config.sources.get("admin_credentials_file", DEFAULT) != DEFAULT
    return Destination(
        url=url,
        cookie_file=nodes_file.directory(config.root, quote(_plain(url), safe="")) / "cookie",
        credentials=_given(wishes) or (config.admin_credentials_file if explicit else None),
        token=_token_of(config),
        ca_file=None,
        where=f"{chosen} says where it is.",
        warning=_warning(config, wishes),
        name=_plain(url),
    )


def _profile(config: Config, wishes: Wishes, name: str, nodes: dict[str, Profile]) -> Destination:
    profile = nodes.get(name)
    if profile is None:
        raise Failure(
            f'There is no node "{name}" in {nodes_file.place(config.root)}.',
            f"`adyton profiles list` shows what there is; `adyton profiles add {name} URL` adds it.",
            code="ADY-1106",
        )
    credentials = _given(wishes) or (config.root / profile.credentials if profile.credentials else None)
    own = Token(profile.access_key, config.root / profile.secret_file) if profile.access_key else None
    return Destination(
        url=profile.url.rstrip("/"),
        cookie_file=nodes_file.directory(config.root, name) / "cookie",
        credentials=credentials,
        token=own or (None if credentials else _token_of(config)),
        ca_file=config.root / profile.ca_file if profile.ca_file else None,
        where=f"`adyton profiles show {name}` says where it is.",
        warning=f"profile {name}" if profile.insecure else _warning(config, wishes),
        name=name,
        strict=not wishes.credentials,
    )


def _given(wishes: Wishes) -> Path | None:
    return Path(wishes.credentials).expanduser().absolute() if wishes.credentials else None


def _token_of(config: Config) -> Token | None:
    """The token of the environment. Raises Failure when it is half there."""
    key, file = config.adyton_api_key, config.adyton_api_secret_file
    if bool(key) != bool(file):
        lacking = "ADYTON_API_SECRET_FILE" if key else "ADYTON_API_KEY"
        raise Failure(f"An API token needs ADYTON_API_KEY and ADYTON_API_SECRET_FILE; {lacking} is not set.", code="ADY-1102")
    return Token(key, file) if file else None


def _warning(config: Config, wishes: Wishes) -> str:
    if wishes.insecure:
        return "--insecure-skip-verify"
    return "INSECURE_SKIP_VERIFY" if config.insecure_skip_verify else ""


def _plain(url: str) -> str:
    """An URL without its user."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
