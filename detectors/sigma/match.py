"""The loaded rules and what they say of events.

Each step only narrows the work of the next: the class of a line (`classify`), the raw scan for keywords (`raw_scan`),
what its values say of all rules (`columns`), the atoms of the fields that candidate rules ask for (`fields`), the rules
(`compile`). A line is decoded only when a rule holds or its values cannot tell.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import msgspec
import orjson

from detectors.sigma.classify import Classifier
from detectors.sigma.lines import Lines
from detectors.sigma.open_rules import NO_OPEN_RULES, OpenRules
from detectors.sigma.program import Candidate, Program
from detectors.sigma.raw_scan import RawScan
from detectors.sigma.route import EventClass, class_fields, class_of, tag_field
from detectors.sigma.rows import RowReader
from detectors.sigma.rule import Match, Rule
from jikimi.domain import windows
from jikimi.domain.event import Event, block_of, canonical
from jikimi.domain.logsource import LogSource

_KEPT_PROGRAMS = 1_000
_KEPT_SOURCES = 100


class Counts(msgspec.Struct):
    """What matching did so far: events seen, those with a candidate rule, those decoded."""

    events: int = 0
    candidates: int = 0
    decoded: int = 0


class RuleSet:
    """All rules; programs are made when the first event of a class comes.

    `quarantined` maps the id of a rule that threw to what it threw: it is not asked again. `open` are rules that only
    a company's placeholder values make usable (`tenant_rules`). Not thread-safe.
    """

    def __init__(self, rules: Sequence[Rule], open_rules: OpenRules = NO_OPEN_RULES) -> None:
        self.open = open_rules
        self.rules: tuple[Rule, ...] = tuple(rules)
        self.by_id: dict[str, Rule] = {rule.id: rule for rule in self.rules}
        self.quarantined: dict[str, str] = {}
        self.counts = Counts()
        self._by_source: dict[LogSource, list[tuple[int, Rule]]] = {}
        for number, rule in enumerate(self.rules):
            if rule.correlation is None:
                self._by_source.setdefault(rule.logsource, []).append((number, rule))
        self._programs: dict[tuple[LogSource, EventClass], Program] = {}
        self._classifiers: dict[LogSource, Classifier[Program]] = {}
        self._raw_scans: dict[LogSource, RawScan] = {}

    @property
    def correlations(self) -> tuple[Rule, ...]:
        """The correlation rules, for `correlate.Correlator`."""
        return tuple(rule for rule in self.rules if rule.correlation is not None)

    @property
    def field_scans(self) -> int:
        """Values looked through so far, those remembered not counted."""
        return sum(program.field_scans for program in self._programs.values())

    @property
    def caches_emptied(self) -> int:
        """How often a memory of values was full and began anew."""
        return sum(program.caches_emptied for program in self._programs.values())

    def prepare(self) -> None:
        """Find now the rules of each Windows class; their literals are compiled when its first event comes."""
        classifier = self._classifier(LogSource("windows"))
        for channel, event_id in windows.CLASSES:
            classifier.of_event({"Channel": channel, "EventID": event_id})

    def match(self, logsource: LogSource, events: Sequence[Event]) -> list[Match]:
        """Every rule that holds, by event and then in the order of the rules; feeders of correlations too.

        An event whose fields a rule cannot read costs that rule, never the others.
        """
        written = [(index, line) for index, event in enumerate(events) if (line := _line(event)) is not None]
        block = block_of(line for _, line in written)
        lines = self._classifier(logsource).lines(block)
        found = [one._replace(number=written[one.number][0]) for one in self._candidates(logsource, lines)]
        if len(written) < len(events):
            found += self._unwritable(logsource, events, {index for index, _ in written})
            found.sort(key=_number)
        return [match for one in found for match in self._decide(one, events[one.number], events[one.number])]

    def match_block(self, logsource: LogSource, block: bytes) -> list[Match]:
        """As `match`, of an NDJSON block of any JSON objects: it is made canonical first.

        Raises orjson.JSONDecodeError for a line that is no JSON.
        """
        return self.match_canonical(logsource, block_of(canonical(orjson.loads(line)) for line in _lines(block)))

    def match_canonical(
        self, logsource: LogSource, block: bytes, enriched: Callable[[Event], Event] | None = None
    ) -> list[Match]:
        """As `match`, of an NDJSON block of canonical events, as `EventBatch` carries them; `index` counts its lines.

        `enriched` makes of a decoded event the one that rules see; nothing but `@timestamp` may differ.
        """
        matches: list[Match] = []
        lines = self._classifier(logsource).lines(block)
        for one in self._candidates(logsource, lines):
            event = orjson.loads(lines.line(one.number))
            self.counts.decoded += 1
            matches += self._decide(one, enriched(event) if enriched else event, event)
        return matches

    def _candidates(self, logsource: LogSource, lines: Lines) -> list[Candidate]:
        """The lines some rule may hold for, in order."""
        rows, unread, programs = self._classifier(logsource).read(lines)
        self.counts.events += len(rows)
        groups = _groups(programs)
        raw_scan = self._raw_scans.setdefault(logsource, RawScan())
        for program in groups:
            raw_scan.add(program.keywords)
        raw = raw_scan.scan(lines)
        found: list[Candidate] = []
        for program, numbers in groups.items():
            if program.rules:
                own = rows if len(groups) == 1 else [rows[number] for number in numbers]
                found += program.candidates(lines, numbers, own, unread, raw)
        if len(groups) > 1:
            found.sort(key=_number)
        self.counts.candidates += len(found)
        return found

    def _unwritable(self, logsource: LogSource, events: Sequence[Event], written: set[int]) -> Iterator[Candidate]:
        """Events that JSON cannot write (half a surrogate pair, nested beyond measure): every rule may hold."""
        for index, event in enumerate(events):
            if index not in written:
                program = self._classifier(logsource).of_event(event)
                yield Candidate(index, program, program.every)

    def _decide(self, candidate: Candidate, event: Event, whole: Event) -> Iterator[Match]:
        program = candidate.program
        held = program.decide(candidate, event, whole, self.quarantined)
        return (Match(rule, candidate.number, event, program.see) for rule in held)

    def _classifier(self, logsource: LogSource) -> Classifier[Program]:
        classifier = self._classifiers.get(logsource)
        if classifier is None:
            if len(self._classifiers) >= _KEPT_SOURCES:
                self._forget()
            reader = RowReader(tag_field(logsource), class_fields(logsource))
            classifier = Classifier(logsource, reader, partial(self._program, logsource, reader))
            self._classifiers[logsource] = classifier
        return classifier

    def _forget(self) -> None:
        """Programs and what reads their rows, so many are they; it costs making them anew."""
        self._programs.clear()
        self._classifiers.clear()
        self._raw_scans.clear()

    def _program(self, logsource: LogSource, reader: RowReader, event: Event) -> Program:
        event_class = class_of(logsource, event)
        program = self._programs.get((logsource, event_class))
        if program is None:
            if len(self._programs) >= _KEPT_PROGRAMS:
                self._forget()
            program = Program(logsource, event_class, self._served_by(event_class), reader)
            self._programs[logsource, event_class] = program
        return program

    def _served_by(self, event_class: EventClass) -> list[Rule]:
        """The rules the class may concern, in their order."""
        found = [pair for source, rules in self._by_source.items() if event_class.is_all(source) for pair in rules]
        return [rule for _, rule in sorted(found, key=lambda pair: pair[0])]


def _groups(programs: list[Program]) -> dict[Program, Sequence[int]]:
    """The numbers of the lines of each program, in order."""
    if programs and programs.count(programs[0]) == len(programs):
        return {programs[0]: range(len(programs))}
    groups: dict[Program, list[int]] = {}
    for number, program in enumerate(programs):
        if program in groups:
            groups[program].append(number)
        else:
            groups[program] = [number]
    return dict(groups)


def _number(candidate: Candidate) -> int:
    return candidate.number


def _line(event: Event) -> bytes | None:
    try:
        return canonical(event)
    except (TypeError, RecursionError):
        return None


def _lines(block: bytes) -> Iterator[bytes]:
    return (line for line in block.split(b"\n") if line.strip())
