"""By when what must have happened."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.incidents.deadlines import next_deadline
from api.incidents.masking import mask_link, mask_mail, mask_phone
from jikimi.domain.risk import RiskLevel

OPENED = datetime(2026, 11, 22, tzinfo=UTC)


def step_after(told: bool, acknowledged: bool, closed: bool = False) -> str | None:
    found = next_deadline(
        RiskLevel.very_high,
        opened_at=OPENED,
        told_at=OPENED if told else None,
        acknowledged_at=OPENED if acknowledged else None,
        closed_at=OPENED if closed else None,
    )
    return found.step if found else None


def test_first_the_client_is_told_then_it_is_acknowledged_then_closed() -> None:
    assert step_after(told=False, acknowledged=False) == "tell"
    assert step_after(told=True, acknowledged=False) == "acknowledge"
    assert step_after(told=True, acknowledged=True) == "close"
    assert step_after(told=True, acknowledged=True, closed=True) is None


@given(st.booleans(), st.booleans())
def test_a_worse_incident_never_has_more_time(told: bool, acknowledged: bool) -> None:
    moments = [
        next_deadline(
            risk,
            opened_at=OPENED,
            told_at=OPENED if told else None,
            acknowledged_at=OPENED if acknowledged else None,
            closed_at=None,
        )
        for risk in sorted(RiskLevel)
    ]
    spans = [found.due - OPENED for found in moments if found]
    assert spans == sorted(spans, reverse=True)
    assert min(spans) > timedelta()


@pytest.mark.parametrize(
    ("number", "masked"),
    [("010-1234-5678", "010-****-5678"), ("+82 10 1234 5678", "821-****-5678"), ("", ""), ("119", "****")],
)
def test_a_masked_number_lacks_its_middle(number: str, masked: str) -> None:
    assert mask_phone(number) == masked


def test_a_masked_address_keeps_two_letters_and_the_domain() -> None:
    assert mask_mail("minsu.kim@example.com") == "mi***@example.com"
    assert mask_mail("broken") == ""


def test_a_message_is_shown_without_the_token_of_its_link() -> None:
    shown = mask_link("[지킴이 높음] 확인 jk.example.com/k/W86lxbQTcTMS9bEQeKRatw 끝")
    assert shown == "[지킴이 높음] 확인 jk.example.com/k/… 끝"
