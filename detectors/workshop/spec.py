"""pySigma's own validators: what the specification advises beyond what loading demands.

Those of ATT&CK and D3FEND tags download MITRE's data when first used. That of ATT&CK runs when a local copy is given;
what is left out is said.
"""

import re
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import fields
from pathlib import Path
from typing import Any

from sigma.rule import SigmaRule
from sigma.validation import SigmaValidator
from sigma.validators.base import SigmaValidationIssue
from sigma.validators.core import validators

from detectors.sigma.regex import POLICY
from detectors.workshop.attack import attack_tables
from detectors.workshop.documents import Document, Progress, silent
from detectors.workshop.remark import Remark

_NEEDS_DOWNLOAD = ("attacktag", "d3_fendtag")
_OUR_NAMESPACE = "jikimi."  # steps of a story, for correlations of behaviour
_SAID_BY_OTHERS = ("identifier_uniqueness",)  # the loader refuses the second of an id
_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])")


def left_out(attack: Path | None) -> tuple[str, ...]:
    """Names of the validators that do not run, since they would download what they compare with."""
    return tuple(name for name in _NEEDS_DOWNLOAD if name != "attacktag" or attack is None)


def remarks_of_spec(
    documents: Sequence[Document], attack: Path | None = None, progress: Progress = silent
) -> list[Remark]:
    """`attack` is a local copy of MITRE's enterprise-attack.json (STIX). Raises Misconfigured when it is none."""
    skipped = {*left_out(attack), *_SAID_BY_OTHERS}
    checker = SigmaValidator({each for name, each in validators.items() if name not in skipped})
    origin: dict[int, Document] = {}
    rules: list[SigmaRule] = []
    issues: list[SigmaValidationIssue] = []
    with attack_tables(attack) if attack else nullcontext():
        for number, document in enumerate(documents, 1):
            progress("checking against the specification", number, len(documents))
            if (rule := _rule(document)) is not None:
                origin[id(rule)] = document
                rules.append(rule)
                issues += _issues(checker, rule)
        issues += checker.finalize()
    return [
        Remark(document.title, document.source.file, document.line_of(near), "spec", text)
        for issue in issues
        for text, near in [_said(issue)]
        for document in [origin[id(issue.rules[-1])]]
        if not near.startswith(_OUR_NAMESPACE)
    ]


def _rule(document: Document) -> SigmaRule | None:
    if "detection" not in document.content:
        return None
    try:
        rule = SigmaRule.from_dict(document.content, collect_errors=True, policy=POLICY)
    except Exception:  # pySigma raises many kinds on odd YAML: the loader refuses the rule and says why
        return None
    return None if rule.errors else rule


def _issues(checker: SigmaValidator, rule: SigmaRule) -> list[SigmaValidationIssue]:
    try:
        return list(checker.validate_rule(rule))
    except Exception:  # a condition that cannot be parsed fails here too; the loader has said so
        return []


def _said(issue: SigmaValidationIssue) -> tuple[str, str]:
    """One sentence, and the word of the rule that it is about."""
    what = {each.name: getattr(issue, each.name) for each in fields(issue) if each.name != "rules"}
    near = next((str(value) for value in what.values() if isinstance(value, str) or not _is_long(value)), "")
    told = f" ({near})" if near else ""
    description = issue.description or _WORDS.sub(" ", type(issue).__name__.removesuffix("Issue")).lower()
    return " ".join(f"{description.rstrip('.')}{told}".split()), near.strip("*")


def _is_long(value: Any) -> bool:
    return len(str(value)) > 100
