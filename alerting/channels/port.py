"""What every way of telling a person offers, and the outcomes of one attempt."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

Kind = Literal["sms", "mail"]


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """One message to one person, as the provider is to send it.

    `key` is the same on every attempt: the Message-ID of a mail, our own request key for an SMS. `subject` of an SMS
    makes it an LMS. `created_at` dates the message, so that a second attempt is the same bytes.
    """

    key: str
    to: str
    subject: str
    body: str
    html: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took it over; `ref` is its name for it."""

    ref: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Delivered:
    """The person's handset has it."""

    detail: str = ""


@dataclass(frozen=True, slots=True)
class TryLater:
    """Certainly not sent; may go later. `provider_fault`: the provider, not this message, is the trouble."""

    detail: str
    provider_fault: bool = True


@dataclass(frozen=True, slots=True)
class Refusal:
    """Certainly not sent, and never will be in this form through this provider."""

    detail: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may or may not have gone: the line broke after the message was handed over."""

    detail: str


Outcome = Accepted | TryLater | Refusal | Unknown
Receipt = Delivered | Refusal


@dataclass(frozen=True, slots=True)
class NotFound:
    """The provider says that it never got the message: sending again doubles nothing."""


class Channel(Protocol):
    """One provider of one kind of message.

    `send` returns an outcome for everything that a provider or a line can do; it raises only on programming errors.
    It may be cancelled by a timeout, which counts as `Unknown`.
    """

    @property
    def name(self) -> str:
        """Of the provider, as people see it in the console."""

    @property
    def kind(self) -> Kind: ...

    @property
    def resend_is_safe(self) -> bool:
        """True when a second copy under the same key is recognised as the same message by its receiver."""

    async def send(self, message: OutgoingMessage) -> Outcome:
        """One attempt."""

    async def receipt(self, ref: str) -> Receipt | None:
        """What became of an accepted message; None while nothing is known."""

    async def find(self, message: OutgoingMessage, attempted_at: datetime) -> Accepted | NotFound | None:
        """Whether an attempt of unknown outcome arrived; None when the provider cannot say now."""

    async def close(self) -> None: ...
