"""What alerting is told at start: one frozen class, read once from JIKIMI_* variables."""

from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from alerting.euckr import encoded_length
from jikimi.errors import Misconfigured

TOKEN_CHARACTERS = 12
"""Of a link in an SMS: 71 random bits in letters and digits."""
LONGEST_SMS_LINK = 47
"""Bytes a link may take: 80 less the longest level word (23, English) and ten for the subject."""


class AlertSettings(BaseSettings):
    """Addresses and secrets of the providers, and how messages are sent.

    A provider is configured when all of its variables are set, absent when none is, and an error in between.
    """

    model_config = SettingsConfigDict(env_prefix="JIKIMI_", frozen=True, extra="ignore")

    public_url: str = "http://127.0.0.1:8600"
    """Where a client's browser reaches the centre; links in messages start with it."""

    sens_url: str = "https://sens.apigw.ntruss.com"
    sens_service_id: str = ""
    sens_access_key: SecretStr = SecretStr("")
    sens_secret_key: SecretStr = SecretStr("")
    sens_from: str = ""
    """Sender number, registered with the provider beforehand."""

    smtp_host: str = ""
    smtp_port: int = Field(default=587, ge=1, le=65535)
    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_from: str = ""
    """Sender of mails, `지킴이 <alerts@example.com>`."""
    smtp_ca_file: Path | None = None
    """Certificate authority to trust instead of the system's (a private mail server, the sandbox)."""

    centre_phone: str = ""
    """The centre's telephone number as it appears in mails."""
    max_attempts: int = Field(default=8, ge=1, le=20)
    lease_seconds: int = Field(default=45, ge=10)
    send_timeout_seconds: float = Field(default=20, gt=0)
    poll_seconds: float = Field(default=0.5, gt=0)
    answer_link_days: int = Field(default=14, ge=1)
    sms_per_minute: int = Field(default=60, ge=1)
    """Provider limit over all contacts; no risk level passes it."""
    mails_per_minute: int = Field(default=120, ge=1)

    @property
    def sens_configured(self) -> bool:
        """Raises Misconfigured when only a part is set."""
        return _all_or_none(
            "SMS provider Naver SENS",
            JIKIMI_SENS_SERVICE_ID=self.sens_service_id,
            JIKIMI_SENS_ACCESS_KEY=self.sens_access_key.get_secret_value(),
            JIKIMI_SENS_SECRET_KEY=self.sens_secret_key.get_secret_value(),
            JIKIMI_SENS_FROM=self.sens_from,
        )

    @property
    def smtp_configured(self) -> bool:
        """Raises Misconfigured when only a part is set."""
        return _all_or_none(
            "mail server",
            JIKIMI_SMTP_HOST=self.smtp_host,
            JIKIMI_SMTP_USER=self.smtp_user,
            JIKIMI_SMTP_PASSWORD=self.smtp_password.get_secret_value(),
            JIKIMI_SMTP_FROM=self.smtp_from,
        )

    def link(self, token: str) -> str:
        """The address behind an answer button, for a mail."""
        return f"{self.public_url.rstrip('/')}/k/{token}"

    def short_link(self, token: str) -> str:
        """The same without its scheme, as an SMS carries it."""
        parts = urlsplit(self.public_url)
        return f"{parts.netloc}{parts.path.rstrip('/')}/k/{token}"

    def check(self) -> None:
        """Raises Misconfigured with the mend when messages could not be made or sent with these settings."""
        if urlsplit(self.public_url).scheme not in ("http", "https") or not urlsplit(self.public_url).netloc:
            raise Misconfigured(
                f"JIKIMI_PUBLIC_URL is {self.public_url!r}: give an address like https://jk.example.com"
            )
        length = encoded_length(self.short_link("x" * TOKEN_CHARACTERS))
        if self.sens_configured and length > LONGEST_SMS_LINK:
            raise Misconfigured(
                f"JIKIMI_PUBLIC_URL makes SMS links of {length} bytes, {LONGEST_SMS_LINK} fit beside the text: "
                "give a shorter domain"
            )
        if self.lease_seconds <= self.send_timeout_seconds * 2:
            raise Misconfigured("JIKIMI_LEASE_SECONDS must be more than twice JIKIMI_SEND_TIMEOUT_SECONDS")
        _ = self.smtp_configured

    def missing(self) -> list[str]:
        """One sentence for each kind of message that cannot be sent, to be shown at start."""
        sentences = []
        if not self.sens_configured:
            sentences.append(NO_SMS_PROVIDER)
        if not self.smtp_configured:
            sentences.append(NO_MAIL_SERVER)
        return sentences


NO_SMS_PROVIDER = "no SMS provider is configured: set JIKIMI_SENS_SERVICE_ID, _ACCESS_KEY, _SECRET_KEY and _FROM"
NO_MAIL_SERVER = "no mail server is configured: set JIKIMI_SMTP_HOST, _USER, _PASSWORD and _FROM"


def _all_or_none(what: str, **variables: str) -> bool:
    missing = [name for name, value in variables.items() if not value]
    if missing and len(missing) < len(variables):
        raise Misconfigured(f"the {what} is only partly configured: also set {', '.join(missing)}")
    return not missing
