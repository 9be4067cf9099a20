"""The words of a message: data in, texts out. Templates hold the order, this module the values."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from alerting.settings import AlertSettings
from alerting.sms_text import sms_text
from jikimi.domain import advice
from jikimi.domain.local_time import local_time
from jikimi.domain.risk import RiskLevel

OTHERS_MARK_TEXT = "\n-- \n"
OTHERS_MARK_HTML = "<!-- others -->"

_MEANING_KO = {
    RiskLevel.low: "기록으로 남겨 두고 지켜보는 수준입니다.",
    RiskLevel.medium: "오늘 안에 확인이 필요한 수준입니다.",
    RiskLevel.high: "지금 확인하지 않으면 피해로 이어질 수 있습니다.",
    RiskLevel.very_high: "피해가 이미 생겼거나 곧 생길 수 있어 바로 조치가 필요합니다.",
}
_MEANING_EN = {
    RiskLevel.low: "It is recorded and watched.",
    RiskLevel.medium: "Please look at it today.",
    RiskLevel.high: "It may lead to damage if nobody looks at it now.",
    RiskLevel.very_high: "Damage may have been done or be close: please act at once.",
}
_VERDICT_KO = {
    "true_positive": "실제 사고로 확인되어 조치하였습니다.",
    "benign": "업무상 정상적인 일로 확인되었습니다.",
    "false_positive": "위협이 아닌 것으로 확인되었습니다.",
}
_VERDICT_EN = {
    "true_positive": "It was confirmed as a real incident and dealt with.",
    "benign": "It was confirmed as ordinary work.",
    "false_positive": "It was confirmed to be no threat.",
}


@dataclass(frozen=True, slots=True)
class Subject:
    """What a message tells of; `risk` and titles as they were when the change was made."""

    kind: str
    risk: RiskLevel
    title_ko: str
    title_en: str
    number: int
    company: str
    zone: str
    first_time: datetime
    last_time: datetime
    event_count: int
    devices: Sequence[str]
    users: Sequence[str]
    rules: dict[str, dict[str, Any]]
    score_terms: Sequence[dict[str, Any]]
    categories: Sequence[str]
    verdict: str

    def title(self, language: str) -> str:
        text = self.title_ko if language == "ko" else self.title_en or self.title_ko
        return " ".join(text.split())


@dataclass(frozen=True, slots=True)
class Rendered:
    """An SMS has neither subject nor html."""

    subject: str
    body: str
    html: str = ""


def render_sms(subject: Subject, *, token: str, language: str, settings: AlertSettings) -> Rendered:
    """At most 80 bytes of EUC-KR."""
    link = settings.short_link(token)
    return Rendered("", sms_text(subject.kind, subject.risk, subject.title(language), link, language=language))


def render_mail(
    subject: Subject,
    *,
    contact: str,
    token: str,
    language: str,
    settings: AlertSettings,
    now: datetime | None = None,
) -> Rendered:
    """Plain text and HTML with the same content, and a subject that alone tells the story."""
    level = subject.risk.korean if language == "ko" else subject.risk.english
    values = {
        "subject": subject,
        "title": subject.title(language),
        "level": level,
        "contact": contact,
        "meaning": (_MEANING_KO if language == "ko" else _MEANING_EN)[subject.risk],
        "reasons": [str(term.get(language) or term.get("ko", "")) for term in subject.score_terms[:3]],
        "steps": advice.steps(subject.rules, subject.categories, language=language),
        "prevention": advice.prevention(subject.rules, subject.categories, language=language),
        "verdict": (_VERDICT_KO if language == "ko" else _VERDICT_EN).get(subject.verdict, ""),
        "first_time": local_time(subject.first_time, subject.zone, language, now=now),
        "last_time": local_time(subject.last_time, subject.zone, language, now=now),
        "rule_titles": [str(rule.get("title", "")) for rule in subject.rules.values()][:5],
        "link": settings.link(token),
        "phone": settings.centre_phone,
    }
    plain = _ENVIRONMENT.get_template(f"mail_{language}.txt.j2").render(values)
    html = _ENVIRONMENT.get_template(f"mail_{language}.html.j2").render(values)
    return Rendered(_mail_subject(subject, level, language), plain, html)


def with_others(mail: Rendered, others: int, language: str) -> Rendered:
    """The same mail telling that `others` further notices wait in the list."""
    line = f"그 외 {others}건은 목록에서 보실 수 있습니다." if language == "ko" else f"{others} more are in the list."
    head, mark, foot = mail.body.rpartition(OTHERS_MARK_TEXT)
    body = f"{head}\n{line}\n{mark}{foot}" if mark else f"{mail.body}\n{line}\n"
    return Rendered(mail.subject, body, mail.html.replace(OTHERS_MARK_HTML, f"<p>{line}</p>", 1))


def _mail_subject(subject: Subject, level: str, language: str) -> str:
    word = {
        "ko": {"opened": level, "raised": f"{level} 상향", "closed": "종료"},
        "en": {"opened": level, "raised": f"now {level}", "closed": "closed"},
    }[language][subject.kind]
    return f"[{'지킴이' if language == 'ko' else 'Jikimi'} {word}] {subject.title(language)}"


_ENVIRONMENT = Environment(
    loader=PackageLoader("alerting", "templates"),
    autoescape=select_autoescape(enabled_extensions=("html.j2",)),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
