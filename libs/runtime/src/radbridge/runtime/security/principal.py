"""Who is asking, as the requests of the native APIs and of DICOMweb show it."""

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, cast
from urllib.parse import urlsplit

from fastapi import Request

from radbridge.runtime.clock import Clock
from radbridge.runtime.problems import Problem
from radbridge.runtime.security.ended_sessions import EndedSessions
from radbridge.runtime.security.links import LinkExpired, LinkInvalid, LinkSigner, ViewGrant
from radbridge.runtime.security.sessions import COOKIE, Session, SessionCodec
from radbridge.runtime.security.tokens import TokenCodec, TokenExpired, TokenInvalid
from radbridge.runtime.security.vault import Vault
from radbridge.runtime.settings import RuntimeSettings

SERVICE_TOKEN_VALID = timedelta(minutes=5)
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Somebody whose identity was proven."""

    kind: Literal["admin", "user", "service", "hospital", "viewer"]
    subject: str
    """Who, within the kind: a person's id at the provider, a service's name, a hospital's code; ``admin``."""
    roles: frozenset[str]
    institution_id: str | None = None
    grant: ViewGrant | None = None
    """What a signed link allows; only of viewers."""

    @property
    def actor(self) -> str:
        """The name that audit events carry."""
        if self.kind == "admin":
            return "admin"
        return self.grant.actor if self.grant else f"{self.kind}:{self.subject}"

    def may(self, *roles: str) -> bool:
        """Whether any of the roles is held; an admin holds all."""
        return "admin" in self.roles or not self.roles.isdisjoint(roles)


ADMIN = Principal(kind="admin", subject="admin", roles=frozenset({"admin"}))


class Authenticator:
    """Finds out who sent a request: ``Authorization: Bearer`` with the admin token, a service token or a link's token;
    a link's token in the query parameter ``token``; or the session cookie, in this order."""

    def __init__(
        self,
        settings: RuntimeSettings,
        vault: Vault,
        links: LinkSigner,
        clock: Clock,
        ended_sessions: EndedSessions,
    ) -> None:
        token = settings.admin_token.get_secret_value() if settings.admin_token else ""
        self._admin_token = token.encode()
        self._services = TokenCodec(vault, clock, purpose="service")
        self._links = links
        self.sessions = SessionCodec(vault, clock, valid=timedelta(hours=settings.session_hours))
        self.ended_sessions = ended_sessions

    def service_token(self, service: str) -> str:
        """A token with which a service calls others, good for five minutes."""
        return self._services.issue({"sub": service}, SERVICE_TOKEN_VALID)

    def is_admin_token(self, token: str) -> bool:
        """Whether this is the admin token, compared in constant time."""
        return bool(self._admin_token) and hmac.compare_digest(token.encode(), self._admin_token)

    def from_request(self, request: Request) -> Principal | None:
        """Who sent the request; ``None`` where nobody proves to be anybody. What the request itself names counts:
        browsers add the cookie unasked, so it neither stands in a link's way nor makes a wrong token good."""
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self.from_bearer(bearer.strip())
        link = request.query_params.get("token")
        if link:
            return self._from_link(link)
        session = self.session_of(request)
        return None if session is None else Principal(kind="user", subject=session.subject, roles=session.roles)

    def session_of(self, request: Request) -> Session | None:
        """The session whose cookie came with the request, from one of our own pages where it changes something;
        ``None`` where there is none, or it is over, or may be (``EndedSessions.may_hold``)."""
        session = self.cookie_of(request)
        return None if session is None or self.ended_sessions.may_hold(session) else session

    def cookie_of(self, request: Request) -> Session | None:
        """What ``session_of`` answers, also of a session that somebody ended: for whoever ends it."""
        cookie = request.cookies.get(COOKIE)
        if not cookie or not (request.method in _SAFE_METHODS or _same_origin(request)):
            return None
        return self.sessions.verify(cookie)

    def from_bearer(self, token: str) -> Principal | None:
        """Who holds a bearer token."""
        if self.is_admin_token(token):
            return ADMIN
        if self._services.looks_alike(token):
            try:
                claims = self._services.verify(token)
                return Principal(kind="service", subject=str(claims["sub"]), roles=frozenset({"service"}))
            except (TokenInvalid, TokenExpired, KeyError):
                return None
        return self._from_link(token)

    def _from_link(self, token: str) -> Principal | None:
        try:
            grant = self._links.verify(token)
        except (LinkInvalid, LinkExpired):
            return None
        return Principal(
            kind="viewer",
            subject=grant.actor,
            roles=frozenset({"viewer"}),
            institution_id=grant.institution_id,
            grant=grant,
        )


def require(*roles: str) -> Callable[[Request], Awaitable[Principal]]:
    """A FastAPI dependency: the principal of the request, who must hold one of the roles (``admin`` holds all;
    ``service`` and ``viewer`` are roles too). Without roles, anybody with an identity.

    Answers 401 to those without identity, 403 to those without the role, as problem+json.
    """

    async def principal_of(request: Request) -> Principal:
        authenticator = cast(Authenticator, request.app.state.authenticator)
        principal = authenticator.from_request(request)
        if principal is None:
            raise Problem(401, detail="A valid token or session is needed.", headers={"www-authenticate": "Bearer"})
        if roles and not principal.may(*roles):
            raise Problem(403, detail=f"This needs the role {' or '.join(roles)}.")
        return principal

    return principal_of


def _same_origin(request: Request) -> bool:
    """Whether a browser's request comes from our own pages; SameSite cookies alone trust sibling subdomains."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")
