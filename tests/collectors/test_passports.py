"""The register on the computer: it holds offline, and setting the clock back helps nobody."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from collectors import config
from collectors.config import Config
from collectors.passports import Passports
from collectors.sources.memory import Memory
from jikimi.domain.passport import DevicePassport, MediaRegister

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
REGISTER = MediaRegister(
    (DevicePassport("p", NOW - HOUR, "S-1", holder="김하늘", valid_until=NOW + HOUR),), "read_only"
)
STICK = {"Action": "mount", "Serial": "S-1", "ReadOnly": False}


class Machine:
    """A computer whose clock and counter the test turns."""

    def __init__(self, path: Path) -> None:
        self.wall, self.counter, self.path = NOW, 100.0, path
        self.passports = self.start()

    def start(self) -> Passports:
        memory = Memory(self.path / "clock.json")
        self.passports = Passports(REGISTER, memory, clock=lambda: self.wall, monotonic=lambda: self.counter)
        return self.passports

    def passes(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.counter += seconds

    def judged(self) -> str:
        verdict = self.passports.judge(STICK)
        assert verdict is not None
        return verdict.judgement


def test_an_approval_ends_at_its_time_without_a_line(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    assert machine.judged() == "allowed"
    machine.passes(3601)
    assert machine.judged() == "expired"


def test_setting_the_clock_back_prolongs_nothing(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.passes(1800)
    assert machine.judged() == "allowed"
    machine.wall -= timedelta(days=30)
    machine.passes(1801)
    assert machine.judged() == "expired"


def test_nor_does_a_restart_with_the_clock_set_back(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.passes(3601)
    machine.passports.keep()
    machine.wall, machine.counter = NOW - timedelta(days=30), 0.0
    machine.start()
    assert machine.judged() == "expired"


def test_the_centre_s_time_mends_a_clock_that_ran_ahead(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.wall += timedelta(days=900)
    assert machine.judged() == "expired"
    machine.wall = NOW
    assert machine.judged() == "expired"
    machine.passports.heard(NOW)
    assert machine.judged() == "allowed"


def test_a_configuration_comes_back_from_disk_as_it_was(tmp_path: Path) -> None:
    config.save(Config(7, REGISTER), tmp_path / "config.json")
    assert config.load(tmp_path / "config.json") == Config(7, REGISTER)
    assert (tmp_path / "config.json").stat().st_mode & 0o077 == 0


def test_a_damaged_configuration_is_as_if_none_had_come(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"version": 9, "media": {"passp')
    assert config.load(tmp_path / "config.json") == Config()
