"""Login of people at an OpenID Connect provider: authorization code flow with PKCE (RFC 6749, RFC 7636, OpenID Connect
Core 1.0). Authlib builds and checks the protocol's messages, joserfc the signatures; both load at the first login."""

import base64
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from typing import Any, cast
from urllib.parse import quote, urlsplit

import orjson

from radbridge.runtime.clock import Clock
from radbridge.runtime.http_client import OutboundClient, OutboundError
from radbridge.runtime.security.keyring import PLATFORM, Keyring, SealError
from radbridge.runtime.security.sessions import Session
from radbridge.runtime.settings import RuntimeSettings

ROLES = frozenset({"admin", "operator", "doctor"})
"""Roles that a person can have here."""
ATTEMPT_COOKIE = "radbridge_login"
ATTEMPT_VALID = timedelta(minutes=10)
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA")
"""Of ID tokens: signatures of the provider's key pair; no shared secrets, no ``none``."""
_LEEWAY_SECONDS = 60
_PLACE = "oidc login"

_log = logging.getLogger(__name__)


class LoginRefused(Exception):
    """The login did not succeed; the text says why and may be shown to the person."""


@dataclass(frozen=True, slots=True)
class LoginAttempt:
    """A login that was begun."""

    address: str
    """Where the person's browser goes now."""
    sealed: str
    """Must come back with the answer: the value of a cookie ``ATTEMPT_COOKIE`` (HttpOnly, SameSite=Lax) that the
    browser keeps for ``ATTEMPT_VALID``."""


@dataclass(frozen=True, slots=True)
class _Provider:
    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None


