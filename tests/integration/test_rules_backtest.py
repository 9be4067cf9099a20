"""A backtest tells the same while the centre runs, which then has the event store open, and when it is stopped."""

import json
import signal
from pathlib import Path
from typing import Any

from tests.integration.centre import RunningCentre

ROOT = Path(__file__).parents[2]


async def _backtest(centre: RunningCentre) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(await centre.command("rules", "backtest", "--json", str(ROOT / "rules" / "leak")))
    return told


def _hits(told: dict[str, Any]) -> dict[str, tuple[int, dict[str, int]]]:
    return {one["title"]: (one["hits"], one["by_tenant"]) for one in told["rules"] if one["hits"]}


async def test_a_running_and_a_stopped_centre_tell_the_same(tmp_path: Path) -> None:
    async with RunningCentre(tmp_path / "centre", {"XDG_CACHE_HOME": str(tmp_path / "cache")}) as centre:
        await centre.start()
        await centre.command("admin", "tenant", "add", "한빛정밀")
        await centre.command("replay", str(ROOT / "samples" / "stories" / "insider_leak.ndjson"))
        await centre.settled()
        running = await _backtest(centre)
        assert await centre.end(signal.SIGTERM) == 0
        stopped = await _backtest(centre)
    assert running["events"] == stopped["events"] > 400
    assert _hits(running) == _hits(stopped)
    assert _hits(running)["Copy To Removable Media"] == (1, {"한빛정밀": 1})
