"""Rules written in a test, loaded the way files are."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from detectors.sigma.load import load_rules
from detectors.sigma.match import RuleSet
from detectors.sigma.report import LoadReport
from jikimi.domain.event import Event
from jikimi.domain.logsource import LogSource
from jikimi.testing.corpus import corpus_root

Loaded = tuple[RuleSet, LoadReport]
Load = Callable[[str], Loaded]
Fires = Callable[..., bool]
SOURCE = LogSource(product="test", category="any")


@pytest.fixture(scope="session")
def public_folder() -> Path:
    root = corpus_root()
    if root is None:
        pytest.skip("no public rule set beside this checkout")
    return root / "sigma"


@pytest.fixture(scope="session")
def public_rules(public_folder: Path) -> Loaded:
    """The public rule set, read once; the tests do not change it."""
    return load_rules([public_folder])


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Loads the text of one rule file."""

    def load_text(text: str) -> Loaded:
        (tmp_path / "rule.yml").write_text(text, encoding="utf-8")
        return load_rules([tmp_path])

    return load_text


@pytest.fixture
def fires(load: Load) -> Fires:
    """Does a rule with this detection hold for the event? `condition` defaults to `sel`."""

    def ask(detection: str | dict[str, Any], event: Event, condition: str = "sel") -> bool:
        named = yaml.safe_load(detection) if isinstance(detection, str) else detection
        rule = {
            "title": "Test",
            "logsource": {"product": "test"},
            "detection": (named if condition != "sel" else {"sel": named}) | {"condition": condition},
        }
        rules, report = load(yaml.safe_dump(rule, allow_unicode=True))
        assert not report.refused, report.refused
        return bool(rules.match(SOURCE, [event]))

    return ask
