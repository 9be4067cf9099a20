"""The agent's listener and real senders: util-linux's logger, TLS, an exporter's datagrams."""

import contextlib
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from collectors.network_devices import receiver
from collectors.network_devices.receiver import OF_ONE_SENDER, NetworkDevices
from collectors.network_devices.settings import DeviceSettings
from collectors.sources.feed import Feed, Observation
from jikimi.domain.logsource import AGENT_HEALTH
from jikimi.errors import Misconfigured, Transient
from tests.collectors.network_devices.test_netflow import DATA, _set, _v5, _v5_record, _v9

HERE = ("127.0.0.0/8",)
UTM = b"<189>date=2026-11-22 logid=1 type=traffic subtype=x srcip=192.0.2.1 dstip=198.51.100.2 dstport=22 action=deny"


def until(true: Callable[[], object], timeout: float = 10) -> None:
    """Waits for another thread's work; the timeout only ends a test that failed."""
    end = time.monotonic() + timeout
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def _free() -> int:
    with socket.socket() as probe, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        probe.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", probe.getsockname()[1]))
        return int(probe.getsockname()[1])


class Heard:
    """A running listener and what it has handed in so far."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._all: list[Observation] = []

    def events(self, *, health: bool = False) -> list[dict[str, Any]]:
        self._all += self._feed.take(10_000)
        return [seen.event for seen in self._all if (seen.logsource == AGENT_HEALTH) == health]

    def dropped(self) -> int:
        return sum(event.get("Dropped", 0) for event in self.events(health=True))

    def wait(self, count: int) -> list[dict[str, Any]]:
        until(lambda: len(self.events()) >= count)
        return self.events()


@contextmanager
def _listening(settings: DeviceSettings) -> Iterator[Heard]:
    feed, stop = Feed("network_devices", "agent-1"), threading.Event()
    source = NetworkDevices(settings)
    thread = threading.Thread(target=source.run, args=(feed, stop))
    thread.start()
    try:
        until(lambda: feed.state == "running")
        yield Heard(feed)
    finally:
        stop.set()
        thread.join(10)
        assert not thread.is_alive()


def _send(port: int, *datagrams: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for datagram in datagrams:
            sender.sendto(datagram, ("127.0.0.1", port))


needs_logger = pytest.mark.skipif(shutil.which("logger") is None, reason="util-linux's logger is not installed")


@needs_logger
@pytest.mark.parametrize(
    "words",
    [["--udp", "--rfc3164"], ["--udp", "--rfc5424"], ["--tcp", "--rfc5424"], ["--tcp", "--rfc5424", "--octet-count"]],
    ids=" ".join,
)
def test_a_real_sender_is_understood_in_every_form(words: list[str]) -> None:
    port = _free()
    with _listening(DeviceSettings(HERE, "127.0.0.1", syslog_udp=port, syslog_tcp=port)) as heard:
        command = ["logger", "-n", "127.0.0.1", "-P", str(port), "-t", "utm", *words, "hello from the firewall"]
        subprocess.run(command, check=True, timeout=10)
        event = heard.wait(1)[0]
    assert (event["message"], event["program"], event["sender_ip"]) == ("hello from the firewall", "utm", "127.0.0.1")
    assert event["Hostname"] == socket.gethostname().split(".")[0]


def test_a_firewalls_line_is_an_event_of_the_device_not_of_the_agent() -> None:
    port = _free()
    with _listening(DeviceSettings(HERE, "127.0.0.1", syslog_udp=port)) as heard:
        _send(port, UTM)
        event = heard.wait(1)[0]
    assert (event["src_ip"], event["dst_port"], event["action"], event["Hostname"]) == (
        "192.0.2.1",
        22,
        "deny",
        "127.0.0.1",
    )


def test_exported_flows_are_network_flow_events_of_the_exporter() -> None:
    port = _free()
    with _listening(DeviceSettings(HERE, "127.0.0.1", netflow_udp=port)) as heard:
        _send(port, _v5(_v5_record(), _v5_record("198.51.100.20", (443, 40000), 1200)), b"\0\5rubbish")
        event = heard.wait(1)[0]
    assert (event["SourcePort"], event["DestinationPort"], event["PacketsOut"], event["PacketsIn"]) == (
        40000,
        443,
        10,
        10,
    )
    assert (event["Exporter"], event["ConnectionState"]) == ("127.0.0.1", "established")
    assert "DeviceTime" in event  # the datagram is of another year
    report = heard.events(health=True)[-1]
    assert (report["Kind"], report["Sender"], report["Seen"], report["Dropped"]) == ("gap", "127.0.0.1", 2, 1)


def test_a_datagram_longer_than_is_read_is_cut_and_counted() -> None:
    port = _free()
    with _listening(DeviceSettings(HERE, "127.0.0.1", syslog_udp=port)) as heard:
        _send(port, UTM + b" msg=" + b"x" * 20_000)
        assert heard.wait(1)[0]["src_ip"] == "192.0.2.1"
    assert heard.dropped() == 1


def test_who_is_not_in_the_list_is_not_heard_and_that_is_told() -> None:
    port = _free()
    with _listening(DeviceSettings(("192.0.2.0/24",), "127.0.0.1", syslog_udp=port, syslog_tcp=port)) as heard:
        _send(port, UTM, UTM)
        with socket.create_connection(("127.0.0.1", port)) as sender:
            assert sender.recv(1) == b""
    assert heard.events() == []
    report = heard.events(health=True)[-1]
    assert (report["Sender"], report["Dropped"]) == ("127.0.0.1", 3)
    assert "not heard" in report["Reason"]


def test_a_flood_is_told_or_counted_to_the_last_message() -> None:
    port = _free()
    with _listening(DeviceSettings(HERE, "127.0.0.1", syslog_udp=port)) as heard:
        _send(port, *[UTM] * 20_000)
        _send(port, b"<13>last")
        until(lambda: len(heard.events()) + heard.dropped() >= 20_001, timeout=30)
    assert len(heard.events()) + heard.dropped() == 20_001


def test_a_sender_that_keeps_connections_open_keeps_no_other_out() -> None:
    port = _free()
    with _listening(DeviceSettings(HERE, "127.0.0.1", syslog_tcp=port)) as heard, contextlib.ExitStack() as silent:
        for _ in range(OF_ONE_SENDER + 5):
            silent.enter_context(socket.create_connection(("127.0.0.1", port)))
        with socket.create_connection(("127.0.0.1", port), source_address=("127.0.0.9", 0)) as other:
            other.sendall(UTM + b"\n")
        assert heard.wait(1)[0]["sender_ip"] == "127.0.0.9"
    assert heard.dropped() == 5


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
    ]
    command += ["-subj", "/CN=localhost", "-keyout", str(path), "-out", str(path.with_suffix(".crt"))]
    subprocess.run(command, check=True, capture_output=True, timeout=30)
    path.write_bytes(path.read_bytes() + path.with_suffix(".crt").read_bytes())
    return path


def _say(port: int, context: ssl.SSLContext, text: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port)) as plain, context.wrap_socket(plain) as sender:
        sender.sendall(text)


def test_syslog_over_tls_is_heard_and_without_the_senders_certificate_refused(certificate: Path) -> None:
    port, context = _free(), ssl.create_default_context(cafile=str(certificate))
    context.check_hostname = False
    settings = DeviceSettings(
        HERE, "127.0.0.1", syslog_tls=port, certificate=str(certificate), sender_authority=str(certificate)
    )
    with _listening(settings) as heard:
        with contextlib.suppress(ssl.SSLError, ConnectionError):
            _say(port, context, b"<13>who am I\n")
        with socket.create_connection(("127.0.0.1", port)) as plain:
            plain.sendall(b"<13>no TLS at all\n")
            plain.recv(100)
        context.load_cert_chain(certificate)
        _say(port, context, b"%d %s<14>cut off" % (len(UTM), UTM))
        events = heard.wait(2)
    assert [event["message"] for event in events][1:] == ["cut off"]
    assert "2 connections without a TLS handshake" in heard.events(health=True)[-1]["Reason"]
    assert events[0]["src_ip"] == "192.0.2.1"


def _expired(path: Path, authority: Path) -> Path:
    """A sender's certificate of `authority` that is no longer valid, with its key."""
    pem = authority.read_bytes()
    issuer, key = x509.load_pem_x509_certificate(pem), serialization.load_pem_private_key(pem, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fw")])
    mine = ec.generate_private_key(ec.SECP256R1())
    built = x509.CertificateBuilder(issuer.subject, name, mine.public_key(), 7)
    built = built.not_valid_before(datetime(2020, 1, 1, tzinfo=UTC)).not_valid_after(datetime(2021, 1, 1, tzinfo=UTC))
    private = mine.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM) + private)
    return path


