"""One SMS of at most 80 bytes: level first, then who and what, then the link.

The level word and the link are never cut. The subject is shortened at words: first the time in brackets goes, then a
Korean sentence keeps its beginning (who) and its end (the verb), an English one its beginning.
"""

import re
from collections.abc import Iterator

from alerting.euckr import SMS_BODY_BYTES, byte_length, cut, encoded_length, to_euckr
from jikimi.domain.risk import RiskLevel

_GAP = "…"
_WORTH_READING = 8
"""Bytes of subject below which the number of others, then the whole message, is not worth its place."""
_BRACKETS = re.compile(r" ?\([^()]*\)$")


def sms_text(kind: str, risk: RiskLevel, title: str, link: str, *, language: str, others: int = 0) -> str:
    """`kind` is opened, raised or closed; `link` without scheme, ASCII; `others` are told of in the same message.

    Raises ValueError when the link alone leaves no room (settings are checked for that at start).
    """
    head = _level_words(kind, risk, language)
    tails = _tails(link, others, language)
    subject = _plain(title)
    for tail in tails:
        room = SMS_BODY_BYTES - encoded_length(head) - encoded_length(tail) - 2
        if encoded_length(subject) <= room:
            return f"{head} {subject} {tail}"
    for tail in (*tails[1:], link):
        room = SMS_BODY_BYTES - encoded_length(head) - encoded_length(tail) - 2
        if room >= _WORTH_READING:
            return f"{head} {shorten(subject, room, language=language)} {tail}"
    raise ValueError(f"the link {link!r} leaves no room for a text")


def shorten(text: str, limit: int, *, language: str) -> str:
    """`text` in at most `limit` bytes, whole words while two of them fit."""
    without_brackets = _BRACKETS.sub("", text)
    for whole in (text, without_brackets):
        if whole and encoded_length(whole) <= limit:
            return whole
    words = (without_brackets or text).split(" ")
    best = ""
    for candidate in _korean(words) if language == "ko" else _english(words):
        if encoded_length(candidate) > limit:
            break
        best = candidate
    return best or cut(text, limit - 2).rstrip() + _GAP


def _korean(words: list[str]) -> Iterator[str]:
    """Ever longer: the first word with the last, then more from the end, then more from the beginning."""
    for kept in range(2, len(words)):
        first = 1 + max(0, kept - 4)
        last = kept - first
        yield f"{' '.join(words[:first])} {_GAP}{' '.join(words[-last:])}"


def _english(words: list[str]) -> Iterator[str]:
    for kept in range(1, len(words)):
        yield " ".join(words[:kept]) + _GAP


def _plain(title: str) -> str:
    """In EUC-KR, one line, the colon after the subject dropped: it costs a byte and says nothing."""
    words = to_euckr(title).replace(" (", "(").split()
    return " ".join(word.removesuffix(":") or word for word in words) or "?"


def _level_words(kind: str, risk: RiskLevel, language: str) -> str:
    if language == "ko":
        word = {"opened": risk.korean, "raised": f"{risk.korean}↑", "closed": "종료"}[kind]
        return f"[지킴이 {word}]"
    word = {"opened": risk.english, "raised": f"now {risk.english}", "closed": "closed"}[kind]
    return f"[Jikimi {word}]"


def _tails(link: str, others: int, language: str) -> tuple[str, ...]:
    """The end of the text, the fuller wording first."""
    if any(byte_length(character) != 1 for character in link):
        raise ValueError(f"the link {link!r} is not ASCII")
    if language == "ko":
        more = f"외 {others}건 " if others else ""
        return (f"{more}확인 {link}", f"{more}{link}")
    more = f"+{others} more " if others else ""
    return (f"{more}see {link}", f"{more}{link}")
