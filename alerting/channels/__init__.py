"""The ways of telling a person: one module a provider, chosen by the settings in one explicit list."""

from dataclasses import dataclass
from types import TracebackType

from alerting.channels.mail import SmtpChannel
from alerting.channels.port import Channel, Kind
from alerting.channels.sms_sens import SensChannel
from alerting.settings import AlertSettings
from jikimi.clock import Clock, utc_now


@dataclass(frozen=True, slots=True)
class Channels:
    """Every configured provider, the preferred one of a kind first."""

    all: tuple[Channel, ...]

    def of(self, kind: Kind) -> tuple[Channel, ...]:
        return tuple(channel for channel in self.all if channel.kind == kind)

    def named(self, name: str) -> Channel | None:
        """None when a provider that once sent is no longer configured."""
        return next((channel for channel in self.all if channel.name == name), None)

    async def close(self) -> None:
        for channel in self.all:
            await channel.close()

    async def __aenter__(self) -> "Channels":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def build_channels(settings: AlertSettings, clock: Clock = utc_now) -> Channels:
    """Raises Misconfigured when a provider is only partly configured or a message could not be made."""
    settings.check()
    chosen: list[Channel] = []
    if settings.sens_configured:
        chosen.append(SensChannel(settings, clock))
    if settings.smtp_configured:
        chosen.append(SmtpChannel(settings))
    return Channels(tuple(chosen))