def _trusting(settings: DeviceSettings, certificate: Path) -> tuple[DeviceSettings, ssl.SSLContext]:
    context = ssl.create_default_context(cafile=str(certificate))
    context.check_hostname = False
    told = msgspec.structs.replace(settings, certificate=str(certificate), sender_authority=str(certificate))
    return told, context


def test_an_expired_certificate_of_a_sender_is_named_as_the_reason(certificate: Path, tmp_path: Path) -> None:
    port = _free()
    settings, context = _trusting(DeviceSettings(HERE, "127.0.0.1", syslog_tls=port), certificate)
    context.load_cert_chain(_expired(tmp_path / "old.pem", certificate))
    with _listening(settings) as heard, contextlib.suppress(ssl.SSLError, ConnectionError):
        _say(port, context, b"<13>x\n")
    assert heard.events() == []
    (told,) = [event for event in heard.events(health=True) if event["Kind"] == "gap"]
    assert told["Reason"] == (
        "1 connections without a TLS handshake that succeeds (last: the sender's certificate: certificate has expired)"
    )


def test_a_sender_that_dallies_over_its_handshake_is_cut_off(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiver, "HANDSHAKE", 0.2)
    port = _free()
    settings, _ = _trusting(DeviceSettings(HERE, "127.0.0.1", syslog_tls=port), certificate)
    with _listening(settings) as heard, socket.create_connection(("127.0.0.1", port)) as slow:
        slow.sendall(b"\x16\x03\x01")
        slow.settimeout(10)
        assert slow.recv(100) == b""
    assert "it was not completed in time" in heard.events(health=True)[-1]["Reason"]


