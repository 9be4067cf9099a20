"""The error hierarchy; the branch decides the behaviour.

JikimiError
├── Transient      try again later with backoff (broker away, line down, provider busy)
├── Poison         this input can never succeed: dead-letter it with its reason, go on
├── Misconfigured  stop at start (exit 2): what is wrong, where, how to mend it
│   └── Damaged    what was stored can no longer be read: a person restores it, an agent begins anew and says so
├── Refused        the other side said no for good (bad credential, revoked agent): stop asking, tell a person
└── Fenced         another process took over this work: drop everything uncommitted and step aside

Vendor errors are translated once, in the module where the vendor lives.
"""


class JikimiError(Exception):
    """Root of every error that Jikimi raises on purpose."""


class Transient(JikimiError):
    """May succeed when tried again."""


class Poison(JikimiError):
    """Never succeeds: dead-letter the input with this reason."""


class Misconfigured(JikimiError):
    """Cannot start like this; the text says what, where and the mend."""


class Damaged(Misconfigured):
    """What was stored can no longer be read."""


class Refused(JikimiError):
    """A final no from the other side."""


class Fenced(JikimiError):
    """Someone with a newer epoch owns this work now."""


def first_of_ours(error: BaseException) -> JikimiError | None:
    """`error`, or the first JikimiError inside a group of them; None for a group without one (a defect of ours)."""
    if isinstance(error, BaseExceptionGroup):
        return next(filter(None, map(first_of_ours, error.exceptions)), None)
    return error if isinstance(error, JikimiError) else None


def exit_code(error: JikimiError) -> int:
    """How a command ends: 2 for what the user can mend (Misconfigured, Poison), 1 for the rest."""
    return 2 if isinstance(error, Misconfigured | Poison) else 1
