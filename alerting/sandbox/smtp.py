"""A mail server that runs here: STARTTLS and AUTH demanded, mails checked as strict receivers do and kept as .eml.

Two mails with one Message-ID are one mail (duplicate suppression); `copies` says how often each one came.
"""

import asyncio
import email.policy
import hashlib
from collections import Counter, deque
from email import message_from_bytes
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Literal

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

MailFault = Literal["busy", "no_such_user", "drop_after_data", "message_refused"]
LARGEST_MAIL = 1_000_000


class SmtpSandbox:
    """Handler and authenticator for aiosmtpd, and the memory of what came."""

    def __init__(self, folder: Path, *, user: str, password: str, sender_domain: str) -> None:
        self._folder = folder
        self._user = user
        self._password = password
        self._sender_domain = sender_domain
        self.faults: deque[MailFault] = deque()
        self.copies: Counter[str] = Counter()
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def mails(self) -> list[EmailMessage]:
        """Every mail once, oldest first."""
        paths = sorted(self._folder.glob("*.eml"), key=lambda path: (path.stat().st_mtime_ns, path.name))
        return [message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in paths]

    def authenticate(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        del server, session, envelope, mechanism
        good = isinstance(data, LoginPassword) and (data.login, data.password) == (
            self._user.encode(),
            self._password.encode(),
        )
        return AuthResult(success=good, handled=good)

    async def handle_RCPT(  # noqa: N802 -- aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        del server, session, options
        if self.faults and self.faults[0] == "no_such_user":
            self.faults.popleft()
            return "550 5.1.1 no such user here"
        if self.faults and self.faults[0] == "busy":
            self.faults.popleft()
            return "451 4.3.2 busy, try again later"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 -- the same
        del session
        raw = envelope.original_content or b""
        mail = message_from_bytes(raw, policy=email.policy.default)
        fault = problem_with(mail, str(envelope.mail_from), self._sender_domain, len(raw))
        if fault:
            return f"550 5.6.0 {fault}"
        if self.faults and self.faults[0] == "message_refused":
            self.faults.popleft()
            return "554 5.7.1 refused by policy"
        message_id = str(mail["Message-ID"])
        self.copies[message_id] += 1
        name = hashlib.sha256(message_id.encode()).hexdigest()[:24]
        (self._folder / f"{name}.eml").write_bytes(raw)
        if self.faults and self.faults[0] == "drop_after_data":
            self.faults.popleft()
            if isinstance(server.transport, asyncio.WriteTransport):
                server.transport.abort()
        return "250 2.0.0 queued"


def problem_with(mail: EmailMessage, sender: str, sender_domain: str, size: int) -> str:
    """What a strict receiver would refuse, or nothing (RFC 5322 section 3.6, RFC 2045)."""
    if size > LARGEST_MAIL:
        return f"larger than {LARGEST_MAIL} bytes"
    for header in ("From", "To", "Subject", "Date", "Message-ID", "MIME-Version"):
        if len(mail.get_all(header) or []) != 1:
            return f"not exactly one {header} header"
    if not sender.endswith(f"@{sender_domain}") or sender not in str(mail["From"]):
        return "the sender is not the account's"
    try:
        parsedate_to_datetime(str(mail["Date"]))
    except ValueError:
        return "unreadable Date"
    parts = list(mail.walk())
    defects = [defect for part in parts for defect in part.defects]
    if defects:
        return f"malformed MIME: {type(defects[0]).__name__}"
    texts = {part.get_content_type() for part in parts}
    return "" if {"text/plain", "text/html"} <= texts else "no plain text beside the HTML"
