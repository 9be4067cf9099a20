"""An uninstalled agent says so, and sends what still waits."""

import asyncio
from pathlib import Path

import orjson
import pytest

from collectors.farewell import farewell
from collectors.settings import StateDir
from jikimi.errors import Misconfigured
from tests.collectors.centre import Centre, serving
from tests.collectors.test_agent import enrol


def test_the_centre_learns_that_the_agent_was_uninstalled_and_by_whom(tmp_path: Path) -> None:
    with serving(Centre()) as centre:
        enrol(centre, tmp_path / "state")
        asyncio.run(farewell(StateDir(tmp_path / "state"), "kim"))
        (told,) = [orjson.loads(raw) for raw in centre.events.values()]
    assert (told["Kind"], told["Reason"]) == ("uninstalled", "the agent was uninstalled by kim")


def test_an_agent_that_was_never_enrolled_has_nobody_to_tell(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="not enrolled"):
        asyncio.run(farewell(StateDir(tmp_path), "kim"))
