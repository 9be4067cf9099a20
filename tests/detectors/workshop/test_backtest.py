"""`Backtest` counts what rules would have found, by day and company, as the worker would have found it."""

from datetime import datetime, timedelta
from pathlib import Path

import orjson

from detectors.sigma.load import load_rules
from detectors.workshop.backtest import Backtest, Backtested, Past
from jikimi.domain.event import TIMESTAMP, format_time
from jikimi.domain.logsource import REMOVABLE_MEDIA, LogSource
from jikimi.domain.passport import allowing
from jikimi.domain.tenant import Tenant
from jikimi.testing.batches import NOON
from tests.detectors.workshop.rule_folder import process_rule, write_rules

PROCESS = LogSource("windows", "process_creation")
HAN, DAE = Tenant("t1", "한빛정밀"), Tenant("t2", "대성테크")
COUNT = """\
---
title: Many
id: 00000000-0000-4000-8000-00000000000c
level: high
correlation:
  type: event_count
  rules: [feeder]
  group-by: [Computer]
  timespan: 10m
  condition: {gte: 3}
"""


def past(at: datetime, logsource: LogSource = PROCESS, **fields: object) -> Past:
    event = {TIMESTAMP: format_time(at), "Computer": "PC-1", **fields}
    return Past(f"a.e.{at:%d%H%M%S}", logsource, at, at, orjson.dumps(event))


def evil(at: datetime) -> Past:
    return past(at, CommandLine="evil.exe")


def started(folder: Path, text: str, examples: int = 3) -> Backtest:
    rules, report = load_rules([write_rules(folder, a=text)])
    return Backtest(rules, report, examples)


def only(found: Backtested) -> tuple[int, dict[str, int], dict[str, int]]:
    (rule,) = found.rules
    return rule.hits, rule.by_day, rule.by_tenant


def test_hits_are_counted_by_utc_day_and_company(tmp_path: Path) -> None:
    run = started(tmp_path, process_rule(1))
    run.feed(HAN, [evil(NOON), evil(NOON + timedelta(hours=11, minutes=59)), evil(NOON + timedelta(hours=12))])
    run.feed(DAE, [evil(NOON), past(NOON, CommandLine="notepad")])
    found = run.result()
    assert only(found) == (4, {"2026-11-22": 3, "2026-11-23": 1}, {"한빛정밀": 3, "대성테크": 1})
    assert (found.events, found.hits, found.complete) == (5, 4, True)
    assert (found.first, found.last) == (NOON, NOON + timedelta(hours=12))


def test_events_of_several_sources_in_one_page_keep_their_own_rules(tmp_path: Path) -> None:
    rule = process_rule(1)
    run = started(tmp_path, rule)
    other = LogSource("linux", "process_creation")
    run.feed(HAN, [past(NOON, other, CommandLine="evil.exe"), evil(NOON), past(NOON, other, CommandLine="evil.exe")])
    assert run.result().hits == 1


def test_a_correlation_counts_once_a_window_and_never_across_companies(tmp_path: Path) -> None:
    feeder = process_rule(1).replace("level: high", "level: high\nname: feeder")
    run = started(tmp_path, feeder + COUNT)
    run.feed(HAN, [evil(NOON + timedelta(seconds=n)) for n in range(2)])
    run.feed(DAE, [evil(NOON + timedelta(seconds=n)) for n in range(2)])
    assert run.result().hits == 0
    for start in (1, 2, 3):
        run.feed(DAE, [evil(NOON + timedelta(hours=start, seconds=n)) for n in range(5)])
        run.feed(DAE, [evil(NOON + timedelta(hours=start, seconds=n)) for n in range(5, 9)])
    found = run.result()
    assert only(found) == (3, {"2026-11-22": 3}, {"대성테크": 3})


def test_a_company_s_own_settings_decide_as_for_the_worker(tmp_path: Path) -> None:
    rule = process_rule(1, "false", field="KnownMedia").replace(
        "product: windows, category: process_creation", "product: jikimi, category: removable_media"
    )
    run = started(tmp_path, rule)
    stick = past(NOON, REMOVABLE_MEDIA, Action="mount", Serial="S-1")
    run.feed(Tenant("t1", "가", media=allowing("S-1", since=NOON)), [stick])
    run.feed(Tenant("t2", "나", media=allowing("S-2", since=NOON)), [stick])
    assert only(run.result())[2] == {"나": 1}


def test_a_rule_that_only_a_company_s_placeholder_values_make_usable_is_tried_there(tmp_path: Path) -> None:
    run = started(tmp_path, process_rule(1, "'%Tools%'", field="CommandLine|expand"))
    run.feed(Tenant("t1", "가", placeholders={"Tools": ("evil.exe",)}), [evil(NOON)])
    run.feed(Tenant("t2", "나"), [evil(NOON)])
    assert only(run.result())[2] == {"가": 1}


def test_a_window_that_is_only_over_at_the_end_is_told(tmp_path: Path) -> None:
    feeder = process_rule(1).replace("level: high", "level: high\nname: feeder")
    run = started(tmp_path, feeder + COUNT.replace("gte: 3", "lte: 3"))
    run.feed(HAN, [evil(NOON), evil(NOON + timedelta(seconds=1))])
    run.feed(DAE, [evil(NOON)])
    assert only(run.result())[2] == {"한빛정밀": 1, "대성테크": 1}


def test_only_the_first_examples_are_kept(tmp_path: Path) -> None:
    run = started(tmp_path, process_rule(1), examples=2)
    run.feed(HAN, [evil(NOON + timedelta(seconds=n)) for n in range(9)])
    (rule,) = run.result().rules
    assert [one.time for one in rule.examples] == [NOON, NOON + timedelta(seconds=1)]
    assert (rule.hits, rule.examples[0].event["CommandLine"]) == (9, "evil.exe")
