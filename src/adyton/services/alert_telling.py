"""One message to one destination: a webhook, a Slack channel, e-mail.

A destination is named by an operator with the highest role, and often lies in their own network (a mail relay, a chat server,
an alert manager), so private addresses may be reached, as bridges and external initiators may. What a stranger can choose is
only words within the message. Redirects are not followed: whoever answers there cannot send the node's words, or its
signature, on.
"""

from __future__ import annotations

import re

from adyton.domain import alert_messages as messages
from adyton.domain import evm
from adyton.domain.alert_destinations import Destination, Email, Slack, Webhook, masked
from adyton.domain.alert_messages import EVENT_HEADER, MESSAGE_HEADER, SIGNATURE_HEADER, Origin, Told
from adyton.domain.exchanges import Failure
from adyton.ports import HttpFailure, HttpRequest, Mail, MailFailure
from adyton.services.parts import Parts

ATTEMPT = 15.0
"""Seconds that a destination has for one message."""
LONGEST_WAIT = 3600.0
"""Seconds that a destination may ask for until the next attempt."""
_LARGEST_ANSWER = 64 * 1024
_NEVER = frozenset({400, 413, 422})
"""The receiver read the message and does not want it. Anything else may be put right by somebody: a URL, a token, a server."""
_WORD = re.compile(r"[a-z_]{3,40}", re.ASCII)


class NotTold(Exception):
    """A destination did not take a message. ``again`` says whether it may later; ``wait`` is in seconds, if it said."""

    def __init__(self, words: str, *, again: bool, wait: float = 0.0) -> None:
        super().__init__(words)
        self.again = again
        self.wait = wait


def origin_of(parts: Parts) -> Origin:
    """Which node this is."""
    url = str(parts.config.bridge_response_url or "") or None
    return Origin(parts.chain_id(), tuple(evm.checksum(address) for address in parts.keys.addresses()), url)


async def tell(parts: Parts, destination: Destination, told: Told) -> str | None:
    """Send one message; returns a remark of the receiver, if it made one. Raises NotTold."""
    settings = destination.settings
    if isinstance(settings, Email):
        return await _mail(parts, settings, told)
    request = _request(settings, told, parts.clock.now())
    where = masked(settings.url)
    try:
        answer = await parts.http.request(request)
    except HttpFailure as failure:
        raise NotTold(_words(failure, where), again=True) from None
    if 200 <= answer.status < 300:
        return None
    word = answer.body[:64].decode(errors="replace").strip()
    said = f" ({word})" if isinstance(settings, Slack) and _WORD.fullmatch(word) else ""
    wait = _seconds(answer.headers.get("retry-after", "")) if answer.status in {429, 503} else 0.0
    raise NotTold(f"{where} answered {answer.status}{said}", again=answer.status not in _NEVER, wait=wait)


def _words(failure: HttpFailure, where: str) -> str:
    """What went wrong: the transport's words, but for what is a rule of alerts."""
    match failure.kind:
        case Failure.REDIRECT:
            return f"{where} redirects, which is not followed: name the URL that it leads to"
        case Failure.TOO_LARGE:
            return f"{where} answers more than {_LARGEST_ANSWER} bytes"
        case _:
            return str(failure)


def _request(settings: Webhook | Slack, told: Told, now: int) -> HttpRequest:
    headers = [("Content-Type", "application/json")]
    if isinstance(settings, Slack):
        body = messages.slack_body(told)
    else:
        body = messages.webhook_body(told)
        headers += [(MESSAGE_HEADER, told.id), (EVENT_HEADER, told.event)]
        if settings.secret:
            headers.append((SIGNATURE_HEADER, messages.signature(settings.secret, body, now)))
    return HttpRequest(
        method="POST",
        url=settings.url,
        headers=tuple(headers),
        body=body,
        timeout=ATTEMPT,
        limit=_LARGEST_ANSWER,
        max_redirects=0,
        unrestricted=True,
        pooled=False,
    )


async def _mail(parts: Parts, settings: Email, told: Told) -> str | None:
    mail = Mail(
        host=settings.host,
        port=settings.port,
        security=settings.security,
        user=settings.user,
        password=settings.password,
        sender=settings.sender,
        recipients=settings.recipients,
        subject=f"Adyton: {messages.headline(told)}",
        text=messages.text(told) + "\n",
        message_id=f"<{told.id}@{settings.sender.rpartition('@')[2]}>",
        date=parts.clock.now(),
        timeout=ATTEMPT,
    )
    try:
        return await parts.mail.send(mail) or None
    except MailFailure as failure:
        raise NotTold(str(failure), again=failure.retriable) from None


def _seconds(text: str) -> float:
    return min(float(text), LONGEST_WAIT) if text.isascii() and text.isdigit() and len(text) < 9 else 0.0
