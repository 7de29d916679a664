"""Sessions of people: a signed cookie that scripts cannot read and other sites cannot send along."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie

from radbridge.contracts.identifiers import new_id
from radbridge.runtime.clock import Clock
from radbridge.runtime.security.tokens import TokenCodec, TokenExpired, TokenInvalid
from radbridge.runtime.security.vault import Vault

COOKIE = "radbridge_session"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Who logged in. ``subject`` is the person's id at the provider, or ``admin`` for the admin token."""

    subject: str
    name: str
    """How the console greets the person."""
    roles: frozenset[str]
    id: str = ""
    """Given by ``SessionCodec.issue``, like the two moments."""
    issued_at: datetime | None = None
    expires_at: datetime | None = None


class SessionCodec:
    """Makes and checks the content of session cookies."""

    def __init__(self, vault: Vault, clock: Clock, *, valid: timedelta) -> None:
        self._codec = TokenCodec(vault, clock, purpose="session")
        self._clock = clock
        self._valid = valid

    def issue(self, session: Session) -> str:
        """The cookie's value for a new session."""
        claims = {
            "sub": session.subject,
            "name": session.name,
            "roles": sorted(session.roles),
            "jti": new_id(),
            "iat": self._clock().timestamp(),
        }
        return self._codec.issue(claims, self._valid)

    def verify(self, value: str) -> Session | None:
        """The session of a cookie; ``None`` when it is over or not ours."""
        try:
            claims = self._codec.verify(value)
            return Session(
                subject=claims["sub"],
                name=claims["name"],
                roles=frozenset(claims["roles"]),
                id=claims["jti"],
                issued_at=datetime.fromtimestamp(claims["iat"], UTC) if "iat" in claims else None,
                expires_at=datetime.fromtimestamp(claims["exp"], UTC),
            )
        except (TokenInvalid, TokenExpired, KeyError, TypeError):
            return None

    def set_cookie(self, value: str, *, secure: bool) -> str:
        """The ``Set-Cookie`` header that begins a session. ``secure``: the site is reached by https."""
        return _cookie(value, int(self._valid.total_seconds()), secure=secure)

    def clear_cookie(self, *, secure: bool) -> str:
        """The ``Set-Cookie`` header that ends it."""
        return _cookie("", 0, secure=secure)


def _cookie(value: str, max_age: int, *, secure: bool) -> str:
    cookie = SimpleCookie({COOKIE: value})
    morsel = cookie[COOKIE]
    morsel["path"] = "/"
    morsel["max-age"] = max_age
    morsel["httponly"] = True
    morsel["samesite"] = "Lax"
    morsel["secure"] = secure
    return morsel.OutputString()
