"""What alerting refuses to start with, and says."""

import pytest
from pydantic import SecretStr

from alerting.channels import build_channels
from alerting.settings import AlertSettings
from jikimi.errors import Misconfigured


def test_secrets_do_not_show_in_the_settings_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings end up in logs and tracebacks."""
    monkeypatch.setenv("JIKIMI_SENS_SECRET_KEY", "very-secret")
    assert "very-secret" not in repr(AlertSettings())


def test_no_provider_is_said_in_words() -> None:
    """One sentence a kind, with the variables to set."""
    sentences = AlertSettings().missing()
    assert len(sentences) == 2
    assert "no SMS provider is configured" in sentences[0]
    assert "JIKIMI_SMTP_HOST" in sentences[1]
    assert build_channels(AlertSettings()).all == ()


def test_a_half_configured_provider_stops_the_start() -> None:
    """It names what is missing."""
    with pytest.raises(Misconfigured, match="JIKIMI_SENS_SERVICE_ID, JIKIMI_SENS_SECRET_KEY"):
        build_channels(AlertSettings(sens_access_key=SecretStr("k"), sens_from="0200000000"))


@pytest.mark.parametrize("url", ["jk.example", "ftp://jk.example", "https://"])
def test_a_public_address_is_a_web_address(url: str) -> None:
    """Links in messages start with it."""
    with pytest.raises(Misconfigured, match="JIKIMI_PUBLIC_URL"):
        AlertSettings(public_url=url).check()


def test_a_domain_too_long_for_an_sms_stops_the_start() -> None:
    """Better than links that are cut on the night."""
    settings = AlertSettings(
        public_url="https://security-monitoring.company.example.com",
        sens_service_id="s",
        sens_access_key=SecretStr("a"),
        sens_secret_key=SecretStr("b"),
        sens_from="0200000000",
    )
    with pytest.raises(Misconfigured, match="shorter domain"):
        settings.check()


def test_links_have_their_scheme_in_mails_only() -> None:
    """Eight bytes of eighty."""
    settings = AlertSettings(public_url="https://jk.example/")
    assert settings.link("t") == "https://jk.example/k/t"
    assert settings.short_link("t") == "jk.example/k/t"
