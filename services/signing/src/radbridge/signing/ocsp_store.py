"""Queries on OCSP answers that are kept for next time (the table: ``migrations/versions/0007`` and ``0009``)."""

from dataclasses import dataclass

from radbridge.runtime.database.protocol import Transaction

KEPT_MAX = 50_000


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """A verified response, and whether it says that the certificate is revoked; moments in microseconds."""

    response: bytes
    fetched_at: int
    valid_until: int
    revoked: bool = False


async def kept(tx: Transaction, question: str) -> KeptAnswer | None:
    """The answer to a question."""
    row = await tx.fetch_one("SELECT * FROM ocsp_answer WHERE question = $1", question)
    if row is None:
        return None
    return KeptAnswer(bytes(row["response"]), row["fetched_at"], row["valid_until"], bool(row["revoked"]))


async def keep(tx: Transaction, question: str, answer: KeptAnswer) -> None:
    """Keep an answer in the place of an older one. A revocation stays until the responder says otherwise. Of the other
    answers, those that count no longer make room, as do the next to end where there are more than ``KEPT_MAX``."""
    await tx.execute("DELETE FROM ocsp_answer WHERE valid_until < $1 AND revoked = 0", answer.fetched_at)
    row = await tx.fetch_one("SELECT count(*) AS number FROM ocsp_answer WHERE revoked = 0")
    surplus = 0 if row is None else row["number"] + 1 - KEPT_MAX
    if surplus > 0:
        await tx.execute(
            """DELETE FROM ocsp_answer WHERE question IN
                   (SELECT question FROM ocsp_answer WHERE revoked = 0 ORDER BY valid_until LIMIT $1)""",
            surplus,
        )
    await tx.execute(
        """INSERT INTO ocsp_answer (question, response, fetched_at, valid_until, revoked) VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (question) DO UPDATE SET response = excluded.response, fetched_at = excluded.fetched_at,
               valid_until = excluded.valid_until, revoked = excluded.revoked""",
        question,
        answer.response,
        answer.fetched_at,
        answer.valid_until,
        int(answer.revoked),
    )
