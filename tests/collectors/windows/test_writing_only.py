"""watchdog on Windows is told to leave reading alone. Its module cannot be imported here: its source is read."""

import ast
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest

from collectors.windows.writing_only import ask_for_writing_only


@pytest.fixture
def winapi() -> SimpleNamespace:
    """The numbers that watchdog's module gives names to."""
    package = find_spec("watchdog.observers")
    assert package is not None
    assert package.origin is not None
    source = (Path(package.origin).parent / "winapi.py").read_text(encoding="utf-8")
    assert source.count("WATCHDOG_FILE_NOTIFY_FLAGS") > 1  # it is looked up when it is used
    numbers = {
        target.id: node.value.value
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    return SimpleNamespace(**numbers, WATCHDOG_FILE_NOTIFY_FLAGS=0x17F)


def test_writing_is_asked_for_and_reading_is_not(winapi: SimpleNamespace) -> None:
    ask_for_writing_only(winapi)
    asked = winapi.WATCHDOG_FILE_NOTIFY_FLAGS
    for name in ("FILE_NAME", "SIZE", "LAST_WRITE", "CREATION"):
        assert asked & getattr(winapi, f"FILE_NOTIFY_CHANGE_{name}")
    for name in ("LAST_ACCESS", "SECURITY", "ATTRIBUTES"):
        assert not asked & getattr(winapi, f"FILE_NOTIFY_CHANGE_{name}")
