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
    """Pause between two looks whether changed trust material decides held reports, and whether files that reports gave
    by their address are due."""
    ocsp: bool = True
    """Whether the OCSP responders that certificates name are asked about those that no current list covers."""
    ocsp_timeout: timedelta = timedelta(seconds=2)
    """How long one request to a responder may take."""
    ocsp_refresh: timedelta = timedelta(hours=1)
    """Age from which a kept answer is asked for anew."""
    ocsp_retry: timedelta = timedelta(minutes=1)
    """Pause between two looks whether OCSP decides a held report."""
    file_timeout: timedelta = timedelta(seconds=15)
    """How long one request for a report's file (pdf_path) may take."""
    file_retry: timedelta = timedelta(minutes=1)
    """Pause before a file that could not be fetched is asked for again; it doubles each time, up to an hour."""
    file_retry_for: timedelta = timedelta(days=1)
    """How long it is asked for."""
