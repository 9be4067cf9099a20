"""Small rule folders for the workshop's tests."""

from pathlib import Path

PROCESS = """\
title: {title}
id: 00000000-0000-4000-8000-{number:012}
status: test
level: high
tags: [{tags}]
logsource: {{product: windows, category: process_creation}}
detection:
  selection:
    {field}: {value}
  condition: selection
"""


def process_rule(
    number: int, value: str = "evil.exe", *, title: str = "", field: str = "CommandLine|contains", tags: str = ""
) -> str:
    """A rule over process creations; `number` makes its id, and its title where none is given."""
    return PROCESS.format(title=title or f"Rule {number}", number=number, field=field, value=value, tags=tags)


def write_rules(folder: Path, **files: str) -> Path:
    """`name=text` as `name.yml` in `folder`, which is given back."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.yml").write_text(text, encoding="utf-8")
    return folder
