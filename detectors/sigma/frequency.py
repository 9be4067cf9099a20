"""What a literal costs: the share of a class's lines that contain it, first guessed, then counted while lines pass."""

from collections import Counter
from collections.abc import Mapping
from functools import lru_cache

from detectors.sigma.literals import Literal

_COMMON = 0.5
_PER_BYTE = 0.75
"""Each byte more makes a text rarer by this, in the guess."""
_RAREST = 1e-4
"""To look for a literal costs something even where it never stands."""
# Texts that stand in most Windows records, as their lines write them, in lower case.
_EVERYWHERE = (
    b'"c:\\\\windows\\\\system32\\\\',
    b"c:\\\\windows\\\\syswow64\\\\",
    b"c:\\\\program files\\\\",
    b"c:\\\\program files (x86)\\\\",
    b"c:\\\\programdata\\\\",
    b"c:\\\\users\\\\",
    b"\\\\appdata\\\\local\\\\temp\\\\",
    b"\\\\appdata\\\\roaming\\\\",
    b"\\\\microsoft\\\\",
    b"microsoft corporation",
    b"microsoft windows operating system",
    b"windows",
    b'\\\\svchost.exe"',
    b'\\\\services.exe"',
    b'\\\\explorer.exe"',
    b'\\\\cmd.exe"',
    b'"cmd.exe"',
    b'\\\\powershell.exe"',
    b'"powershell.exe"',
    b"powershell",
    b'\\\\lsass.exe"',
    b'\\\\winlogon.exe"',
    b'\\\\rundll32.exe"',
    b'"rundll32.exe"',
    b'"nt authority\\\\system"',
    b"s-1-5-18",
    b'"system"',
    b'"high"',
    b'"medium"',
    b'"true"',
    b'"false"',
    b'"-"',
    b'""',
    b".exe ",
    b".dll",
    b'.dll"',
    b'.exe"',
    b"hklm\\\\system\\\\currentcontrolset\\\\services\\\\",
    b"\\\\software\\\\microsoft\\\\windows\\\\currentversion\\\\",
    b"https://",
    b"http://",
    b"127.0.0.1",
    b"%%",
    b"0x0",
    b"/usr/bin/",
    b"/bin/sh",
)


class Frequencies:
    """Of one class. What was counted in many lines outweighs the guess."""

    def __init__(self) -> None:
        self._counted: Counter[Literal] = Counter()
        self._watched: Counter[Literal] = Counter()

    @property
    def counted(self) -> bool:
        """Was anything counted yet?"""
        return bool(self._watched)

    def note(self, lines: int, hits: Mapping[Literal, int]) -> None:
        """So many lines were searched for these literals; in how many of them each one was found."""
        self._counted.update(hits)
        self._watched.update(dict.fromkeys(hits, lines))

    def cost(self, literal: Literal) -> float:
        """Between 0 and 1."""
        guess = _guess(literal)
        watched = self._watched[literal]
        return guess if not watched else max(_RAREST, (guess + self._counted[literal]) / (1 + watched))


@lru_cache(100_000)
def _guess(literal: Literal) -> float:
    if not literal.isascii():
        return _RAREST
    lowered = literal.lower()
    common = _COMMON if any(lowered in text for text in _EVERYWHERE) else 0.0
    return max(common, _RAREST, _PER_BYTE ** len(literal))
