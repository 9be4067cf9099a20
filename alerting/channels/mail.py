"""Mail by SMTP submission (RFC 6409) with STARTTLS and AUTH, through aiosmtplib.

A connection lost after DATA leaves the outcome unknown; RFC 5321 section 4.5.3.2.6 has the client send again, and the
unchanged Message-ID (RFC 5322 section 3.6.4) lets the receiver see that it is the same mail.
"""

import asyncio
import contextlib
from datetime import datetime
from email.errors import MessageError
from email.header import Header
from email.headerregistry import Address, HeaderRegistry, UniqueUnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy
from email.utils import format_datetime, parseaddr
from typing import Literal

import aiosmtplib

from alerting.channels.port import Accepted, NotFound, Outcome, OutgoingMessage, Receipt, Refusal, TryLater, Unknown
from alerting.settings import AlertSettings


class _Subject(UniqueUnstructuredHeader):
    """Folds so that every space survives.

    Python's own folding puts the space between two encoded words outside them, where RFC 2047 section 6.2 has readers
    drop it: "관리자 권한" arrives as "관리자권한".
    """

    def fold(self, *, policy: Policy) -> str:
        text = str(self)
        charset = "us-ascii" if text.isascii() else "utf-8"
        folded = Header(text, charset, maxlinelen=75, header_name="Subject").encode(linesep=policy.linesep)
        return f"Subject: {folded}{policy.linesep}"


_HEADERS = HeaderRegistry()
_HEADERS.map_to_type("subject", _Subject)  # type: ignore[arg-type]  # typeshed: the registry adds BaseHeader itself
SMTP_POLICY = SMTP.clone(header_factory=_HEADERS)


class SmtpChannel:
    """The centre's own mail server, or a provider's submission port."""

    name = "smtp"
    kind: Literal["mail"] = "mail"
    resend_is_safe = True

    def __init__(self, settings: AlertSettings) -> None:
        self._settings = settings

    async def send(self, message: OutgoingMessage) -> Outcome:
        """One connection a mail: alerts are few, and a held connection is one more thing that can be stale."""
        settings = self._settings
        client = aiosmtplib.SMTP(
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            start_tls=True,
            cert_bundle=str(settings.smtp_ca_file) if settings.smtp_ca_file else None,
            timeout=settings.send_timeout_seconds,
        )
        try:
            mail = compose(message, settings.smtp_from)
        except ValueError as error:
            return Refusal(f"not a mail address: {error}")
        try:
            await client.connect()
            await client.login(settings.smtp_user, settings.smtp_password.get_secret_value())
            return await _submit(client, mail)
        except aiosmtplib.SMTPAuthenticationError as error:
            return TryLater(f"the mail server refused our login: {_words(error)}")
        except (aiosmtplib.SMTPException, OSError) as error:
            return TryLater(f"the mail server cannot be reached: {_words(error)}")
        finally:
            await _leave(client)

    async def receipt(self, ref: str) -> Receipt | None:  # noqa: ARG002 -- SMTP has no receipts to ask for
        return None

    async def find(self, message: OutgoingMessage, attempted_at: datetime) -> Accepted | NotFound | None:  # noqa: ARG002 -- nor a way to ask
        return None

    async def close(self) -> None:
        """Nothing is held open."""


def compose(message: OutgoingMessage, sender: str) -> EmailMessage:
    """The mail as bytes will show it. Raises ValueError when the recipient is no address."""
    name, address = parseaddr(sender)
    mail = EmailMessage(policy=SMTP_POLICY)
    mail["From"] = Address(name, addr_spec=address)
    mail["To"] = _recipient(message.to)
    mail["Subject"] = " ".join(message.subject.split())
    mail["Date"] = format_datetime(message.created_at)
    mail["Message-ID"] = message.key
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office reply, please
    mail.set_content(message.body)
    mail.add_alternative(message.html, subtype="html")
    return mail


def _recipient(text: str) -> Address:
    try:
        address = Address(addr_spec=text.strip())
    except (IndexError, ValueError, MessageError) as error:
        raise ValueError("it does not read like name@example.com") from error
    if not address.username or "." not in address.domain:
        raise ValueError("it does not read like name@example.com")
    return address


async def _submit(client: aiosmtplib.SMTP, mail: EmailMessage) -> Outcome:
    try:
        _, answer = await client.send_message(mail)
    except aiosmtplib.SMTPRecipientsRefused as error:
        return _answered(error.recipients[0])
    except aiosmtplib.SMTPResponseException as error:
        return _answered(error)
    except (aiosmtplib.SMTPException, OSError) as error:
        return Unknown(f"the connection was lost while the mail was handed over: {_words(error)}")
    return Accepted(ref=str(mail["Message-ID"]), detail=answer.strip()[:200])


async def _leave(client: aiosmtplib.SMTP) -> None:
    """QUIT, then drop the line: waiting for the other side's TLS goodbye holds the socket for half a minute."""
    with contextlib.suppress(aiosmtplib.SMTPException, OSError):
        await client.execute_command(b"QUIT", timeout=2)
    transport = client.transport
    client.close()
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()
    await asyncio.sleep(0)


def _answered(error: aiosmtplib.SMTPResponseException) -> Outcome:
    """RFC 5321 section 4.2.1: 4yz is transient, 5yz final."""
    detail = f"{error.code} {_words(error)}"
    if error.code < 0:  # aiosmtplib's own codes for answers it could not read
        return Unknown(detail)
    if 400 <= error.code < 500:
        return TryLater(detail, provider_fault=isinstance(error, aiosmtplib.SMTPSenderRefused))
    return Refusal(detail)


def _words(error: Exception) -> str:
    """The server's words without what may hold an address."""
    text = error.message if isinstance(error, aiosmtplib.SMTPException) else type(error).__name__
    words = ("<address>" if "@" in word else word for word in str(text).split())
    return " ".join(words)[:200]
