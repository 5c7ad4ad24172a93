"""Mail is handed to a server that is really there."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from adyton.ports import Mail, MailFailure
from adyton.system.mail import SmtpTransport
from support.alerting import MailServer, mail_at_work
from support.builders import NOW

TLS = Path(__file__).parents[2] / "support" / "tls"


def mail(server: MailServer, **changed: object) -> Mail:
    plain = Mail(
        host=server.host,
        port=server.port,
        security="none",
        sender="node@example.com",
        recipients=("a@example.com", "b@example.com"),
        subject="No new block – ¡überall!",
        text="The newest block is old.\nWhat to do: look.\n",
        message_id="<1-raised@example.com>",
        date=NOW,
        timeout=10.0,
    )
    return replace(plain, **changed)


def server_side() -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(TLS / "localhost.crt", TLS / "localhost.key")
    return context


def trusting() -> SmtpTransport:
    return SmtpTransport(ssl.create_default_context(cafile=str(TLS / "localhost.crt")))


async def test_a_message_arrives_as_it_was_written() -> None:
    async with mail_at_work() as server:
        assert await SmtpTransport().send(mail(server)) == ""
        ((envelope, message),) = server.taken
    assert (envelope.mail_from, envelope.rcpt_tos) == ("node@example.com", ["a@example.com", "b@example.com"])
    assert (message["Message-ID"], message["Date"]) == ("<1-raised@example.com>", "Tue, 14 Nov 2023 22:13:20 +0000")
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_payload(decode=True) == b"The newest block is old.\r\nWhat to do: look.\r\n"


async def test_who_logs_in_does_so_behind_starttls() -> None:
    async with mail_at_work(server_side()) as server:
        server.users = {"node": "right"}
        asked = mail(server, host="localhost", security="starttls", user="node", password="right")
        assert await trusting().send(asked) == ""
        assert (server.logins, len(server.taken)) == (["node"], 1)


async def test_a_wrong_password_is_told_without_it_and_may_be_put_right() -> None:
    async with mail_at_work(server_side()) as server:
        server.users = {"node": "right"}
        asked = mail(server, host="localhost", security="starttls", user="node", password="not-this-one")
        with pytest.raises(MailFailure, match="does not let the user in: 535") as failed:
            await trusting().send(asked)
    assert failed.value.retriable
    assert "not-this-one" not in str(failed.value)


async def test_a_certificate_that_nobody_vouches_for_is_not_trusted() -> None:
    async with mail_at_work(server_side()) as server:
        with pytest.raises(MailFailure, match="cannot be asked") as failed:
            await SmtpTransport().send(mail(server, host="localhost", security="starttls"))
        assert failed.value.retriable
        assert server.taken == []


async def test_a_server_without_starttls_is_handed_nothing() -> None:
    async with mail_at_work() as server:
        with pytest.raises(MailFailure, match="cannot be asked"):
            await SmtpTransport().send(mail(server, security="starttls"))
        assert server.taken == []


@pytest.mark.parametrize(("answer", "retriable"), [("451 come back later", True), ("554 never", False)])
async def test_what_a_server_answers_says_whether_to_come_back(answer: str, retriable: bool) -> None:
    async with mail_at_work() as server:
        server.refuse = answer
        with pytest.raises(MailFailure, match=f"refuses: {answer}") as failed:
            await SmtpTransport().send(mail(server))
    assert failed.value.retriable is retriable


async def test_a_recipient_that_is_not_taken_is_told_and_the_others_get_it() -> None:
    async with mail_at_work() as server:
        server.refused_recipients = ("b@example.com",)
        assert await SmtpTransport().send(mail(server)) == "not taken: b@example.com: 550 no such mailbox"
        assert server.taken[0][0].rcpt_tos == ["a@example.com"]
        server.refused_recipients = ("a@example.com", "b@example.com")
        with pytest.raises(MailFailure, match="takes no recipient") as failed:
            await SmtpTransport().send(mail(server))
    assert not failed.value.retriable


@asynccontextmanager
async def rude(*, tls: ssl.SSLContext | None = None, goodbye: bool = True, taken: bool = True) -> AsyncIterator[MailServer]:
    """A server that may never say goodbye, or whether it took a message; it says back what it is told at a log-in."""
    server, over = MailServer(), asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hi\r\n")
        while not over.is_set() and (line := await reader.readline()):
            match line.split()[0].upper():
                case b"EHLO":
                    writer.write(b"250-mail.example\r\n250 AUTH PLAIN\r\n")
                case b"AUTH":
                    told = line.split()[-1]
                    writer.write(
                        b"535 wrong: " + told + b" " + base64.b64decode(told).replace(b"\0", b" ") + b" \xe2\x80\xae\r\n"
                    )
                case b"DATA":
                    writer.write(b"354 go on\r\n")
                    await reader.readuntil(b"\r\n.\r\n")
                    await over.wait() if not taken else writer.write(b"250 taken\r\n")
                case b"QUIT" if not goodbye:
                    await over.wait()
                case _:
                    writer.write(b"250 OK\r\n")
        writer.close()

    listening = await asyncio.start_server(talk, server.host, 0, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        over.set()
        listening.close()


async def test_a_server_that_took_a_message_and_never_says_goodbye_has_taken_it() -> None:
    async with rude(goodbye=False) as server:
        assert await SmtpTransport().send(mail(server)) == ""


async def test_a_server_has_its_time_once_and_no_more_for_the_goodbye() -> None:
    async with rude(taken=False) as server:
        began = asyncio.get_running_loop().time()
        with pytest.raises(MailFailure, match=r"did not answer within 0\.3 s$"):
            await SmtpTransport().send(mail(server, timeout=0.3))
    assert asyncio.get_running_loop().time() - began < 0.55


async def test_a_password_that_a_server_says_back_is_not_told() -> None:
    async with rude(tls=server_side()) as server:
        asked = mail(server, host="localhost", security="tls", user="node", password="not-this-one")
        with pytest.raises(MailFailure) as failed:
            await trusting().send(asked)
    assert str(failed.value).endswith("does not let the user in: 535 wrong: *** node ***")


async def test_a_server_that_speaks_no_tls_is_said_to() -> None:
    async with rude() as server:
        with pytest.raises(MailFailure, match=r"cannot be asked: TLS failed: [a-z ]+$"):
            await SmtpTransport().send(mail(server, security="tls"))


async def test_nobody_there_is_worth_another_try() -> None:
    async with mail_at_work() as server:
        gone = mail(server)
    with pytest.raises(MailFailure, match="cannot be asked") as failed:
        await SmtpTransport().send(gone)
    assert failed.value.retriable
