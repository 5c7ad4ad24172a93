"""The real mail client, over aiosmtplib. Certificates are verified; the system's and SSL_CERT_FILE's are trusted."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime

import aiosmtplib

from adyton.ports import Mail, MailFailure
from adyton.system.reasons import reason

_LONGEST_ANSWER = 200
_LEAVE = 2.0
"""Seconds that a server has to say goodbye."""


class SmtpTransport:
    """``MailTransport`` to servers that speak SMTP. ``trust`` is for servers whose certificates the system does not know."""

    def __init__(self, trust: ssl.SSLContext | None = None) -> None:
        self._trust = trust

    async def send(self, mail: Mail) -> str:
        """Connect, perhaps log in, hand the message over. Raises MailFailure, whose words are the server's and never a
        password."""
        where = f"{mail.host}:{mail.port}"
        try:
            refused = await self._handed_over(mail)
        except aiosmtplib.SMTPAuthenticationError as fault:
            # Somebody may set another password, so it is worth trying again.
            raise MailFailure(f"{where} does not let the user in: {_answer(mail, fault)}", retriable=True) from None
        except aiosmtplib.SMTPRecipientsRefused as fault:
            codes = [each.code for each in fault.recipients]
            raise MailFailure(f"{where} takes no recipient: {_refusals(fault)}", retriable=min(codes) < 500) from None
        except aiosmtplib.SMTPResponseException as fault:
            raise MailFailure(f"{where} refuses: {_answer(mail, fault)}", retriable=fault.code < 500) from None
        except TimeoutError:
            raise MailFailure(f"{where} did not answer within {mail.timeout:g} s", retriable=True) from None
        except (aiosmtplib.SMTPException, OSError, ValueError) as fault:
            raise MailFailure(f"{where} cannot be asked: {_words(fault)}", retriable=True) from None
        return "; ".join(f"not taken: {name}: {_shown(answer.code, answer.message)}" for name, answer in refused.items())

    async def _handed_over(self, mail: Mail) -> Mapping[str, aiosmtplib.SMTPResponse]:
        """The answers about recipients that were not taken, while others were."""
        client = aiosmtplib.SMTP(
            hostname=mail.host.strip("[]"),
            port=mail.port,
            username=mail.user or None,
            password=mail.password or None,
            use_tls=mail.security == "tls",
            start_tls=mail.security == "starttls",
            timeout=mail.timeout,
            tls_context=self._trust,
            local_hostname=mail.sender.rpartition("@")[2],  # else the library asks the name service, and everybody waits
        )
        try:
            async with asyncio.timeout(mail.timeout):  # the library's own is for each step
                await client.connect()
                refused, _ = await client.send_message(_message(mail), sender=mail.sender, recipients=list(mail.recipients))
            # It is taken: whatever comes of the goodbye, it is not sent again.
            with suppress(aiosmtplib.SMTPException, OSError):
                await client.quit(timeout=_LEAVE)
            return refused
        finally:
            client.close()


def _message(mail: Mail) -> EmailMessage:
    message = EmailMessage()
    message["From"] = mail.sender
    message["To"] = ", ".join(mail.recipients)
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(datetime.fromtimestamp(mail.date // 1_000_000, UTC))
    message["Message-ID"] = mail.message_id
    # Automatic answers to it would only be noise: RFC 3834.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    return message


def _words(fault: Exception) -> str:
    if isinstance(fault, UnicodeError):
        return "its name cannot be a host's"
    if isinstance(fault, aiosmtplib.SMTPConnectError) and isinstance(fault.__cause__, OSError):
        return reason(fault.__cause__)
    known = isinstance(fault, aiosmtplib.SMTPException) or not isinstance(fault, OSError)
    return (str(fault) if known else reason(fault))[:_LONGEST_ANSWER]


def _answer(mail: Mail, fault: aiosmtplib.SMTPResponseException) -> str:
    return _shown(fault.code, _without_login(mail, fault.message))


def _refusals(fault: aiosmtplib.SMTPRecipientsRefused) -> str:
    return "; ".join(f"{each.recipient}: {_shown(each.code, each.message)}" for each in fault.recipients)


def _shown(code: int, words: str) -> str:
    """An answer on one line; one that is none has no code. What would turn or hide the text around it is left out."""
    printable = "".join(letter if letter.isprintable() else " " for letter in words)
    said = " ".join(printable.split())[:_LONGEST_ANSWER]
    return f"{code} {said}" if code > 0 else said


def _without_login(mail: Mail, words: str) -> str:
    """The words of a server that says back what it was told, without the password in any form in which it was sent."""
    user, password = mail.user.encode(), mail.password.encode()
    # The longest first: what is within another must not leave the rest of it behind.
    for sent in (b"\0" + user + b"\0" + password, password) if password else ():
        words = words.replace(base64.b64encode(sent).decode(), "***")
    return words.replace(mail.password, "***") if password else words
