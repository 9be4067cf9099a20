"""Rule files are read anew in a running worker: nothing missed, nothing doubled, and a fault keeps what runs."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

from jikimi.storage.schema import findings, rule_workers
from tests.detectors.release.watch import RULES, Watch, shells, steps, watch_in

NEW = """
title: A New Rule
id: 5a1c0a52-7d8b-4b8f-9d5e-000000000009
level: low
logsource: {product: test}
detection:
    sel: {Image|endswith: '/new'}
    condition: sel
"""


async def test_a_new_rule_is_watched_with_after_a_reload_and_not_before(watch: Watch) -> None:
    async with watch.working():
        await watch.look([{"Image": "/bin/new"}])
        watch.write({"new.yml": NEW})
        await watch.reload()
        await watch.followed()
        await watch.look([{"Image": "/bin/new"}])
    assert await watch.found() == 1


async def test_a_removed_rule_says_nothing_more(watch: Watch) -> None:
    async with watch.working():
        (watch.rules / "shell.yml").unlink()
        await watch.reload()
        await watch.followed()
        await watch.look(shells(3))
    assert await watch.found() == 0


async def test_an_unchanged_correlation_goes_on_counting_and_a_changed_one_begins_anew(watch: Watch) -> None:
    async with watch.working():
        await watch.look([*steps(9), *steps(9, Computer="PC-2")])
        watch.write({"new.yml": NEW})
        await watch.reload()
        await watch.followed()
        await watch.look(steps(1))
        assert await watch.found("Many Steps") == 1
        watch.write({"many.yml": RULES["many.yml"].replace("gte: 10", "gte: 9")})
        await watch.reload()
        await watch.followed()
        await watch.look(steps(1, Computer="PC-2"))
        assert await watch.found("Many Steps") == 1


async def test_rules_that_cannot_be_read_leave_the_running_ones_and_say_why(watch: Watch) -> None:
    async with watch.working():
        moved = watch.rules.rename(watch.folder / "moved")
        await watch.reload()
        await watch.followed()
        (worker,) = await watch.rows(rule_workers)
        assert "does not exist" in worker.error
        assert worker.content_version < worker.tried_version
        await watch.look(shells(2))
        moved.rename(watch.rules)
        await watch.reload()
        await watch.followed()
        (worker,) = await watch.rows(rule_workers)
        assert worker.error == ""
    assert await watch.found("A Shell") == 2


async def test_a_slip_in_a_rule_that_runs_keeps_it_running_and_is_told_with_its_place(watch: Watch) -> None:
    async with watch.working():
        watch.write({"new.yml": NEW, "shell.yml": RULES["shell.yml"].replace("endswith", "enswith")})
        await watch.reload()
        await watch.followed()
        (worker,) = await watch.rows(rule_workers)
        assert "rules that run would be lost" in worker.error
        assert "shell.yml:8" in worker.error
        await watch.look([*shells(2), {"Image": "/bin/new"}])
        assert (await watch.found("A Shell"), await watch.found("A New Rule")) == (2, 0)
        watch.write({"shell.yml": RULES["shell.yml"]})
        await watch.reload()
        await watch.followed()
        await watch.look([{"Image": "/bin/new"}])
    assert await watch.found("A New Rule") == 1


async def test_a_new_rule_that_is_refused_holds_up_nobody(watch: Watch) -> None:
    async with watch.working():
        watch.write({"new.yml": NEW, "bad.yml": NEW.replace("endswith", "enswith").replace("0009", "0010")})
        await watch.reload()
        await watch.followed()
        await watch.look([{"Image": "/bin/new"}])
    assert await watch.found("A New Rule") == 1
    assert [Path(one["file"]).name for one in watch.desk.refused()] == ["bad.yml"]


async def test_reloads_under_load_miss_nothing_and_double_nothing(watch: Watch) -> None:
    batches = 60

    async def send() -> None:
        for _ in range(batches):
            await watch.append([*shells(1), *steps(9)])
            await asyncio.sleep(0.02)

    async with watch.working():
        sending = asyncio.create_task(send())
        reloads = 0
        while not sending.done():
            watch.write({"new.yml": NEW.replace("A New Rule", f"New Rule {reloads}")})
            await watch.reload()
            reloads += 1
            await asyncio.sleep(0.3)
        await sending
        await watch.done()
        await watch.followed()
        (worker,) = await watch.rows(rule_workers)
    assert worker.content_version >= 2
    assert await watch.found("A Shell") == batches
    (many,) = [row for row in await watch.rows(findings) if row.rule_title == "Many Steps"]
    assert many.event_count == batches * 9


async def test_kill_minus_nine_between_reloads_misses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    """The process that reloads and stages all the time is killed twice; a third ends the work."""
    batches = 120
    async with watch_in(tmp_path) as watch:
        for _ in range(batches):
            await watch.append([*shells(1), *steps(9)])
    for kill in (True, True, False):
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.detectors.release.reloading_worker",
            str(tmp_path),
            stdout=PIPE,
            cwd=Path(__file__).parents[3],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        )
        assert process.stdout is not None
        async with asyncio.timeout(60):
            while await process.stdout.readline() not in (b"working\n", b""):
                pass
            if kill:
                await asyncio.sleep(0.5)
                process.send_signal(signal.SIGKILL)
            told = await process.stdout.read()
            await process.wait()
        assert kill or told.endswith(b"done\n")
    async with watch_in(tmp_path) as watch:
        assert await watch.found("A Shell") == batches
        (many,) = [row for row in await watch.rows(findings) if row.rule_title == "Many Steps"]
        assert many.event_count == batches * 9
