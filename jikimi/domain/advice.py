"""What to do now: at most three steps that a layman can take.

From the incident's rules first (they carry their author's advice), then by ATT&CK tactic, then by log source category.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

AT_MOST = 3

_KO: dict[str, tuple[str, ...]] = {
    "leak": (
        "누가 어떤 업무로 자료를 옮겼는지 담당 부서에 조용히 확인해 주십시오.",
        "복사에 쓰인 저장장치나 계정은 확인이 끝날 때까지 그대로 보관해 주십시오.",
        "업무상 필요한 일이었다면 아래 단추로 알려 주십시오.",
    ),
    "malware": (
        "해당 PC의 랜선을 뽑거나 무선 연결을 끊어 주십시오. 전원은 끄지 마십시오.",
        "그 PC로 은행이나 회사 시스템에 로그인하지 마십시오.",
        "최근에 연 첨부파일이나 설치한 프로그램을 적어 두십시오.",
    ),
    "account": (
        "해당 계정의 비밀번호를 다른 PC에서 바꿔 주십시오.",
        "본인이 로그인한 것이 맞는지 그 계정의 사용자에게 전화로 확인해 주십시오.",
        "같은 비밀번호를 쓰는 다른 계정도 함께 바꿔 주십시오.",
    ),
    "scan": (
        "최근에 외부 점검이나 진단을 맡긴 일이 있는지 확인해 주십시오.",
        "맡긴 일이 없다면 방화벽에서 해당 주소를 막아 주십시오.",
        "서버의 보안 업데이트가 밀려 있지 않은지 확인해 주십시오.",
    ),
    "web": (
        "홈페이지 첫 화면이 평소와 같은지 휴대전화로 열어 보십시오.",
        "다르게 보이면 홈페이지 관리 업체에 바로 연락해 주십시오.",
        "서버의 파일은 지우거나 고치지 말고 그대로 두십시오.",
    ),
    "agent": (
        "해당 PC가 켜져 있고 인터넷에 연결되어 있는지 확인해 주십시오.",
        "보안 프로그램을 일부러 멈춘 사람이 있는지 확인해 주십시오.",
    ),
    "any": (
        "해당 장치를 쓰는 사람에게 그 시각에 무슨 일을 했는지 확인해 주십시오.",
        "확인이 끝날 때까지 장치를 초기화하거나 파일을 지우지 마십시오.",
        "아시는 내용을 아래 단추로 알려 주십시오.",
    ),
}
_EN: dict[str, tuple[str, ...]] = {
    "leak": (
        "Ask the department quietly who moved the files and for which work.",
        "Keep the storage device or account as it is until this is settled.",
        "If it was needed for work, tell us with the button below.",
    ),
    "malware": (
        "Unplug the computer's network cable or turn off its Wi-Fi. Leave the power on.",
        "Do not sign in to a bank or company system from it.",
        "Note which attachments were opened and programs installed lately.",
    ),
    "account": (
        "Change the account's password from another computer.",
        "Ask its owner by telephone whether they signed in.",
        "Change other accounts that use the same password.",
    ),
    "scan": (
        "Check whether somebody was asked to test your systems.",
        "If not, block the address at the firewall.",
        "See that no security update of the server is overdue.",
    ),
    "web": (
        "Open your web site on a phone: does it look as always?",
        "If not, call the company that runs it at once.",
        "Leave the server's files as they are.",
    ),
    "agent": (
        "Check that the computer is on and has Internet access.",
        "Ask whether somebody stopped the security program on purpose.",
    ),
    "any": (
        "Ask the person who uses the device what they did at that time.",
        "Do not reset the device or delete files until this is settled.",
        "Tell us what you know with the buttons below.",
    ),
}
_BY_TACTIC = {
    "exfiltration": "leak",
    "collection": "leak",
    "reconnaissance": "scan",
    "discovery": "scan",
    "credential-access": "account",
    "initial-access": "account",
    "privilege-escalation": "malware",
    "execution": "malware",
    "persistence": "malware",
    "defense-evasion": "malware",
    "stealth": "malware",
    "defense-impairment": "malware",
    "command-and-control": "malware",
    "lateral-movement": "malware",
    "impact": "malware",
}
_BY_CATEGORY = {
    "file_access": "leak",
    "removable_media": "leak",
    "network_flow": "scan",
    "firewall": "scan",
    "webserver": "scan",
    "web_integrity": "web",
    "leak_evidence": "leak",
    "malware_scan": "malware",
    "process_creation": "malware",
    "agent_health": "agent",
}
PREVENTION_KO = {
    "leak": "중요 자료 폴더의 접근 권한을 꼭 필요한 사람으로 줄이고, 등록된 저장장치만 쓰도록 정해 주십시오.",
    "malware": "운영체제와 백신을 자동 업데이트로 두고, 일반 업무는 관리자 권한이 없는 계정으로 해 주십시오.",
    "account": "중요 계정에 2단계 인증을 켜고, 같은 비밀번호를 여러 곳에 쓰지 않도록 해 주십시오.",
    "scan": "밖에서 접속할 필요가 없는 서비스는 닫고, 서버의 보안 업데이트를 매달 점검해 주십시오.",
    "web": "홈페이지 관리자 화면은 회사 안에서만 열리게 하고, 원본을 매일 백업해 주십시오.",
    "agent": "보안 프로그램을 임의로 끌 수 없도록 PC 계정의 권한을 정해 주십시오.",
    "any": "같은 일이 다시 보이면 바로 알려 드릴 수 있도록 보안 프로그램을 켜 두십시오.",
}
PREVENTION_EN = {
    "leak": "Give access to important folders only to those who need it, and allow only registered storage devices.",
    "malware": "Keep the system and virus scanner on automatic updates; do daily work without administrator rights.",
    "account": "Turn on two-step sign-in for important accounts and use each password once.",
    "scan": "Close services that nobody needs from outside, and check the server's updates every month.",
    "web": "Open the site's administration only from inside the company and back the site up daily.",
    "agent": "Set the computers' accounts so that the security program cannot be stopped at will.",
    "any": "Leave the security program running so that we can tell you at once if it happens again.",
}


def steps(rules: Mapping[str, Mapping[str, Any]], categories: Iterable[str], *, language: str) -> list[str]:
    """`rules` is `incidents.rules`: {rule_id: {"tags", "count", "advice_ko", "advice_en", ...}}."""
    written = _written(rules, language)
    table = _KO if language == "ko" else _EN
    return (written or list(table[theme(rules, categories)]))[:AT_MOST]


def prevention(rules: Mapping[str, Mapping[str, Any]], categories: Iterable[str], *, language: str) -> str:
    """One sentence on what to change so that it does not come back (예방대책)."""
    return (PREVENTION_KO if language == "ko" else PREVENTION_EN)[theme(rules, categories)]


def theme(rules: Mapping[str, Mapping[str, Any]], categories: Iterable[str]) -> str:
    """What the incident is about, as far as advice goes."""
    for rule in _most_frequent(rules):
        for tag in rule.get("tags", ()):
            tactic = str(tag).removeprefix("attack.").replace("_", "-")
            if tactic in _BY_TACTIC:
                return _BY_TACTIC[tactic]
    return next((_BY_CATEGORY[category] for category in categories if category in _BY_CATEGORY), "any")


def _written(rules: Mapping[str, Mapping[str, Any]], language: str) -> list[str]:
    found: dict[str, None] = {}
    for rule in _most_frequent(rules):
        advice: Sequence[str] = rule.get(f"advice_{language}") or ()
        found.update(dict.fromkeys(str(one).strip() for one in advice if str(one).strip()))
    return list(found)


def _most_frequent(rules: Mapping[str, Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(rules.values(), key=lambda rule: -int(rule.get("count", 0)))
