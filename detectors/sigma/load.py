"""Rule files → rules, correlations, filters and a report; a fault in one rule never costs another."""

import gc
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaError, SigmaRuleLocation
from sigma.filters import SigmaFilter
from sigma.rule import SigmaRule
from sigma.rule.attributes import SigmaStatus
from sigma.rule.base import check_alias_expansion

from detectors.sigma import cache
from detectors.sigma.conditions import DEEPEST, tree_of
from detectors.sigma.correlations import correlation_of, references_of, shim
from detectors.sigma.delivery import why_blind
from detectors.sigma.detections import check_detections, in_texts
from detectors.sigma.fault import fault_of
from detectors.sigma.filters import Filter, filter_of, filtered, stated_source, without_effect
from detectors.sigma.identity import as_id, id_of, known_as
from detectors.sigma.match import RuleSet
from detectors.sigma.modifiers import NoValues, Unsupported
from detectors.sigma.open_rules import OpenRule, OpenRules, open_rule
from detectors.sigma.placeholders import NONE, Placeholders
from detectors.sigma.regex import POLICY
from detectors.sigma.report import Blind, LoadReport, Refusal
from detectors.sigma.rule import Rule
from detectors.sigma.rule_collection import rules_of
from detectors.sigma.source import Document, Source, sources
from detectors.sigma.tree import depth
from detectors.sigma.uncollected import uncollected
from detectors.sigma.words import words_of
from jikimi.domain.logsource import LogSource

_Item: TypeAlias = SigmaRule | SigmaCorrelationRule | SigmaFilter
TAXONOMY = "sigma"


class _Parsed(msgspec.Struct, frozen=True):
    """What pySigma read of one document; `condition` is a correlation's as written."""

    item: Any
    source: Source
    document: Document
    condition: Any = None

    def refusal(self, why: Unsupported) -> Refusal:
        return self.source.refusal(self.item.title, str(why), why.near, self.document.line)


def load_rules(
    paths: Sequence[Path], *, placeholders: Placeholders = NONE, keep_in: Path | None = None
) -> tuple[RuleSet, LoadReport]:
    """Every `.yml` and `.yaml` file at or below `paths`.

    `placeholders` are values that hold for every company (`%name%` in a value with `expand`). `keep_in` is a folder
    where the read rule set is kept for the next start (`cache.folder()`). Raises Misconfigured when a path does not
    exist or cannot be read; every other fault is a refusal in the report.
    """
    files = tuple(sources(paths))
    loaded = cache.find(keep_in, files, placeholders) if keep_in else None
    if loaded is None:
        with uncollected():
            loaded = _Loading(placeholders).load(files)
        gc.collect()  # pySigma's objects hold each other; now rather than while events pass
        if keep_in:
            cache.keep(keep_in, files, loaded, placeholders)
    return RuleSet(loaded.rules, loaded.open_rules), loaded.report


