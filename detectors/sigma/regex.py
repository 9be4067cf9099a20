"""Regular expressions in linear time (RE2), and the literal a text must contain before one is tried."""

import re

import re2
from sigma.policy import SigmaPolicy
from sigma.policy.regex_engine import RegexEngine, RegexPattern

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False

_FLAGS = ((re.IGNORECASE, "i"), (re.MULTILINE, "m"), (re.DOTALL, "s"))
_GIVES_UP = frozenset("xpPQEC0123456789")
"""Escapes whose operand would be read as plain characters."""


def compile_regex(pattern: str) -> "re2._Regexp":
    """Raises ValueError when RE2 does not take the pattern (look-around, back-references, too large)."""
    try:
        return re2.compile(pattern, options=_OPTIONS)
    except re2.error as error:
        reason = error.args[0] if error.args else error
        text = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise ValueError(f"not matched in linear time by RE2 ({text})") from error


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


def necessary_literal(pattern: str) -> str:
    """The longest run of plain characters that every text matching `pattern` contains; empty when none is sure.

    Reads only what stands outside groups and classes, so it may miss one, never invent one.
    """
    runs: list[str] = []
    run = ""
    i = 0
    while i < len(pattern):
        char, width = pattern[i], 1
        if char == "|":
            return ""
        if char == "\\":
            char, width = pattern[i + 1 : i + 2], 2
            if char in _GIVES_UP or not char:
                return ""
            plain = not char.isalnum()
        elif char in "([":
            width, plain = _skip(pattern, i), False
        else:
            plain = char not in ".^$*+?{}"
        i += width
        if plain and not _optional(pattern, i):
            run += char
            continue
        runs.append(run)
        run = ""
        if pattern[i : i + 1] in ("*", "?", "{", "+"):
            i = _after_quantifier(pattern, i)
    runs.append(run)
    return max(runs, key=len)


def _optional(pattern: str, i: int) -> bool:
    return pattern[i : i + 1] in ("*", "?", "{")


def _after_quantifier(pattern: str, i: int) -> int:
    if pattern[i] == "{":
        end = pattern.find("}", i)
        i = end if end >= 0 else len(pattern)
    i += 1
    return i + 1 if pattern[i : i + 1] == "?" else i


def _skip(pattern: str, start: int) -> int:
    """Length of the group or class that opens at `start`."""
    depth, i = 0, start
    while i < len(pattern):
        if pattern[i] == "\\":
            i += 2
            continue
        if pattern[i] == "[":
            i = _class_end(pattern, i)
        elif pattern[i] == "(":
            depth += 1
        elif pattern[i] == ")":
            depth -= 1
        i += 1
        if depth == 0:
            break
    return i - start


def _class_end(pattern: str, start: int) -> int:
    i = start + 1
    if pattern[i : i + 1] == "^":
        i += 1
    if pattern[i : i + 1] == "]":
        i += 1
    while i < len(pattern) and pattern[i] != "]":
        if pattern[i] == "\\":
            i += 1
        elif pattern.startswith("[:", i):
            i = pattern.find(":]", i) + 1 or len(pattern)
        i += 1
    return i