class OidcLogin:
    """Logs people in at the provider that the settings name.

    :raises ValueError: the settings name none; see ``is_configured``.
    """

    def __init__(self, settings: RuntimeSettings, http: OutboundClient, keyring: Keyring, clock: Clock) -> None:
        if not self.is_configured(settings):
            raise ValueError("RADBRIDGE_OIDC_ISSUER and RADBRIDGE_OIDC_CLIENT_ID are not both set")
        if not settings.oidc_role_map:
            _log.warning(
                "RADBRIDGE_OIDC_ROLE_MAP is not set: whoever the provider gives a role called admin is admin here"
            )
        self._settings = settings
        self._issuer = cast(str, settings.oidc_issuer)
        self._client_id = cast(str, settings.oidc_client_id)
        self._http = http
        self._keyring = keyring
        self._clock = clock
        self._known: _Provider | None = None
        self._keys: Mapping[str, Any] | None = None

    @staticmethod
    def is_configured(settings: RuntimeSettings) -> bool:
        """Whether there is a provider to log in at."""
        return bool(settings.oidc_issuer and settings.oidc_client_id)

    async def begin(self, redirect_uri: str) -> LoginAttempt:
        """Begin a login whose answer comes to ``redirect_uri``.

        :raises LoginRefused: the provider does not answer.
        """
        provider = await self._provider()
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        address: str = _authlib("oauth2.rfc6749.parameters").prepare_grant_uri(
            provider.authorization_endpoint,
            client_id=self._client_id,
            response_type="code",
            redirect_uri=redirect_uri,
            scope=self._settings.oidc_scopes,
            state=state,
            nonce=nonce,
            code_challenge=_authlib("oauth2.rfc7636").create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        kept = {
            "state": state,
            "nonce": nonce,
            "verifier": verifier,
            "redirect_uri": redirect_uri,
            "until": int((self._clock() + ATTEMPT_VALID).timestamp()),
        }
        return LoginAttempt(address, self._keyring.seal(PLATFORM, "login", orjson.dumps(kept), place=_PLACE))

    async def finish(self, answer_url: str, sealed: str) -> Session:
        """The session of the person who came back to ``answer_url`` with the attempt's cookie.

        :raises LoginRefused: the answer is not one to this attempt, or the provider refuses it.
        """
        kept = self._opened(sealed)
        code = _code_of(answer_url, kept["state"])
        provider = await self._provider()
        tokens = await self._exchange(provider, code, kept)
        claims = await self._verified(provider, str(tokens.get("id_token", "")), kept["nonce"])
        if _claim(claims, self._settings.oidc_role_claim) is None and provider.userinfo_endpoint:
            claims = {**claims, **await self._userinfo(provider.userinfo_endpoint, tokens, claims["sub"])}
        roles = self._roles(claims)
        if not roles:
            raise LoginRefused("您的账号没有使用本平台的角色 (the account has no role here)")
        name = claims.get("name") or claims.get("preferred_username") or claims["sub"]
        return Session(subject=str(claims["sub"]), name=str(name), roles=roles)

    def _opened(self, sealed: str) -> dict[str, Any]:
        try:
            kept: dict[str, Any] = orjson.loads(self._keyring.open(sealed, place=_PLACE))
        except SealError:
            raise LoginRefused("登录已失效，请重试 (the login was not begun here)") from None
        if self._clock().timestamp() >= kept["until"]:
            raise LoginRefused("登录超时，请重试 (the login took too long)")
        return kept

    async def _provider(self) -> _Provider:
        if self._known is None:
            found = await self._json("GET", f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
            if str(found.get("issuer", "")).rstrip("/") != self._issuer.rstrip("/"):
                raise LoginRefused("the provider calls itself by another name than RADBRIDGE_OIDC_ISSUER")
            try:
                self._known = _Provider(
                    issuer=found["issuer"],
                    authorization_endpoint=found["authorization_endpoint"],
                    token_endpoint=found["token_endpoint"],
                    jwks_uri=found["jwks_uri"],
                    userinfo_endpoint=found.get("userinfo_endpoint"),
                )
            except KeyError as error:
                raise LoginRefused(f"the provider's configuration lacks {error.args[0]}") from None
        return self._known

    async def _exchange(self, provider: _Provider, code: str, kept: Mapping[str, Any]) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": kept["redirect_uri"],
            "code_verifier": kept["verifier"],
            "client_id": self._client_id,
        }
        headers: dict[str, str] = {}
        secret = self._settings.oidc_client_secret
        if secret is not None:
            # RFC 6749, 2.3.1: both parts are form-encoded before they are joined
            pair = f"{quote(self._client_id, safe='')}:{quote(secret.get_secret_value(), safe='')}"
            headers["authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        return await self._json("POST", provider.token_endpoint, data=form, headers=headers)

    async def _verified(self, provider: _Provider, id_token: str, nonce: str) -> dict[str, Any]:
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        token = None
        for refresh in (False, True):  # a provider that has rotated its keys signs with one not yet known
            keys = await self._provider_keys(provider, refresh=refresh)
            try:
                token = jwt.decode(id_token, KeySet.import_key_set(cast(Any, keys)), algorithms=list(_ALGORITHMS))
                break
            except (JoseError, ValueError, KeyError, TypeError) as error:
                if refresh:
                    raise LoginRefused(f"the provider's ID token does not verify ({type(error).__name__})") from None
        assert token is not None
        options: Any = {
            "iss": {"essential": True, "value": provider.issuer},
            "aud": {"essential": True, "value": self._client_id},
        }
        expected = {"nonce": nonce, "client_id": self._client_id}
        claims = _authlib("oidc.core").CodeIDToken(token.claims, token.header, options, expected)
        try:
            claims.validate(now=int(self._clock().timestamp()), leeway=_LEEWAY_SECONDS)
        except JoseError as error:
            raise LoginRefused(f"the provider's ID token is not for this login ({error})") from None
        return dict(token.claims)

    async def _provider_keys(self, provider: _Provider, *, refresh: bool) -> Mapping[str, Any]:
        if self._keys is None or refresh:
            self._keys = await self._json("GET", provider.jwks_uri)
        return self._keys

    async def _userinfo(self, endpoint: str, tokens: Mapping[str, Any], subject: str) -> dict[str, Any]:
        bearer = {"authorization": f"Bearer {tokens.get('access_token', '')}"}
        found = await self._json("GET", endpoint, headers=bearer)
        if found.get("sub") != subject:
            raise LoginRefused("the provider's user info is somebody else's")
        return found

    async def _json(self, method: str, url: str, **options: Any) -> dict[str, Any]:
        host = urlsplit(url).hostname
        try:
            response = await self._http.request(method, url, peer="oidc", answer_bytes_max=1024 * 1024, **options)
        except OutboundError as error:
            raise LoginRefused(f"登录服务没有应答 ({error})") from None
        try:
            body = response.json()
        except ValueError:
            body = None
        if response.status_code != 200 or not isinstance(body, dict):
            raise LoginRefused(f"登录服务拒绝了请求 ({host}: HTTP {response.status_code})")
        return cast(dict[str, Any], body)

    def _roles(self, claims: Mapping[str, Any]) -> frozenset[str]:
        value = _claim(claims, self._settings.oidc_role_claim)
        given = (
            value.split() if isinstance(value, str) else cast(list[object], value) if isinstance(value, list) else []
        )
        mapped = self._settings.oidc_role_map
        names = {mapped.get(str(role), "") if mapped else str(role) for role in given}
        return frozenset(names & ROLES)


def _code_of(answer_url: str, state: str) -> str:
    parse = _authlib("oauth2.rfc6749.parameters").parse_authorization_code_response
    try:
        answer: dict[str, str] = parse(answer_url, state=state)
    except _authlib("common.errors").AuthlibBaseError as error:
        raise LoginRefused(f"登录没有完成 ({error.error})") from None
    return answer["code"]


def _claim(claims: Mapping[str, Any], path: str) -> Any:
    """The value at a path of claims; a claim whose own name has dots is found too."""
    if path in claims:
        return claims[path]
    value: Any = claims
    for step in path.split("."):
        if not isinstance(value, dict):
            return None
        value = cast(dict[str, Any], value).get(step)
    return value


def _authlib(module: str) -> Any:
    """A module of Authlib, which has no type annotations."""
    return import_module(f"authlib.{module}")
