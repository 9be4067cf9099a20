"""Upgrades with real agents: whole copies of the program under other version numbers, packed, signed, run."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from collectors import health
from collectors.locking import is_running
from collectors.settings import StateDir
from collectors.upgrade import package, upgrade
from collectors.upgrade.upgrade import Place
from collectors.upgrade.versions import Versions
from jikimi import __version__
from jikimi.errors import Refused
from jikimi.signing import SigningKey, TrustedKeys
from tests.collectors.centre import Centre, serving
from tests.collectors.test_agent import enrol, until

OURS = Path(__file__).parents[3]
PROGRAM = """#!/bin/sh
here="$(dirname "$(readlink -f "$0")")"
export PYTHONPATH="$here/lib"
exec {python} -P -m jikimi "$@"
"""
RESTART = """#!/bin/sh
kill "$(cat {root}/pid)" 2>/dev/null && while kill -0 "$(cat {root}/pid)" 2>/dev/null; do sleep 0.05; done
{root}/current/jikimi agent run --state {state} >/dev/null 2>&1 </dev/null &
echo $! > {root}/pid
"""


@dataclass
class Machine:
    """A computer with version 1.0.0 installed and running."""

    root: Path
    state: StateDir
    key: SigningKey

    @property
    def place(self) -> Place:
        return Place(Versions(self.root), self.state, f"{self.root}/restart", patience=60, steady=0.5)

    def build(self, version: str, *, breaks: str = "pass") -> Path:
        """The program's folder; `breaks` is put at the beginning of the running agent's module."""
        folder = self.root.parent / f"built-{version}"
        library = folder / "lib"
        for part in ("jikimi", "collectors", "rules"):
            shutil.copytree(OURS / part, library / part, ignore=shutil.ignore_patterns("__pycache__"))
        put(library / "jikimi" / "__init__.py", f'"{__version__}"', f'"{version}"')
        put(library / "collectors" / "__main__.py", "    leave_out(NOT_", f"    {breaks}\n    leave_out(NOT_")
        (folder / "jikimi").write_text(PROGRAM.format(python=sys.executable))
        (folder / "jikimi").chmod(0o755)
        return folder

    def packed(self, version: str, *, breaks: str = "pass") -> Path:
        out = self.root.parent / f"agent-{version}.jikimi"
        package.make(self.build(version, breaks=breaks), version, self.key, out)
        return out

    def runs(self) -> str:
        """The version that reported itself, while the agent lives; "" else."""
        told = health.read(self.state.status)
        return told.health.version if told and is_running(self.state) else ""


def put(file: Path, before: str, after: str) -> None:
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after, 1))


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with serving(Centre()) as centre:
        root, state = tmp_path / "opt", StateDir(tmp_path / "state")
        (root / "versions").mkdir(parents=True)
        enrol(centre, state.root)
        key = SigningKey.generate()
        (root / "trusted-keys").mkdir()
        key.write(tmp_path / "release").rename(root / "trusted-keys" / "release.pub")
        found = Machine(root, state, key)
        found.build("1.0.0").rename(root / "versions" / "1.0.0")
        (root / "current").symlink_to("versions/1.0.0")
        (root / "restart").write_text(RESTART.format(root=root, state=state.root))
        (root / "restart").chmod(0o755)
        subprocess.run([root / "restart"], check=True)
        until(lambda: found.runs() == "1.0.0")
        yield found
        os.kill(int((root / "pid").read_text()), signal.SIGTERM)
        until(lambda: not is_running(state))


def test_a_newer_version_is_checked_switched_to_and_runs(machine: Machine) -> None:
    steps: list[str] = []
    assert upgrade.upgrade(machine.place, machine.packed("1.1.0"), steps.append) == "1.1.0"
    assert steps == ["verified", "unpacked", "checked", "switched", "restarted", "healthy"]
    assert machine.runs() == "1.1.0"
    with pytest.raises(Refused, match=r"1\.1\.0 is not newer"):
        upgrade.upgrade(machine.place, machine.root.parent / "agent-1.1.0.jikimi", steps.append)


def test_a_version_that_ends_at_once_is_rolled_back(machine: Machine) -> None:
    file = machine.packed("1.1.0", breaks="raise SystemExit(1)")
    with pytest.raises(Refused, match=r"1\.1\.0 did not run well, 1\.0\.0 runs again"):
        upgrade.upgrade(replace(machine.place, patience=4), file, lambda _: None)
    until(lambda: machine.runs() == "1.0.0")
    assert Versions(machine.root).unsettled() is None


@pytest.mark.parametrize("step", ["unpacked", "switched"])
def test_killed_at_any_step_a_working_version_is_current_and_the_next_upgrade_goes_through(
    machine: Machine, step: str
) -> None:
    file = machine.packed("1.1.0")
    code = (
        "import os, sys; from pathlib import Path\n"
        "from collectors.settings import StateDir; from collectors.upgrade.upgrade import Place, upgrade\n"
        "from collectors.upgrade.versions import Versions\n"
        "root, state, file, step = sys.argv[1:]\n"
        "place = Place(Versions(Path(root)), StateDir(Path(state)), root + '/restart', 60, 0.5)\n"
        "upgrade(place, Path(file), lambda said: os.kill(os.getpid(), 9) if said == step else None)\n"
    )
    words = [sys.executable, "-c", code, str(machine.root), str(machine.state.root), str(file), step]
    assert subprocess.run(words, check=False, capture_output=True).returncode == -signal.SIGKILL
    current = machine.root / "current" / "jikimi"
    subprocess.run([current, "agent", "check", "--state", machine.state.root], check=True, capture_output=True)
    assert upgrade.upgrade(machine.place, file, lambda _: None) == "1.1.0"
    assert machine.runs() == "1.1.0"


def test_a_changed_or_foreign_package_is_refused_before_anything_is_unpacked(tmp_path: Path) -> None:
    folder, out, key = tmp_path / "program", tmp_path / "p.jikimi", SigningKey.generate()
    folder.mkdir()
    (folder / "jikimi").write_text("#!/bin/sh\n")
    package.make(folder, "1.0.0", key, out)
    keys = tmp_path / "keys"
    keys.mkdir()
    with pytest.raises(Refused, match="not among the 0 trusted"):
        package.verify(out, TrustedKeys.read(keys))
    key.write(tmp_path / "k").rename(keys / "k.pub")
    trusted = TrustedKeys.read(keys)
    assert package.verify(out, trusted).version == "1.0.0"
    whole = out.read_bytes()
    changes: list[Callable[[bytes], bytes]] = [
        lambda raw: raw[:-1],
        lambda raw: raw + b"\0",
        lambda raw: raw.replace(b'"1.0.0"', b'"9.0.0"', 1),
        lambda raw: raw[:-20] + bytes([raw[-20] ^ 1]) + raw[-19:],
        lambda raw: b"",
    ]
    for change in changes:
        out.write_bytes(change(whole))
        with pytest.raises(Refused):
            package.verify(out, trusted)
