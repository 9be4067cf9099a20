"""Scripts that stand in a page itself, by the names they use. Pure.

Their text is all noise (tokens, times, a list of today's news), the names are not: a script that was planted uses
others than the site's own, however it hides what it does.
"""

import re
from collections.abc import Iterable

MOST_SCRIPTS = 100
LONGEST = 256 * 1024
MOST_NAMES = 500
ALIKE = 0.7
"""Share of names that two forms of one script have in common at least."""
_KINDS = frozenset(
    {"", "module", "text/javascript", "application/javascript", "text/ecmascript", "application/x-javascript"}
)
_TEXTS = re.compile(
    r"""
    "(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*' | `(?:[^`\\]|\\.)*`  # texts
    | //[^\n]* | /\*.*?\*/                                            # comments
    """,
    re.DOTALL | re.VERBOSE,
)
_NAME = re.compile(r"[A-Za-z_$][\w$]*")

Names = frozenset[str]


def is_script(kind: str | None) -> bool:
    """Does a browser run it? `kind` is the type attribute: templates and data are no scripts."""
    return (kind or "").strip().lower() in _KINDS


def names_of(script: str) -> Names:
    """The names outside its texts and comments."""
    found = _NAME.findall(_TEXTS.sub(" ", script[:LONGEST]))
    return frozenset(sorted(set(found))[:MOST_NAMES])


def strangers(seen: Iterable[Names], known: Iterable[Names]) -> list[Names]:
    """Those of `seen` that are like none of `known`."""
    learned = list(known)
    return [names for names in seen if names and not any(_alike(names, other) for other in learned)]


def _alike(one: Names, other: Names) -> bool:
    return len(one & other) >= ALIKE * len(one | other)
