"""The four risk levels (위험도) and how Sigma's five levels map onto them."""

from enum import IntEnum


class RiskLevel(IntEnum):
    """Ordered: `low < medium < high < very_high`. Stored and sent by its lower-case name."""

    low = 1
    medium = 2
    high = 3
    very_high = 4

    @property
    def korean(self) -> str:
        """The word a Korean reader sees."""
        return _KOREAN[self]

    @property
    def english(self) -> str:
        """The words an English reader sees."""
        return self.name.replace("_", " ")


_KOREAN = {
    RiskLevel.low: "낮음",
    RiskLevel.medium: "보통",
    RiskLevel.high: "높음",
    RiskLevel.very_high: "매우높음",
}

_BY_SIGMA_LEVEL = {
    "informational": RiskLevel.low,
    "low": RiskLevel.low,
    "medium": RiskLevel.medium,
    "high": RiskLevel.high,
    "critical": RiskLevel.very_high,
}


def risk_of_level(level: str) -> RiskLevel:
    """Risk level of one finding of a Sigma level; a rule without a level counts as medium."""
    return _BY_SIGMA_LEVEL.get(level, RiskLevel.medium)
