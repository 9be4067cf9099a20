"""`jikimi bench sigma`: what it prints, and what it refuses."""

import json
from pathlib import Path
from random import Random

import pytest
from typer.testing import CliRunner

from bench.lanes import LANES
from jikimi.cli import app

RULE = "title: T\nlogsource: {product: windows}\ndetection: {s: {Image|endswith: evil.exe}, condition: s}\n"
EVENT = {"Channel": "Security", "EventID": 1, "Image": "C:\\evil.exe", "@timestamp": "2026-11-02T00:00:00Z"}


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "a.yml").write_text(RULE)
    return folder


def test_files_are_one_lane_and_json_is_one_object(rules: Path, tmp_path: Path) -> None:
    file = tmp_path / "events.ndjson"
    file.write_text(f"{json.dumps(EVENT)}\n" * 20)
    ran = CliRunner().invoke(app, ["bench", "sigma", "--json", "--rules", str(rules), str(file)])
    told = json.loads(ran.stdout)
    assert ran.exit_code == 0
    assert told["events_per_second"] > 0
    assert told["orjson_events_per_second"] > 0
    (lane,) = told["lanes"]
    assert (lane["events"], lane["matches"], lane["decodes"]) == (20, 20, 1.0)
    assert told["start_cached_seconds"] > 0


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "no such file"), (b"", "no event"), (b"\x00\x01\x02", "bad.ndjson")],
    ids=["none", "empty", "junk"],
)
def test_a_file_without_events_is_told_in_one_sentence(
    rules: Path, tmp_path: Path, content: bytes | None, said: str
) -> None:
    file = tmp_path / "bad.ndjson"
    if content is not None:
        file.write_bytes(content)
    ran = CliRunner().invoke(app, ["bench", "sigma", "--rules", str(rules), str(file)])
    assert ran.exit_code == 2
    assert said in ran.stderr


def test_a_folder_without_rules_is_told_before_anything_is_measured(tmp_path: Path) -> None:
    ran = CliRunner().invoke(app, ["bench", "sigma", "--rules", str(tmp_path)])
    assert ran.exit_code == 2
    assert "no rule" in ran.stderr
    assert "round" not in ran.stderr


@pytest.mark.parametrize("lane", LANES, ids=[lane.name for lane in LANES])
def test_a_lane_is_the_same_from_the_same_seed_and_gives_no_event_twice(lane: tuple[object, ...]) -> None:
    _, _, events = lane
    first, again = events(Random(1)), events(Random(1))  # type: ignore[operator]
    some = [next(first) for _ in range(50)]
    assert some == [next(again) for _ in range(50)]
    assert len({json.dumps(event) for event in some}) == 50
