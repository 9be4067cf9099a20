"""Sigma rules (specification 2.1): load, route, match, correlate. Pure: data in, data out, no clock, no await.

`load` reads rule files into `rule.Rule`s over `tree` tests, by `source`, `rule_collection`, `detections`, `conditions`,
`modifiers`, `placeholders`, `filters`, `correlations`, `correlation_condition`, named as the specification's sections.
`route` says which events a rule sees; `match.RuleSet` asks them, block by block: `classify`, `rows`, `raw_scan`,
`columns` over `demands`, `clauses` and `verdicts`, then `compile` (docs/adr/0022).
`correlate.Correlator` counts over time: `timeline` puts events in order, `sliding`, `ordered` and `closing` are the
correlation types.
"""
