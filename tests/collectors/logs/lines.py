"""Lines as real programs write them, made up here (examples/, a file a format, named as in collectors.logs.telling)."""

from pathlib import Path

EXAMPLES = {
    file.stem.replace("_", " "): file.read_text(encoding="utf-8").strip("\n").split("\n")
    for file in sorted((Path(__file__).parent / "examples").glob("*.log"))
}
