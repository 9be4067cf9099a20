"""An agent that is too heavy for a minute starts itself anew; a burst is no illness."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from collectors import settings
from collectors.caps import Caps, Use, Watchdog, now
from collectors.settings import StateDir
from tests.collectors.centre import Centre, serving
from tests.collectors.test_agent import enrol, stored, until, watching

MB = 1 << 20
CAPS = Caps(100, 10)


def judged(uses: Sequence[tuple[float, float, float]], caps: Caps = CAPS) -> list[str]:
    """What the watchdog says to each (time, CPU seconds, MB)."""
    dog = Watchdog(caps)
    return [dog.too_heavy(Use(at, cpu, int(memory * MB))) for at, cpu, memory in uses]


def steps(seconds: int, *, cpu: float, memory: float) -> list[tuple[float, float, float]]:
    """Every 5 s; `cpu` in percent."""
    return [(at, at * cpu / 100, memory) for at in range(0, seconds + 1, 5)]


def test_a_light_agent_goes_on() -> None:
    assert not any(judged(steps(600, cpu=9, memory=99)))


def test_memory_above_the_cap_for_a_minute_is_too_much() -> None:
    said = judged(steps(60, cpu=1, memory=150))
    assert not any(said[:-1])
    assert said[-1] == "150 MB of memory for 60 s, 100 allowed"


def test_memory_that_was_given_back_meanwhile_counts_from_anew() -> None:
    uses = [(at, 0.0, 50.0 if at == 40 else 150.0) for at in range(0, 95, 5)]
    assert not any(judged(uses))


def test_processor_time_is_the_mean_of_the_last_minute() -> None:
    said = judged(steps(60, cpu=30, memory=10))
    assert said[-1] == "30 % of a core for 60 s, 10 allowed"
    busy_then_idle = [(at, min(at, 10) * 0.5, 10.0) for at in range(0, 300, 5)]
    assert not any(judged(busy_then_idle))


def test_zero_is_no_cap() -> None:
    assert not any(judged(steps(300, cpu=100, memory=5000), Caps(0, 0)))


def test_the_use_of_this_process_grows_with_its_work() -> None:
    before = now()
    held = bytearray(os.urandom(1)) * (30 * MB)
    sum(range(1_000_000))
    after = now()
    assert len(held) == 30 * MB
    assert after.memory - before.memory > 20 * MB
    assert after.cpu > before.cpu


@pytest.mark.parametrize(
    ("cap", "said_why"), [(Caps(memory_mb=1), "1 allowed"), (Caps(cpu_percent=0.001), "% of a core")]
)
def test_a_too_heavy_agent_says_so_and_is_the_same_process_afterwards(tmp_path: Path, cap: Caps, said_why: str) -> None:
    """With caps that nothing keeps and a minute of a second: health event, fresh life, nothing lost."""
    state, documents = StateDir(tmp_path / "state"), tmp_path / "documents"
    documents.mkdir()
    with serving(Centre()) as centre:
        assert enrol(centre, state.root, documents).exit_code == 0
        chosen = settings.load(state.settings)
        settings.save(settings.AgentSettings(protect=chosen.protect, caps=cap), state.settings)
        code = (
            "import sys; from collectors import caps; caps.SUSTAINED = 2.0 if len(sys.argv) == 3 else 600.0; "
            "caps.EVERY = 0.5; from collectors.__main__ import main; sys.exit(main())"
        )
        command = [sys.executable, "-c", code, "--state", str(state.root)]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            until(lambda: watching(state.root))
            (documents / "before").write_text("1")
            until(lambda: stored(centre, Kind="degraded", Collector="agent"))
            until(lambda: stored(centre, Kind="blind", Collector="files"))
            (documents / "after").write_text("1")
            until(lambda: stored(centre, TargetFilename=str(documents / "after")))
            assert process.poll() is None
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
    assert stored(centre, TargetFilename=str(documents / "before"))
    (said,) = stored(centre, Kind="degraded", Collector="agent")
    assert said["Reason"].startswith("the agent starts itself anew: ")
    assert said_why in said["Reason"]
    assert not stored(centre, Kind="killed")
