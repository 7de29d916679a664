"""Sessions begin with the admin token or at the OpenID provider, and end."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import httpx
import pytest

from radbridge.contracts.events.session import SessionEnded
from radbridge.portal.main import SERVICE
from radbridge.runtime.host.platform import Platform
from radbridge.runtime.host.serving import following
from radbridge.runtime.security.oidc import LoginAttempt, LoginRefused, OidcLogin
from radbridge.runtime.security.sessions import COOKIE, Session
from radbridge.runtime.testing import ADMIN_TOKEN, Running, eventually, running_service

LOGIN = "/api/portal/v1/login/oidc"
SESSION = "/api/portal/v1/session"
PROVIDER = "https://login.example.cn/authorize"


@pytest.fixture
async def portal(tmp_path: Path) -> AsyncIterator[Running]:
    async with running_service(SERVICE, tmp_path) as running:
        yield running


@pytest.fixture
async def portal_with_provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Running]:
    async def begin(_: OidcLogin, redirect_uri: str) -> LoginAttempt:
        return LoginAttempt(f"{PROVIDER}?redirect_uri={redirect_uri}", "sealed-attempt")

    async def finish(_: OidcLogin, answer_url: str, sealed: str) -> Session:
        if sealed != "sealed-attempt" or "code=good" not in answer_url:
            raise LoginRefused("登录没有完成 (access_denied)")
        return Session(subject="u-1", name="王主任", roles=frozenset({"operator"}))

    monkeypatch.setattr(OidcLogin, "begin", begin)
    monkeypatch.setattr(OidcLogin, "finish", finish)
    settings = {"oidc_issuer": "https://login.example.cn", "oidc_client_id": "radbridge"}
    settings["public_url"] = "https://images.example.cn"
    async with running_service(SERVICE, tmp_path, settings=settings) as running:
        running.client.base_url = "https://images.example.cn"  # type: ignore[assignment]
        yield running


async def test_the_admin_token_becomes_a_cookie_that_scripts_cannot_read(portal: Running) -> None:
    assert (await portal.client.get(SESSION)).status_code == 401
    entered = await portal.client.post(SESSION, json={"token": ADMIN_TOKEN})
    cookie = entered.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert ADMIN_TOKEN not in cookie
    assert (await portal.client.get(SESSION)).json()["roles"] == ["admin"]
    assert (await portal.client.get("/api/portal/v1/exams")).status_code == 200

    assert (await portal.client.delete(SESSION)).status_code == 204
    assert (await portal.client.get(SESSION)).status_code == 401


async def test_a_logout_ends_the_session_itself_at_every_service(portal: Running, tmp_path: Path) -> None:
    await portal.client.post(SESSION, json={"token": ADMIN_TOKEN})
    stolen = {"cookie": f"{COOKIE}={portal.client.cookies[COOKIE]}"}
    elsewhere = httpx.AsyncClient(transport=httpx.ASGITransport(portal.host.app), base_url="http://testserver")
    assert (await elsewhere.get(SESSION, headers=stolen)).status_code == 200
    assert (await portal.client.post(SESSION, json={"token": ADMIN_TOKEN})).status_code == 200
    other = {"cookie": f"{COOKIE}={portal.client.cookies[COOKIE]}"}

    foreign = {**stolen, "sec-fetch-site": "cross-site"}
    await elsewhere.delete(SESSION, headers=foreign)
    assert (await elsewhere.get(SESSION, headers=stolen)).status_code == 200
    assert (await elsewhere.delete(SESSION, headers=stolen)).status_code == 204
    assert (await elsewhere.get(SESSION, headers=stolen)).status_code == 401
    assert (await elsewhere.get(SESSION, headers=other)).status_code == 200

    told = await portal.events(SessionEnded)
    assert len(told) == 1
    replica = Platform.open(portal.platform.settings, log=portal.log)
    async with following(replica):
        await eventually(lambda: _is(told[0][1].session_id in replica.authenticator.ended_sessions))
    await elsewhere.aclose()


async def test_a_logout_ends_a_session_that_this_process_does_not_trust_yet(tmp_path: Path) -> None:
    async with running_service(SERVICE, tmp_path) as before:
        await before.client.post(SESSION, json={"token": ADMIN_TOKEN})
        cookie = {"cookie": f"{COOKIE}={before.client.cookies[COOKIE]}"}
    async with running_service(SERVICE, tmp_path) as portal:
        portal.resources.authenticator.ended_sessions._caught_up.clear()
        assert (await portal.client.get(SESSION, headers=cookie)).status_code == 401
        for _ in range(2):
            assert (await portal.client.delete(SESSION, headers=cookie)).status_code == 204
        assert len(await portal.events(SessionEnded)) == 1


async def _is(found: bool) -> bool:
    return found


async def test_a_logout_without_a_session_ends_none(portal: Running) -> None:
    assert (await portal.client.delete(SESSION)).status_code == 204
    assert await portal.events(SessionEnded) == []


async def test_a_wrong_token_begins_nothing(portal: Running) -> None:
    refused = await portal.client.post(SESSION, json={"token": "guess"})
    assert refused.status_code == 401
    assert "set-cookie" not in refused.headers


async def test_without_a_provider_none_is_offered(portal: Running) -> None:
    assert (await portal.client.get("/api/portal/v1/login")).json()["oidc"] is False
    assert (await portal.client.get(LOGIN)).status_code == 404


async def test_a_login_at_the_provider_comes_back_to_where_it_began(portal_with_provider: Running) -> None:
    client = portal_with_provider.client
    assert (await client.get("/api/portal/v1/login")).json()["oidc"] is True
    begun = await client.get(LOGIN, params={"next": "/#/exams/1"})
    address = urlsplit(begun.headers["location"])
    assert f"{address.scheme}://{address.netloc}{address.path}" == PROVIDER
    callback = parse_qs(address.query)["redirect_uri"][0]
    assert callback == f"https://images.example.cn{LOGIN}/callback"

    back = await client.get(callback, params={"code": "good", "state": "s"})
    assert (back.status_code, back.headers["location"]) == (303, "/#/exams/1")
    assert (await client.get(SESSION)).json() == {
        "subject": "u-1",
        "kind": "user",
        "roles": ["operator"],
        "institution_code": None,
    }


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
async def test_a_login_never_leads_to_another_site(portal_with_provider: Running, elsewhere: str) -> None:
    client = portal_with_provider.client
    await client.get(LOGIN, params={"next": elsewhere})
    back = await client.get(f"{LOGIN}/callback", params={"code": "good", "state": "s"})
    assert back.headers["location"] == "/"


async def test_a_refused_login_is_told_on_the_login_page(portal_with_provider: Running) -> None:
    client = portal_with_provider.client
    not_begun = await client.get(f"{LOGIN}/callback", params={"code": "good", "state": "s"})
    await client.get(LOGIN)
    denied = await client.get(f"{LOGIN}/callback", params={"error": "access_denied", "state": "s"})
    for answer in (not_begun, denied):
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/#/login/")
    assert "access_denied" in unquote(denied.headers["location"])
    assert (await client.get(SESSION)).status_code == 401
