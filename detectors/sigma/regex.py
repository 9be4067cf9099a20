"""Regular expressions in linear time (RE2), with `$` as PCRE has it, which is the specification's flavour."""

import re

import re2
from sigma.policy import SigmaPolicy
from sigma.policy.regex_engine import RegexEngine, RegexPattern

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False

_FLAGS = ((re.IGNORECASE, "i"), (re.MULTILINE, "m"), (re.DOTALL, "s"))


_MULTILINE = re.compile(r"\(\?[a-zA-Z]*m")
_PART = re.compile(r"\\.|\[\^?\]?(?:\\.|\[:\w+:\]|[^\]\\])*\]|\$", re.DOTALL)
_END = r"(?:\n?\z)"


def compile_regex(pattern: str) -> "re2._Regexp":
    """Raises ValueError when RE2 does not take the pattern (look-around, back-references, too large)."""
    try:
        return re2.compile(_with_pcres_end(pattern), options=_OPTIONS)
    except re2.error as error:
        reason = error.args[0] if error.args else error
        text = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise ValueError(f"not matched in linear time by RE2 ({text})") from error


def _with_pcres_end(pattern: str) -> str:
    """`$` also before a newline that ends the text; RE2 has it at the very end only, but for the flag `m`."""
    if "$" not in pattern or _MULTILINE.search(pattern) or "\\Q" in pattern:
        return pattern
    return _PART.sub(lambda found: _END if found[0] == "$" else found[0], pattern)


class _QuietEngine(RegexEngine):
    """pySigma's own check of expressions, by the same compiler and without its log on stderr."""

    def compile(self, pattern: str, flags: int = 0) -> RegexPattern:
        letters = "".join(letter for flag, letter in _FLAGS if flags & flag)
        compiled: RegexPattern = compile_regex(f"(?{letters}){pattern}" if letters else pattern)
        return compiled

    @property
    def error(self) -> type[Exception]:
        return ValueError


POLICY = SigmaPolicy(regex_engine=_QuietEngine())
