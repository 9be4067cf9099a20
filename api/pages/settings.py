"""What an operator may set for the pages."""

from pydantic_settings import BaseSettings, SettingsConfigDict


class PageSettings(BaseSettings):
    """`JIKIMI_CENTRE_PHONE`: the number under which clients reach the centre; empty: none is shown."""

    model_config = SettingsConfigDict(env_prefix="JIKIMI_", frozen=True)

    centre_phone: str = ""