def test_more_senders_than_there_is_room_for_are_each_heard_or_counted(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiver, "CONNECTIONS", 10)
    port = _free()
    settings, context = _trusting(DeviceSettings(HERE, "127.0.0.1", syslog_tls=port), certificate)
    context.load_cert_chain(certificate)
    with _listening(settings) as heard, contextlib.ExitStack() as held:
        for n in range(30):
            with contextlib.suppress(ssl.SSLError, ConnectionError):
                plain = held.enter_context(
                    socket.create_connection(("127.0.0.1", port), source_address=(f"127.0.1.{n + 1}", 0))
                )
                sender = held.enter_context(context.wrap_socket(plain))
                sender.sendall(b"<13>here\n")
        assert len(heard.wait(10)) == 10
    assert len({event["sender_ip"] for event in heard.events()}) == 10
    assert heard.dropped() == 20


def test_a_sender_that_breaks_off_under_tls_within_a_message_is_heard_and_counted(certificate: Path) -> None:
    port = _free()
    settings, context = _trusting(DeviceSettings(HERE, "127.0.0.1", syslog_tls=port), certificate)
    context.load_cert_chain(certificate)
    with _listening(settings) as heard:
        _say(port, context, b"500 <14>half of it")
        assert heard.wait(1)[0]["message"] == "half of it"
    assert heard.dropped() == 1


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (DeviceSettings((), syslog_udp=5), "senders"),
        (DeviceSettings(("office",), syslog_udp=5), "senders"),
        (DeviceSettings(HERE, syslog_tls=5), "certificate"),
        (DeviceSettings(HERE, syslog_tls=5, certificate="/nowhere.pem"), "certificate"),
        (DeviceSettings(HERE, syslog_udp=5, zone="Mars/Olympus"), "zone"),
    ],
)
def test_settings_that_cannot_work_end_in_a_sentence(settings: DeviceSettings, words: str) -> None:
    with pytest.raises(Misconfigured, match=words):
        NetworkDevices(settings).run(Feed("network_devices", "a"), threading.Event())


def test_a_port_that_is_taken_is_tried_again_later() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        source = NetworkDevices(DeviceSettings(HERE, "127.0.0.1", syslog_udp=port))
        with pytest.raises(Transient, match=str(port)):
            source.run(Feed("network_devices", "a"), threading.Event())


def test_flow_records_that_never_got_their_template_are_a_gap_at_the_end() -> None:
    port = _free()
    with _listening(DeviceSettings(HERE, "127.0.0.1", netflow_udp=port)) as heard:
        _send(port, _v9(_set(256, DATA)), _v5(_v5_record()))
        heard.wait(1)
    (told,) = [event for event in heard.events(health=True) if event["Kind"] == "gap"]
    assert told["Dropped"] == 1
    assert "1 sets of flow records whose template did not come" in told["Reason"]
