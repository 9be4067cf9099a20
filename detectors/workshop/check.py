"""`jikimi rules check`: everything that can be said of rules without an event.

Refusals, blind rules and filters without effect are the loader's; other remarks come from `spec`, `fields`,
`duplicates`, `slow` and, for rules of our own, from missing samples.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from detectors.rule_samples import samples_of
from detectors.sigma import cache
from detectors.sigma.load import load_rules
from detectors.sigma.report import Blind, Refusal
from detectors.sigma.rule import Rule
from detectors.sigma.source import sources
from detectors.sigma.uncollected import uncollected
from detectors.workshop.documents import Document, Progress, documents_in, silent
from detectors.workshop.duplicates import remarks_of_duplicates
from detectors.workshop.fields import known_fields, remarks_of_fields
from detectors.workshop.remark import Remark
from detectors.workshop.slow import remarks_of_slow
from detectors.workshop.spec import left_out, remarks_of_spec
from jikimi.errors import Misconfigured


class Checked(msgspec.Struct, frozen=True):
    """`files` were read, `loaded` rules and correlations can be used; `left_out` names checks that could not run."""

    files: int
    loaded: int
    refused: tuple[Refusal, ...]
    warnings: tuple[Remark, ...]
    blind: tuple[Blind, ...]
    left_out: tuple[str, ...] = ()


def check(
    paths: Sequence[Path],
    *,
    our_rules: Path,
    attack: Path | None = None,
    progress: Progress = silent,
    beside: Sequence[Path] = (),
) -> Checked:
    """Every rule file at or below `paths`; those of `beside` are there to be named and are not looked at themselves.

    `our_rules` documents the fields of our own log sources, `attack` is a local copy of MITRE's enterprise-attack.json.
    Where there is no rule file at all, all of it is empty. Raises Misconfigured for a path that is not there.
    """
    progress("loading", 0, 0)
    rule_set, report = load_rules([*paths, *beside], keep_in=cache.folder())
    files = {source.file for source in sources(paths)}
    rules = [rule for rule in rule_set.rules if rule.file in files]
    documents = documents_in(paths, progress)
    by_id = {document.rule_id: document for document in documents}
    with uncollected():
        of_spec = remarks_of_spec(documents, attack, progress)
    remarks = [
        *of_spec,
        *remarks_of_fields(rules, by_id, known_fields(our_rules)),
        *remarks_of_duplicates(rules, by_id),
        *remarks_of_slow(rules, by_id),
        *_remarks_of_samples(rules, by_id),
        *(Remark(idle.rule, idle.file, idle.line, "filter", idle.reason) for idle in report.without_effect),
    ]
    return Checked(
        files=len(files),
        loaded=len(rules),
        refused=tuple(refusal for refusal in report.refused if refusal.file in files),
        warnings=tuple(sorted((one for one in remarks if one.file in files), key=_place)),
        blind=tuple(blind for blind in report.blind if blind.file in files),
        left_out=left_out(attack),
    )


def _place(remark: Remark) -> tuple[str, int, str]:
    return remark.file, remark.line, remark.check


def _remarks_of_samples(rules: Sequence[Rule], documents: Mapping[str, Document]) -> Iterator[Remark]:
    """A rule with words for people (`jikimi:`) is one of ours: it has a sample that matches and one that does not."""
    for rule in rules:
        document = documents.get(rule.id)
        if document is None or not rule.generates or not rule.jikimi:
            continue
        try:
            kinds = {sample.expect for sample in samples_of(Path(rule.file)) if sample.rule == rule.id}
        except Misconfigured as error:
            yield Remark(rule.title, rule.file, document.line_of(), "samples", str(error))
            continue
        if missing := sorted({"match", "no_match"} - kinds):
            text = f"no sample with expect {' and none with '.join(missing)} beside it (format: rules/README.md)"
            yield Remark(rule.title, rule.file, document.line_of(), "samples", text)
