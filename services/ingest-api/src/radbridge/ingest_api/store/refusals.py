"""Refused pushes, kept for the hospital's engineers: what was wrong, never what the person is called."""

from dataclasses import dataclass

from radbridge.runtime.database.protocol import Row, Transaction

KEEP_PER_HOSPITAL = 500


@dataclass(frozen=True, slots=True)
class Refusal:
    """One refused push. ``hospital_code`` is what was given, shortened; it may be nobody's. ``faults``: JSON array."""

    refusal_id: str
    hospital_code: str
    institution_id: str
    interface: str
    number: str
    message: str
    faults: str
    at: int


async def add(tx: Transaction, refusal: Refusal) -> None:
    """Keep a refusal, and only the newest of each hospital; all senders that nobody knows count as one."""
    await tx.execute(
        """INSERT INTO refusal (refusal_id, hospital_code, institution_id, interface, number, message, faults, at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8)""",
        refusal.refusal_id,
        refusal.hospital_code,
        refusal.institution_id,
        refusal.interface,
        refusal.number,
        refusal.message,
        refusal.faults,
        refusal.at,
    )
    await tx.execute(
        """DELETE FROM refusal WHERE institution_id = $1 AND at < (
               SELECT at FROM refusal WHERE institution_id = $1 ORDER BY at DESC LIMIT 1 OFFSET $2)""",
        refusal.institution_id,
        KEEP_PER_HOSPITAL,
    )


async def recent(tx: Transaction, institution_id: str, limit: int) -> list[Row]:
    """The newest refusals; of all senders where ``institution_id`` is empty."""
    return await tx.fetch(
        "SELECT * FROM refusal WHERE ($1 = '' OR institution_id = $1) ORDER BY at DESC LIMIT $2",
        institution_id,
        limit,
    )
