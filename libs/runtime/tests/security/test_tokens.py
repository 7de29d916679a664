"""Signed tokens, links and sessions."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest

from radbridge.runtime.security.links import LinkExpired, LinkInvalid, LinkSigner, ViewGrant
from radbridge.runtime.security.sessions import Session, SessionCodec
from radbridge.runtime.security.tokens import TokenCodec, TokenExpired, TokenInvalid
from radbridge.runtime.security.vault import Vault

START = datetime(2026, 1, 1, tzinfo=UTC)


class Watch:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def vault() -> Vault:
    return Vault.create()


def test_a_token_carries_its_claims_until_it_expires(vault: Vault, watch: Watch) -> None:
    codec = TokenCodec(vault, watch, purpose="service")
    token = codec.issue({"sub": "mpi"}, timedelta(minutes=5))
    watch.now += timedelta(minutes=5, seconds=-1)
    assert codec.verify(token)["sub"] == "mpi"
    watch.now += timedelta(seconds=1)
    with pytest.raises(TokenExpired) as caught:
        codec.verify(token)
    assert caught.value.claims["sub"] == "mpi"


def test_a_token_of_another_purpose_or_vault_is_refused(vault: Vault, watch: Watch) -> None:
    token = TokenCodec(vault, watch, purpose="link").issue({}, timedelta(minutes=5))
    for codec in (
        TokenCodec(vault, watch, purpose="service"),
        TokenCodec(Vault.create(), watch, purpose="link"),
    ):
        with pytest.raises(TokenInvalid):
            codec.verify(token)


def test_the_algorithm_cannot_be_chosen_by_the_token(vault: Vault, watch: Watch) -> None:
    codec = TokenCodec(vault, watch, purpose="service")
    _, body, _ = codec.issue({"sub": "mpi"}, timedelta(minutes=5)).split(".")
    for header in ({"alg": "none", "typ": "radbridge-service+jwt"}, {"alg": "HS256"}):
        encoded = base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("=")
        with pytest.raises(TokenInvalid):
            codec.verify(f"{encoded}.{body}.")


@pytest.mark.parametrize("junk", ["", ".", "..", "a.b.c", "é.é.é", "x" * 100_000])
def test_junk_is_refused(vault: Vault, watch: Watch, junk: str) -> None:
    with pytest.raises(TokenInvalid):
        TokenCodec(vault, watch, purpose="service").verify(junk)


@pytest.mark.proves("SZ-169")
def test_each_changed_character_is_noticed(vault: Vault, watch: Watch) -> None:
    codec = TokenCodec(vault, watch, purpose="service")
    token = codec.issue({"sub": "mpi"}, timedelta(minutes=5))
    for position in range(len(token)):
        changed = token[:position] + ("A" if token[position] != "A" else "B") + token[position + 1 :]
        with pytest.raises(TokenInvalid):
            codec.verify(changed)


def test_tokens_of_the_older_root_still_verify(vault: Vault, watch: Watch) -> None:
    token = TokenCodec(vault, watch, purpose="link").issue({"a": 1}, timedelta(minutes=5))
    assert TokenCodec(vault.rotate(), watch, purpose="link").verify(token)["a"] == 1


@pytest.mark.proves("SZ-168")
def test_a_link_says_what_it_allows(vault: Vault, watch: Watch) -> None:
    signer = LinkSigner(vault, watch)
    grant = ViewGrant(
        actor="hospital:H", purpose="recognition", institution_id="i", study_uids=("1.2", "1.3"), exam_id="e"
    )
    token = signer.issue(grant, timedelta(minutes=15))
    assert signer.verify(token) == grant
    watch.now += timedelta(minutes=15)
    with pytest.raises(LinkExpired):
        signer.verify(token)
    with pytest.raises(LinkInvalid):
        signer.verify(token[:-2])


def test_a_session_cookie_is_kept_from_scripts_and_other_sites(vault: Vault, watch: Watch) -> None:
    codec = SessionCodec(vault, watch, valid=timedelta(hours=8))
    value = codec.issue(Session(subject="u1", name="李医生", roles=frozenset({"doctor"})))
    session = codec.verify(value)
    assert session is not None
    assert (session.subject, session.name, session.roles) == ("u1", "李医生", frozenset({"doctor"}))
    cookie = codec.set_cookie(value, secure=True)
    assert all(part in cookie for part in ("HttpOnly", "SameSite=Lax", "Secure", "Path=/", "Max-Age=28800"))
    assert "Secure" not in codec.set_cookie(value, secure=False)
    assert "Max-Age=0" in codec.clear_cookie(secure=True)
    watch.now += timedelta(hours=8)
    assert codec.verify(value) is None
    assert codec.verify("junk") is None
