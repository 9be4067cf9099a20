"""Which device is allowed, on the computer and at the centre alike."""

from datetime import UTC, datetime, timedelta

import pytest

from jikimi.domain.passport import DevicePassport, MediaRegister, allowing, judge

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def judged(event: dict[str, object], *passports: DevicePassport) -> str | None:
    verdict = judge(MediaRegister(passports), event, NOW)
    return verdict.judgement if verdict else None


def passport(**stated: object) -> DevicePassport:
    return DevicePassport(**{"id": "p", "valid_from": NOW - DAY, "serial": "S-1", **stated})  # type: ignore[arg-type]


def test_a_company_without_a_passport_keeps_no_register() -> None:
    assert judge(MediaRegister(), {"Serial": "S-1"}, NOW) is None


def test_a_device_is_known_by_its_serial() -> None:
    register = allowing("S-1", since=NOW - DAY)
    assert [judge(register, {"Serial": serial}, NOW) for serial in ("S-1", "s-1 ", "S-2")][2] is not None
    assert judged({"Serial": "S-1"}, *register.passports) == "allowed"
    assert judged({"Serial": "S-2"}, *register.passports) == "unknown"
    assert judged({}, *register.passports) == "unknown"


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ({"valid_until": NOW + timedelta(seconds=1)}, "allowed"),
        ({"valid_until": NOW}, "expired"),
        ({"valid_from": NOW + DAY}, "not_yet_valid"),
        ({"revoked_at": NOW - DAY}, "revoked"),
        ({"vendor": "Example"}, "unknown"),
        ({"filesystem_id": "OTHER"}, "unknown"),
    ],
)
def test_every_part_that_is_stated_must_agree_and_the_time_too(stated: dict[str, object], expected: str) -> None:
    event: dict[str, object] = {"Action": "mount", "Serial": "S-1", "FilesystemId": "ABCD-1234", "Vendor": "Other"}
    assert judged(event, passport(**stated)) == expected


def test_before_the_mount_a_file_system_s_id_is_not_asked_for() -> None:
    one = passport(filesystem_id="ABCD-1234")
    assert judged({"Action": "connect", "Serial": "S-1"}, one) == "allowed"
    assert judged({"Action": "mount", "Serial": "S-1"}, one) == "unknown"


def test_a_device_for_reading_only_must_be_mounted_so() -> None:
    one = passport(read_only=True)
    assert judged({"Serial": "S-1", "ReadOnly": False}, one) == "read_only_violation"
    assert judged({"Serial": "S-1", "ReadOnly": True}, one) == "allowed"


def test_of_several_passports_the_best_counts() -> None:
    expired, fresh = passport(valid_until=NOW - timedelta(hours=1)), passport(holder="김하늘")
    assert judged({"Serial": "S-1"}, expired, fresh) == "allowed"
    assert judged({"Serial": "S-1"}, expired, passport(revoked_at=NOW)) == "expired"