class _Loading:
    """One load: what was found so far."""

    def __init__(self, placeholders: Placeholders) -> None:
        self.placeholders = placeholders
        self.rules: dict[str, Rule] = {}
        self.names: dict[str, Rule] = {}
        self.refused: list[Refusal] = []
        self.refused_names: set[str] = set()
        self.parsed: list[_Parsed] = []
        self.open: list[OpenRule] = []

    def load(self, files: Sequence[Source]) -> cache.Loaded:
        for source in files:
            self._parse(source)
        filters = self._filters()
        for parsed in self.parsed:
            if isinstance(parsed.item, SigmaRule):
                self._translate(parsed, [one for _, one in filters])
        self._correlate()
        kept = tuple(self.rules.values())
        blind = tuple(
            Blind(rule.title, rule.file, str(rule.logsource), why)
            for rule in kept
            if not rule.correlation and (why := why_blind(rule.logsource)) is not None
        )
        idle = tuple(
            parsed.refusal(reason) for parsed, one in filters if (reason := without_effect(one, kept)) is not None
        )
        report = LoadReport(len(files), len(kept), tuple(self.refused), blind, idle)
        return cache.Loaded(kept, report, OpenRules(tuple(self.open), tuple(one for _, one in filters)))

    def _parse(self, source: Source) -> None:
        try:
            documents = source.documents()
        except Exception as error:  # YAML that is no YAML, no text, or nested beyond all measure
            mark = getattr(error, "problem_mark", None)
            reason = f"not readable as YAML: {getattr(error, 'problem', None) or error}"
            self.refused.append(Refusal("", source.file, mark.line + 1 if mark else 1, " ".join(reason.split())))
            return
        documents = [document for document in documents if document.content is not None]
        if not documents:
            self.refused.append(Refusal("", source.file, 1, "there is no rule in this file"))
            return
        try:
            for document in documents:
                check_alias_expansion(document.content)
        except SigmaError as error:
            self.refused.append(Refusal("", source.file, document.line, fault_of(None, error, {}).reason))
            return
        rules = rules_of(documents)
        if not rules:
            self.refused.append(Refusal("", source.file, 1, "there is no rule in this file, only what rules share"))
        for found in rules:
            if isinstance(found, tuple):
                self._refuse(source, found[0], found[1])
            else:
                self._read(source, found)

    def _read(self, source: Source, document: Document) -> None:
        """pySigma's reading of one rule, correlation or filter."""
        try:
            item, condition = item_of(document.content, source.file)
        except Exception as error:  # pySigma raises many kinds on odd YAML; each is a refusal of this rule only
            self._refuse(source, document, error)
        else:
            self.parsed.append(_Parsed(item, source, document, condition))

    def _refuse(self, source: Source, document: Document, error: Exception) -> None:
        content = document.content if isinstance(document.content, dict) else {}
        title = content.get("title")
        shown = title if isinstance(title, str) else ""
        fault = fault_of(content, error, self.placeholders)
        line = source.line_at(fault.paths, document.line)
        if line is None:
            self.refused.append(source.refusal(shown, fault.reason, fault.near, document.line))
        else:
            self.refused.append(Refusal(shown, source.file, line, fault.reason))
        self.refused_names |= {as_id(str(name)) for name in (content.get("id"), content.get("name")) if name}

    def _filters(self) -> list[tuple[_Parsed, Filter]]:
        found = []
        for parsed in self.parsed:
            if isinstance(parsed.item, SigmaFilter):
                try:
                    found.append((parsed, filter_of(parsed.item, self.placeholders)))
                except Exception as error:  # as above
                    self._refuse(parsed.source, parsed.document, error)
        return found

    def _translate(self, parsed: _Parsed, filters: Sequence[Filter]) -> None:
        try:
            self._add(rule_of(parsed.item, parsed.source.file, self.placeholders, filters))
        except Exception as error:  # as above: whatever pySigma trips over is this rule's refusal
            self._refuse(parsed.source, parsed.document, error)
            if isinstance(error, NoValues):
                self.open.append(open_rule(parsed.source.file, parsed.document.content))

    def _add(self, rule: Rule) -> None:
        if (other := self.rules.get(rule.id)) is not None:
            raise Unsupported(f"the id {rule.id} is already that of {other.title!r} in {other.file}", rule.id)
        if rule.name and (other := self.names.get(rule.name)) is not None:
            raise Unsupported(f"the name {rule.name!r} is already that of {other.title!r} in {other.file}", "name:")
        self.rules[rule.id] = self.names[rule.id] = rule
        if rule.name:
            self.names[rule.name] = rule

    def _correlate(self) -> None:
        """Correlations after the rules and correlations they name ("Related rules"), in as many rounds as it takes."""
        waiting = [parsed for parsed in self.parsed if isinstance(parsed.item, SigmaCorrelationRule)]
        generated: dict[str, bool] = {}
        while ready := [p for p in waiting if all(name in self.names for name in references_of(p.item))]:
            waiting = [parsed for parsed in waiting if parsed not in ready]
            for parsed in ready:
                try:
                    rule = _correlation(parsed, self.names)
                    self._add(rule)
                except Exception as error:  # as above
                    self._refuse(parsed.source, parsed.document, error)
                    continue
                for feeder in rule.correlation.rules if rule.correlation else ():
                    generated[feeder] = generated.get(feeder, True) and parsed.item.generate
        self._refuse_waiting(waiting)
        for feeder, generates in generated.items():
            self.rules[feeder] = msgspec.structs.replace(self.rules[feeder], generates=generates)

    def _refuse_waiting(self, waiting: list[_Parsed]) -> None:
        """What is left names a rule that is not there, or itself by way of others."""
        while broken := [(parsed, why) for parsed in waiting if (why := self._broken(parsed, waiting)) is not None]:
            for parsed, why in broken:
                self._refuse(parsed.source, parsed.document, why)
            waiting = [parsed for parsed in waiting if all(parsed is not one for one, _ in broken)]
        for parsed in waiting:
            missing = next(name for name in references_of(parsed.item) if name not in self.names)
            error = Unsupported(f"the correlated rule {missing!r} is fed by this one, or by a circle", missing)
            self._refuse(parsed.source, parsed.document, error)

    def _broken(self, parsed: _Parsed, waiting: Sequence[_Parsed]) -> Unsupported | None:
        awaited = {str(name) for one in waiting for name in (one.item.id, one.item.name) if name}
        for name in references_of(parsed.item):
            if name not in self.names and name in self.refused_names:
                return Unsupported(f"the correlated rule {name!r} was refused", name)
            if name not in self.names and name not in awaited:
                return Unsupported(f"the correlated rule {name!r} is not among the loaded rules", name)
        return None


