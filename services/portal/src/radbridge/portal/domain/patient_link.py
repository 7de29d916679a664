"""A patient's link: a random code that asks for the last four characters of the ID document or of the phone.

Valid 7 days, five tries, then locked (design: viewUrl and links). The rules are pure; counting tries under a lock is
the store's part.
"""

import hmac
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

MAX_TRIES = 5
_ASKED = 4


class LinkState(StrEnum):
    """What a link answers before any character was typed."""

    OPEN = "open"
    LOCKED = "locked"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class LinkRecord:
    """The stored part of a link that its rules need."""

    expires_at: datetime
    failed_tries: int


def state(link: LinkRecord, now: datetime) -> LinkState:
    """Expiry is told before the lock: an expired link says whom to call whatever was typed."""
    if now >= link.expires_at:
        return LinkState.EXPIRED
    if link.failed_tries >= MAX_TRIES:
        return LinkState.LOCKED
    return LinkState.OPEN


def tries_left(link: LinkRecord) -> int:
    """How often may still be typed."""
    return max(0, MAX_TRIES - link.failed_tries)


def answers(typed: str, document_number: str | None, phone: str | None) -> bool:
    """Whether the typed characters are the last four of the document number, or of the phone: see ``asks_for``."""
    expected = (document_number if asks_for(document_number) == "document" else phone) or ""
    expected = expected.strip().upper()[-_ASKED:]
    given = typed.strip().upper()
    return len(expected) == _ASKED and hmac.compare_digest(given.encode(), expected.encode())


def asks_for(document_number: str | None) -> Literal["document", "phone"]:
    """What the patient types the end of: the document number, unless it is too short to have four characters."""
    return "document" if len((document_number or "").strip()) >= _ASKED else "phone"


def is_still_theirs(document_number: str | None, phone: str | None, *, of_link: tuple[str | None, str | None]) -> bool:
    """Whether the exam's patient, as the hospital now names him or her, is whom the link was made for (document number
    and phone). A hospital may have corrected whose exam it is since the message left."""
    link_document, link_phone = of_link
    if document_number and link_document:
        return document_number.strip().upper() == link_document.strip().upper()
    return not (phone and link_phone) or phone.strip() == link_phone.strip()
