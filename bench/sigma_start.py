"""One start of the Sigma engine, measured from inside a fresh process: `python -m bench.sigma_start CACHE RULES…`."""

import json
import sys
import time
from pathlib import Path


def main(cache: Path, rules: list[Path]) -> None:
    """Reads the rules, makes every program, prints seconds and memory as JSON. Python's own start does not count."""
    from bench.sigma import resident_mb
    from detectors.sigma.load import load_rules

    began = time.perf_counter()
    rule_set, _ = load_rules(rules, keep_in=cache)
    loaded = time.perf_counter()
    rule_set.prepare()
    ready = time.perf_counter()
    told = {"seconds": round(ready - began, 3), "load": round(loaded - began, 3), "resident_mb": resident_mb()}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(argument) for argument in sys.argv[2:]])
