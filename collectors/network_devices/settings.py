"""What the agent listens to for network devices; a part of its settings file. Without it the agent opens no port."""

import ssl
from datetime import UTC, datetime, tzinfo
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from jikimi.errors import Misconfigured

Network = IPv4Network | IPv6Network


class DeviceSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`senders`: addresses or networks that may send, nobody else is heard. A port of 0 is closed.

    `certificate`, `key`: PEM files for TLS; with `sender_authority` (PEM) senders must show a certificate of it. `zone`
    (`Asia/Seoul`): where devices are that state no time zone, else the computer's own.
    """

    senders: tuple[str, ...] = ()
    address: str = "0.0.0.0"  # noqa: S104 - devices are other computers
    syslog_udp: int = 0
    syslog_tcp: int = 0
    syslog_tls: int = 0
    netflow_udp: int = 0
    certificate: str = ""
    key: str = ""
    sender_authority: str = ""
    zone: str = ""

    @property
    def listens(self) -> bool:
        return any((self.syslog_udp, self.syslog_tcp, self.syslog_tls, self.netflow_udp))

    def networks(self) -> tuple[Network, ...]:
        """Raises Misconfigured when there is none, or one is no address."""
        if not self.senders:
            raise Misconfigured("network_devices: name the devices that may send in `senders`; nobody else is heard")
        try:
            return tuple(ip_network(sender, strict=False) for sender in self.senders)
        except ValueError as error:
            raise Misconfigured(f"network_devices: `senders` holds what is no address or network ({error})") from error

    def times(self) -> tzinfo:
        """The zone of a time that states none. Raises Misconfigured for one that nobody knows."""
        if not self.zone:
            return datetime.now(UTC).astimezone().tzinfo or UTC
        try:
            return ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise Misconfigured(f"network_devices: `zone` {self.zone!r} is no time zone; write Asia/Seoul") from error

    def tls(self) -> ssl.SSLContext:
        """Raises Misconfigured when certificate or key cannot be used."""
        if not self.certificate:
            raise Misconfigured("network_devices: TLS needs `certificate` (and `key`, unless it is in the same file)")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.num_tickets = 0  # nobody reads them; a sender that closes over them resets what it sent last
        try:
            context.load_cert_chain(self.certificate, self.key or None)
            if self.sender_authority:
                context.load_verify_locations(self.sender_authority)
                context.verify_mode = ssl.CERT_REQUIRED
        except OSError as error:  # ssl.SSLError is one
            raise Misconfigured(f"network_devices: certificate or key cannot be used ({error})") from error
        return context


def may_send(address: str, networks: tuple[Network, ...]) -> bool:
    """Whether `address`, as a socket gives it, is in one of `networks`; IPv4 within IPv6 is IPv4."""
    sender = ip_address(address.split("%", 1)[0])
    sender = getattr(sender, "ipv4_mapped", None) or sender
    return any(sender in network for network in networks)
