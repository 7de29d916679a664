"""Logging in: the admin token or the OpenID provider, exchanged for an HttpOnly cookie."""

from typing import Annotated, Literal
from urllib.parse import quote, unquote

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from radbridge.contracts.events.session import SessionEnded
from radbridge.portal.settings import PortalSettings
from radbridge.runtime.problems import Problem
from radbridge.runtime.security.oidc import ATTEMPT_COOKIE, ATTEMPT_VALID, LoginRefused, OidcLogin
from radbridge.runtime.security.principal import Principal, require
from radbridge.runtime.security.sessions import Session
from radbridge.runtime.service import Resources

CALLBACK = "/api/portal/v1/login/oidc/callback"
NEXT_COOKIE = "radbridge_login_next"
"""Where the browser wanted to go when the login began."""


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
    attempt_seconds = int(ATTEMPT_VALID.total_seconds())
    oidc = (
        OidcLogin(resources.settings, resources.http, resources.keyring, resources.clock)
        if OidcLogin.is_configured(resources.settings)
        else None
    )

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
    async def logout(request: Request, response: Response) -> None:
        """End the session: its cookie leaves this browser, and opens nothing at any service for whoever else has it."""
        session = resources.authenticator.cookie_of(request)
        is_known = session is not None and session.id in resources.authenticator.ended_sessions
        if session is not None and session.expires_at is not None and not is_known:
            ended = SessionEnded(session_id=session.id, ended_at=resources.clock(), expires_at=session.expires_at)
            await resources.database.write(lambda tx: resources.outbox.publish(tx, ended))
            resources.authenticator.ended_sessions.add(ended)
        response.headers.append("set-cookie", sessions.clear_cookie(secure=secure))

    @api.get("/login/oidc", include_in_schema=oidc is not None)
    async def oidc_login(request: Request, next: str = "/") -> RedirectResponse:
        """Send the browser to the OpenID provider (code flow with PKCE, RFC 7636)."""
        if oidc is None:
            raise Problem(404, detail="No OpenID provider is configured.")
        try:
            attempt = await oidc.begin(_callback(request))
        except LoginRefused as refused:
            return _back_to_login(str(refused))
        response = RedirectResponse(attempt.address, status_code=302)
        for name, value in ((ATTEMPT_COOKIE, attempt.sealed), (NEXT_COOKIE, quote(_local(next)))):
            response.set_cookie(
                name, value, max_age=attempt_seconds, httponly=True, samesite="lax", secure=secure, path=CALLBACK
            )
        return response

    @api.get("/login/oidc/callback", include_in_schema=False)
    async def oidc_callback(request: Request) -> RedirectResponse:
        """Take the provider's code, check it and begin a session."""
        sealed = request.cookies.get(ATTEMPT_COOKIE)
        if oidc is None or not sealed:
            return _back_to_login("登录已失效，请重试 (the login was not begun here)")
        try:
            session = await oidc.finish(str(request.url), sealed)
        except LoginRefused as refused:
            return _back_to_login(str(refused))
        response = RedirectResponse(_local(unquote(request.cookies.get(NEXT_COOKIE, "/"))), status_code=303)
        for name in (ATTEMPT_COOKIE, NEXT_COOKIE):
            response.delete_cookie(name, path=CALLBACK)
        begin(response, session)
        return response

    def _callback(request: Request) -> str:
        return f"{resources.settings.public_url or str(request.base_url)}".rstrip("/") + CALLBACK

    return api


def _back_to_login(reason: str) -> RedirectResponse:
    """To the console's login page, which shows the reason."""
    return RedirectResponse(f"/#/login/{quote(reason, safe='')}", status_code=303)


def _local(path: str) -> str:
    """Only paths of this site: an open redirect would lend our name to others."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) else "/"
