"""The real mail client, over aiosmtplib. Certificates are verified; the system's and SSL_CERT_FILE's are trusted."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime

import aiosmtplib

from adyton.ports import Mail, MailFailure
from adyton.system.reasons import reason

_LONGEST_ANSWER = 200


class SmtpTransport:
    """``MailTransport`` to servers that speak SMTP. ``trust`` is for servers whose certificates the system does not know."""

    def __init__(self, trust: ssl.SSLContext | None = None) -> None:
        self._trust = trust

    async def send(self, mail: Mail) -> str:
        """Connect, perhaps log in, hand the message over. Raises MailFailure, whose words are the server's and never a
        password."""
        where = f"{mail.host}:{mail.port}"
        try:
            async with asyncio.timeout(mail.timeout):  # the library's own is for each step
                refused = await self._handed_over(mail)
        except aiosmtplib.SMTPAuthenticationError as fault:
            # Somebody may set another password, so it is worth trying again.
            raise MailFailure(f"{where} does not let the user in: {_answer(fault)}", retriable=True) from None
        except aiosmtplib.SMTPRecipientsRefused as fault:
            codes = [each.code for each in fault.recipients]
            raise MailFailure(f"{where} takes no recipient: {_refusals(fault)}", retriable=min(codes) < 500) from None
        except aiosmtplib.SMTPResponseException as fault:
            raise MailFailure(f"{where} refuses: {_answer(fault)}", retriable=fault.code < 500) from None
        except TimeoutError:
            raise MailFailure(f"{where} did not answer within {mail.timeout:g} s", retriable=True) from None
        except (aiosmtplib.SMTPException, OSError, ValueError) as fault:
            raise MailFailure(f"{where} cannot be asked: {_words(fault)}", retriable=True) from None
        return "; ".join(f"not taken: {name}: {_shown(answer.code, answer.message)}" for name, answer in refused.items())

    async def _handed_over(self, mail: Mail) -> Mapping[str, aiosmtplib.SMTPResponse]:
        """The answers about recipients that were not taken, while others were."""
        refused, _ = await aiosmtplib.send(
            _message(mail),
            sender=mail.sender,
            recipients=list(mail.recipients),
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
        return refused


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
    known = isinstance(fault, aiosmtplib.SMTPException) or not isinstance(fault, OSError)
    return (str(fault) if known else reason(fault))[:_LONGEST_ANSWER]


def _answer(fault: aiosmtplib.SMTPResponseException) -> str:
    return _shown(fault.code, fault.message)


def _refusals(fault: aiosmtplib.SMTPRecipientsRefused) -> str:
    return "; ".join(f"{each.recipient}: {_shown(each.code, each.message)}" for each in fault.recipients)


def _shown(code: int, words: str) -> str:
    return f"{code} {' '.join(words.split())[:_LONGEST_ANSWER]}"
