"""Login with OpenID Connect against a provider that checks what a real one checks."""

import base64
import hashlib
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from pydantic import SecretStr

from radbridge.runtime.http_client import OutboundClient
from radbridge.runtime.security.keyring import Keyring
from radbridge.runtime.security.oidc import LoginRefused, OidcLogin
from radbridge.runtime.security.vault import Vault
from radbridge.runtime.settings import RuntimeSettings
from radbridge.runtime.telemetry.meters import MeterBoard, Meters
from radbridge.runtime.telemetry.traces import Tracing

ISSUER = "https://login.example.cn/realms/health"
CALLBACK = "https://images.example.cn/login/callback"
SECRET = "s3cret:/%"


class Provider:
    """A provider's endpoints. ``claims`` are put into the ID token over the right ones."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, parameters={"kid": "k1"})
        self.published = self.key
        self.claims: dict[str, Any] = {"roles": ["operator"], "name": "王主任"}
        self.userinfo: dict[str, Any] = {}
        self.algorithm = "RS256"
        self.codes: dict[str, dict[str, str]] = {}
        self.redeemed: set[str] = set()

    def authorize(self, address: str) -> str:
        """What happens in the person's browser: answers the address it comes back to."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"].split()
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?code={code}&state={asked['state']}"

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/realms/health")
        if path == "/.well-known/openid-configuration":
            endpoints = ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint")
            return httpx.Response(200, json={"issuer": ISSUER, **{name: f"{ISSUER}/{name}" for name in endpoints}})
        if path == "/jwks_uri":
            return httpx.Response(200, json={"keys": [self.published.as_dict(private=False)]})
        if path == "/userinfo_endpoint":
            assert request.headers["authorization"] == "Bearer access"
            return httpx.Response(200, json=self.userinfo)
        assert path == "/token_endpoint"
        return self.token(request)

    def token(self, request: httpx.Request) -> httpx.Response:
        form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        pair = base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode()
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).decode()
        asked = self.codes.get(form["code"])
        if (
            asked is None
            or form["code"] in self.redeemed
            or pair != "radbridge:s3cret%3A%2F%25"
            or form["redirect_uri"] != asked["redirect_uri"]
            or challenge.rstrip("=") != asked["code_challenge"]
        ):
            return httpx.Response(400, json={"error": "invalid_grant"})
        self.redeemed.add(form["code"])
        now = int(time.time())
        claims = {
            "iss": ISSUER, "sub": "u-1", "aud": "radbridge", "iat": now, "exp": now + 300, "nonce": asked["nonce"],
        }  # fmt: skip
        header = {"alg": self.algorithm, "kid": "k1"}
        id_token = jwt.encode(header, {**claims, **self.claims}, self.key, algorithms=[self.algorithm])
        return httpx.Response(200, json={"id_token": id_token, "access_token": "access", "token_type": "Bearer"})


@pytest.fixture
def provider() -> Provider:
    return Provider()


Make = Callable[..., OidcLogin]


@pytest.fixture
def make(provider: Provider) -> Make:
    http = OutboundClient(
        meters=Meters(MeterBoard(), "portal"),
        tracing=Tracing("portal"),
        transport=httpx.MockTransport(provider.answer),
    )

    def make(*, clock: Callable[[], datetime] = lambda: datetime.now(UTC), **members: Any) -> OidcLogin:
        vault = Vault.create()
        settings = RuntimeSettings(
            events_url="sqlite:///events.db",
            database_url="sqlite+aiosqlite:///portal.db",
            blobs_url="file:///blobs",
            vault_key=SecretStr(vault.to_text()),
            oidc_issuer=ISSUER,
            oidc_client_id="radbridge",
            oidc_client_secret=SecretStr(SECRET),
            **members,
        )
        return OidcLogin(settings, http, Keyring(vault), clock)

    return make


async def test_a_person_logs_in_with_name_and_roles(make: Make, provider: Provider) -> None:
    login = make()
    attempt = await login.begin(CALLBACK)
    session = await login.finish(provider.authorize(attempt.address), attempt.sealed)
    assert (session.subject, session.name, session.roles) == ("u-1", "王主任", frozenset({"operator"}))


async def test_what_the_browser_keeps_does_not_show_the_verifier(make: Make, provider: Provider) -> None:
    attempt = await make().begin(CALLBACK)
    asked = parse_qs(urlsplit(attempt.address).query)
    assert asked["state"][0] not in attempt.sealed
    assert attempt.sealed.startswith("rb1.")


@pytest.mark.parametrize(
    ("claim", "claims", "roles"),
    [
        ("roles", {"roles": "doctor operator"}, {"doctor", "operator"}),
        ("realm_access.roles", {"realm_access": {"roles": ["doctor", "gardener"]}}, {"doctor"}),
        ("https://x.cn/roles", {"https://x.cn/roles": ["admin"]}, {"admin"}),
    ],
)
async def test_roles_come_from_the_configured_claim(
    make: Make, provider: Provider, claim: str, claims: dict[str, Any], roles: set[str]
) -> None:
    provider.claims = claims
    login = make(oidc_role_claim=claim)
    attempt = await login.begin(CALLBACK)
    assert (await login.finish(provider.authorize(attempt.address), attempt.sealed)).roles == roles


