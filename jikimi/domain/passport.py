"""The device passport: which removable devices a company allows, to whom, for what, from when until when.

One judgement for everybody: the agent decides by it on the computer, without a line to the centre if need be, and the
centre says by it what rules see.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, NamedTuple

import msgspec

Judgement = Literal["allowed", "read_only_violation", "expired", "not_yet_valid", "revoked", "unknown"]
"""Best first: several passports may fit one device. `read_only_violation`: allowed for reading only, but mounted for
writing."""

Enforcement = Literal["off", "read_only", "unmount"]
"""What an agent does with a volume that is not allowed; never anything with one that is."""

_ORDER: tuple[Judgement, ...] = ("allowed", "read_only_violation", "expired", "not_yet_valid", "revoked", "unknown")
_WITHOUT_VOLUME = ("connect", "disconnect")
"""Before a volume is mounted nobody knows the file system's id."""


class DevicePassport(msgspec.Struct, frozen=True, omit_defaults=True):
    """One allowed device. Of `vendor`, `product`, `serial`, `filesystem_id` those that are stated must all agree, and a
    serial or a file system's id is stated. `valid_until` None: until it is revoked."""

    id: str
    valid_from: datetime
    serial: str = ""
    filesystem_id: str = ""
    vendor: str = ""
    product: str = ""
    holder: str = ""
    purpose: str = ""
    valid_until: datetime | None = None
    read_only: bool = False
    approved_by: str = ""
    revoked_at: datetime | None = None


class MediaRegister(msgspec.Struct, frozen=True, omit_defaults=True):
    """A company's passports, the revoked ones too. Without any, no register is kept and nothing is judged."""

    passports: tuple[DevicePassport, ...] = ()
    enforcement: Enforcement = "off"


class Verdict(NamedTuple):
    """`until` is when the judgement would change by time alone."""

    judgement: Judgement
    holder: str = ""
    until: datetime | None = None


def judge(register: MediaRegister, event: Mapping[str, object], now: datetime) -> Verdict | None:
    """`event` has the fields of a `removable_media` event. None when the company keeps no register."""
    if not register.passports:
        return None
    found = [_judged(one, event, now) for one in register.passports if _fits(one, event)]
    return min(found, key=lambda verdict: _ORDER.index(verdict.judgement), default=Verdict("unknown"))


def _judged(one: DevicePassport, event: Mapping[str, object], now: datetime) -> Verdict:
    if one.revoked_at is not None and one.revoked_at <= now:
        return Verdict("revoked", one.holder)
    if now < one.valid_from:
        return Verdict("not_yet_valid", one.holder, one.valid_from)
    if one.valid_until is not None and one.valid_until <= now:
        return Verdict("expired", one.holder)
    if one.read_only and event.get("ReadOnly") is False:
        return Verdict("read_only_violation", one.holder, one.valid_until)
    return Verdict("allowed", one.holder, one.valid_until)


def _fits(one: DevicePassport, event: Mapping[str, object]) -> bool:
    stated = {"Serial": one.serial, "Vendor": one.vendor, "Product": one.product}
    if event.get("Action") not in _WITHOUT_VOLUME:
        stated["FilesystemId"] = one.filesystem_id
    wanted = {name: value for name, value in stated.items() if value}
    return bool(wanted) and all(_same(event.get(name), value) for name, value in wanted.items())


def _same(told: object, stated: str) -> bool:
    return isinstance(told, str) and told.strip().casefold() == stated.strip().casefold()


def allowing(*serials: str, since: datetime) -> MediaRegister:
    """A register of devices known by their serial numbers, allowed without end."""
    return MediaRegister(tuple(DevicePassport(serial, since, serial) for serial in serials))
