"""The story of a leak from the stick to the analyst's queue: a real centre, a real agent, a stick on a loop device."""

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.integration.centre import RunningCentre
from tests.lab.lab import do, mounted, stick

DRAWINGS = 12


@contextmanager
def agent(state: Path) -> Iterator[None]:
    command = [sys.executable, "-m", "jikimi", "agent", "run", "--state", str(state)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def titles(data: Path) -> list[str]:
    """Of all findings, the incidents' first."""
    found: list[str] = []
    for path in data.rglob("*.db"):
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
            if database.execute("SELECT 1 FROM sqlite_master WHERE name = 'incidents'").fetchone():
                for table in ("incidents", "findings"):
                    found += [row[0] for row in database.execute(f"SELECT title_ko FROM {table}")]
        database.close()
    return found


async def until(data: Path, *words: str) -> list[str]:
    async with asyncio.timeout(90):
        while True:
            told = titles(data)
            if all(any(word in title for title in told) for word in words):
                return told
            await asyncio.sleep(0.5)


async def registered(state: Path) -> None:
    """The agent has looked through its folders."""
    async with asyncio.timeout(60):
        while b"registry of protected documents" not in (  # noqa: ASYNC110 - another process
            (state / "status.json").read_bytes() if (state / "status.json").exists() else b""
        ):
            await asyncio.sleep(0.3)


async def test_drawings_carried_out_become_an_incident_that_says_how_sure_it_is(tmp_path: Path) -> None:
    """A researcher copies drawings to a stick of their own; the one with a passport is told as allowed."""
    folder = (tmp_path / "설계").resolve()
    folder.mkdir()
    for number in range(DRAWINGS):
        (folder / f"도면-{number}.dwg").write_bytes(b"AC1032" + random.Random(number).randbytes(40_000))
    state = tmp_path / "agent"
    async with RunningCentre(tmp_path / "centre", {}) as centre:
        await centre.start()
        await centre.command("admin", "tenant", "add", "한빛정밀")
        issued = await centre.command("admin", "token", "create", "--json")
        token = issued.split('"token": "')[1].split('"')[0]
        address = f"http://127.0.0.1:{centre.port}"
        enrolment = ("--url", address, "--token", token, "--device", "설계PC-07", "--state", str(state))
        do(
            *(sys.executable, "-m", "jikimi", "agent", "enrol", *enrolment),
            *("--protect", folder, "--lab-loop-is-removable"),
        )
        await centre.command(
            "admin", "device-passport", "allow", "--serial", "S-1", "--holder", "김하늘", "--by", "이부장"
        )
        with agent(state), stick(tmp_path / "stick.img", label="USB") as device:
            await registered(state)
            with mounted(device, tmp_path / "usb") as point:
                await asyncio.sleep(2)
                await asyncio.to_thread(do, "bash", "-c", f"cp {folder}/*.dwg {point}/")
                told = await until(
                    tmp_path / "centre",
                    f"보호 문서 {DRAWINGS}개가 USB에 저장됨",
                    "내용이 보호 문서와 한 글자도 다르지 않음, 확실도 100%",
                    "등록되지 않은 USB 저장장치",
                )
            assert (state / "config.json").exists()
        assert any(title.startswith("설계PC-07: ") for title in told)
        assert await centre.end(signal.SIGTERM) == 0


@pytest.fixture(autouse=True)
def _fanotify() -> None:
    from collectors.sources import fanotify

    try:
        os.close(fanotify.init())
    except OSError as error:
        pytest.skip(f"this kernel grants no fanotify: {error}")
