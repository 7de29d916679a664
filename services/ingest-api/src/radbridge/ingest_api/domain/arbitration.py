"""Which of two pushes of one record wins (design: Upserts).

A repeat identical to the accepted push answers as the first did and emits nothing; otherwise the newest
``lastChangeTime`` wins, and at equal time the later arrival.
"""

from enum import StrEnum


class Outcome(StrEnum):
    """What became of a push."""

    CREATED = "created"
    REPLACED = "replaced"
    REPEATED = "repeated"
    """Identical to what is stored: nothing changes."""
    OUTDATED = "outdated"
    """Older than what is stored: nothing changes."""

    @property
    def changed(self) -> bool:
        """Whether the stored record is new."""
        return self in (Outcome.CREATED, Outcome.REPLACED)


def outcome_of_stored(version: int) -> Outcome:
    """The outcome of a push that was stored and announced as the given version of its record."""
    return Outcome.CREATED if version == 1 else Outcome.REPLACED


def outcome_of_refusal(stored_digest: str, pushed_digest: str) -> Outcome:
    """The outcome of a push that the stored record stands against."""
    return Outcome.REPEATED if stored_digest == pushed_digest else Outcome.OUTDATED
