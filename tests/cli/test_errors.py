"""What a command that fails says."""

import pytest
import typer

from jikimi.cli.errors import for_people


def _missing(name: str) -> None:
    raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def test_a_part_that_is_not_installed_is_said_with_the_extra_that_brings_it(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended:
        for_people(_missing)("uvicorn")
    assert ended.value.exit_code == 2
    assert "uvicorn is missing" in (said := capsys.readouterr().err)
    assert "'centre'" in said


def test_a_module_of_our_own_that_is_missing_is_a_defect() -> None:
    with pytest.raises(ModuleNotFoundError):
        for_people(_missing)("jikimi.nothing")
