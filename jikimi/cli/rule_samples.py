"""How `jikimi rules test` tells what the samples said."""

import sys
from collections import Counter

import msgspec

from detectors.workshop.samples import SampleRun
from jikimi.cli.printed import say_some


def told(tested: SampleRun, as_json: bool) -> None:
    """One line a sample (or one JSON object) on stdout; refusals, rules without samples and the count on stderr."""
    if as_json:
        print(msgspec.json.encode(tested).decode())
    else:
        for one in tested.results:
            what = f"{one.title or one.rule}: {one.expect}: {one.why}" if one.rule else "samples"
            print(f"{'ok  ' if one.passed else 'FAIL'}  {one.file}:{one.line}  {what}")
            if not one.passed:
                print(f"      {one.problem}")
    say_some([f"refused: {refusal}" for refusal in tested.refused])
    if tested.untested:
        missing = Counter(" and ".join(one.missing) for one in tested.untested)
        for kinds, number in missing.items():
            print(f"{number} rules have no sample with expect {kinds}:", file=sys.stderr)
            say_some([f"{one.file}: {one.title}" for one in tested.untested if " and ".join(one.missing) == kinds])
    if not tested.files:
        return  # nothing to sum up
    print(f"{tested.passed} passed, {tested.failed} failed", file=sys.stderr)


def exit_code(tested: SampleRun) -> int:
    """1 when a sample failed, or a rule beside which one may stand was refused."""
    return 1 if tested.failed or tested.refused else 0