def item_of(content: dict[str, Any], file: str) -> tuple[_Item, Any]:
    """A document as pySigma reads it, and a correlation's condition as written. Raises what is wrong with it."""
    location = SigmaRuleLocation(Path(file))
    identifier = id_of(content)
    content = {key: value for key, value in content.items() if key != "id"}
    shimmed, condition = shim(content)
    item: _Item
    if "correlation" in content:
        item = SigmaCorrelationRule.from_dict(shimmed, source=location)
    elif "filter" in content:
        check_detections(content["filter"])
        filtering = {**content, "filter": in_texts(content["filter"])}
        item = SigmaFilter.from_dict(filtering, source=location, policy=POLICY)
    else:
        if "detection" in content:
            check_detections(content["detection"])
            content = {**content, "detection": in_texts(content["detection"])}
        item = SigmaRule.from_dict(content, source=location, policy=POLICY)
    item.id = identifier  # type: ignore[assignment]  # pySigma has UUIDs only
    if item.taxonomy != TAXONOMY:
        raise Unsupported(f"the taxonomy {item.taxonomy!r} is not known here, only {TAXONOMY!r}", "taxonomy:")
    if item.status is SigmaStatus.UNSUPPORTED:
        raise Unsupported("the rule says of itself that it is unsupported", "status:")
    return item, condition


def rule_of(item: SigmaRule, file: str, placeholders: Placeholders, filters: Sequence[Filter]) -> Rule:
    """A rule under its filters. Raises `Unsupported`, or what pySigma raises for a condition it cannot read."""
    logsource = stated_source(item.logsource)
    condition = tree_of(item.detection, placeholders)
    bare = Rule("", item.title, "", (), logsource, "", file, condition=condition, name=item.name or "")
    condition = filtered(msgspec.structs.replace(bare, id=_id(item)), filters).condition
    if depth(condition) > DEEPEST:
        raise Unsupported(f"the detection is nested more than {DEEPEST} deep")
    return _named(item, file, logsource, condition=condition)


def _correlation(parsed: _Parsed, known: dict[str, Rule]) -> Rule:
    correlation = correlation_of(parsed.item, parsed.condition, known)
    sources_of_feeders = {known[rule].logsource for rule in correlation.rules}
    logsource = sources_of_feeders.pop() if len(sources_of_feeders) == 1 else LogSource()
    return _named(parsed.item, parsed.source.file, logsource, correlation=correlation)


def _named(item: SigmaRule | SigmaCorrelationRule, file: str, logsource: LogSource, **what: Any) -> Rule:
    words = words_of(item.custom_attributes.get("jikimi", {}))
    level = item.level.name.lower() if item.level else ""
    meaning = msgspec.json.encode((item.title, level, logsource, words, what))
    return Rule(
        id=_id(item),
        title=item.title,
        level=level,
        tags=tuple(str(tag) for tag in item.tags),
        logsource=logsource,
        version=hashlib.sha256(meaning).hexdigest()[:16],
        file=file,
        name=item.name or "",
        jikimi=words,
        **what,
    )


def _id(item: SigmaRule | SigmaCorrelationRule) -> str:
    return known_as(item.id, item.name, item.title)