async def test_the_providers_role_names_may_be_mapped(make: Make, provider: Provider) -> None:
    provider.claims = {"roles": ["pacs-it", "operator"]}
    login = make(oidc_role_map={"pacs-it": "admin"})
    attempt = await login.begin(CALLBACK)
    assert (await login.finish(provider.authorize(attempt.address), attempt.sealed)).roles == {"admin"}


async def test_with_a_map_a_role_with_one_of_our_names_counts_only_if_mapped(make: Make, provider: Provider) -> None:
    provider.claims = {"roles": ["admin"]}
    login = make(oidc_role_map={"pacs-it": "admin"})
    attempt = await login.begin(CALLBACK)
    with pytest.raises(LoginRefused, match="no role"):
        await login.finish(provider.authorize(attempt.address), attempt.sealed)


def test_that_roles_count_by_their_names_is_said(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    make(oidc_role_map={"pacs-it": "admin"})
    assert caplog.messages == []
    make()
    assert "RADBRIDGE_OIDC_ROLE_MAP" in caplog.text


async def test_roles_may_stand_in_the_user_info(make: Make, provider: Provider) -> None:
    provider.claims = {}
    provider.userinfo = {"sub": "u-1", "roles": ["doctor"]}
    login = make()
    attempt = await login.begin(CALLBACK)
    assert (await login.finish(provider.authorize(attempt.address), attempt.sealed)).roles == {"doctor"}
    provider.userinfo = {"sub": "somebody", "roles": ["admin"]}
    attempt = await login.begin(CALLBACK)
    with pytest.raises(LoginRefused):
        await login.finish(provider.authorize(attempt.address), attempt.sealed)


async def test_a_provider_that_rotated_its_key_is_asked_again(make: Make, provider: Provider) -> None:
    login = make()
    attempt = await login.begin(CALLBACK)
    await login.finish(provider.authorize(attempt.address), attempt.sealed)
    provider.key = provider.published = RSAKey.generate_key(2048, parameters={"kid": "k1"})
    attempt = await login.begin(CALLBACK)
    assert (await login.finish(provider.authorize(attempt.address), attempt.sealed)).subject == "u-1"


@pytest.mark.parametrize(
    "claims",
    [
        {"roles": []},
        {"roles": ["gardener"]},
        {"roles": ["admin"], "nonce": "another"},
        {"roles": ["admin"], "aud": "another"},
        {"roles": ["admin"], "iss": "https://evil.example.cn"},
        {"roles": ["admin"], "exp": 1},
        {"roles": ["admin"], "iat": 4102444800},
    ],
)
async def test_an_id_token_that_is_not_for_this_login_is_refused(
    make: Make, provider: Provider, claims: dict[str, Any]
) -> None:
    provider.claims = claims
    login = make()
    attempt = await login.begin(CALLBACK)
    with pytest.raises(LoginRefused):
        await login.finish(provider.authorize(attempt.address), attempt.sealed)


async def test_an_id_token_of_a_foreign_key_is_refused(make: Make, provider: Provider) -> None:
    provider.published = RSAKey.generate_key(2048, parameters={"kid": "k1"})
    login = make()
    attempt = await login.begin(CALLBACK)
    with pytest.raises(LoginRefused, match="does not verify"):
        await login.finish(provider.authorize(attempt.address), attempt.sealed)


async def test_an_answer_to_another_attempt_is_refused(make: Make, provider: Provider) -> None:
    login = make()
    mine, attackers = await login.begin(CALLBACK), await login.begin(CALLBACK)
    answer = provider.authorize(attackers.address)
    for sealed in (mine.sealed, "", "rb1.junk.junk", mine.sealed[:-2]):
        with pytest.raises(LoginRefused):
            await login.finish(answer, sealed)


@pytest.mark.parametrize("query", ["", "error=access_denied", "code=x", "state=y", "code=x&state=wrong"])
async def test_an_answer_without_code_or_state_is_refused(make: Make, query: str) -> None:
    login = make()
    attempt = await login.begin(CALLBACK)
    with pytest.raises(LoginRefused):
        await login.finish(f"{CALLBACK}?{query}", attempt.sealed)


async def test_a_login_must_be_finished_in_time(make: Make, provider: Provider) -> None:
    now = datetime.now(UTC)
    moments = [now]
    login = make(clock=lambda: moments[0])
    attempt = await login.begin(CALLBACK)
    moments[0] = now + timedelta(minutes=10)
    with pytest.raises(LoginRefused, match="too long"):
        await login.finish(provider.authorize(attempt.address), attempt.sealed)
