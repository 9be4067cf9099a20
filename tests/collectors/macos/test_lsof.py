"""Sockets as `lsof -F` prints them."""

from collectors.macos.lsof import owned
from collectors.sources.socket_watch import LISTEN

SAID = """p612
cSafari
Lkim
f23
tIPv4
TST=ESTABLISHED
TQR=0
n192.0.2.1:49152->198.51.100.7:443
f24
tIPv6
TST=ESTABLISHED
n[2001:db8::1]:49153->[2001:db8::2]:22
p88
csshd
Lroot
f3
tIPv6
TST=LISTEN
n*:22
f4
tIPv4
n*:*
"""


def test_every_connection_has_its_process_and_user() -> None:
    first, second, third = owned(SAID.splitlines())
    assert first[0].pair == ("192.0.2.1", 49152, "198.51.100.7", 443)
    assert (first[1].pid, first[1].image, first[1].user) == (612, "Safari", "kim")
    assert second[0].pair == ("2001:db8::1", 49153, "2001:db8::2", 22)
    assert (third[0].state, third[0].local_port, third[1].user) == (LISTEN, 22, "root")
