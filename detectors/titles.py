"""One sentence that a layman understands, for every finding: who or what, did what, to what, how much.

Our own rules bring their sentence (`jikimi.title_ko` in the rule). Public rules do not, so theirs is built from the
ATT&CK tactic they are tagged with; the rule's name stays a detail.
"""

import re
from collections.abc import Mapping, Sequence

from jikimi.domain.event import Event

_BY_TACTIC = {
    "impact": ("시스템이나 자료를 망가뜨리려는 동작", "an attempt to damage systems or data"),
    "exfiltration": ("자료를 밖으로 빼내려는 동작", "an attempt to carry data out"),
    "credential-access": ("비밀번호나 계정 정보를 훔치려는 동작", "an attempt to steal passwords or accounts"),
    "lateral-movement": ("다른 컴퓨터로 옮겨 가려는 동작", "an attempt to move on to other computers"),
    "command-and-control": ("외부에서 원격으로 조종하려는 통신", "a connection that lets an outsider take control"),
    "collection": ("자료를 모으는 동작", "gathering of data"),
    "privilege-escalation": ("관리자 권한을 얻으려는 동작", "an attempt to gain administrator rights"),
    "persistence": ("몰래 계속 남아 있으려는 설정 변경", "a change that lets an intruder stay"),
    "defense-evasion": ("보안 기능을 피하거나 끄려는 동작", "an attempt to evade or switch off protection"),
    "stealth": ("보안 감시를 피하려는 동작", "an attempt to stay unseen"),
    "defense-impairment": ("보안 기능을 약하게 하려는 동작", "an attempt to weaken protection"),
    "initial-access": ("밖에서 침입하려는 동작", "an attempt to break in"),
    "execution": ("의심스러운 프로그램 실행", "a suspicious program being run"),
    "discovery": ("내부 정보를 탐색하는 동작", "exploration of the internal network"),
    "reconnaissance": ("침입에 앞선 탐색", "scouting before a break-in"),
    "resource-development": ("공격 준비 동작", "preparation of an attack"),
}
"""Most telling first: a rule with several tactics is described by the first of these."""

_UNCLEAR = ("의심스러운 동작", "suspicious activity")

_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")


def fill(template: str, values: Mapping[str, object]) -> str:
    """`{Field}` replaced by its value; a value that is not there reads "?"."""
    return _PLACEHOLDER.sub(lambda m: _shown(values.get(m.group(1).strip())), template)


def sentence(
    words: Mapping[str, object], tags: Sequence[str], device_name: str, event: Event, counts: dict[str, int]
) -> tuple[str, str]:
    """(Korean, English) title of a finding. `words` is the rule's own `jikimi` mapping, perhaps empty."""
    if isinstance(korean := words.get("title_ko"), str) and isinstance(english := words.get("title_en"), str):
        values = event | {"Hostname": device_name} | counts
        return fill(korean, values), fill(english, values)
    korean, english = _of_tactics(tags)
    return f"{device_name}: {korean}이 발견됨" if _ends_closed(korean) else f"{device_name}: {korean}가 발견됨", (
        f"{device_name}: {english} was found"
    )


def _of_tactics(tags: Sequence[str]) -> tuple[str, str]:
    said = {tag.removeprefix("attack.").replace("_", "-") for tag in tags if tag.startswith("attack.")}
    return next((words for tactic, words in _BY_TACTIC.items() if tactic in said), _UNCLEAR)


def _ends_closed(korean: str) -> bool:
    """True when the last syllable ends in a consonant (받침), which decides 이 or 가."""
    last = ord(korean[-1]) - 0xAC00
    return 0 <= last < 11172 and last % 28 != 0


def _shown(value: object) -> str:
    if value is None or value == "":
        return "?"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) and value >= 10_000 else str(value)
