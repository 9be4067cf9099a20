"""How a moment is told to a client, in a message and on a page alike: on the company's clock, in its language."""

from datetime import datetime
from zoneinfo import ZoneInfo

_WEEKDAYS_KO = "월화수목금토일"
_DAYS_EN = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS_EN = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def local_time(moment: datetime, zone: str, language: str, *, now: datetime | None = None) -> str:
    """`11월 22일(일) 02:13` or `Sun 22 Nov 02:13`, on the company's clock; with its year when `now` is in another."""
    local = moment.astimezone(ZoneInfo(zone))
    other_year = now is not None and now.astimezone(ZoneInfo(zone)).year != local.year
    if language == "ko":
        year = f"{local.year}년 " if other_year else ""
        return f"{year}{local.month}월 {local.day}일({_WEEKDAYS_KO[local.weekday()]}) {local:%H:%M}"
    year = f" {local.year}" if other_year else ""
    return f"{_DAYS_EN[local.weekday()]} {local.day} {_MONTHS_EN[local.month - 1]}{year} {local:%H:%M}"
