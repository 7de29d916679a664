"""Settings of ``signing``. Environment: ``RADBRIDGE_SIGNING_…``."""

from datetime import timedelta

from pydantic_settings import SettingsConfigDict

from radbridge.runtime.settings import EnvironmentSettings


class SigningSettings(EnvironmentSettings):
    """How trust material is kept fresh."""

    model_config = SettingsConfigDict(env_prefix="RADBRIDGE_SIGNING_")

    crl_refresh: timedelta = timedelta(minutes=30)
    """Pause between two fetches of the revocation lists that have an address."""
    held_check: timedelta = timedelta(seconds=5)
    """Pause between two looks whether changed trust material decides held reports."""
