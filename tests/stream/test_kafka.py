"""The Kafka event log where there is no Kafka (tests/integration/kafka has a real one)."""

import socket

import pytest

from jikimi.errors import Misconfigured, Transient
from jikimi.stream.kafka import KafkaEventLog


@pytest.mark.parametrize("address", ["", "localhost", "localhost:", ":9092", "localhost:port", "a:1,b", "a:70000"])
async def test_what_is_not_an_address_is_refused(address: str) -> None:
    with pytest.raises(Misconfigured, match="HOST:PORT"):
        await KafkaEventLog.connect(address)


async def test_a_port_where_nobody_answers_is_transient_and_named() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    with pytest.raises(Transient, match=address):
        await KafkaEventLog.connect(address)
