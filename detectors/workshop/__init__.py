"""What a rule engineer does with rules before they watch anybody: check, test, backtest, cover, fetch, compare.

One command's logic a file (`check`, `samples`, `backtest`, `coverage`, `fetch`, `compare`); pure but for the files they
are given. `jikimi/cli/rules.py` and `/v1/admin/rules` are thin over them.
"""
