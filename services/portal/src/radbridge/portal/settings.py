"""Settings of ``portal``. Environment: ``RADBRIDGE_PORTAL_…``."""

from pathlib import Path

from pydantic import SecretStr
from pydantic_settings import SettingsConfigDict

from radbridge.runtime.settings import EnvironmentSettings


class PortalSettings(EnvironmentSettings):
    """Where the built pages lie, and who may log in besides the admin token."""

    model_config = SettingsConfigDict(env_prefix="RADBRIDGE_PORTAL_")

    pages_dir: Path = Path("web/dist")
    """The console, patient and doctor pages as built by ``make web``."""
    viewer_dir: Path = Path(".tools/ohif/3.13.2/dist")
    """The OHIF viewer's published build."""
    oidc_issuer: str = ""
    """Address of the OpenID provider; empty: nobody logs in this way."""
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr | None = None
    """None: a public client, protected by PKCE alone."""
    oidc_roles_claim: str = "roles"
    """Dotted path of the claim that lists roles, for example ``realm_access.roles``."""
    oidc_label: str = "单点登录 / Single sign-on"
