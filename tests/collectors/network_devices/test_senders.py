"""Who may send, and what each sender sent."""

import pytest

from collectors.network_devices import senders
from collectors.network_devices.senders import OTHERS, Senders
from collectors.network_devices.settings import DeviceSettings, may_send


def test_an_ipv4_sender_is_known_also_in_its_ipv6_form() -> None:
    networks = DeviceSettings(("192.0.2.0/24", "2001:db8::5")).networks()
    allowed = ("192.0.2.9", "::ffff:192.0.2.9", "2001:db8::5", "198.51.100.1", "fe80::1%eth0")
    assert [may_send(address, networks) for address in allowed] == [True, True, True, False, False]


def test_senders_beyond_the_bound_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(senders, "MOST", 2)
    counts = Senders()
    for address in ("192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.1"):
        counts.of(address).seen += 1
    assert {told["Sender"]: told["Seen"] for told in counts.told()} == {"192.0.2.1": 2, "192.0.2.2": 1, OTHERS: 2}
    assert list(counts.told()) == []
