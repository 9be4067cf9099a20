"""The client company and its people (SME; one responsible person, 담당자, is often all there is)."""

from datetime import datetime, time
from zoneinfo import ZoneInfo

import msgspec

from jikimi.domain.passport import MediaRegister


class WorkHours(msgspec.Struct, frozen=True):
    """When the company works, in its own zone. `days` are ISO weekdays, 1 = Monday."""

    start: time = time(8, 0)
    end: time = time(20, 0)
    days: tuple[int, ...] = (1, 2, 3, 4, 5)

    def cover(self, local: datetime) -> bool:
        """True when `local` (already in the company's zone) lies in working hours."""
        return local.isoweekday() in self.days and self.start <= local.time() < self.end


class Tenant(msgspec.Struct, frozen=True):
    """What detectors and messages need to know of a client company."""

    id: str
    name: str
    zone: str = "Asia/Seoul"
    language: str = "ko"
    work_hours: WorkHours = WorkHours()
    placeholders: dict[str, tuple[str, ...]] = {}
    """Values of Sigma placeholders, e.g. DomainControllers → DC01, DC02: rules with `%DomainControllers%` need them."""
    media: MediaRegister = MediaRegister()
    """The removable devices the company allows."""

    def local(self, moment: datetime) -> datetime:
        """`moment` on the company's own clock."""
        return moment.astimezone(ZoneInfo(self.zone))


class Contact(msgspec.Struct, frozen=True):
    """A person to be told. A channel without an address is not used; levels are the lowest risk that is sent."""

    id: str
    tenant_id: str
    name: str
    email: str = ""
    phone: str = ""
    language: str = "ko"
    mail_from: str = "low"
    sms_from: str = "medium"


class Device(msgspec.Struct, frozen=True):
    """A computer of the client's; `name` as the company calls it."""

    id: str
    tenant_id: str
    name: str
    os: str = ""
    site_id: str | None = None
