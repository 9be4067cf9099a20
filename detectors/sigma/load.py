"""Rule files → rules, correlations and a report; a fault in one rule never costs another."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
from sigma.collection import SigmaCollection
from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaRuleLocation
from sigma.filters import SigmaFilter
from sigma.rule import SigmaRule

from detectors.sigma import cache
from detectors.sigma.conditions import tree_of
from detectors.sigma.correlations import correlation_of, shim
from detectors.sigma.match import RuleSet
from detectors.sigma.modifiers import Unsupported
from detectors.sigma.regex import POLICY
from detectors.sigma.report import Blind, LoadReport, Refusal
from detectors.sigma.route import is_known
from detectors.sigma.rule import Rule
from detectors.sigma.source import Source, sources
from detectors.sigma.tree import depth
from jikimi.domain.logsource import LogSource

DEEPEST = 100
"""A detection nested deeper is refused: no real one comes near."""

_Item: TypeAlias = SigmaRule | SigmaCorrelationRule | SigmaFilter


class _Parsed(msgspec.Struct, frozen=True):
    item: Any
    source: Source
    range: dict[str, Any] | None = None


def load_rules(paths: Sequence[Path], *, keep_in: Path | None = None) -> tuple[RuleSet, LoadReport]:
    """Every `.yml` and `.yaml` file at or below `paths`.

    `keep_in` is a folder where the read rule set is kept for the next start (`cache.folder()`). Raises Misconfigured
    when a path does not exist or cannot be read; every other fault is a refusal in the report.
    """
    files = tuple(sources(paths))
    loaded = cache.find(keep_in, files) if keep_in else None
    if loaded is None:
        loaded = _Loading().load(files)
        if keep_in:
            cache.keep(keep_in, files, loaded)
    return RuleSet(loaded.rules), loaded.report


class _Loading:
    """One load: what was found so far."""

    def __init__(self) -> None:
        self.rules: dict[str, Rule] = {}
        self.refused: list[Refusal] = []
        self.refused_names: set[str] = set()
        self.parsed: list[_Parsed] = []

    def load(self, files: Sequence[Source]) -> cache.Loaded:
        for source in files:
            self._parse(source)
        filters = [p.item for p in self.parsed if isinstance(p.item, SigmaFilter)]
        for parsed in self.parsed:
            if isinstance(parsed.item, SigmaRule):
                self._translate(parsed, filters)
        self._correlate()
        kept = tuple(self.rules.values())
        blind = tuple(Blind(r.title, r.file, str(r.logsource)) for r in kept if not r.correlation and not is_known(r))
        return cache.Loaded(kept, LoadReport(len(files), len(kept), tuple(self.refused), blind))

    def _refuse(self, source: Source, title: str, error: Exception) -> None:
        near = error.near if isinstance(error, Unsupported) else _quoted(str(error))
        self.refused.append(source.refusal(title, _reason(error), near))

    def _parse(self, source: Source) -> None:
        try:
            documents = source.documents()
        except Exception as error:  # YAML that is no YAML, no text, or nested beyond all measure
            mark = getattr(error, "problem_mark", None)
            reason = f"not readable as YAML: {getattr(error, 'problem', None) or error}"
            self.refused.append(Refusal("", source.file, mark.line + 1 if mark else 1, reason))
            return
        documents = [d for d in documents if d is not None]
        if not documents:
            self.refused.append(Refusal("", source.file, 1, "there is no rule in this file"))
            return
        together = any(isinstance(d, dict) and "action" in d for d in documents)
        for group in [documents] if together else [[d] for d in documents]:
            self._collect(group, source)

    def _collect(self, documents: list[Any], source: Source) -> None:
        """pySigma's reading of documents that belong together (`action: global`), or of one."""
        title = _title(documents[-1])
        try:
            if not all(isinstance(d, dict) for d in documents):
                raise Unsupported("not a rule: a YAML document of a rule file must be a map")
            shimmed = [shim(d) for d in documents]
            collection = SigmaCollection.from_dicts(
                [d for d, _ in shimmed],
                collect_errors=True,
                source=SigmaRuleLocation(Path(source.file)),
                collect_filters=True,
                resolve_references=False,
                policy=POLICY,
            )
            items: list[_Item] = [*collection.rules, *collection.filters]
            if not items and collection.errors:
                raise collection.errors[0]
        except Exception as error:  # pySigma raises many kinds on odd YAML; each is a refusal of this rule only
            self._refuse(source, title, error)
            return
        stated = shimmed[0][1] if len(shimmed) == 1 else None
        for item in items:
            if item.errors:
                self._refuse(source, item.title, item.errors[0])
                self.refused_names |= {name for name in (item.name, str(item.id or "")) if name}
            else:
                self.parsed.append(_Parsed(item, source, stated))

    def _translate(self, parsed: _Parsed, filters: Sequence[SigmaFilter]) -> None:
        item: SigmaRule = parsed.item
        try:
            for one in filters:
                filtered = one.apply_on_rule(item)
                if isinstance(filtered, SigmaRule):
                    item = filtered
            if "timeframe" in item.detection.detections:
                raise Unsupported("a timeframe in a detection is not Sigma 2: write a correlation", "timeframe")
            rule = _rule(item, parsed.source)
            if depth(rule.condition) > DEEPEST:
                raise Unsupported(f"the detection is nested more than {DEEPEST} deep")
            self._add(rule)
        except Exception as error:  # as above: whatever pySigma trips over is this rule's refusal
            self._refuse(parsed.source, item.title, error)
            self.refused_names |= {name for name in (item.name, str(item.id or "")) if name}

    def _add(self, rule: Rule) -> None:
        if (other := self.rules.get(rule.id)) is not None:
            raise Unsupported(f"the id {rule.id} is already that of {other.title!r} in {other.file}", rule.id)
        self.rules[rule.id] = rule

    def _correlate(self) -> None:
        known = {name: rule for rule in self.rules.values() for name in (rule.id, rule.name) if name}
        feeders: dict[str, bool] = {}
        for parsed in self.parsed:
            if not isinstance(parsed.item, SigmaCorrelationRule):
                continue
            try:
                rule = _correlation(parsed, known, frozenset(self.refused_names))
                self._add(rule)
            except Exception as error:  # as above
                self._refuse(parsed.source, parsed.item.title, error)
                continue
            known |= {name: rule for name in (rule.id, rule.name) if name}
            for feeder in rule.correlation.rules if rule.correlation else ():
                feeders[feeder] = feeders.get(feeder, True) and parsed.item.generate
        for feeder, generates in feeders.items():
            self.rules[feeder] = msgspec.structs.replace(self.rules[feeder], generates=generates)


