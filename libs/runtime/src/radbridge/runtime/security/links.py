"""Signed links: an address that lets its holder look at named studies or one report for a short while."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from radbridge.runtime.clock import Clock
from radbridge.runtime.security.tokens import TokenCodec, TokenExpired, TokenInvalid
from radbridge.runtime.security.vault import Vault


class LinkInvalid(Exception):
    """Not a link of this platform, or changed."""


class LinkExpired(Exception):
    """A genuine link whose time is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewGrant:
    """What a link allows, and for whom it was made. Holds no personal data: the token is readable."""

    actor: str
    """As in audit events: ``hospital:<code>``, ``patient:<notification id>``, ``user:<subject>``."""
    purpose: str
    """Why it was made: ``recognition``, ``patient``, ``console``, …"""
    institution_id: str | None = None
    """Institution that holds the exam."""
    study_uids: tuple[str, ...] = ()
    exam_id: str | None = None
    report_id: str | None = None


class LinkSigner:
    """Makes and checks the tokens of links."""

    def __init__(self, vault: Vault, clock: Clock) -> None:
        self._codec = TokenCodec(vault, clock, purpose="link")

    def issue(self, grant: ViewGrant, valid: timedelta) -> str:
        """The token of a link that is good for ``valid``."""
        claims: dict[str, Any] = {
            "act": grant.actor,
            "pur": grant.purpose,
            "ins": grant.institution_id,
            "stu": grant.study_uids,
            "exa": grant.exam_id,
            "rep": grant.report_id,
        }
        return self._codec.issue({name: value for name, value in claims.items() if value}, valid)

    def verify(self, token: str) -> ViewGrant:
        """What a link's token allows.

        :raises LinkInvalid: not made here, or changed.
        :raises LinkExpired: its time is over.
        """
        try:
            claims = self._codec.verify(token)
            return ViewGrant(
                actor=claims["act"],
                purpose=claims["pur"],
                institution_id=claims.get("ins"),
                study_uids=tuple(claims.get("stu", ())),
                exam_id=claims.get("exa"),
                report_id=claims.get("rep"),
            )
        except (TokenInvalid, KeyError) as error:
            raise LinkInvalid("not a link of this platform") from error
        except TokenExpired as error:
            raise LinkExpired("the link has expired") from error
