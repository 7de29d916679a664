"""Settings of ``portal``. Environment: ``RADBRIDGE_PORTAL_…``."""

import re
from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from radbridge.runtime.settings import EnvironmentSettings

_PAGES = "web/dist"
_VIEWERS = ".tools/ohif"


def _pages() -> Path:
    """As built by ``make web``: below the working directory, else below the checkout that this module runs from."""
    return next((root / _PAGES for root in _roots() if (root / _PAGES).exists()), Path(_PAGES))


def _viewer() -> Path:
    """As unpacked by ``make web``, in the same places; of several versions the newest. Which one it should be is known
    to the tools alone."""
    for root in _roots():
        unpacked = list(root.glob(f"{_VIEWERS}/*/dist"))
        if unpacked:
            return max(unpacked, key=lambda build: [int(number) for number in re.findall(r"\d+", build.parent.name)])
    return Path(_VIEWERS)


def _roots() -> tuple[Path, Path]:
    return Path(), Path(__file__).parents[5]


class PortalSettings(EnvironmentSettings):
    """Where the built pages lie, and what they say. Who may log in: ``RADBRIDGE_OIDC_…`` of the runtime."""

    model_config = SettingsConfigDict(env_prefix="RADBRIDGE_PORTAL_")

    pages_dir: Path = Field(default_factory=_pages)
    """The console, patient and doctor pages as built by ``make web``."""
    viewer_dir: Path = Field(default_factory=_viewer)
    """The OHIF viewer's published build."""
    oidc_label: str = "单点登录 / Single sign-on"
    """Text of the button that logs in at the OpenID provider."""
