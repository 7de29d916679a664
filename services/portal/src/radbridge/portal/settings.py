"""Settings of ``portal``. Environment: ``RADBRIDGE_PORTAL_…``."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from radbridge.runtime.settings import EnvironmentSettings


def _built(folder: str) -> Path:
    """A folder of built files: below the working directory, else below the checkout that this module runs from."""
    checkout = Path(__file__).parents[5] / folder
    return checkout if checkout.exists() and not Path(folder).exists() else Path(folder)


class PortalSettings(EnvironmentSettings):
    """Where the built pages lie, and what they say. Who may log in: ``RADBRIDGE_OIDC_…`` of the runtime."""

    model_config = SettingsConfigDict(env_prefix="RADBRIDGE_PORTAL_")

    pages_dir: Path = Field(default_factory=lambda: _built("web/dist"))
    """The console, patient and doctor pages as built by ``make web``."""
    viewer_dir: Path = Field(default_factory=lambda: _built(".tools/ohif/3.13.2/dist"))
    """The OHIF viewer's published build."""
    oidc_label: str = "单点登录 / Single sign-on"
    """Text of the button that logs in at the OpenID provider."""
