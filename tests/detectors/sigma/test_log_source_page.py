"""docs/log-sources.md says what the tables in the code say."""

from pathlib import Path

import pytest
import yaml

import detectors
from detectors.sigma.delivery import delivered_by
from jikimi.domain.logsource import LogSource

PAGE = Path(detectors.__file__).parent.parent / "docs" / "log-sources.md"


def _rows(title: str) -> dict[LogSource, int]:
    section = PAGE.read_text(encoding="utf-8").partition(f"## {title}")[2].partition("\n## ")[0]
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in section.split("\n") if line.startswith("| ")]
    return {LogSource(*(cell or None for cell in row[:3])): int(row[3]) for row in cells if row[3].isdigit()}


def test_the_page_lists_as_delivered_and_as_blind_what_is() -> None:
    delivered, blind = _rows("Public rules and what delivers them"), _rows("Blind")
    assert delivered
    assert blind
    assert all(delivered_by(source) for source in delivered)
    assert not any(delivered_by(source) for source in blind)


@pytest.mark.corpus
def test_the_page_counts_every_public_rule(public_folder: Path) -> None:
    counts: dict[LogSource, int] = {}
    for file in public_folder.rglob("*.yml"):
        for document in yaml.load_all(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader):
            if isinstance(document, dict) and "detection" in document:
                stated = document["logsource"]
                source = LogSource(stated.get("product"), stated.get("category"), stated.get("service"))
                counts[source] = counts.get(source, 0) + 1
    assert _rows("Public rules and what delivers them") | _rows("Blind") == counts
