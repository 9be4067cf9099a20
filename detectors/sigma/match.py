"""The loaded rules and what they say of events."""

from collections.abc import Sequence

from detectors.sigma.compile import Program
from detectors.sigma.route import EventClass, class_key, class_of, complete
from detectors.sigma.rule import Match, Rule
from detectors.sigma.values import fields_of
from jikimi.domain import windows
from jikimi.domain.event import Event
from jikimi.domain.logsource import LogSource

_KEPT_PROGRAMS = 1_000
_KEPT_ROUTES = 10_000


class RuleSet:
    """All rules; programs are compiled when the first event of a class comes.

    `quarantined` maps the id of a rule that threw to what it threw: it is not asked again. Not thread-safe.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules: tuple[Rule, ...] = tuple(rules)
        self.by_id: dict[str, Rule] = {rule.id: rule for rule in self.rules}
        self.quarantined: dict[str, str] = {}
        self._by_source: dict[LogSource, list[tuple[int, Rule]]] = {}
        for number, rule in enumerate(self.rules):
            if rule.correlation is None:
                self._by_source.setdefault(rule.logsource, []).append((number, rule))
        self._programs: dict[EventClass, Program] = {}
        self._routes: dict[tuple[object, ...], Program] = {}

    @property
    def correlations(self) -> tuple[Rule, ...]:
        """The correlation rules, for `correlate.Correlator`."""
        return tuple(rule for rule in self.rules if rule.correlation is not None)

    def prepare(self) -> None:
        """Compile now what the first event of each Windows class would wait for (seconds, with the public set)."""
        for channel, event_id in windows.CLASSES:
            self._route(LogSource("windows"), {"Channel": channel, "EventID": event_id})

    def match(self, logsource: LogSource, events: Sequence[Event]) -> list[Match]:
        """Every rule that holds, by event and then in the order of the rules; feeders of correlations too.

        An event whose fields a rule cannot read costs that rule, never the others.
        """
        matches: list[Match] = []
        for index, event in enumerate(events):
            self._match_one(logsource, event, index, matches)
        return matches

    def _match_one(self, logsource: LogSource, event: Event, index: int, matches: list[Match]) -> None:
        program = self._route(logsource, event)
        if not program.rules:
            return
        seen = fields_of(complete(logsource, event))
        hits = program.atoms(seen, event)
        for number in program.decide(hits, seen, self._set_aside):
            rule = program.rules[number]
            if rule.id not in self.quarantined:
                matches.append(Match(rule, index))

    def _set_aside(self, rule: Rule, error: Exception) -> None:
        self.quarantined[rule.id] = f"{type(error).__name__}: {error}"

    def _route(self, logsource: LogSource, event: Event) -> Program:
        key = class_key(logsource, event)
        try:
            program = self._routes.get(key)
        except TypeError:  # a list or map where a name belongs
            return self._program(class_of(logsource, event))
        if program is None:
            if len(self._routes) >= _KEPT_ROUTES:
                self._routes.clear()
            program = self._routes[key] = self._program(class_of(logsource, event))
        return program

    def _program(self, event_class: EventClass) -> Program:
        program = self._programs.get(event_class)
        if program is None:
            if len(self._programs) >= _KEPT_PROGRAMS:
                self._programs.clear()
                self._routes.clear()
            program = self._programs[event_class] = Program(event_class, self._served_by(event_class))
        return program

    def _served_by(self, event_class: EventClass) -> list[Rule]:
        """The rules the class may concern, in their order."""
        found = [pair for source, rules in self._by_source.items() if event_class.is_all(source) for pair in rules]
        return [rule for _, rule in sorted(found, key=lambda pair: pair[0])]
