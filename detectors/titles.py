"""One sentence that a layman understands, for every finding: who or what, did what, to what, how much.

Our own rules bring their sentence (`jikimi.title_ko` in the rule). Public rules do not, so theirs is built from the
ATT&CK tactic they are tagged with; the rule's name stays a detail.
"""

import re
from collections.abc import Mapping, Sequence
from ipaddress import ip_address

from jikimi.domain.event import Event

_BY_TACTIC = {
    "impact": ("시스템이나 자료 파괴 의심", "systems or data may be being damaged"),
    "exfiltration": ("자료 외부 반출 의심", "data may be leaving the company"),
    "credential-access": ("비밀번호나 계정 정보 탈취 의심", "passwords or accounts may be being stolen"),
    "lateral-movement": ("다른 컴퓨터로 침입 의심", "somebody may be moving on to other computers"),
    "command-and-control": ("외부에서 원격 조종 의심", "an outsider may be taking control"),
    "collection": ("내부 자료 수집 의심", "data may be being gathered"),
    "privilege-escalation": ("관리자 권한 탈취 의심", "somebody may be gaining administrator rights"),
    "persistence": ("몰래 남으려는 설정 변경 의심", "a change that lets an intruder stay"),
    "defense-evasion": ("보안 기능 우회 의심", "protection may be being evaded"),
    "stealth": ("보안 감시 회피 의심", "something may be hiding from the watch"),
    "defense-impairment": ("보안 기능 무력화 의심", "protection may be being switched off"),
    "initial-access": ("외부에서 침입 의심", "somebody may be breaking in"),
    "execution": ("의심스러운 프로그램 실행", "a suspicious program was run"),
    "discovery": ("내부 정보 탐색 의심", "the inside may be being explored"),
    "reconnaissance": ("침입에 앞선 탐색 의심", "somebody may be scouting before a break-in"),
    "resource-development": ("공격 준비 의심", "an attack may be being prepared"),
}
"""Most telling first: a rule with several tactics is described by the first of these. The Korean sentences end in the
words that matter, because a short message keeps its beginning and its end."""

_UNCLEAR = ("의심스러운 동작 발견", "suspicious activity was found")

_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")


def fill(template: str, values: Mapping[str, object]) -> str:
    """`{Field}` replaced by its value; a value that is not there reads "?"."""
    return _PLACEHOLDER.sub(lambda m: _shown(values.get(m.group(1).strip())), template)


def sentence(
    words: Mapping[str, object], tags: Sequence[str], device_name: str, event: Event, counts: dict[str, int]
) -> tuple[str, str]:
    """(Korean, English) title of a finding. `words` is the rule's own `jikimi` mapping, perhaps empty."""
    device_name = short_name(device_name)
    if isinstance(korean := words.get("title_ko"), str) and isinstance(english := words.get("title_en"), str):
        values = event | {"Hostname": device_name} | counts
        return fill(korean, values), fill(english, values)
    korean, english = _of_tactics(tags)
    return f"{device_name}: {korean}", f"{device_name}: {english}"


def short_name(host: str) -> str:
    """A host's own name without its domain, as the company calls it; an address stays whole."""
    try:
        ip_address(host)
    except ValueError:
        return host.partition(".")[0] or host
    return host


def _of_tactics(tags: Sequence[str]) -> tuple[str, str]:
    said = {tag.removeprefix("attack.").replace("_", "-") for tag in tags if tag.startswith("attack.")}
    return next((words for tactic, words in _BY_TACTIC.items() if tactic in said), _UNCLEAR)


def _shown(value: object) -> str:
    if value is None or value == "":
        return "?"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) and value >= 10_000 else str(value)
