"""Settings of ``portal``. Environment: ``RADBRIDGE_PORTAL_…``."""

from pathlib import Path

from pydantic_settings import SettingsConfigDict

from radbridge.runtime.settings import EnvironmentSettings


class PortalSettings(EnvironmentSettings):
    """Where the built pages lie, and what they say. Who may log in: ``RADBRIDGE_OIDC_…`` of the runtime."""

    model_config = SettingsConfigDict(env_prefix="RADBRIDGE_PORTAL_")

    pages_dir: Path = Path("web/dist")
    """The console, patient and doctor pages as built by ``make web``."""
    viewer_dir: Path = Path(".tools/ohif/3.13.2/dist")
    """The OHIF viewer's published build."""
    oidc_label: str = "单点登录 / Single sign-on"
    """Text of the button that logs in at the OpenID provider."""
