"""Logging in: the admin token or the OpenID provider, exchanged for an HttpOnly cookie."""

from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from radbridge.portal.settings import PortalSettings
from radbridge.runtime.problems import Problem
from radbridge.runtime.security.principal import Principal, require
from radbridge.runtime.security.sessions import Session
from radbridge.runtime.service import Resources

if TYPE_CHECKING:
    from radbridge.runtime.security.oidc import OidcClient

FLOW_COOKIE = "radbridge_login"
FLOW_SECONDS = 600


class LoginWays(BaseModel):
    """How people may log in."""

    oidc: bool
    oidc_label: str


class TokenLogin(BaseModel):
    """A login with the admin token."""

    token: str = Field(min_length=1, max_length=512)


class SessionView(BaseModel):
    """Who is logged in."""

    subject: str
    kind: Literal["admin", "user", "service", "hospital", "viewer"]
    roles: list[str]
    institution_code: str | None = None


Somebody = Annotated[Principal, Depends(require())]


def router(resources: Resources, settings: PortalSettings) -> APIRouter:
    """Routes below ``/api/portal/v1`` that begin and end sessions."""
    api = APIRouter(prefix="/api/portal/v1", tags=["session"])
    sessions = resources.authenticator.sessions
    secure = resources.settings.public_url.startswith("https://") if resources.settings.public_url else False
    oidc = _oidc_client(resources)

    def begin(response: Response, session: Session) -> None:
        response.headers.append("set-cookie", sessions.set_cookie(sessions.issue(session), secure=secure))

    @api.get("/login")
    async def ways() -> LoginWays:
        """How people may log in here."""
        return LoginWays(oidc=oidc is not None, oidc_label=settings.oidc_label)

    @api.post("/session")
    async def login(request: TokenLogin, response: Response) -> SessionView:
        """Exchange the admin token for a session cookie."""
        if not resources.authenticator.is_admin_token(request.token):
            raise Problem(401, detail="The token is not valid.")
        begin(response, Session(subject="admin", name="admin", roles=frozenset({"admin"})))
        return SessionView(subject="admin", kind="admin", roles=["admin"])

    @api.get("/session")
    async def current(principal: Somebody) -> SessionView:
        """Who is logged in."""
        return SessionView(subject=principal.subject, kind=principal.kind, roles=sorted(principal.roles))

    @api.delete("/session", status_code=204)
    async def logout(response: Response) -> None:
        """End the session in this browser."""
        response.headers.append("set-cookie", sessions.clear_cookie(secure=secure))

    @api.get("/login/oidc", include_in_schema=oidc is not None)
    async def oidc_login(request: Request, next: str = "/") -> RedirectResponse:
        """Send the browser to the OpenID provider (code flow with PKCE, RFC 7636)."""
        if oidc is None:
            raise Problem(404, detail="No OpenID provider is configured.")
        try:
            flow = await oidc.begin(redirect_uri=_callback(request), next_path=_local(next))
        except OutboundError as error:
            raise Problem(503, "The OpenID provider does not answer", str(error)) from error
        response = RedirectResponse(flow.authorization_url, status_code=302)
        sealed = resources.keyring.seal("platform", "oidc", flow.state_json(), place=FLOW_COOKIE)
        response.set_cookie(
            FLOW_COOKIE, sealed, max_age=FLOW_SECONDS, httponly=True, samesite="lax", secure=secure, path="/api/portal"
        )
        return response

    @api.get("/login/oidc/callback", include_in_schema=False)
    async def oidc_callback(request: Request) -> RedirectResponse:
        """Take the provider's code, check it and begin a session."""
        sealed = request.cookies.get(FLOW_COOKIE)
        if oidc is None or not sealed:
            raise Problem(400, "Login was not begun here", "The login cookie is missing or too old.")
        try:
            state = resources.keyring.open(sealed, place=FLOW_COOKIE)
            person = await oidc.finish(state, dict(request.query_params), redirect_uri=_callback(request))
        except OidcError as error:
            raise Problem(401, "Login failed", str(error)) from error
        response = RedirectResponse(_local(person.next_path), status_code=303)
        response.delete_cookie(FLOW_COOKIE, path="/api/portal")
        begin(response, Session(subject=person.subject, name=person.name, roles=person.roles))
        return response

    def _callback(request: Request) -> str:
        base = resources.settings.public_url or str(request.base_url)
        return f"{base.rstrip('/')}/api/portal/v1/login/oidc/callback"

    return api


def _oidc_client(resources: Resources) -> "OidcClient | None":
    if resources.settings.oidc_issuer is None:
        return None
    from radbridge.runtime.security.oidc import OidcClient  # loads Authlib, which most suites never need

    return OidcClient.of(resources.settings, resources.http)


def _local(path: str) -> str:
    """Only paths of this site: an open redirect would lend our name to others."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) else "/"
