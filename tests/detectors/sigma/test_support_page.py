"""docs/sigma-support.md leads from each section of the specification to its code: what it names is there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/sigma-support.md").read_text(encoding="utf-8")
ENGINE = (ROOT / "docs/adr/0022-matching-bytes.md").read_text(encoding="utf-8")
CODE = ROOT / "detectors/sigma"
WITHOUT_A_SECTION = {"__init__.py", "bits.py", "bounded.py", "literals.py"}
"""What several of the others are made of."""


def test_every_file_the_page_names_exists() -> None:
    named = set(re.findall(r"`([\w/]+\.py)`", PAGE))
    places = (CODE, Path(__file__).parent, ROOT)
    assert [name for name in sorted(named) if not any((place / name).is_file() for place in places)] == []


def test_every_module_of_the_engine_is_found_from_the_page_or_from_its_record() -> None:
    modules = {file.name for file in CODE.glob("*.py")} - WITHOUT_A_SECTION
    assert [name for name in sorted(modules) if f"`{name}`" not in PAGE + ENGINE] == []
