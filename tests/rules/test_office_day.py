"""Our rules leave people at work alone, and still hear one computer among them that waits for orders."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from detectors.sigma.load import load_rules
from detectors.workshop.backtest import Backtest, Past
from jikimi.domain.event import TIMESTAMP, canonical, format_time
from jikimi.domain.passport import allowing
from jikimi.domain.tenant import Tenant
from tests.rules.office_day import FLOW, MIDNIGHT, Happened, office_day

TENANT = Tenant("tenant-1", "한빛정밀", media=allowing("KNOWN-1", since=MIDNIGHT))
ROOT = Path(__file__).parents[2]
PAGE = 1_000


def told(events: Sequence[Happened]) -> dict[str, int]:
    """Hits by title."""
    run = Backtest(*load_rules([ROOT / "rules"]))
    past = [
        Past(str(n), source, at, at + timedelta(seconds=2), canonical(event))
        for n, (at, source, event) in enumerate(events)
    ]
    for begin in range(0, len(past), PAGE):
        run.feed(TENANT, past[begin : begin + PAGE])
    return {rule.title: rule.hits for rule in run.result().rules if rule.hits}


@pytest.mark.parametrize("seed", [1, 2])
def test_an_ordinary_day_of_an_office_is_worth_no_finding(seed: int) -> None:
    assert told(office_day(seed)) == {}


def test_a_program_that_waits_for_orders_is_heard_among_them() -> None:
    calls: list[Happened] = []
    for number in range(50):
        at = MIDNIGHT + timedelta(hours=9, seconds=600 * number + 37 * (number % 5))
        seen = {"Hostname": "PC-03", "SourceIp": "192.168.10.13", "DestinationIp": "203.0.113.77", "Protocol": "tcp"}
        amounts = {"DestinationPort": 8443, "BytesOut": 640, "BytesIn": 420, "EndReason": "fin", "Initiated": "true"}
        calls.append((at, FLOW, {TIMESTAMP: format_time(at), **seen, **amounts, "ConnectionState": "established"}))
    everything = sorted([*office_day(3), *calls], key=lambda one: one[0])
    assert told(everything) == {"Regular Small Connections To One Outside Address": 1}
