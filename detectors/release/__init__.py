"""The life of rules in a running centre: stages, exceptions, quarantine, signed bundles, reload.

`stages`, `flood`, `exceptions` and `life` are pure: what the database says of rules becomes decisions about matches,
and `tally` what came of them. `rows` reads and writes the tables, `health` tells of a quarantine. `bundle` is the file
format, `library` reads folders and the installed bundle, `follow` keeps a worker on the state of the database, `gate`
judges exceptions, `desk` carries out what an engineer asks.
"""
