"""How `jikimi rules check` tells what it found."""

import sys
from collections import Counter

import msgspec

from detectors.workshop.check import Checked


def told(checked: Checked, as_json: bool) -> None:
    """Findings as `file:line: …` lines (or one JSON object) on stdout, the summary on stderr."""
    if as_json:
        print(msgspec.json.encode(checked).decode())
    else:
        for refusal in checked.refused:
            print(f"{refusal.file}:{refusal.line}: refused: {refusal.rule or 'unreadable'}: {refusal.reason}")
        for remark in checked.warnings:
            print(f"{remark.file}:{remark.line}: {remark.check}: {remark.rule}: {remark.text}")
        for (logsource, why), number in Counter((blind.logsource, blind.why) for blind in checked.blind).most_common():
            print(f"blind: {number} rules of {logsource}: {why}")
    if not checked.files:
        return  # nothing to sum up
    print(_summary(checked), file=sys.stderr)
    if checked.left_out:
        print(f"left out, since they download MITRE's data: {', '.join(checked.left_out)}", file=sys.stderr)


def exit_code(checked: Checked, strict: bool) -> int:
    """0 clean, 1 something is refused, and with `strict` warned of or blind."""
    return 1 if checked.refused or (strict and (checked.warnings or checked.blind)) else 0


def _summary(checked: Checked) -> str:
    by_check = Counter(remark.check for remark in checked.warnings)
    kinds = f" ({', '.join(f'{number} {name}' for name, number in sorted(by_check.items()))})" if by_check else ""
    return (
        f"{checked.files} files: {checked.loaded} rules loaded, {len(checked.refused)} refused, "
        f"{len(checked.warnings)} warnings{kinds}, {len(checked.blind)} blind"
    )
