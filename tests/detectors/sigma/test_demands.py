"""What a rule demands holds for every event for which the rule holds."""

import orjson
from hypothesis import HealthCheck, given, settings

from detectors.sigma import reference
from detectors.sigma.clauses import Clauses
from detectors.sigma.demands import Hit, Literal, Miss, demands_of, literals_of
from detectors.sigma.shares import Shares
from detectors.sigma.tree import ANY, All, AnyOf, Node, Not, Text
from detectors.sigma.values import fields_of
from jikimi.domain.event import Event
from tests.detectors.sigma.test_block import events, trees


def is_there(literal: Literal, event: Event) -> bool:
    if isinstance(literal, Hit | Miss):
        return reference.evaluate(literal.test, event, event) == isinstance(literal, Hit)
    folded = orjson.dumps(event).decode().casefold()
    return literal.text.decode().casefold() in folded or not folded.isascii()


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(trees, events)
def test_an_event_for_which_a_tree_holds_meets_all_its_clauses(tree: Node, event: Event) -> None:
    seen = fields_of(event)
    if reference.evaluate(tree, seen, event):
        for clause in demands_of(tree, set(), Shares()):
            assert any(is_there(literal, seen) for literal in clause)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(trees, events)
def test_clauses_are_made_of_the_literals_of_their_tree(tree: Node, event: Event) -> None:
    shares = Shares()
    shares.count(literals_of(tree, set()), [fields_of(event)])
    assert {one for clause in demands_of(tree, set(), shares) for one in clause} <= literals_of(tree, set())


EVIL, GOOD = Text("F", (ANY, "evil")), Text("F", ("good",))
OTHER = Text("G", (ANY, "a much longer text", ANY))


def test_the_rarest_clause_comes_first_by_what_was_counted() -> None:
    tree = All((EVIL, OTHER))
    shares = Shares()
    assert demands_of(tree, set(), shares)[0] == {Hit(OTHER, "G")}
    shares.count(literals_of(tree, set()), [{"F": "x", "G": "a much longer text"}] * 10)
    assert demands_of(tree, set(), shares)[0] == {Hit(EVIL, "F")}


def test_what_must_not_be_there_is_a_clause_too() -> None:
    assert demands_of(Not(AnyOf((EVIL, GOOD))), set(), Shares()) == [{Miss(EVIL, "F")}, {Miss(GOOD, "F")}]


def test_nothing_is_demanded_of_a_field_that_rows_do_not_have() -> None:
    assert demands_of(EVIL, {"F"}, Shares()) == []


def test_bits_say_which_rules_a_value_leaves_possible() -> None:
    clauses = Clauses.of([EVIL, Not(EVIL), All((EVIL, OTHER)), GOOD], set(), Shares())
    field = clauses.of_field["F"]
    assert [f"{clauses.possible(clauses.base | field.met(value)):04b}" for value in ("an Evil", "GOOD", None)] == [
        "0001",
        "1010",
        "0010",
    ]