def _rule(item: SigmaRule, source: Source) -> Rule:
    stated = item.logsource
    return _named(item, source, LogSource(stated.product, stated.category, stated.service), condition=tree_of(item))


def _correlation(parsed: _Parsed, known: dict[str, Rule], refused: frozenset[str]) -> Rule:
    correlation = correlation_of(parsed.item, parsed.range, known, refused)
    sources_of_feeders = {known[rule].logsource for rule in correlation.rules}
    logsource = sources_of_feeders.pop() if len(sources_of_feeders) == 1 else LogSource()
    return _named(parsed.item, parsed.source, logsource, correlation=correlation)


def _named(item: SigmaRule | SigmaCorrelationRule, source: Source, logsource: LogSource, **what: Any) -> Rule:
    words = item.custom_attributes.get("jikimi", {})
    if not isinstance(words, dict):
        raise Unsupported("jikimi: must be a map (title_ko, title_en, advice_ko, advice_en)", "jikimi:")
    level = item.level.name.lower() if item.level else ""
    meaning = msgspec.json.encode((item.title, level, logsource, words, what))
    return Rule(
        id=str(item.id) if item.id else hashlib.sha256(f"{item.name}\x1f{item.title}".encode()).hexdigest()[:32],
        title=item.title,
        level=level,
        tags=tuple(str(tag) for tag in item.tags),
        logsource=logsource,
        version=hashlib.sha256(meaning).hexdigest()[:16],
        file=source.file,
        name=item.name or "",
        jikimi=words,
        **what,
    )


def _title(document: Any) -> str:
    return str(document.get("title", "")) if isinstance(document, dict) else ""


def _reason(error: Exception) -> str:
    """One sentence, without the file name pySigma appends."""
    if isinstance(error, Unsupported):
        return str(error)
    text = str(error.args[0]) if error.args else type(error).__name__
    return " ".join(text.split())


def _quoted(text: str) -> str:
    """The first quoted word of a message: it usually stands on the faulty line."""
    parts = text.split("'")
    return parts[1].strip() if len(parts) > 2 else ""
