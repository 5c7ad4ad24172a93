"""The commands about users, their sessions and tokens, and what they did."""

from __future__ import annotations

from collections.abc import Sequence

import click
import msgspec

from adyton.cli import private, prompts
from adyton.cli.client import Answer, connect
from adyton.cli.listing import show_list
from adyton.cli.output import write_table
from adyton.cli.passwords import secret
from adyton.cli.showing import Attributes, show_one, show_page
from adyton.cli.tables import when
from adyton.cli.tree import Failure, Pages

_USERS, _TOKENS = ("v2", "users"), ("v2", "tokens")
_CHOSEN = ("caller", "action", "subject", "outcome", "after", "before")
_MINE = ("v2", "user")
_OLD, _NEW = "Password:", "Password:"


# --- oneself ---------------------------------------------------------------------------------------------------------


def whoami() -> None:
    """Who the node takes this client for."""
    show_one(connect().call("GET", *_MINE), _myself)


def change_password(password: str | None, newpassword: str | None) -> None:
    """Another password, with v0.6.2's prompts and words. A wrong old one is told, and as there no failure."""
    click.echo("Changing the password of the API, not that of the keystore.")
    click.echo("All other sessions of this user will end.")
    old = secret(password, _OLD)
    click.echo("Now the new password, 8 to 1028 characters.")
    new = secret(newpassword, _NEW, twice=True)
    client = connect()
    answer = client.call("PATCH", *_MINE, "password", body=_body(oldPassword=old, newPassword=new))
    if answer.status == 409 and b"ADY-0112" in answer.body:
        click.echo("Old password did not match.")
        return
    if answer.refused:
        raise answer.failure()
    if answer.cookie is not None:
        try:
            private.write(client.cookie_file, answer.cookie)
        except OSError as problem:
            told = f"Password updated, but the new session cannot be kept in {client.cookie_file}: {problem.strerror}"
            raise Failure(told, "Log in again: adyton admin login", code="ADY-1156") from None
    click.echo("Password updated.")


def list_sessions() -> None:
    """The sessions that are open."""
    show_page(connect().call("GET", *_MINE, "sessions"), _sessions)


def end_sessions(others: bool) -> None:
    """End all sessions, or all but this one."""
    client = connect()
    _done(client.call("DELETE", *_MINE, "sessions", query={"others": "true"} if others else None))
    if not others:
        client.forget()


# --- tokens ----------------------------------------------------------------------------------------------------------


def list_tokens(pages: Pages) -> None:
    """API tokens."""
    show_list(*_TOKENS, shown=_tokens, pages=pages)


def create_token(name: str, role: str | None, expires: str | None, password: str | None) -> None:
    """Make a token. Prints its secret, which nothing shows again."""
    body = _body(name=name, role=role, expiresAt=expires, password=secret(password, _OLD))
    show_one(connect().call("POST", *_TOKENS, body=body), _credentials)


def rotate_token(access_key: str, password: str | None) -> None:
    """Another secret for a token."""
    body = _body(password=secret(password, _OLD))
    show_one(connect().call("POST", *_TOKENS, access_key, "secret", body=body), _credentials)


def delete_token(access_key: str) -> None:
    """Delete a token; prints nothing."""
    _done(connect().call("DELETE", *_TOKENS, access_key))


# --- everybody -------------------------------------------------------------------------------------------------------


def list_users(pages: Pages) -> None:
    """Users."""
    show_list(*_USERS, shown=_users, pages=pages)


def create_user(email: str, role: str, password: str | None) -> None:
    """Make a user."""
    body = _body(email=email, role=role, password=secret(password, "Password of the new user:", twice=True))
    show_one(connect().call("POST", *_USERS, body=body), _user)


def change_role(email: str, role: str) -> None:
    """Give a user another role."""
    show_one(connect().call("PATCH", *_USERS, email, body=_body(role=role)), _user)


def delete_user(email: str, yes: bool) -> None:
    """Delete a user with their sessions and tokens."""
    if not yes and not prompts.confirmed(f"Delete {email}, with all sessions and tokens?"):
        raise Failure("Nothing was done.", code="ADY-1161")
    show_one(connect().call("DELETE", *_USERS, email), _user)


def audit(pages: Pages, **wanted: str | None) -> None:
    """What was done, the newest first; ``wanted`` are parameters of GET /v2/audit."""
    show_list("v2", "audit", shown=_audit, pages=pages, query={name: wanted[name] for name in _CHOSEN})


# --- shown -----------------------------------------------------------------------------------------------------------


def _done(answer: Answer) -> None:
    if answer.refused:
        raise answer.failure()


def _body(**fields: object) -> bytes:
    return msgspec.json.encode({name: value for name, value in fields.items() if value is not None})


def _myself(found: Attributes) -> None:
    write_table("User", ("Email", "Role", "Via"), [(found["email"], found["role"], found["via"])])


def _user(found: Attributes) -> None:
    _users([found])


def _users(found: Sequence[Attributes]) -> None:
    rows = [(user["email"], user["role"], when(user["createdAt"])) for user in found]
    write_table("Users", ("Email", "Role", "Created"), rows)


def _sessions(found: Sequence[Attributes]) -> None:
    rows = [
        (
            when(each["createdAt"]),
            when(each["lastUsed"]),
            when(each["expiresAt"]),
            each["address"],
            "yes" if each["current"] else "",
        )
        for each in found
    ]
    write_table("Sessions", ("Opened", "Last Used", "Ends", "Address", "This One"), rows)


def _tokens(found: Sequence[Attributes]) -> None:
    rows = [
        (
            each["accessKey"],
            each["name"],
            each["email"],
            each["role"],
            when(each["createdAt"]),
            when(each["lastUsed"]),
            when(each["expiresAt"]),
        )
        for each in found
    ]
    write_table("API Tokens", ("Access Key", "Name", "User", "Role", "Created", "Last Used", "Ends"), rows, wrap=32)


def _credentials(made: Attributes) -> None:
    rows = [("Access Key", made["accessKey"]), ("Secret", made["secret"]), ("Role", made["role"])]
    write_table("API Token", ("ID", "Value"), rows, wrap=None)


def _audit(found: Sequence[Attributes]) -> None:
    columns = ("At", "Caller", "Address", "Action", "Subject", "Outcome", "Detail")
    write_table("Audit Log", columns, [_entry(each) for each in found], wrap=40)


def _entry(each: Attributes) -> tuple[str, ...]:
    caller = each["caller"] or each["callerKind"]
    detail = " ".join(f"{name}={value}" for name, value in each["detail"].items())
    return when(each["at"]), caller, each["address"], each["action"], each["subject"], each["outcome"], detail
