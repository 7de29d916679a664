"""What can come of a send, and of asking a vendor later what became of one.

A vendor's "OK" only means accepted; delivery is known by receipt alone. Retrying is a property of the vendor's code,
never of the HTTP status: ``retry_policy`` makes these outcomes from codes.
"""

import re
from dataclasses import dataclass
from datetime import datetime

_LONG_DIGITS = re.compile(r"\d{7,}[\dXx]?")
_TEXT_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Reason:
    """A vendor's code and words, or ours in lower_snake_case where no vendor spoke."""

    code: str
    text: str = ""

    @classmethod
    def from_vendor(cls, code: str, text: str) -> "Reason":
        """Keep the vendor's words without the phone numbers that some vendors repeat in them."""
        return cls(code, _LONG_DIGITS.sub("***", text)[:_TEXT_LIMIT])


@dataclass(frozen=True, slots=True)
class Accepted:
    """The vendor took the message. ``provider_id`` is None where a later question did not bring the vendor's id."""

    provider_id: str | None


@dataclass(frozen=True, slots=True)
class Retry:
    """The vendor certainly did not take it; the same channel may be tried at ``after`` (UTC) or later."""

    after: datetime
    reason: Reason


@dataclass(frozen=True, slots=True)
class NextChannel:
    """This recipient cannot be reached on this channel now; the address stays good."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class StopAddress:
    """The address itself is wrong: forget it, and never send to it again."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class StopConfiguration:
    """Our account, template or clock is wrong: every further send fails alike, so an operator must hear of it."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Unknown:
    """The request may have reached the vendor and no answer says so: ask, never resend blindly."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Confirmed:
    """Asked later: the message was delivered."""

    code: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Asked later: the vendor took the message and could not deliver it."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class SafeToRepeat:
    """Asked later: the vendor does not hold the message, or would itself drop a repeat."""


SendOutcome = Accepted | Retry | NextChannel | StopAddress | StopConfiguration | Unknown
AskOutcome = Accepted | Confirmed | Refused | SafeToRepeat | Unknown
